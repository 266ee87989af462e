"""`wandbsweep trial ARGS_JSON -- COMMAND...`: what the W&B sweep's command calls for each run.

Renders the sampled values into the user's own command, runs it in the foreground, records what became of it, and ends
with its exit code. It works wherever `wandb agent` does: with no variable set it keeps its files beside the run's.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wandbsweep.agent import interpreter_map, outcomes
from wandbsweep.agent.atomic_file import write_atomically
from wandbsweep.agent.console import take_console
from wandbsweep.agent.exit_codes import TrialExit
from wandbsweep.agent.home import Home, trial_home
from wandbsweep.agent.trainer import TrainerEnd, run_trainer
from wandbsweep.agent.variables import INTERPRETER_MAP
from wandbsweep.sweep.rendering import RenderError, args_json, render_command, uses_args_json_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USAGE = "wandbsweep trial ARGS_JSON -- COMMAND..."


class TrialError(Exception):
    """No trainer can be started; the message is for the user, the code for the W&B agent."""

    def __init__(self, code: TrialExit, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Trial:
    """One run's sampled values and the command that they go into."""

    values: Mapping[str, Any]
    command: tuple[str, ...]


def run_trial(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs one trial to its end and returns the exit code."""
    home = trial_home(environ)
    take_console(home.console)
    run_id = environ.get("WANDB_RUN_ID") or f"process-{os.getpid()}"
    try:
        end = _start(trainer_argv(read_trial(words), home, run_id, environ))
    except TrialError as error:
        sys.stderr.write(f"wandbsweep trial: {error}\n")
        _record(home, run_id, outcomes.Outcome.FAILED, error.code)
        return error.code
    _record(home, run_id, _outcome(end), end.exit_code)
    return end.exit_code


def read_trial(words: Sequence[str]) -> Trial:
    """The command line as W&B's agent fills it in."""
    if len(words) < 3 or words[1] != "--":  # noqa: PLR2004 - JSON, two dashes and at least a program
        raise TrialError(
            TrialExit.BAD_ARGUMENTS,
            f"expected `{USAGE}`; the sweep's command must be "
            '["wandbsweep", "trial", "${args_json}", "--", ...your own command...]',
        )
    try:
        values = json.loads(words[0])
    except ValueError as error:
        raise TrialError(TrialExit.BAD_ARGUMENTS, f"the sampled values are not JSON: {error}") from None
    if not isinstance(values, dict):
        raise TrialError(TrialExit.BAD_ARGUMENTS, "the sampled values must be a JSON object, parameter by parameter")
    return Trial(values, tuple(words[2:]))


def trainer_argv(trial: Trial, home: Home, run_id: str, environ: Mapping[str, str]) -> list[str]:
    """The trainer's arguments; writes the file behind `${args_json_file}` if the command asks for it."""
    path = home.args_file(run_id)
    try:
        argv = render_command(trial.command, trial.values, args_json_file=path)
        rows = interpreter_map.read_interpreter_map(environ.get(INTERPRETER_MAP.name, ""))
    except (RenderError, interpreter_map.InterpreterMapError) as error:
        raise TrialError(TrialExit.BAD_ARGUMENTS, str(error)) from None
    if not argv:
        raise TrialError(TrialExit.BAD_ARGUMENTS, "the command is empty once its macros are filled in")
    if uses_args_json_file(trial.command):
        try:
            write_atomically(path, args_json(trial.values).encode())
        except OSError as error:
            raise TrialError(
                TrialExit.BAD_ARGUMENTS,
                f"cannot write {path} for ${{args_json_file}} ({error.strerror}): set WANDBSWEEP_HOME elsewhere",
            ) from None
    return interpreter_map.map_interpreter(argv, rows)


def _start(argv: Sequence[str]) -> TrainerEnd:
    try:
        return run_trainer(argv)
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
