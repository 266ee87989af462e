"""Ends runs that are not worth finishing: W&B's rule early_terminate, for searches that its server does not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wandb.sdk.sweeps.run_state import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb.sdk.sweeps.scheduler.optimizer import RunWithMetrics

_RULE = "early_terminate"


class EarlyEnd:
    """Holds how the metric of each run went. Without the rule in the definition no run is ended."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self._rule = {key: definition[key] for key in ("metric", _RULE) if key in definition}
        self._histories: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._ended: set[str] = set()

    def heard(self, key: str, run: RunWithMetrics) -> None:
        """A run as it was last told of; those that ended are what others are compared with."""
        if _RULE in self._rule:
            self._histories[key] = run.history_metrics

    def losers(self, keys: Sequence[str], runs: Sequence[RunWithMetrics]) -> list[str]:
        """Which of these runs are to end now; each is named once."""
        if _RULE not in self._rule:
            return []
        from wandbsweep.sweep.wandb_engines import as_run, stopped  # noqa: PLC0415 - 90 MiB that only the rule needs

        for key, run in zip(keys, runs, strict=True):
            self.heard(key, run)
        running = {key for key, run in zip(keys, runs, strict=True) if run.state is RunState.RUNNING} - self._ended
        known = [
            as_run(key, "running" if key in running else "finished", {}, history)
            for key, history in self._histories.items()
        ]
        found = stopped(self._rule, known)
        self._ended.update(found)
        return found
