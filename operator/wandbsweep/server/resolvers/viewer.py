"""Who is asking, and what the server can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ariadne import ObjectType, QueryType

from wandbsweep.server.json_text import write_json
from wandbsweep.server.resolvers.request import node_id

if TYPE_CHECKING:
    from wandbsweep.server.resolvers.request import Info
    from wandbsweep.server.store.keys import User

# Features of W&B's servers that this one has; the SDK takes what is not named for absent.
FEATURES = ("FILESTREAM_GZIP", "SWEEPS_QUERY_FILTERING")
_LOCAL_SCHEDULER = "SWEEPS_LOCAL_SCHEDULER"

query = QueryType()
user = ObjectType("User")


@query.field("viewer")
def _viewer(_: Any, info: Info) -> User:
    return info.context.user


@query.field("serverInfo")
def _server_info(_: Any, info: Info) -> dict[str, Any]:
    features = [{"name": name, "isEnabled": True} for name in FEATURES]
    if info.context.server.settings.local_scheduler:
        features.append({"name": _LOCAL_SCHEDULER, "isEnabled": True})
    return {"features": features}


@query.field("entity")
def _entity(_: Any, info: Info, name: str) -> dict[str, Any] | None:
    return entity_named(name) if name == info.context.user.entity else None


def entity_named(name: str) -> dict[str, Any]:
    return {"id": node_id("Entity", 1), "name": name, "organization": None}


@user.field("id")
def _id(owner: User, _: Info) -> str:
    return node_id("User", owner.id)


@user.field("username")
def _username(owner: User, _: Info) -> str:
    return owner.name


@user.field("email")
def _email(*_: Any) -> str:
    return ""


@user.field("admin")
def _admin(*_: Any) -> bool:
    return True


@user.field("flags")
def _flags(*_: Any) -> str:
    return write_json({"code_saving_enabled": True})


@user.field("teams")
def _teams(owner: User, _: Info) -> dict[str, Any]:
    return {"edges": [{"node": entity_named(owner.entity)}]}


@user.field("apiKeys")
def _api_keys(*_: Any) -> dict[str, Any]:
    return {"edges": []}


BINDINGS = (query, user)
