"""What happens without being asked for: silence is judged, early termination is applied, sweeps are finished.

Everything here can be found again in the database, so a restart loses nothing but the moment of the last look.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool

from wandbsweep.server import lifecycle
from wandbsweep.server.dispatch import signs_of
from wandbsweep.server.json_text import read_json
from wandbsweep.server.liveness import Verdict, judge_silence
from wandbsweep.server.search import SearchError, Trial
from wandbsweep.server.store import agents, lines, runs, sweeps
from wandbsweep.server.store.tables import sweeps as sweep_table

if TYPE_CHECKING:
    from wandbsweep.server.context import Server
    from wandbsweep.server.store.sweeps import Sweep

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 2.0
# A look that comes so much later than planned means that this process, or the machine, was asleep.
_ASLEEP = 5.0


class Housekeeper:
    """Looks at everything again and again, at a pace that suits the time-outs."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._pause = min(_LONGEST_PAUSE, server.timeouts.run / 4, server.timeouts.agent / 4)
        self._last_look = server.now()
        self._rows_seen: dict[int, int] = {}

    async def work(self) -> None:
        """Until cancelled. A look that fails is told in the log, and the next one comes all the same."""
        while True:
            await anyio.sleep(self._pause)
            try:
                await run_in_threadpool(self.look)
            except OperationalError as error:
                _log.warning("housekeeping found the database busy: %s", error)
            except Exception:  # noqa: BLE001 - whatever it was, silent runs must still be noticed next time
                _log.exception("housekeeping failed")

    def look(self) -> None:
        """One pass over what may have changed by itself."""
        now = self._server.now()
        if now - self._last_look > self._pause + _ASLEEP:
            self._server.listening.since = now
        self._last_look = now
        self._server.keys.refresh()
        self._judge_silent_runs(now)
        self._stop_losers(now)

    def _judge_silent_runs(self, now: float) -> None:
        since, timeouts = self._server.listening.since, self._server.timeouts
        with self._server.database.read() as connection:
            suspects = runs.silent_since(connection, now - min(timeouts.run, timeouts.agent))
        for run_id in suspects:
            with self._server.database.write() as connection:
                run = runs.get(connection, run_id)
                if run is None or run.state not in runs.ALIVE:
                    continue
                agent = agents.get(connection, run.agent_id) if run.agent_id is not None else None
                verdict = judge_silence(signs_of(run, agent), now=now, listening_since=since, timeouts=timeouts)
                if verdict is not Verdict.ALIVE:
                    lifecycle.apply_verdict(connection, run, verdict, now=now)

    def _stop_losers(self, now: float) -> None:
        with self._server.database.read() as connection:
            condition = sweep_table.c.early_terminate & sweep_table.c.state.not_in(sweeps.OVER)
            candidates = sweeps.page(connection, condition)
            streamed = {sweep.id: lines.count_of_sweep(connection, sweep.id) for sweep in candidates}
        for sweep in candidates:
            if streamed[sweep.id] != self._rows_seen.get(sweep.id, 0):
                self._rows_seen[sweep.id] = streamed[sweep.id]
                self._stop_losers_of(sweep, now)

    def _stop_losers_of(self, sweep: Sweep, now: float) -> None:
        error = None
        names: list[str] = []
        try:
            names = self._server.search.losers(read_json(sweep.definition, "definition"), self._trials(sweep))
        except SearchError as problem:
            error = str(problem)
        with self._server.database.write() as connection:
            if error != sweep.error:
                sweeps.change(connection, sweep.id, error=error)
            for name in names:
                run = runs.find(connection, sweep.project_id, name)
                if run is not None and run.state == runs.RUNNING and run.stop_requested_at is None:
                    _log.info("run %s of sweep %s is stopped early", run.name, sweep.name)
                    lifecycle.request_stop(connection, run, now=now)

    def _trials(self, sweep: Sweep) -> list[Trial]:
        parameters: dict[str, Any] = {}  # early termination compares curves, not parameters
        with self._server.database.read() as connection:
            found = runs.page(connection, runs.in_states((*runs.UNFINISHED, *runs.TERMINAL), sweep_id=sweep.id))
            values = lines.metric_values(connection, sweep.id, sweep.metric or "")
        return [Trial(run.name, run.state, parameters, values.get(run.id, ())) for run in found]
