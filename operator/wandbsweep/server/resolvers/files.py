"""Files of runs: where to upload them, and where they can be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ariadne import MutationType, ObjectType

from wandbsweep.server import uploads
from wandbsweep.server.resolvers.request import connection_page, iso, node_id, number_of
from wandbsweep.server.resolvers.runs import find_named_run
from wandbsweep.server.store import files, projects, runs
from wandbsweep.server.tenancy import is_in

if TYPE_CHECKING:
    from wandbsweep.server.resolvers.request import GraphQLRequest, Info
    from wandbsweep.server.store.files import StoredFile
    from wandbsweep.server.store.runs import Run

mutation = MutationType()
run = ObjectType("Run")


@mutation.field("createRunFiles")
def _create_run_files(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    owner = find_named_run(request.connection, request, input)
    wanted = [
        {
            "id": node_id("Upload", index),
            "name": uploads.check_name(name),
            "uploadUrl": request.server.signer.link(request.base_url, "PUT", owner.id, name, now=request.now),
        }
        for index, name in enumerate(input["files"])
    ]
    return {"runID": node_id("Run", owner.id), "uploadHeaders": [], "files": wanted}


@mutation.field("markRunFilesUploaded")
def _mark_uploaded(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    """A file is recorded when its bytes arrive, so there is nothing left to mark."""
    request = info.context
    find_named_run(request.connection, request, input)
    return {"success": True}


@mutation.field("deleteFiles")
def _delete_files(_: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - W&B's name
    request = info.context
    for identity in input["files"]:
        number = number_of("File", identity)
        stored = files.get(request.connection, number) if number is not None else None
        owner = runs.get(request.connection, stored.run_id) if stored is not None else None
        if stored is not None and owner is not None and is_in(request.connection, owner.project_id, request.user):
            uploads.remove(request.server, stored)
    return {"success": True}


@run.field("fileCount")
def _file_count(owner: Run, info: Info) -> int:
    return files.count(info.context.connection, owner.id)


@run.field("files")
def _files(
    owner: Run,
    info: Info,
    *,
    names: list[str] | None = None,
    after: str | None = None,
    first: int | None = None,
    pattern: str | None = None,
) -> dict[str, Any]:
    request = info.context
    project = projects.get(request.connection, owner.project_id)
    place = f"{request.base_url}/files/{quote(project.entity)}/{quote(project.name)}/{quote(owner.name)}"

    def fetch(offset: int, limit: int) -> list[dict[str, Any]]:
        found = files.page(request.connection, owner.id, names=names or [], pattern=pattern, after=offset, first=limit)
        return [_described(request, stored, place) for stored in found]

    return connection_page(fetch, after=after, first=first)


def _described(request: GraphQLRequest, stored: StoredFile, place: str) -> dict[str, Any]:
    sign = request.server.signer.link
    upload_url = sign(request.base_url, "PUT", stored.run_id, stored.name, now=request.now)
    url = f"{place}/{quote(stored.name)}"
    return {
        "id": node_id("File", stored.id),
        "name": stored.name,
        "url": lambda _info, upload=False: upload_url if upload else url,
        "directUrl": sign(request.base_url, "GET", stored.run_id, stored.name, now=request.now),
        "uploadUrl": upload_url,
        "sizeBytes": stored.size,
        "mimetype": stored.mimetype,
        "updatedAt": iso(stored.updated_at),
        "md5": stored.md5,
    }


BINDINGS = (mutation, run)
