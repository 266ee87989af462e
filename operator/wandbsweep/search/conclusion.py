"""The last word of a search: the results of all runs, once its sweep is over.

wandb-core leaves as soon as the sweep is over, and the runs that ended last are never told. So one engine more is made,
which is told of everything and asked for nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from wandb.sdk.sweeps.scheduler.optimizer import Run, is_terminal_state
from wandb.sdk.sweeps.sweep_info import SweepInfo

from wandbsweep.search.followed_runs import as_told
from wandbsweep.tracking.errors import TrackingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb.sdk.sweeps.scheduler.optimizer import Optimizer

    from wandbsweep.search.recording import RecordedResults
    from wandbsweep.search.wandb_thread import WandbThread
    from wandbsweep.tracking.search_client import SearchClient

_log = logging.getLogger("wandbsweep.search")

_WRITTEN_WITHIN_SECONDS: Final = 15.0


def conclude(
    make_engine: Callable[[SweepInfo], Optimizer], thread: WandbThread, client: SearchClient, results: RecordedResults
) -> None:
    """Tell an engine how all runs ended, and wait for what it records. Gone, or W&B away: nothing is recorded."""
    try:
        name, config = thread.call(client.read_sweep())
        runs = thread.call(client.read_all_runs())
    except TrackingError as error:
        _log.warning("the results of the last runs were not recorded: %s", error)
        return
    path = client.path
    engine = make_engine(SweepInfo(path.sweep_id, name, path.entity, path.project, dict(config), ""))
    for run in map(as_told, runs):
        if is_terminal_state(run.state):
            engine.tell_existing_finished_run(run)
        else:
            engine.tell_existing_active_run(Run(run.config, run.state, run.wandb_run_id))
    engine.should_terminate_sweep()
    results.flush(_WRITTEN_WITHIN_SECONDS)
