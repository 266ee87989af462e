"""A queue of a shared cluster as Kueue keeps one, as far as a Job can tell: it admits, says where, and takes back.

It writes to Jobs what Kueue writes, in Kueue's order: node selectors and the end of the suspension in one update;
suspension, start time and the old selectors in three when it evicts. A queue of the real Kueue (kueue_queues.py) fits
into the same tests: all that they ask of one is to `allow` so many Jobs, and to `evict` those that are there.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from kube_client import Kube, KubeAnswerError
from waiting import until
from wandbsweep.controller.kube_api import jobs_path
from wandbsweep.pool.queueing import QUEUE_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    Object = dict[str, Any]

FLAVOR: Final = {"example.com/flavor": "gpu"}  # the node selector that admitted pods get
_STOPPING: Final = "kueue.x-k8s.io/stopping"
_LOOK_EVERY_SECONDS: Final = 0.2
_BUSY: Final = frozenset({404, 409, 422})  # gone, changed meanwhile, or the Job controller has not let go of it yet


@dataclass
class Queue:
    """Admits the oldest Jobs of a namespace that name it, as many at a time as are allowed."""

    kube: Kube
    namespace: str
    name: str
    allowed: int = 0
    errors: list[Exception] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _end: threading.Event = field(default_factory=threading.Event)

    def allow(self, jobs: int) -> None:
        """From now on so many may run at a time. Those that run already go on."""
        self.allowed = jobs

    def evict(self) -> None:
        """Take back every place, and admit nobody until more is allowed."""
        with self._lock:
            self.allowed = 0
            for job in self._jobs():
                if not job["spec"].get("suspend"):
                    self._evict(job)

    def run(self) -> None:
        while not self._end.wait(_LOOK_EVERY_SECONDS):
            self._try_to_admit()

    def stop(self) -> None:
        self._end.set()

    def _jobs(self) -> list[Object]:
        """Those that have not ended, the oldest first."""
        found = self.kube.items(f"{jobs_path(self.namespace)}?labelSelector={QUEUE_LABEL}={self.name}")
        living = [job for job in found if not _has_ended(job) and "deletionTimestamp" not in job["metadata"]]
        return sorted(living, key=lambda job: (job["metadata"]["creationTimestamp"], job["metadata"]["name"]))

    def _try_to_admit(self) -> None:
        try:
            with self._lock:
                self._admit()
        except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
            self.errors.append(error)

    def _admit(self) -> None:
        jobs = self._jobs()
        room = self.allowed - sum(not job["spec"].get("suspend") for job in jobs)
        waiting = [job for job in jobs if job["spec"].get("suspend")]
        for job in waiting[: max(room, 0)]:
            start = {"suspend": False, "template": {"spec": {"nodeSelector": FLAVOR}}}
            with suppress(_Busy):
                self._patch(job, {"spec": start})

    def _evict(self, job: Object) -> None:
        self._patch(job, {"metadata": {"annotations": {_STOPPING: "true"}}, "spec": {"suspend": True}})
        restored = {"metadata": {"annotations": {_STOPPING: None}}, "spec": _WITHOUT_FLAVOR}

        def restores() -> bool:
            with suppress(_Busy):
                self._patch(job, {"status": {"startTime": None}}, "/status")
            with suppress(_Busy):
                self._patch(job, restored)
                return True
            return False

        until(restores, f"{job['metadata']['name']} has its own node selectors again")

    def _patch(self, job: Object, change: Object, part: str = "") -> None:
        try:
            self.kube.patch(jobs_path(self.namespace, job["metadata"]["name"]) + part, change)
        except KubeAnswerError as error:
            if error.status in _BUSY:
                raise _Busy from error
            raise


class _Busy(Exception):  # noqa: N818 - a moment, and no error
    """Not now."""


_WITHOUT_FLAVOR: Final = {"template": {"spec": {"nodeSelector": dict.fromkeys(FLAVOR)}}}


def _has_ended(job: Object) -> bool:
    conditions = job.get("status", {}).get("conditions", [])
    return any(each["type"] in {"Complete", "Failed"} and each["status"] == "True" for each in conditions)


@contextmanager
def running_queue(kube: Kube, namespace: str, name: str) -> Iterator[Queue]:
    """A queue for the length of a block; what it could not do is raised at its end."""
    queue = Queue(kube, namespace, name)
    thread = threading.Thread(target=queue.run, name=f"queue {name}", daemon=True)
    thread.start()
    try:
        yield queue
    finally:
        queue.stop()
        thread.join(30)
    if queue.errors:
        raise AssertionError(f"the queue could not do its work: {queue.errors}")
