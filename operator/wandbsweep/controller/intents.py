"""The record on an object that its sweep is about to be created: whose, and since when."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wandbsweep.api import labels

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_intent(uid: str, now: datetime) -> str:
    """The value of the annotation."""
    return f"{uid} {now.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def read_intent(metadata: Mapping[str, Any]) -> datetime | None:
    """When this object's intent was recorded. None without one; another object's, in a copied manifest, is none."""
    uid, _, moment = metadata.get("annotations", {}).get(labels.SWEEP_INTENT_ANNOTATION, "").partition(" ")
    if uid != metadata["uid"]:
        return None
    try:
        return datetime.fromisoformat(moment)
    except ValueError:
        return datetime.fromtimestamp(0, timezone.utc)  # written by hand: an intent, as old as can be
