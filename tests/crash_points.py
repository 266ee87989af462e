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

BEFORE, AFTER = Fate.NEVER_SENT, Fate.ANSWER_LOST
FATES = (BEFORE, AFTER)

_ATTEMPT = re.compile(r"-(\d+)-\d+$")
_POD = re.compile(r"-(\d+)-\d+-[a-z0-9]{5}$")
_COUNTS = {"agents", "runs", "best", "failures", "gpuHours", "settledPods"}
_FOLLOWS = {"conditions", "phase", "observedGeneration", *_COUNTS}
_SAYS_THE_SAME = 3  # so many writes that say the same are told apart in one life


def is_write(call: Call) -> bool:
    """Of the operator to one of its servers; a dry run and a question change nothing."""
    if call.path == "/graphql":
        return call.json["query"].lstrip().startswith("mutation")
    return call.method in {"POST", "PUT", "PATCH", "DELETE"} and "dryRun" not in call.query


@dataclass
class Namer:
    """Names the writes of one life. What a status write says is what it changes, without numbers and times."""

    _status: dict[str, Any] = field(default_factory=dict)

    def name(self, call: Call) -> str:
        if call.path == "/graphql":
            return _mutation(call)
        parts = call.path.split("/")
        place = parts[parts.index("namespaces") + 2 :]
        resource, name, *sub = [*place, ""][: max(len(place), 2)]
        if sub == ["status"]:
            return f"status: {self._changes(_new_status(call))}"
        if resource == "events":
            return f"event: {call.json['reason']}"
        slot = _slot(name or call.json["metadata"].get("name", "")) if resource != "wandbsweeps" else ""
        fields = ", ".join(sorted(_fields(call.json))) if call.method in {"PATCH", "PUT"} else ""
        return " ".join(part for part in (call.method.lower(), resource, slot, fields) if part)

    def carried_out(self, call: Call) -> None:
        """The server does what this write says."""
        if call.path.endswith("/status"):
            self._status = _new_status(call)

    def _changes(self, new: dict[str, Any]) -> str:
        before, after = _stands(self._status), _stands(new)
        conditions = [f"{kind}={after[kind]}" for kind in after if before.get(kind) != after[kind]]
        names = sorted({*self._status, *new} - _FOLLOWS)
        changed = [*conditions, *(name for name in names if self._status.get(name) != new.get(name))]
        return ", ".join(changed) or "counts"


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
    """The deaths that are still to come, shared by lives that go on side by side."""

    wanted: Counter[tuple[str, Fate]] = field(default_factory=Counter)  # at most so often
    needed: frozenset[tuple[str, Fate]] = frozenset()  # at least once
    done: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    discovers: bool = True  # whether writes that were not seen before are cut, too
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def closed(cls) -> Register:
        """Nobody dies."""
        return cls(discovers=False)

    @classmethod
    def of(cls, writes: Iterable[str]) -> Register:
        """Each of these writes is cut before and after; of those that say the same, the first few."""
        counts = Counter(writes)
        wanted = Counter({(name, fate): min(counts[name], _SAYS_THE_SAME) for name in counts for fate in FATES})
        return cls(wanted, frozenset(wanted))

    @property
    def missing(self) -> list[tuple[str, Fate]]:
        """What no life has died of yet."""
        with self._lock:
            return sorted((key for key in self.needed if not self.done[key]), key=str)

    def take(self, name: str, fate: Fate) -> bool:
        """Whether this is a death to die now. A write that was never seen before is one, both before and after."""
        with self._lock:
            key = (name, fate)
            if self.discovers and not self.wanted[key]:
                self.wanted[key] = 1
            if self.done[key] >= self.wanted[key]:
                return False
            self.done[key] += 1
            return True

    def table(self) -> str:
        """For the reader of a test's output."""
        names = sorted({name for name, _ in self.wanted})
        rows = [f"{self.done[name, BEFORE]:6}  {self.done[name, AFTER]:5}  {name}" for name in names]
        return "\n".join(["before  after  write", *rows])


def as_text(value: Any) -> str:
    """For comparisons that show where two values differ, line by line."""
    return json.dumps(value, indent=1, sort_keys=True)
