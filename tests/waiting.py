"""Waits for a condition, with a bound and with words for what was waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.2


def until(condition: Callable[[], T], what: str, *, seconds: float = 30.0, every: float = LOOK_EVERY_SECONDS) -> T:
    """The first true value of the condition. After `seconds` it fails and says what did not come true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s it was still not true that {what}; the last look gave {value!r}")
        time.sleep(every)
    return value
