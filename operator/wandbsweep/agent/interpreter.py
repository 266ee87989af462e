"""Finds the Python of this image that can import wandb.

Isaac Sim's own is reached through /isaac-sim/python.sh, a shell script that does not exec: as a parent it would swallow
the signals meant for the W&B agent. So the script is only asked which interpreter and search paths it would use.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CANDIDATES: Final = ("python3", "/isaac-sim/kit/python/bin/python3", "python", "/isaac-sim/python.sh")

_TRAINERS_FIRST: Final = tuple(reversed(CANDIDATES))
"""Where wandb is brought along, all Pythons lack it: best is the one that will train."""

_SEARCH_PATHS = ("PYTHONPATH", "LD_LIBRARY_PATH")

# The version is asked for because a folder named wandb, where runs are kept, can be imported too.
_PROBE = f"""
import json, os, sys, wandb
paths = {{name: os.environ[name] for name in {_SEARCH_PATHS!r} if name in os.environ}}
print("\\n" + json.dumps([sys.executable, wandb.__version__, paths]))
"""

_PROBE_SECONDS = 120.0
"""A cold image on a network disk imports slowly; a hanging interpreter must still be left behind."""


@dataclass(frozen=True)
class Interpreter:
    """A Python with wandb.

    Attributes:
        executable: its path.
        wandb_version: as wandb itself says it.
        search_paths: variables without which it does not find wandb; trials inherit them too, and the script that
            set them sets them again for an Isaac Sim trainer.
    """

    executable: str
    wandb_version: str
    search_paths: Mapping[str, str] = field(default_factory=dict)


class WandbMissingError(Exception):
    """No Python of the image can import wandb; the message says what each of them answered, and the remedy."""


class _ProbeError(Exception):
    """One candidate cannot; the text is its own last line."""


def find_interpreter(wanted: str | None, environment: Mapping[str, str], brought: Sequence[str] = ()) -> Interpreter:
    """The user's choice and no other if there is one, else the first candidate that can import wandb.

    Args:
        wanted: the user's choice.
        environment: in which it is to run.
        brought: search paths with wandb for an image that has none. The first that a Python gets along with is used.
    """
    found, complaints = _first((wanted,) if wanted else CANDIDATES, environment)
    if found:
        return found
    for path in brought:
        paths = {"PYTHONPATH": os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), path)))}
        found, told = _first((wanted,) if wanted else _TRAINERS_FIRST, {**environment, **paths})
        if found:
            return replace(found, search_paths={**paths, **found.search_paths})
        complaints = [*complaints, *(f"with the wandb that the agent brings along, {answer}" for answer in told)]
    answers = "; ".join(dict.fromkeys(complaints))
    if wanted:
        raise WandbMissingError(
            f"WANDBSWEEP_PYTHON cannot `import wandb` ({answers}): install wandb there, or choose another"
        )
    raise WandbMissingError(
        f"no Python of this image can `import wandb` ({answers}): install wandb, or set WANDBSWEEP_PYTHON"
    )


def _first(candidates: Sequence[str], environment: Mapping[str, str]) -> tuple[Interpreter | None, list[str]]:
    """The first that can, else what each of them answered."""
    complaints = []
    for candidate in candidates:
        program = shutil.which(candidate, path=environment.get("PATH"))
        if program is None:
            complaints.append(f"{candidate}: not found")
            continue
        try:
            return _examine(program, environment), []
        except _ProbeError as error:
            complaints.append(f"{candidate}: {error}")
    return None, complaints


def _examine(program: str, environment: Mapping[str, str]) -> Interpreter:
    answer = _probe(program, environment)
    if answer.executable == program:
        return answer
    # The candidate is a script in front of an interpreter. Without it is best, with its search paths second best.
    try:
        alone = _probe(answer.executable, environment)
        return Interpreter(alone.executable, alone.wandb_version)
    except _ProbeError:
        _probe(answer.executable, {**environment, **answer.search_paths})
        return answer


def _probe(program: str, environment: Mapping[str, str]) -> Interpreter:
    output = _output([program, "-c", _PROBE], environment)
    try:
        executable, version, search_paths = json.loads(output.splitlines()[-1])
    except (ValueError, IndexError):
        raise _ProbeError("it did not answer as a Python does") from None
    return Interpreter(executable or program, version, search_paths)


def _output(command: Sequence[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        raise _ProbeError((error.stderr.strip().splitlines() or ["it said nothing"])[-1]) from None
    except subprocess.TimeoutExpired:
        raise _ProbeError(f"it did not answer within {_PROBE_SECONDS:.0f} s") from None
    except (OSError, ValueError) as error:
        raise _ProbeError(str(error)) from None
    return done.stdout
