"""What a search is told: by the operator in its environment, or on a workstation by a file and options."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.agent.variables import AGENT_COUNT_FILE, SEARCH_ORDER, SWEEP
from wandbsweep.search.budget import Budget
from wandbsweep.search.ending import EndedError
from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.path import SweepPath
from wandbsweep.sweep.search_order import OrderError, read_order, search_order
from wandbsweep.sweep.searching import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.search_order import SearchOrder

_RUNS_PER_AGENT: Final = {Engine.SCAN: 2}
"""How many runs are in flight for each agent: nothing is learnt from a scan, so that none has to wait for its next."""


@dataclass(frozen=True)
class Told:
    """All that a search is told.

    Attributes:
        agents: how many agents there are, where no file says so.
        agent_count_file: where the operator says how many there are now.
    """

    path: SweepPath
    order: SearchOrder
    agents: int
    agent_count_file: str | None

    def budget(self) -> Budget:
        """As things are at this moment."""
        per_agent = _RUNS_PER_AGENT.get(self.order.engine, 1)
        return Budget(self.order.max_runs, per_agent * self._agents_now())

    def _agents_now(self) -> int:
        try:
            return int(Path(self.agent_count_file or os.devnull).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return self.agents


def told(
    path: str | None,
    file: str | None,
    agents: int,
    retry_failed: int,
    environ: Mapping[str, str],
) -> Told:
    """Read it. Raises EndedError for what cannot be used, with everything that is wrong with it."""
    sweep = _path(path or environ.get(SWEEP.name))
    order = _from_file(file, sweep, retry_failed) if file else _from_environment(environ)
    return Told(sweep, order, agents, environ.get(AGENT_COUNT_FILE.name))


def _path(text: str | None) -> SweepPath:
    try:
        path = SweepPath.parse(text or "")
    except ValueError:
        path = SweepPath("", "", "")
    if not all((path.entity, path.project, path.sweep_id)):
        raise EndedError(
            SearchExit.INVALID,
            f"{text!r} is not entity/project/sweep: name the sweep as `wandb agent` takes it"
            if text
            else f"no sweep is named: give entity/project/sweep, or set {SWEEP.name}",
        )
    return path


def _from_environment(environ: Mapping[str, str]) -> SearchOrder:
    text = environ.get(SEARCH_ORDER.name)
    if not text:
        raise EndedError(SearchExit.INVALID, f"nothing says what to search: use --file, or set {SEARCH_ORDER.name}")
    try:
        return read_order(text)
    except OrderError as error:
        raise EndedError(SearchExit.INVALID, f"{SEARCH_ORDER.name}: {error}") from None


def _from_file(file: str, sweep: SweepPath, retry_failed: int) -> SearchOrder:
    try:
        definition = read_definition(Path(file).read_text(encoding="utf-8-sig"), field=file)
        order = search_order(definition, name=sweep.sweep_id, max_runs=definition.run_cap, retry_failed=retry_failed)
    except OSError as error:
        raise EndedError(SearchExit.INVALID, f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise EndedError(SearchExit.INVALID, f"{file} is no text in UTF-8") from None
    except (InvalidSweepError, OrderError) as error:
        raise EndedError(SearchExit.INVALID, str(error)) from None
    if order is None:
        raise EndedError(
            SearchExit.INVALID,
            f"{file}: method: W&B's server searches a sweep of method {definition.method} itself; "
            "start agents, no search is needed",
        )
    return order
