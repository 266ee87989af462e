"""What an engine of this package is: an optimizer of W&B's sweep scheduler that can say why it suggested something."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from wandb.sdk.sweeps.scheduler.optimizer import Optimizer

if TYPE_CHECKING:
    from wandb.sdk.sweeps.sweep_info import SweepInfo

    from wandbsweep.search.results import Results
    from wandbsweep.sweep.search_order import SearchOrder


class UnusableOrderError(ValueError):
    """A search cannot begin with this order or this sweep; each finding names the field and the remedy."""

    def __init__(self, *findings: str) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


class SearchEngine(Optimizer):
    """An engine for one sweep. All it knows it was told since it was made, so that it can be made anew at any time.

    It is called from one thread at a time. It sees each run once, whichever way it was told of it: as an existing run
    that ended, as an existing run that is active, or as a suggestion of its own; the last tell of a run is its end. A
    run that was preempted counts as active until it has ended for good. It neither counts runs against a budget nor
    looks at how many are in flight: it is asked for no more than may start. An empty answer means that it has nothing
    more to try as things are; it is asked again as long as a run is active.
    """

    def __init__(self, sweep: SweepInfo, order: SearchOrder, results: Results) -> None:
        self._order = order
        self._results = results
        super().__init__(sweep)

    @property
    def engine(self) -> str:
        """What the log calls it."""
        return str(self._order.engine.value)

    @abstractmethod
    def why(self, run_id: str) -> str:
        """Why it suggested this, in a few words, such as `best of 512 by expected improvement per cost`."""
        ...

    def validate_sweep_objective(self) -> None:
        """What an engine needs of the sweep it checks as it is made, by raising UnusableOrderError."""

    def has_terminator(self) -> bool:
        return False
