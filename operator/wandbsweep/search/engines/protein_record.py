"""What a search by Protein leaves in its runs on W&B: each trial's result, what was expected of it, and the front.

The names are Metta's, beside what the run itself logged. Whether a run is on the front stands in its summary as well
as among its tags, so that a search that starts anew knows which runs have the tag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.tracking.front_reads import COST, FRONT_TAG, SCORE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from wandbsweep.search.engines.protein_trials import Outcome, Trial
    from wandbsweep.search.results import Results

STATE: Final = "protein.state"
ERROR: Final = "protein.error"
VALUES: Final = "protein.suggestion"
EXPECTED: Final = "protein.suggestion_info"
ON_FRONT: Final = "protein.front"


class Record:
    """Keeps the runs on W&B as the search knows them, and writes only what is not there yet."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._written: dict[str, dict[str, Any]] = {}

    def keep(self, trials: Iterable[Trial], front: Collection[tuple[float, ...]]) -> None:
        """Write what came of trials that have ended. `front` has the places of the trials on it."""
        for trial in trials:
            if trial.outcome is not None and trial.wandb_run_id:
                self._keep(trial, trial.outcome, on_front=trial.outcome.error is None and trial.place in front)

    def _keep(self, trial: Trial, outcome: Outcome, *, on_front: bool) -> None:
        due = _summary(trial, outcome, on_front=on_front)
        there = self._written.get(trial.wandb_run_id, trial.summary)
        if all(key in there and there[key] == value for key, value in due.items()):
            return
        had_tag = bool(there.get(ON_FRONT))
        self._results.record(
            trial.wandb_run_id,
            due,
            tags_added=[FRONT_TAG] if on_front and not had_tag else [],
            tags_removed=[FRONT_TAG] if had_tag and not on_front else [],
        )
        self._written[trial.wandb_run_id] = due


def _summary(trial: Trial, outcome: Outcome, *, on_front: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        STATE: "success" if outcome.error is None else "failure",
        VALUES: dict(trial.values),
        EXPECTED: {"score": trial.note.get("score"), "cost": trial.note.get("cost")},
        ON_FRONT: on_front,
    }
    if outcome.error is None:
        return told | {SCORE: outcome.score, COST: outcome.cost}
    return told | {ERROR: outcome.error}
