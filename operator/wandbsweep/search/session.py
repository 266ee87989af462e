"""One search from its order to its end: wait for the lease, let W&B's scheduler run the engine, say how it ended.

All that the search knows it reads from W&B as it begins, so that it may be killed at any moment and started anew.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wandb.proto import wandb_sweep_scheduler_pb2 as scheduler_messages
from wandb.sdk.sweeps.scheduler.client import run_scheduler

from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.search.conclusion import conclude
from wandbsweep.search.ending import EndedError, SearchEnding, write_last_words
from wandbsweep.search.engine import UnusableOrderError
from wandbsweep.search.engines import make_optimizer_for
from wandbsweep.search.engines.wandb_engines import MissingPackageError
from wandbsweep.search.guard import GuardedOptimizer
from wandbsweep.search.leadership import Leadership
from wandbsweep.search.recording import RecordedResults
from wandbsweep.search.stopping import Stopping
from wandbsweep.search.wandb_account import wandb_account
from wandbsweep.search.wandb_thread import BlockingLeader, BlockingRuns, WandbThread
from wandbsweep.tracking.errors import KeyRejected, SweepMissing, TrackingError
from wandbsweep.tracking.search_client import SearchClient
from wandbsweep.tracking.search_runs import OVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb.sdk.sweeps.scheduler.optimizer import Optimizer
    from wandb.sdk.sweeps.sweep_info import SweepInfo

    from wandbsweep.search.orders import Told
    from wandbsweep.tracking.search_runs import SearchLook

_log = logging.getLogger("wandbsweep.search")

_SHUTDOWN: Final = vars(scheduler_messages)["SweepSchedulerServerDoneTask"].REASON_SHUTDOWN
_POLL_SECONDS: Final = 5.0
"""wandb-core polls no faster."""
_BATCH: Final = 10_000
"""More than are ever in flight: how many really are is the guard's to say."""
_STANDBY_SECONDS: Final = 3.0
_OUTAGE_SECONDS: Final = 600.0
"""How long W&B may be away before a search that waits gives up."""
_FAREWELL_SECONDS: Final = 5.0


class SearchSession:
    """A search in this process.

    Args:
        told: what to search.
        ready_file: is there while this search leads and knows all runs.
        last_words: where Kubernetes reads how it ended.
    """

    def __init__(self, told: Told, ready_file: str | None, last_words: str) -> None:
        self._told = told
        self._ready_file = Path(ready_file) if ready_file else None
        self._last_words = last_words
        self._thread = WandbThread()
        self._client = SearchClient(wandb_account(), told.path)
        self._results = RecordedResults(self._thread, self._client)
        self._stopping = Stopping(self._leave_drained)
        self._lost = False
        self._guard: GuardedOptimizer | None = None
        holder = f"{socket.gethostname()} {uuid.uuid4().hex[:8]}"
        self._leadership = Leadership(self._client, holder, self._on_lost, self._on_doubt)

    def run(self) -> SearchEnding:
        """Search until the sweep is over, or this process is asked to end; called in the main thread."""
        with self._stopping:
            ending = self._run_to_its_end()
            self._say_farewell()
        write_last_words(self._last_words, ending, os.environ)
        return ending

    def _run_to_its_end(self) -> SearchEnding:
        try:
            engine = make_optimizer_for(self._told.order, self._results)
            ending = self._search(engine)
            if ending.code is SearchExit.DONE and self._told.order.engine.is_ours:
                conclude(engine, self._thread, self._client, self._results)
        except UnusableOrderError as error:
            return SearchEnding(SearchExit.INVALID, str(error))
        except MissingPackageError as error:
            return SearchEnding(SearchExit.ENGINE_MISSING, str(error))
        except KeyboardInterrupt:
            return _drained()
        return ending

    def _search(self, engine: Callable[[SweepInfo], Optimizer]) -> SearchEnding:
        try:
            self._check_in()
            while True:
                self._wait_for_lease()
                if (ending := self._schedule(engine)) is not None:
                    return ending
        except EndedError as error:
            return error.ending

    # Before the scheduler.

    def _check_in(self) -> None:
        """Whether there is something to search, and a server that lets itself be searched."""
        try:
            if not self._thread.call(self._client.can_be_searched()):
                raise EndedError(
                    SearchExit.UNSUPPORTED,
                    "this W&B server takes no runs from a search (it lacks the feature SWEEPS_LOCAL_SCHEDULER): use a "
                    "newer server, the embedded one, or method grid, random or bayes, which the server searches itself",
                )
            self._stop_if_over(self._thread.call(self._client.look()))
        except SweepMissing as error:
            raise EndedError(SearchExit.INVALID, str(error)) from error
        except TrackingError as error:
            raise EndedError(SearchExit.UNREACHABLE, str(error)) from error

    def _wait_for_lease(self) -> None:
        waited = 0.0
        while not self._stopping.requested:
            try:
                if self._thread.call(self._leadership.try_to_lead()):
                    self._lost = False
                    return
                self._stop_if_over(self._thread.call(self._client.look()))
                waited = 0.0
            except KeyRejected as error:
                raise EndedError(SearchExit.UNREACHABLE, str(error)) from error
            except SweepMissing as error:
                raise EndedError(SearchExit.DONE, str(error)) from error
            except TrackingError as error:
                _log.warning("who leads is not known: %s", error)
                waited += _STANDBY_SECONDS
                if waited > _OUTAGE_SECONDS:
                    raise EndedError(SearchExit.UNREACHABLE, str(error)) from error
            self._stopping.wait(_STANDBY_SECONDS)
        raise EndedError(*_drained_words())

    @staticmethod
    def _stop_if_over(look: SearchLook) -> None:
        if look.state in OVER:
            raise EndedError(SearchExit.DONE, f"the sweep is {look.state.lower()}")

    # The scheduler.

    def _schedule(self, engine: Callable[[SweepInfo], Optimizer]) -> SearchEnding | None:
        """Let W&B's scheduler run until it stops; None when this search merely leads no more."""
        path = self._told.path
        self._guard = None
        try:
            self._stopping.starting = True
            done = run_scheduler(
                entity=path.entity,
                project=path.project,
                sweep_id=path.sweep_id,
                make_optimizer=lambda sweep: self._guarded(sweep, engine),
                batch_size=_BATCH,
                poll_interval=_POLL_SECONDS,
            )
        except (EndedError, UnusableOrderError):
            raise
        except Exception as error:  # noqa: BLE001 - wandb-core may end in any way; what it means is found out below
            return self._after_failure(error)
        finally:
            self._stopping.starting = False
            self._show_ready(False)
        return self._after_end(done)

    def _guarded(self, sweep: SweepInfo, engine: Callable[[SweepInfo], Optimizer]) -> GuardedOptimizer:
        self._guard = GuardedOptimizer(
            sweep,
            self._made(engine, sweep),
            runs=BlockingRuns(self._thread, self._client),
            leader=BlockingLeader(self._thread, self._leadership),
            budget=self._told.budget,
            on_ready=lambda: self._show_ready(True),
        )
        return self._guard

    @staticmethod
    def _made(engine: Callable[[SweepInfo], Optimizer], sweep: SweepInfo) -> Optimizer:
        try:
            return engine(sweep)
        except UnusableOrderError:
            raise
        except Exception as error:
            _log.exception("the engine cannot be made")
            raise EndedError(SearchExit.FAILED, f"the engine cannot be made: {_words(error)}") from error

    def _after_end(self, done: Any) -> SearchEnding | None:
        if done.reason == _SHUTDOWN:
            if self._lost and not self._stopping.requested:
                return None
            return self._asked_to_end()
        try:
            self._thread.call(self._client.finish_sweep())
        except SweepMissing:
            pass
        except TrackingError as error:
            return SearchEnding(SearchExit.UNREACHABLE, f"the search is done, and W&B could not be told: {error}")
        why = self._guard.why_over if self._guard is not None else ""
        return SearchEnding(SearchExit.DONE, why or done.message or "the sweep is over")

    def _asked_to_end(self) -> SearchEnding:
        """Drained, unless the sweep is over: whoever asked may have known that sooner than the scheduler."""
        with contextlib.suppress(TrackingError):
            self._stop_if_over(self._thread.call(self._client.look(), seconds=_FAREWELL_SECONDS))
        return _drained()

    def _after_failure(self, error: Exception) -> SearchEnding:
        """Why the scheduler failed, as far as W&B and the engine can tell."""
        guard = self._guard
        if guard is not None and guard.failure is not None:
            failure = guard.failure
            _log.error("%s failed", guard.engine, exc_info=failure)
            return SearchEnding(SearchExit.FAILED, f"{guard.engine} failed: {_words(failure)}")
        try:
            self._stop_if_over(self._thread.call(self._client.look()))
        except SweepMissing as missing:
            return SearchEnding(SearchExit.DONE, str(missing))
        except EndedError as over:
            return over.ending
        except TrackingError as trouble:
            return SearchEnding(SearchExit.UNREACHABLE, str(trouble))
        return SearchEnding(SearchExit.UNREACHABLE, str(error))

    # The end.

    def _on_lost(self) -> None:
        self._lost = True
        self._show_ready(False)
        self._stopping.stop_scheduler()

    def _on_doubt(self) -> None:
        """Others may lead soon; a suggestion that W&B has not taken yet must not reach it after that."""
        if self._guard is not None and self._guard.hands_out:
            self._leave(SearchEnding(SearchExit.UNREACHABLE, "W&B was away while it was handed a suggestion"))

    def _leave_drained(self) -> None:
        self._leave(_drained())

    def _leave(self, ending: SearchEnding) -> None:
        """End this process now; wandb-core ends with it."""
        self._show_ready(False)
        write_last_words(self._last_words, ending, os.environ)
        _log.warning("leaving at once: %s", ending.message)
        os._exit(ending.code)

    def _say_farewell(self) -> None:
        with contextlib.suppress(TrackingError):
            self._thread.call(self._leadership.release(), seconds=_FAREWELL_SECONDS)
        self._results.flush(_FAREWELL_SECONDS)
        with contextlib.suppress(TrackingError):
            self._thread.call(self._client.close(), seconds=_FAREWELL_SECONDS)
        self._thread.stop()

    def _show_ready(self, ready: bool) -> None:
        if ready:
            _log.info("ready: all runs of the sweep are known")
        if self._ready_file is None:
            return
        if ready:
            self._ready_file.write_text("ready\n", encoding="ascii")
        else:
            self._ready_file.unlink(missing_ok=True)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _drained() -> SearchEnding:
    return SearchEnding(*_drained_words())


def _drained_words() -> tuple[SearchExit, str]:
    return SearchExit.DRAINED, "the search was asked to end; another goes on from the runs on W&B"
