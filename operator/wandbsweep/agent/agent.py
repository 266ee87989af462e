"""`wandbsweep agent`: the container's main process, from its environment to its exit code."""

from __future__ import annotations

import signal
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wandbsweep.agent import leave, outcomes, preemption, wandb_tree
from wandbsweep.agent.bundle import running_bundle
from wandbsweep.agent.console import shared_console
from wandbsweep.agent.drain import drain_budget
from wandbsweep.agent.ending import AgentFacts, Ending, classify
from wandbsweep.agent.environment import agent_environment
from wandbsweep.agent.exit_codes import AgentExit
from wandbsweep.agent.gpu import Gpu, find_gpu
from wandbsweep.agent.home import Home, agent_home
from wandbsweep.agent.interpreter import Interpreter, WandbMissingError, find_interpreter
from wandbsweep.agent.isaac_caches import State
from wandbsweep.agent.ledger import seconds_of_life
from wandbsweep.agent.living_trials import reporter_of_run, unstarted_run
from wandbsweep.agent.settings import AgentSettings, BadEnvironmentError, termination_log
from wandbsweep.agent.signal_inbox import SignalInbox
from wandbsweep.agent.supervisor import SIGNALS, AgentEnd, Supervisor
from wandbsweep.agent.termination import without_secrets, write_termination_message
from wandbsweep.agent.wandb_command import wandb_agent_command
from wandbsweep.agent.warm_up import warm_while_listening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SEARCH_TICK_SECONDS = 0.1

_HAND_BACK_SECONDS = 1.0
"""For a run that was given to an agent which was just leaving."""


def run_agent(environ: Mapping[str, str]) -> int:
    """Runs one agent to its end, says how it ended, and returns the exit code."""
    began_at = time.monotonic()
    with SignalInbox(SIGNALS) as inbox:
        gpu = find_gpu(environ)
        try:
            ending, runs = _run(AgentSettings.from_environ(environ), environ, gpu, inbox)
        except BadEnvironmentError as error:
            ending, runs = Ending(AgentExit.BAD_ENVIRONMENT, str(error)), outcomes.Tally()
    ending = replace(ending, message=without_secrets(ending.message, environ))
    seconds = seconds_of_life(runs.seconds, time.monotonic() - began_at)
    write_termination_message(termination_log(environ), ending, runs, seconds, gpu=gpu.product)
    sys.stderr.write(f"wandbsweep agent: {ending.message} (exit code {int(ending.code)}, {ending.code.reason})\n")
    return ending.code


def _run(
    settings: AgentSettings,
    environ: Mapping[str, str],
    gpu: Gpu,
    inbox: SignalInbox,
) -> tuple[Ending, outcomes.Tally]:
    bundle = running_bundle()
    home = agent_home(environ, bundle.parent if bundle else None)
    bin_folder = bundle.parent / "bin" if bundle else Path(sys.executable).parent
    environment = _prepare(environ, home, bin_folder)

    warmth = warm_while_listening(environment, gpu, inbox, SIGNALS)
    if warmth is not None:
        sys.stderr.write(f"wandbsweep agent: {warmth.message}\n")
    if warmth is not None and warmth.state is State.STOPPED:
        return Ending(AgentExit.DRAINED, warmth.message), outcomes.Tally()
    brought = wandb_tree.search_paths(bundle.parent) if bundle else ()
    search = _Search(settings.python, environment, brought)
    if not search.wait(inbox):
        return Ending(
            AgentExit.DRAINED, "Ended as asked by a signal, before the W&B agent was started."
        ), outcomes.Tally()
    if search.found is None:
        return Ending(AgentExit.WANDB_MISSING, search.complaint), outcomes.Tally()

    budget = drain_budget(settings.grace_seconds)
    command = wandb_agent_command(search.found, settings, budget)
    environment = {**environment, **search.found.search_paths}
    started_at = time.time()
    with shared_console(home.console):
        lookout = leave.Lookout(settings.leave_file, home.outcomes)
        end = Supervisor(inbox, budget, home, lookout).run(command, environment)
    _hand_back_unstarted(settings, environment, home, end, started_at)
    runs = outcomes.tally(home.outcomes, now=time.time(), drained=end.drained or end.interrupted)
    return _ending(settings, end, runs), runs


def _hand_back_unstarted(
    settings: AgentSettings, environment: Mapping[str, str], home: Home, end: AgentEnd, started_at: float
) -> None:
    known = end.runs | {trial.run_id for trial in outcomes.trials(home.outcomes)}
    run_id = unstarted_run(environment, settings.sweep, started_at, known)
    reporter = reporter_of_run(environment, settings.sweep, run_id) if run_id else None
    if reporter is not None:
        preemption.hand_back(reporter, _HAND_BACK_SECONDS)


def _ending(settings: AgentSettings, end: AgentEnd, runs: outcomes.Tally) -> Ending:
    if end.leaving is not None and not end.drained:
        return leave.ending_of(end.leaving, runs, interrupted=end.interrupted)
    return classify(AgentFacts(end.return_code, end.tail, runs, end.drained, settings.server))


def _prepare(environ: Mapping[str, str], home: Home, bin_folder: Path) -> dict[str, str]:
    try:
        home.outcomes.mkdir(parents=True, exist_ok=True)
        outcomes.forget(home.outcomes)
        preemption.withdraw(home)
        return agent_environment(environ, home, bin_folder)
    except OSError as error:
        raise BadEnvironmentError(
            f"the folder {home.path} cannot be written ({error.strerror}): set WANDBSWEEP_HOME to one that can"
        ) from None


@dataclass
class _Search:
    """Looks for the interpreter in a thread: importing wandb takes seconds in a cold image, a signal must not wait."""

    wanted: str | None
    environment: Mapping[str, str]
    brought: Sequence[str] = ()
    found: Interpreter | None = None
    complaint: str = ""

    def wait(self, inbox: SignalInbox) -> bool:
        """Whether the search came to its end; False when a signal came first."""
        thread = threading.Thread(target=self._look, name="interpreter-search", daemon=True)
        thread.start()
        while thread.is_alive():
            if any(signum != signal.SIGCHLD for signum in inbox.wait(_SEARCH_TICK_SECONDS)):
                return False
        return True

    def _look(self) -> None:
        try:
            self.found = find_interpreter(self.wanted, self.environment, self.brought)
        except WandbMissingError as error:
            self.complaint = str(error)
