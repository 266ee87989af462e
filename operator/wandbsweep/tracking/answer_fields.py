"""Takes fields out of a GraphQL answer and insists on their kind, so that a strange server is an error with a name."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class MalformedAnswerError(ValueError):
    """A field of an answer is missing or of the wrong kind; the text names it."""


def an_object(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = an_object_or_none(fields, name)
    if value is None:
        raise MalformedAnswerError(f"{name} is missing")
    return value


def an_object_or_none(fields: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, dict):
        raise MalformedAnswerError(f"{name} is not an object")
    return value


def nodes(connection: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The nodes of a connection, in its order."""
    edges = connection.get("edges")
    if not isinstance(edges, list) or not all(isinstance(edge, dict) for edge in edges):
        raise MalformedAnswerError("edges is not a list of objects")
    return [an_object(edge, "node") for edge in edges]


def a_text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedAnswerError(f"{name} is not a text")
    return value


def a_count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedAnswerError(f"{name} is not a whole number")
    return value


def texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts; none at all is an empty one."""
    value = fields.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise MalformedAnswerError(f"{name} is not a list of texts")
    return tuple(value)


def a_moment_or_none(fields: Mapping[str, Any], name: str) -> datetime | None:
    """A time as W&B writes it, in UTC where no zone stands with it."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        raise MalformedAnswerError(f"{name} is not a time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
