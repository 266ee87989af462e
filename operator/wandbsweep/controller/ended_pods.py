"""Pods that ended, kept from the moment their end is seen until a pass has accounted for them.

A pod that is taken down with its Job exists for a moment only after its containers ended, and may be gone when the next
pass looks. Its last state is in the events of the watch. What ends while no operator watches is not seen here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wandbsweep.controller.kube_facts import agent_pod, is_agent, read_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from wandbsweep.controller.object_loops import ObjectKey
    from wandbsweep.pool.facts import AgentPod


@dataclass(frozen=True)
class _Kept:
    pod: AgentPod
    created_at: datetime | None


class EndedPods:
    """The ended pods of all objects that no pass has accounted for yet."""

    def __init__(self) -> None:
        self._kept: dict[ObjectKey, dict[str, _Kept]] = defaultdict(dict)
        self._settled: dict[ObjectKey, set[str]] = defaultdict(set)

    def saw(self, key: ObjectKey, body: Mapping[str, Any], *, now: datetime, gone: bool) -> None:
        """An event of the watch; `gone`: the pod does not exist any more, however it ended.

        Searches and warm-ups have no runs: their pods are not accounted for.
        """
        if not is_agent(body):
            return
        pod = agent_pod(body)
        if gone and pod.started_at and pod.ended_at is None:
            pod = replace(pod, phase="Failed", ready=False, ended_at=now)
        if pod.ended_at is None or pod.started_at is None or not pod.uid:
            return
        if pod.uid not in self._settled[key]:
            self._kept[key][pod.uid] = _Kept(pod, read_time(body["metadata"].get("creationTimestamp")))
        elif gone:
            self._settled[key].discard(pod.uid)  # nothing will be heard of it again

    def of(self, key: ObjectKey, *, since: datetime | None) -> tuple[AgentPod, ...]:
        """The pods of this object, without those of a namesake that went before it came into being."""
        kept = self._kept[key].values() if key in self._kept else ()
        return tuple(each.pod for each in kept if not (since and each.created_at and each.created_at < since))

    def settle(self, key: ObjectKey, uids: Iterable[str]) -> None:
        """A status was written that accounts for these."""
        for uid in uids:
            self._settled[key].add(uid)
            self._kept[key].pop(uid, None)

    def forget(self, key: ObjectKey) -> None:
        """The object is gone."""
        self._kept.pop(key, None)
        self._settled.pop(key, None)
