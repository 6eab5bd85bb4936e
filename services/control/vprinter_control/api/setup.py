"""`virtual-printers/{id}/setup`: how far connecting a slicer has come, and what to do next."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.domain import setup as rules
from vprinter_control.domain.setup import Step, StepState, StepView
from vprinter_control.domain.setup_texts import problem
from vprinter_control.store import printers
from vprinter_control.store import setup as store


class SetupQuery(Body):
    """Whose set-up."""

    client: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Address of a slicer; left out: of the one that did something last."""


class ProblemObject(BaseModel):
    """What went wrong; `hint` says what to do."""

    code: str
    text: str
    hint: str


class StepObject(BaseModel):
    """One step."""

    step: Step
    state: StepState
    at: AwareDatetime | None
    client: str | None
    problem: ProblemObject | None


class SetupObject(BaseModel):
    """The steps of one slicer since the set-up was begun; `clients` are all slicers of which something is known."""

    since: AwareDatetime
    client: str | None
    clients: list[str]
    steps: list[StepObject]


async def _get(call: Call) -> SetupObject:
    query: SetupQuery = call.query
    return await _show(call, query.client)


async def _restart(call: Call) -> SetupObject:
    await call.control.live.setup.restart(call.id)
    return await _show(call, None)


async def _show(call: Call, client: str | None) -> SetupObject:
    async with call.control.database.read() as session:
        printer = await printers.get(session, call.id)
        since = await store.begun(session, call.id) or printer.created_at
        evidence = await store.evidence(session, call.id)
    clients = rules.clients(evidence)
    shown = client or next(iter(clients), None)
    steps = rules.view(evidence, shown or "")
    return SetupObject(since=since, client=shown, clients=clients, steps=[_step(step, shown) for step in steps])


def _step(step: StepView, client: str | None) -> StepObject:
    known = step.state is not StepState.WAITING
    return StepObject(
        step=step.step, state=step.state, at=step.at, client=client if known else None, problem=_problem(step)
    )


def _problem(step: StepView) -> ProblemObject | None:
    if step.failure is None:
        return None
    found = problem(step.failure)
    return ProblemObject(code=found.code, text=found.text, hint=found.hint)


ROUTES = (
    Route(
        "GET",
        "/virtual-printers/{id}/setup",
        "How far connecting a slicer has come, step by step",
        _get,
        SetupObject,
        query=SetupQuery,
    ),
    Route(
        "POST",
        "/virtual-printers/{id}/setup/restart",
        "Forget what was learned of slicers and begin anew",
        _restart,
        SetupObject,
        access=Access.PRINTERS,
    ),
)
