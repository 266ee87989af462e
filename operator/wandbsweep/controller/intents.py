"""The record on an object that its sweep is about to be created: whose, since when, of which definition."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wandbsweep.api import labels
from wandbsweep.pool.facts import Intent

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_intent(uid: str, intent: Intent) -> str:
    """The value of the annotation."""
    return f"{uid} {intent.at.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')} {intent.token}"


def read_intent(metadata: Mapping[str, Any]) -> Intent | None:
    """This object's intent. None without one; another object's, in a copied manifest, is none."""
    uid, _, rest = metadata.get("annotations", {}).get(labels.SWEEP_INTENT_ANNOTATION, "").partition(" ")
    if uid != metadata["uid"]:
        return None
    moment, _, token = rest.partition(" ")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        at = datetime.fromtimestamp(0, timezone.utc)  # written by hand: as old as can be
    return Intent(at if at.tzinfo else at.replace(tzinfo=timezone.utc), token)
