"""`projects`: what files are filed under."""

from collections.abc import Sequence
from http import HTTPStatus

from pydantic import AwareDatetime
from sqlalchemy import select

from vprinter_common.contracts.message import new_id
from vprinter_control.api.conditional import Item
from vprinter_control.api.fields import Name, Notes
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.store import audit
from vprinter_control.store import files as store
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import Project


class ProjectBody(Body):
    """A new project."""

    name: Name
    notes: Notes = ""


class ProjectPatch(Body):
    """Changes; what is left out stays."""

    name: Name = ""
    notes: Notes = ""


class ProjectObject(Item):
    """A project."""

    id: str
    name: str
    notes: str
    created_at: AwareDatetime


async def _list(call: Call) -> Page[ProjectObject]:
    async with call.control.database.read() as session:
        return await page(session, select(Project), Project.seq, call.query, _show)


async def _get(call: Call) -> ProjectObject:
    async with call.control.database.read() as session:
        return _object(await store.project(session, call.id))


async def _create(call: Call) -> ProjectObject:
    body: ProjectBody = call.body
    now = call.control.clock()
    async with call.control.database.write() as session:
        project = Project(id=new_id(), name=body.name, notes=body.notes, created_at=now)
        session.add(project)
        record(session, now, EventType.PROJECT_CREATED, project=project.id, name=project.name)
    return _object(project)


async def _change(call: Call) -> ProjectObject:
    body: ProjectPatch = call.body
    async with call.control.database.write() as session:
        project = await store.project(session, call.id)
        before = {name: getattr(project, name) for name in sorted(body.model_fields_set)}
        for name in before:
            setattr(project, name, getattr(body, name))
        about = {"project": project.id, "name": project.name, "changed": list(before)}
        changes = audit.changes(before, project)
        record(session, call.control.clock(), EventType.PROJECT_CHANGED, changes, **about)
    return _object(project)


async def _delete(call: Call) -> None:
    async with call.control.database.write() as session:
        project = await store.project(session, call.id)
        await session.delete(project)
        record(session, call.control.clock(), EventType.PROJECT_DELETED, project=project.id, name=project.name)


async def _show(projects: Sequence[Project]) -> list[ProjectObject]:
    return [_object(project) for project in projects]


def _object(project: Project) -> ProjectObject:
    return ProjectObject(id=project.id, name=project.name, notes=project.notes, created_at=project.created_at)


ROUTES = (
    Route("GET", "/projects", "List projects, the newest first", _list, Page[ProjectObject], query=Paging),
    Route(
        "POST",
        "/projects",
        "Create a project",
        _create,
        ProjectObject,
        body=ProjectBody,
        status=HTTPStatus.CREATED,
        access=Access.FILES,
    ),
    Route("GET", "/projects/{id}", "Get a project", _get, ProjectObject),
    Route(
        "PATCH", "/projects/{id}", "Change a project", _change, ProjectObject, body=ProjectPatch, access=Access.FILES
    ),
    Route("DELETE", "/projects/{id}", "Delete a project; its files stay", _delete, access=Access.FILES),
)
