"""Where an operator may die: each write that it makes, named by what it says, and the register of deaths to come.

Nothing here knows which writes there are. They are read from the wire, so that a write of tomorrow is cut as well.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from proxies import Fate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxies import Call

Facts = tuple[str, ...]
BEFORE, AFTER = Fate.NEVER_SENT, Fate.ANSWER_LOST
FATES = (BEFORE, AFTER)

_ATTEMPT = re.compile(r"-(\d+)-\d+$")
_POD = re.compile(r"-(\d+)-\d+-[a-z0-9]{5}$")
_COUNTS = {"agents", "runs", "best", "failures", "gpuHours", "settledPods", "sweepState"}
_FOLLOWS = {"conditions", "phase", "observedGeneration", *_COUNTS}
_SAYS_THE_SAME = 3  # so many writes that say the same are told apart in one life


def is_write(call: Call) -> bool:
    """Of the operator to one of its servers; a dry run and a question change nothing."""
    if call.path == "/graphql":
        return call.json["query"].lstrip().startswith("mutation")
    return call.method in {"POST", "PUT", "PATCH", "DELETE"} and "dryRun" not in call.query


@dataclass
class Reader:
    """Reads the writes of one life as facts: what is true once the server has carried the write out.

    A status write says each condition that it changes and each field that it sets, without numbers and times.
    """

    _status: dict[str, Any] = field(default_factory=dict)

    def facts(self, call: Call) -> Facts:
        """At least one."""
        if call.path == "/graphql":
            return (_mutation(call),)
        parts = call.path.split("/")
        place = parts[parts.index("namespaces") + 2 :]
        resource, name, *sub = [*place, ""][: max(len(place), 2)]
        if sub == ["status"]:
            return tuple(f"status: {change}" for change in self._changes(_new_status(call)))
        if resource == "events":
            return (f"event: {call.json['reason']}",)
        slot = _slot(name or call.json["metadata"].get("name", "")) if resource != "wandbsweeps" else ""
        fields = ", ".join(sorted(_fields(call.json))) if call.method in {"PATCH", "PUT"} else ""
        return (" ".join(part for part in (call.method.lower(), resource, slot, fields) if part),)

    def carried_out(self, call: Call) -> None:
        """The server does what this write says."""
        if call.path.endswith("/status"):
            self._status = _new_status(call)

    def _changes(self, new: dict[str, Any]) -> list[str]:
        before, after = _stands(self._status), _stands(new)
        conditions = [f"{kind}={after[kind]}" for kind in after if before.get(kind) != after[kind]]
        names = sorted({*self._status, *new} - _FOLLOWS)
        return [*conditions, *(name for name in names if self._status.get(name) != new.get(name))] or ["counts"]


def _mutation(call: Call) -> str:
    variables = call.json["variables"]
    operation = re.search(r"mutation (\w+)", call.json["query"])
    state = f" to {variables['state']}" if "state" in variables else ""
    which = "" if state else " " + ", ".join(sorted(name for name in variables if name in {"id", "config", "tags"}))
    return f"{operation[1] if operation else 'mutation'}{state}{which}"


def _new_status(call: Call) -> dict[str, Any]:
    patch = call.json
    if isinstance(patch, list):
        return dict(next(step["value"] for step in patch if step["path"] == "/status"))
    return dict(patch["status"])


def _stands(status: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: f"{each['status']}/{each['reason']}" for each in status.get("conditions", [])}


def _slot(name: str) -> str:
    found = _POD.search(name) or _ATTEMPT.search(name)
    return f"of slot {found[1]}" if found else ""


def _fields(body: Any, above: str = "") -> Iterable[str]:
    """The fields that a merge patch names, but for the version that it is held against."""
    if not isinstance(body, dict) or not body:
        yield above
        return
    for name, value in body.items():
        if name != "resourceVersion":
            yield from _fields(value, f"{above}.{name}" if above else name)


@dataclass
class Register:
    """The deaths that are still to come, some for each fact and fate; shared by lives that go on side by side."""

    wanted: Counter[str] = field(default_factory=Counter)
    discovers: bool = True  # whether facts that the undisturbed life did not have are died for, too
    deaths: int = 0
    _of_undisturbed: frozenset[str] = frozenset()
    _seen: set[str] = field(default_factory=set)
    _died_for: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def closed(cls) -> Register:
        """Nobody dies."""
        return cls(discovers=False)

    @classmethod
    def of(cls, writes: Iterable[Facts]) -> Register:
        """Each of these writes is cut before and after; of those that say the same, the first few."""
        counts = Counter(fact for facts in writes for fact in facts)
        wanted = Counter({fact: min(times, _SAYS_THE_SAME) for fact, times in counts.items()})
        return cls(wanted, _of_undisturbed=frozenset(wanted))

    @property
    def missing(self) -> list[str]:
        """Facts of the undisturbed life that came again, if any life came yet, and that nobody has died for."""
        with self._lock:
            return sorted(
                f"{fact}, {fate.name}"
                for fact in self._of_undisturbed & (self._seen or self._of_undisturbed)
                for fate in FATES
                if not self._died_for[fact, fate]
            )

    def see(self, facts: Facts) -> None:
        """A write comes by, whether anybody may die of it or not."""
        with self._lock:
            self._seen.update(facts)
            for fact in facts if self.discovers else ():
                self.wanted[fact] = self.wanted[fact] or 1

    def take(self, facts: Facts, fate: Fate, *, again: bool) -> bool:
        """Whether this is a death to die now; `again`: also one that was died before, as often as it is wanted."""
        with self._lock:
            most = [self.wanted[fact] if again else min(self.wanted[fact], 1) for fact in facts]
            if all(self._died_for[fact, fate] >= times for fact, times in zip(facts, most, strict=True)):
                return False
            self._died_for.update((fact, fate) for fact in facts)
            self.deaths += 1
            return True

    def table(self) -> str:
        """For the reader of a test's output."""
        count = self._died_for
        rows = [f"{count[fact, BEFORE]:6}  {count[fact, AFTER]:5}  {fact}" for fact in sorted(self.wanted)]
        return "\n".join(["before  after  write", *rows])


def as_text(value: Any) -> str:
    """For comparisons that show where two values differ, line by line."""
    return json.dumps(value, indent=1, sort_keys=True)
