"""When two values are the same to a trainer: equal is not enough, since 1 == 1.0 == True."""

from __future__ import annotations

from typing import Any


def same(one: Any, other: Any) -> bool:
    """Equal with type, order of keys and every bit of a float."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one.hex() == other.hex()
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other
