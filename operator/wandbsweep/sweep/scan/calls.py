"""What a Python script gives for a scan, as a definition takes it. Mistakes are told in the script's own terms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from wandbsweep.sweep.problems import Finding


class ScanError(ValueError):
    """The scan cannot be generated; the text names the parameter or the file, and the remedy."""


class Groups:
    """Groups are whatever can be compared; in a file they are numbers and texts."""

    def __init__(self) -> None:
        self._written: dict[Hashable, int | str] = {}

    def written(self, key: str, group: Hashable) -> int | str:
        """The group of this parameter; equal ones stay equal."""
        plain = group if isinstance(group, (int, str)) and not isinstance(group, bool) else repr(group)
        try:
            return self._written.setdefault(group, plain)
        except TypeError:
            raise ScanError(f"parameter {key!r}: group must be a number or text, not {group!r}") from None


def as_json(key: str, values: Sequence[Any] | None) -> list[Any]:
    """The values as a JSON file holds them."""
    if not isinstance(values, (list, tuple)):
        raise ScanError(f"parameter {key!r}: values must be a list, not {type(values).__name__}")
    try:
        plain: list[Any] = json.loads(json.dumps(list(values)))
    except (TypeError, ValueError) as error:
        raise ScanError(
            f"parameter {key!r}: a value cannot stand in a JSON file ({error}); use numbers, texts, lists and the like"
        ) from None
    return plain


def as_labels(key: str, names: Sequence[Any]) -> list[str | int]:
    """What stands for values in names."""
    if not isinstance(names, (list, tuple)) or any(name is None for name in names):
        raise ScanError(f"parameter {key!r}: value_names must be a list of texts")
    return [name if isinstance(name, int) and not isinstance(name, bool) else str(name) for name in names]


def refuse(errors: Iterable[Finding]) -> None:
    """Raise what makes a scan unusable, if anything does."""
    if told := "; ".join(map(str, errors)):
        raise ScanError(told)
