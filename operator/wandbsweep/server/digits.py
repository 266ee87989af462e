"""Whole numbers that a client writes in digits: in addresses, ids and cursors."""

from __future__ import annotations

_MOST_DIGITS = 15  # so that sums of such numbers still fit into 64 bits, as databases count


def whole_number(text: str) -> int | None:
    """The number, or none: for what is no number, and for more digits than anything is counted in.

    Python itself refuses to read some thousands of digits, and takes digits of every script.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
