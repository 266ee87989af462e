"""Sends Events to the API server, and tells the log of each.

The name of an Event is derived from what it says about which object, so that saying it twice, also after a restart, is
a conflict at the API server and not a second Event.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api import labels
from wandbsweep.controller.kube_api import ConflictError, KubeError, core_path

if TYPE_CHECKING:
    from wandbsweep.controller.events import Event
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.pool.facts import Snapshot

COMPONENT: Final = "wandbsweep-operator"
_MESSAGE_LIMIT: Final = 1024  # the API server refuses longer ones

log = logging.getLogger(__name__)


class Recorder:
    """Sends Events. One that cannot be sent is logged: a pass never fails for it."""

    def __init__(self, kube: KubeApi) -> None:
        self._kube = kube
        self._sent: dict[str, set[str]] = {}

    async def send(self, snapshot: Snapshot, events: list[Event]) -> None:
        """Send those of the Events that the pass before did not send."""
        before, now = self._sent.get(snapshot.uid, set()), set[str]()
        self._sent[snapshot.uid] = now
        for event in events:
            name = event_name(snapshot, event)
            known = name in before or name in now
            now.add(name)
            if known:
                continue
            try:
                await self._kube.create(core_path(snapshot.namespace, "events"), _manifest(snapshot, event, name))
            except ConflictError:
                continue
            except KubeError as error:
                log.warning("An Event was lost: %s", error)
            _log(event)

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._sent.pop(uid, None)


def _log(event: Event) -> None:
    of_run = {"run": event.run} if event.run else {}
    level = logging.WARNING if event.warning else logging.INFO
    log.log(level, "%s", event.message, extra={"reason": str(event.reason), **of_run})


def event_name(snapshot: Snapshot, event: Event) -> str:
    """The same Event about the same object has the same name."""
    digest = hashlib.sha256(f"{snapshot.uid}/{event.reason}/{event.key}".encode()).hexdigest()
    return f"{snapshot.name}.{digest[:16]}"


def _manifest(snapshot: Snapshot, event: Event, name: str) -> dict[str, Any]:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = event.message
    return {
        "metadata": {"name": name, "namespace": snapshot.namespace},
        "involvedObject": {
            "apiVersion": labels.API_VERSION,
            "kind": labels.KIND,
            "namespace": snapshot.namespace,
            "name": snapshot.name,
            "uid": snapshot.uid,
        },
        "type": "Warning" if event.warning else "Normal",
        "reason": str(event.reason),
        "message": message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 1] + "…",
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
