"""Runs one step of the demo, says what it is, and stops with a remedy if it fails."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

from contextlib import contextmanager


class StepFailed(Exception):  # noqa: N818 - it is what happened, and is printed as it is
    """A step could not be done. The text says what to do."""


def step(title: str) -> AbstractContextManager[None]:
    """Announce a step, and say how long it took."""
    return _step(title)


@contextmanager
def _step(title: str) -> Iterator[None]:
    print(f"\n=> {title}", flush=True)
    started = time.monotonic()
    yield
    print(f"   done in {time.monotonic() - started:.0f} s", flush=True)


def run(command: Sequence[str], remedy: str, *, text: str | None = None) -> None:
    """Run a command with its output shown. Raises StepFailed with the remedy."""
    try:
        subprocess.run(command, check=True, text=True, input=text)
    except FileNotFoundError:
        raise StepFailed(f"{command[0]} is not there. {remedy}") from None
    except subprocess.CalledProcessError as error:
        raise StepFailed(f"`{' '.join(command[:4])} ...` ended with code {error.returncode}. {remedy}") from None


def ask(command: Sequence[str], remedy: str, *, show_progress: bool = False) -> str:
    """Run a command and return what it printed; with `show_progress` its stderr goes to the user as it comes.

    Raises StepFailed with what the command said and the remedy.
    """
    stderr = None if show_progress else subprocess.PIPE
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=stderr)
    if done.returncode:
        said = (done.stderr or "").strip() or done.stdout.strip()
        raise StepFailed(f"`{' '.join(command[:4])} ...`: {said}\n{remedy}")
    return done.stdout.strip()


def fail(error: StepFailed) -> int:
    """Print what failed; the exit code of the demo."""
    print(f"\nThe demo stopped: {error}", file=sys.stderr)
    return 1
