"""Whole numbers as variables of the environment spell them."""

from __future__ import annotations

from typing import Final

_MOST_DIGITS: Final = 9  # more than any setting needs, and few enough for Python to read whatever its own limit is


def whole_number(text: str) -> int | None:
    """The number that these decimal digits spell; None for any other text, and for more digits than a setting has."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None
