"""The definitions of sweeps that live and have a search of their own, as these sweeps were created from them.

A search is told its definition whenever it starts, perhaps days after the sweep was created. A ConfigMap may have been
edited since: that alone changes no sweep, and so it is not searched by.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.controller.definitions import Source, read_source, understand
from wandbsweep.pool.creation import wanted_digest
from wandbsweep.pool.facts import Problem
from wandbsweep.sweep.searching import engine_of
from wandbsweep.sweep.wandb_config import digest_of_token

if TYPE_CHECKING:
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.sweep.definition import SweepDefinition

    Understood = SweepDefinition | Problem


class SearchedSweeps:
    """Reads them anew in each pass. What a text means is kept, since it costs time and the text seldom changes."""

    def __init__(self, kube: KubeApi) -> None:
        self._kube = kube
        self._understood: dict[str, tuple[int, Source, Understood]] = {}

    async def read(self, seen: Snapshot) -> tuple[SweepDefinition | None, Problem | None]:
        """What the sweep was created from, or why that cannot be told; neither for one that W&B searches."""
        token = seen.status.sweep_digest
        if seen.path is None or token is None or seen.spec.sweep_id is not None or not _may_be_searched(seen):
            return None, None
        found = seen.definition or await self._read(seen)
        if isinstance(found, Problem):
            return None, Problem(Reason.SEARCH_INVALID, found.message)
        if digest_of_token(token) != wanted_digest(replace(seen, definition=found), found):
            return None, _changed(seen)
        return (found, None) if engine_of(found) else (None, None)

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._understood.pop(uid, None)

    async def _read(self, seen: Snapshot) -> Understood:
        source = await read_source(self._kube, seen.namespace, seen.spec)
        if isinstance(source, Problem):
            return source
        known = self._understood.get(seen.uid)
        if known and known[:2] == (seen.generation, source):
            return known[2]
        understood = understand(source, seen.spec)
        self._understood[seen.uid] = (seen.generation, source, understood)
        return understood


def _may_be_searched(seen: Snapshot) -> bool:
    """As far as it is known without reading the definition once more."""
    if seen.definition is not None:
        return engine_of(seen.definition) is not None
    return seen.status.condition(ConditionType.SEARCH_READY) is not None


def _changed(seen: Snapshot) -> Problem:
    reference = seen.spec.sweep_from.config_map_key_ref if seen.spec.sweep_from else None
    where = f"ConfigMap {reference.name}/{reference.key}" if reference else "spec.sweep"
    return Problem(
        Reason.SEARCH_INVALID,
        f"{where} is another definition by now than the one that {seen.path} was created from, so that its search "
        "cannot start; put it back, or change a field of spec, and the definition makes a new sweep",
    )
