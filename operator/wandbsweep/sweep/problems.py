"""What is wrong with a sweep definition, in the user's terms: the field as it stands in the file, and the remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, and what is wrong together with what to do."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class InvalidSweepError(ValueError):
    """A sweep definition cannot be used. It holds all problems that were found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Place:
    """A spot in the user's file, spelt as a path: `spec.sweep.parameters[agent.gamma].min`."""

    path: str
    joint: str = "."

    def __truediv__(self, key: object) -> Place:
        """The spot of a key or of a list item under this one; names with dots go into brackets, as in Kubernetes."""
        if isinstance(key, int) or not _PLAIN_KEY.fullmatch(str(key)):
            if self.joint == ".":
                return Place(f"{self.path}[{key}]")
            return Place(f"{self.path}{self.joint}[{key}]")
        return Place(f"{self.path}{self.joint}{key}")


@dataclass
class Report:
    """Collects what a check finds, so that a user learns of all mistakes at once."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def problem(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place.path, message))

    def warn(self, place: Place, message: str) -> None:
        self.warnings.append(f"{place.path}: {message}")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` where a known word is near, else nothing."""
    by_lower_case = {name.lower(): name for name in known}
    near = get_close_matches(str(word).lower(), by_lower_case, n=1, cutoff=0.6)
    return f", did you mean {by_lower_case[near[0]]!r}?" if near else ""


def kind_of(value: object) -> str:
    """What a value is in the words of YAML, for messages: `a list`, `text`, `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    names = ((int, "a number"), (float, "a number"), (str, "text"), (list, "a list"), (dict, "a mapping"))
    return next((name for kind, name in names if isinstance(value, kind)), f"a {type(value).__name__}")
