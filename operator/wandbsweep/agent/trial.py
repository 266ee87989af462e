"""`wandbsweep trial [OPTIONS] ARGS_JSON -- COMMAND...`: what the W&B sweep's command calls for each run.

Renders the sampled values into the user's own command, runs it in the foreground, says what became of it, and ends with
its exit code. It works wherever `wandb agent` does: with no variable set it keeps its files beside the run's.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wandbsweep.agent import interpreter_map
from wandbsweep.agent.atomic_file import write_atomically
from wandbsweep.agent.attempts import Attempts
from wandbsweep.agent.causes import Cause
from wandbsweep.agent.checkpoint import CheckpointError, Preparation, prepare_run
from wandbsweep.agent.conclusion import Conclusion
from wandbsweep.agent.console import take_console
from wandbsweep.agent.evaluation import Evaluation
from wandbsweep.agent.exit_codes import TrialExit
from wandbsweep.agent.farewell import record_begin, record_end, tell_wandb
from wandbsweep.agent.home import Home, trial_home
from wandbsweep.agent.signal_inbox import SignalInbox
from wandbsweep.agent.trainer import SIGNALS
from wandbsweep.agent.trial_settings import TrialSettings
from wandbsweep.agent.variables import INTERPRETER_MAP, NODE
from wandbsweep.agent.wandb_run import RunReporter
from wandbsweep.agent.watch import BadLimitError
from wandbsweep.sweep.rendering.launch import LaunchError, Rendered, read_launch, render_launch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RUN_NAME: Final = "WANDB_NAME"
_INTERRUPTED: Final = frozenset({Cause.STOPPED, Cause.PREEMPTED})


class TrialError(Exception):
    """No trainer can be started; the message is for the user, the code for the W&B agent."""

    def __init__(self, code: TrialExit, message: str) -> None:
        super().__init__(message)
        self.code = code


def run_trial(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs one trial to its end and returns the exit code; negative for a signal to die by, as in subprocess."""
    home = trial_home(environ)
    take_console(home.console)
    run_id = environ.get("WANDB_RUN_ID") or f"process-{os.getpid()}"
    trial = _Trial(words, environ, home, run_id, RunReporter.from_environ(environ))
    record_begin(home.outcomes, run_id)
    with SignalInbox(SIGNALS) as inbox:
        return _end(trial, _conclude(trial, inbox), inbox)


@dataclass(frozen=True)
class _Trial:
    words: Sequence[str]
    environ: Mapping[str, str]
    home: Home
    run_id: str
    reporter: RunReporter | None


def _conclude(trial: _Trial, inbox: SignalInbox) -> Conclusion:
    try:
        return _run(trial, TrialSettings.from_environ(trial.environ), inbox)
    except (TrialError, BadLimitError) as error:
        sys.stderr.write(f"wandbsweep trial: {error}\n")
        code = error.code if isinstance(error, TrialError) else TrialExit.BAD_ARGUMENTS
        return Conclusion(Cause.BAD_ARGUMENTS, code, last_line=str(error), died=True)


def _end(trial: _Trial, conclusion: Conclusion, inbox: SignalInbox) -> int:
    """What cannot be lost comes first."""
    record_end(trial.home.outcomes, trial.run_id, conclusion)
    if trial.reporter:
        tell_wandb(trial.reporter, conclusion, trial.environ.get(NODE.name) or None, inbox)
    # W&B's agent counts every code above 0 as a failure, and no signal.
    return -signal.SIGTERM if conclusion.cause in _INTERRUPTED else conclusion.exit_code


def _run(trial: _Trial, settings: TrialSettings, inbox: SignalInbox) -> Conclusion:
    try:
        prepared = prepare_run(trial.environ, trial.run_id, trial.reporter)
        rendered = _render(trial, prepared)
        argv = prepared.complete(_on_this_machine(rendered.argv, trial.environ))
        evaluation = _evaluation(trial, rendered, prepared)
    except CheckpointError as error:
        raise TrialError(TrialExit.BAD_ARGUMENTS, str(error)) from None
    for path, text in rendered.files.items():
        _write(path, text)
    attempts = Attempts(inbox, settings, trial.reporter, trial.home, evaluation)
    return _start(attempts, argv, {**_trainer_environment(rendered, trial.environ), **prepared.environment})


def _render(trial: _Trial, prepared: Preparation) -> Rendered:
    try:
        rendered = render_launch(
            read_launch(trial.words),
            args_json_file=str(trial.home.args_file(trial.run_id)),
            config_folder=str(trial.home.config_folder(trial.run_id)),
            checkpoint_dir=prepared.checkpoint_dir,
            environ=trial.environ,
        )
    except LaunchError as error:
        raise TrialError(TrialExit.BAD_ARGUMENTS, str(error)) from None
    if not rendered.argv:
        raise TrialError(TrialExit.BAD_ARGUMENTS, "the command is empty once its macros are filled in")
    return rendered


def _evaluation(trial: _Trial, rendered: Rendered, prepared: Preparation) -> Evaluation | None:
    if (stage := rendered.evaluation) is None:
        return None
    if not stage.command:
        raise TrialError(TrialExit.BAD_ARGUMENTS, "evaluation.command is empty once its macros are filled in")
    argv = prepared.checked(_on_this_machine(stage.command, trial.environ), "evaluation.command")
    return Evaluation(tuple(argv), float(stage.timeout_seconds or 0), prepared.resumed)


def _on_this_machine(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    try:
        rows = interpreter_map.read_interpreter_map(environ.get(INTERPRETER_MAP.name, ""))
    except interpreter_map.InterpreterMapError as error:
        raise TrialError(TrialExit.BAD_ARGUMENTS, str(error)) from None
    return interpreter_map.map_interpreter(list(argv), rows)


def _write(path: str, text: str) -> None:
    try:
        write_atomically(Path(path), text.encode())
    except OSError as error:
        raise TrialError(
            TrialExit.BAD_ARGUMENTS,
            f"cannot write {path} for the trainer ({error.strerror}): set WANDBSWEEP_HOME elsewhere",
        ) from None


def _trainer_environment(rendered: Rendered, environ: Mapping[str, str]) -> dict[str, str]:
    """A trial with a name gives it to its run, unless the user named the run."""
    named = {_RUN_NAME: rendered.name} if rendered.name and not environ.get(_RUN_NAME) else {}
    return {**environ, **named}


def _start(attempts: Attempts, argv: Sequence[str], environment: Mapping[str, str]) -> Conclusion:
    try:
        return attempts.run(argv, environment)
    except FileNotFoundError:
        raise TrialError(
            TrialExit.NOT_FOUND,
            f"{argv[0]} was not found on this machine: correct the sweep's command, or map the program with "
            f"{INTERPRETER_MAP.name}",
        ) from None
    except OSError as error:
        if error.errno == errno.E2BIG:
            raise TrialError(
                TrialExit.BAD_ARGUMENTS,
                "the arguments together are longer than the system takes: use ${args_json_file}",
            ) from None
        raise TrialError(TrialExit.NOT_EXECUTABLE, f"{argv[0]} cannot be executed: {error.strerror}") from None
