"""`wandbsweep trial [OPTIONS] ARGS_JSON -- COMMAND...`: what the W&B sweep's command calls for each run.

Renders the sampled values into the user's own command, runs it in the foreground, records what became of it, and ends
with its exit code. It works wherever `wandb agent` does: with no variable set it keeps its files beside the run's.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wandbsweep.agent import interpreter_map, outcomes
from wandbsweep.agent.atomic_file import write_atomically
from wandbsweep.agent.console import take_console
from wandbsweep.agent.exit_codes import TrialExit
from wandbsweep.agent.home import Home, trial_home
from wandbsweep.agent.trainer import TrainerEnd, run_trainer
from wandbsweep.agent.variables import INTERPRETER_MAP
from wandbsweep.sweep.rendering.launch import LaunchError, Rendered, read_launch, render_launch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RUN_NAME: Final = "WANDB_NAME"


class TrialError(Exception):
    """No trainer can be started; the message is for the user, the code for the W&B agent."""

    def __init__(self, code: TrialExit, message: str) -> None:
        super().__init__(message)
        self.code = code


def run_trial(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs one trial to its end and returns the exit code."""
    home = trial_home(environ)
    take_console(home.console)
    run_id = environ.get("WANDB_RUN_ID") or f"process-{os.getpid()}"
    try:
        rendered = _render(words, home, run_id)
        argv = _on_this_machine(rendered.argv, environ)
        for path, text in rendered.files.items():
            _write(path, text)
        end = _start(argv, _trainer_environment(rendered, environ))
    except TrialError as error:
        sys.stderr.write(f"wandbsweep trial: {error}\n")
        _record(home, run_id, outcomes.Outcome.FAILED, error.code)
        return error.code
    _record(home, run_id, _outcome(end), end.exit_code)
    return end.exit_code


def _render(words: Sequence[str], home: Home, run_id: str) -> Rendered:
    try:
        rendered = render_launch(
            read_launch(words),
            args_json_file=str(home.args_file(run_id)),
            config_folder=str(home.config_folder(run_id)),
        )
    except LaunchError as error:
        raise TrialError(TrialExit.BAD_ARGUMENTS, str(error)) from None
    if not rendered.argv:
        raise TrialError(TrialExit.BAD_ARGUMENTS, "the command is empty once its macros are filled in")
    return rendered


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


def _start(argv: Sequence[str], environment: Mapping[str, str]) -> TrainerEnd:
    try:
        return run_trainer(argv, environment)
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


def _outcome(end: TrainerEnd) -> outcomes.Outcome:
    if end.return_code == 0:
        return outcomes.Outcome.FINISHED
    return outcomes.Outcome.STOPPED if end.signalled else outcomes.Outcome.FAILED


def _record(home: Home, run_id: str, outcome: outcomes.Outcome, exit_code: int) -> None:
    try:
        outcomes.record(home.outcomes, outcomes.TrialRecord(run_id, outcome, int(exit_code), time.time()))
    except OSError as error:
        # The run's state on W&B is the verdict; a full disk must not turn a finished run into a failed one.
        sys.stderr.write(f"wandbsweep trial: the outcome could not be recorded: {error}\n")
