"""`commands`: what slicers told real printers to do through proxies, and whether it passed."""

from collections.abc import Sequence

from pydantic import AwareDatetime, BaseModel
from sqlalchemy import select

from vprinter_common.contracts.facts import CommandOutcome
from vprinter_control.api.fields import Id
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.routing import Call, Route
from vprinter_control.store.schema import RelayedCommand


class CommandQuery(Paging):
    """What to list: all of the given must hold."""

    virtual_printer: Id | None = None
    printer: Id | None = None
    """Id of a real printer."""
    outcome: CommandOutcome | None = None


class CommandObject(BaseModel):
    """A command that would change something."""

    at: AwareDatetime
    virtual_printer_id: str
    real_printer_id: str
    session: str
    client: str
    command: str
    """Section and command, as `print.project_file`, or an FTP verb."""
    detail: str
    outcome: CommandOutcome


async def _list(call: Call) -> Page[CommandObject]:
    wanted: CommandQuery = call.query
    query = select(RelayedCommand)
    if wanted.virtual_printer is not None:
        query = query.where(RelayedCommand.virtual_printer_id == wanted.virtual_printer)
    if wanted.printer is not None:
        query = query.where(RelayedCommand.real_printer_id == wanted.printer)
    if wanted.outcome is not None:
        query = query.where(RelayedCommand.outcome == wanted.outcome.value)
    async with call.control.database.read() as session:
        return await page(session, query, RelayedCommand.seq, wanted, _show)


async def _show(commands: Sequence[RelayedCommand]) -> list[CommandObject]:
    return [
        CommandObject(
            at=command.at,
            virtual_printer_id=command.virtual_printer_id,
            real_printer_id=command.real_printer_id,
            session=command.session_id,
            client=command.client,
            command=command.command,
            detail=command.detail,
            outcome=CommandOutcome(command.outcome),
        )
        for command in commands
    ]


ROUTES = (
    Route(
        "GET",
        "/commands",
        "List commands that passed proxies or were refused, the newest first",
        _list,
        Page[CommandObject],
        query=CommandQuery,
    ),
)
