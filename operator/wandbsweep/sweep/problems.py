"""What a check finds in a sweep definition, in the user's terms: the rule, the place in the file, and the remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple

from wandbsweep.sweep.rules import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST_SUMMARY: Final = 1000
"""Characters: an Event takes 1024."""


class Position(NamedTuple):
    """A spot in a text, as editors count: from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Place:
    """A spot in the user's file, spelt as a path: `spec.sweep.parameters[agent.gamma].min`.

    `keys` is the same path as YAML has it, from the top of the document, by which line and column are found.
    """

    path: str
    joint: str = "."
    keys: tuple[str | int, ...] = ()

    def __truediv__(self, key: str | int) -> Place:
        """The spot of a key or of a list item under this one; names with dots go into brackets, as in Kubernetes."""
        keys = (*self.keys, key)
        if isinstance(key, int) or not _PLAIN_KEY.fullmatch(key):
            between = "" if self.joint == "." or not self.path else self.joint
            return Place(f"{self.path}{between}[{key}]", keys=keys)
        return Place(f"{self.path}{self.path and self.joint}{key}", keys=keys)


@dataclass(frozen=True)
class Finding:
    """One mistake or oddity: which rule it breaks, where, what is wrong, and what to do about it."""

    rule: Rule
    place: Place
    message: str
    remedy: str = ""
    position: Position | None = None
    """Line and column, where the file is at hand."""

    @property
    def severity(self) -> Severity:
        return self.rule.severity

    @property
    def field(self) -> str:
        return self.place.path

    def __str__(self) -> str:
        return f"{self.field}{self.field and ': '}{self.text}"

    @property
    def text(self) -> str:
        """What is wrong and what to do about it, without the place."""
        return f"{self.message}{self.remedy and f'; {self.remedy}'}"

    def under(self, prefix: str, keys: tuple[str | int, ...] = ()) -> Finding:
        """The same finding as seen from further out: its field behind a prefix, its keys below others."""
        place = Place(prefix + self.place.path, self.place.joint, (*keys, *self.place.keys))
        return replace(self, place=place)


class InvalidSweepError(ValueError):
    """A sweep definition cannot be used. It holds all that was found; its text tells the errors."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(map(str, self.errors)))

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def summary(findings: Iterable[Finding], longest: int = _LONGEST_SUMMARY) -> str:
    """The findings in one message, each with its rule; those that are too many for it are counted."""
    told = [f"{finding} [{finding.rule}]" for finding in findings]
    kept: list[str] = []
    for index, text in enumerate(told):
        rest = len(told) - index - 1
        more = [f"and {rest} more"] if rest else []
        if kept and len("; ".join([*kept, text, *more])) > longest:
            kept.append(f"and {rest + 1} more")
            break
        kept.append(text)
    message = "; ".join(kept)
    return message if len(message) <= longest else message[: longest - 1] + "…"


@dataclass
class Report:
    """Collects what a check finds, so that a user learns of all mistakes at once."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, rule: Rule, place: Place, message: str, remedy: str = "") -> None:
        """Note a finding: `message` says what is wrong there, `remedy` what to do, both without a full stop."""
        self.findings.append(Finding(rule, place, message, remedy))

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)


def did_you_mean(word: object, known: Iterable[str], otherwise: str = "") -> str:
    """The remedy `did you mean 'x'?` where a known word is near, else another one."""
    if "|" in str(word):  # a choice, copied as it stands in documentation
        return otherwise
    by_lower_case = {name.lower(): name for name in known}
    near = get_close_matches(str(word).lower(), by_lower_case, n=1, cutoff=0.6)
    return f"did you mean {by_lower_case[near[0]]!r}?" if near else otherwise


def kind_of(value: object) -> str:
    """What a value is in the words of YAML, for messages: `a list`, `text`, `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    names = ((int, "a number"), (float, "a number"), (str, "text"), (list, "a list"), (dict, "a mapping"))
    return next((name for kind, name in names if isinstance(value, kind)), f"a {type(value).__name__}")
