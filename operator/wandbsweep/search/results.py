"""Where an engine puts what it learnt of a run, beside what the run itself recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Results(Protocol):
    """Writes into runs on W&B, in the background and as well as it can: a search never waits for it."""

    def record(
        self,
        wandb_run_id: str,
        summary: Mapping[str, Any],
        *,
        tags_added: Collection[str] = (),
        tags_removed: Collection[str] = (),
    ) -> None:
        """Set keys of a run's summary and change its tags; whatever else stands there stays.

        Returns at once. Calls for one run are carried out in their order; a key that was set later wins. What W&B does
        not take after some attempts is logged and forgotten, so an engine says it again when it starts anew: to write
        what stands there already changes nothing.
        """
        ...
