"""The search of a sweep as a pod of a cluster: looked at from outside, and killed."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from installed import processes_of
from waiting import until

if TYPE_CHECKING:
    from installed import Installed

    Object = dict[str, Any]

_READY_WITHIN_SECONDS = 240  # two back-offs, and a busy machine


@dataclass
class SearchPod:
    """The search of one sweep. Remembers what it said, since a search that is over leaves neither Job nor log."""

    installed: Installed
    namespace: str
    sweep: str
    killed: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)

    def until_ready(self) -> Object:
        """The pod of a search that was not killed, once it is ready and the object says so too."""
        pod = until(self._ready, f"the search of {self.sweep} is ready", seconds=_READY_WITHIN_SECONDS)
        until(lambda: self.condition.get("status") == "True", "SearchReady is True", seconds=30)
        return pod

    @property
    def condition(self) -> Object:
        """The condition SearchReady."""
        conditions = self.installed.sweep(self.namespace, self.sweep).get("conditions", [])
        return next((each for each in conditions if each["type"] == "SearchReady"), {})

    def kill_process(self) -> None:
        """SIGKILL to all that runs in the pod, as the kernel does when memory is short."""
        for pid in processes_of(self._last()["metadata"]["uid"]):
            with suppress(ProcessLookupError):  # it went with the process before it
                os.kill(pid, signal.SIGKILL)

    def delete(self) -> None:
        """As when its node is lost."""
        self._kubectl("delete", "pod", self._last()["metadata"]["name"], "--force", "--grace-period=0")

    def listen(self) -> Object:
        """What the pod that is ready has said until now is kept in `said`. Returns the pod."""
        pod = self.until_ready()
        name = pod["metadata"]["name"]
        self.said[name] = self._kubectl("logs", name)
        return pod

    def _last(self) -> Object:
        pod = self.listen()
        self.killed.append(pod["metadata"]["uid"])
        return pod

    def _ready(self) -> Object | None:
        selector = f"wandbsweep.dev/sweep={self.sweep},app.kubernetes.io/component=search"
        living = [pod for pod in self.installed.read_all(self.namespace, "pods", "-l", selector) if _is_ready(pod)]
        return next((pod for pod in living if pod["metadata"]["uid"] not in self.killed), None)

    def _kubectl(self, *arguments: str) -> str:
        return self.installed.cluster.kubectl("-n", self.namespace, *arguments)


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
