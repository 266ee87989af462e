"""The record on an object that its sweep is about to be created or left: whose, since when, of which definition."""

from __future__ import annotations

from datetime import MAXYEAR, datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api import labels
from wandbsweep.pool.facts import Intent

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEAVING: Final = " leaving"
_LONG_AGO: Final = datetime.fromtimestamp(0, timezone.utc)


def write_intent(uid: str, intent: Intent) -> str:
    """The value of the annotation."""
    at = intent.at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{uid} {at} {intent.token}{_LEAVING if intent.leaving else ''}"


def read_intent(metadata: Mapping[str, Any]) -> Intent | None:
    """This object's intent. None without one; another object's, in a copied manifest, is none."""
    uid, _, rest = metadata.get("annotations", {}).get(labels.SWEEP_INTENT_ANNOTATION, "").partition(" ")
    if uid != metadata["uid"]:
        return None
    moment, _, token = rest.partition(" ")
    return Intent(_read_moment(moment), token.removesuffix(_LEAVING), leaving=token.endswith(_LEAVING))


def _read_moment(text: str) -> datetime:
    """As written; a text of somebody's hand that is no time, or none that can be reckoned with, is as old as can be."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return _LONG_AGO
    if not _LONG_AGO.year <= at.year < MAXYEAR:
        return _LONG_AGO
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)
