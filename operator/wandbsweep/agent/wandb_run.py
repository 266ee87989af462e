"""What the runtime asks W&B about the run of its trial, and says on behalf of a trainer that cannot.

Only with fields and messages that the SDK itself uses. Nothing here raises, prints, or takes longer than it is told to:
a trial does not depend on W&B being there.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from wandbsweep.agent.causes import NODE_TAG_PREFIX, TAG_PREFIX, Cause, node_tag
from wandbsweep.agent.variables import METRIC
from wandbsweep.agent.wandb_account import Account, find_account
from wandbsweep.agent.wandb_request import post_json, within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUDGET_SECONDS: Final = 10.0
"""What a question may take as long as nothing presses."""

DRAIN_BUDGET_SECONDS: Final = 3.0
"""What it may take while the pod has to go."""

_NOT_ON_WANDB = frozenset({"offline", "dryrun", "disabled"})
_UNPLACED = frozenset({Cause.FINISHED, Cause.PREEMPTED, Cause.STOPPED})
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})

_LOOK = """query Run($project: String!, $entity: String!, $name: String!) {
    project(name: $project, entityName: $entity) {
        run(name: $name) { id state tags summaryMetrics historyLineCount wandbConfig(keys: ["t"])%s }
    }
}"""

_CLOSED = ' files(names: ["wandb-summary.json"]) { edges { node { updatedAt } } }'
"""The SDK uploads this file when its process closes the run, also where the run goes on after that."""

_CHANGE = """mutation UpsertBucket($id: String!%s) {
    upsertBucket(input: {id: $id%s}) { bucket { id } }
}"""
_CHANGE_TYPES = {"tags": "[String!]", "summaryMetrics": "JSONString"}


@dataclass(frozen=True)
class RunLook:
    """The run as W&B has it now.

    Attributes:
        exists: whether W&B knows it at all.
        begun: whether a trainer ever reported to it; a run that was only handed out has not begun.
        state: in W&B's words, lower case; empty if it does not exist.
        history_lines: how often something was logged.
        metric: the last value of the sweep's metric; None unless finite, or if the sweep's metric is not known.
        metric_is_bad: whether the last value is no finite number, or null, which servers make of one.
        tags: of the run.
        closed_at: when a process last closed the run, whatever came after that; empty if none did, or nobody asked.
    """

    exists: bool
    state: str = ""
    history_lines: int = 0
    metric: float | None = None
    metric_is_bad: bool = False
    tags: tuple[str, ...] = ()
    begun: bool = False
    closed_at: str = ""


class RunReporter:
    """One run on W&B."""

    def __init__(self, account: Account, entity: str, project: str, run_id: str, metric: str | None = None) -> None:
        self.run_id = run_id
        self._account = account
        self._entity = entity
        self._project = project
        self._metric = metric

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> RunReporter | None:
        """The run of the trial in this environment; None where it is not known or is not on W&B."""
        entity, project, run_id = (environ.get(f"WANDB_{name}", "") for name in ("ENTITY", "PROJECT", "RUN_ID"))
        account = find_account(environ)
        if account is None or not (entity and project and run_id):
            return None
        if environ.get("WANDB_MODE", "").lower() in _NOT_ON_WANDB:
            return None
        return cls(account, entity, project, run_id, environ.get(METRIC.name) or None)

    @property
    def knows_metric(self) -> bool:
        """Whether the name of the sweep's metric is known."""
        return self._metric is not None

    def look(self, budget: float = BUDGET_SECONDS, *, closing: bool = False) -> RunLook | None:
        """The run as it is, on demand with when it was last closed; None if W&B cannot be asked now."""
        found: RunLook | None = within(budget, lambda until: _read(self._run(until, closing=closing), self._metric))
        return found

    def show_life(self, budget: float = BUDGET_SECONDS) -> bool:
        """As the SDK does while a process has the run open."""
        return self._stream({}, budget)

    def mark_preempting(self, budget: float = DRAIN_BUDGET_SECONDS) -> bool:
        """Has W&B hand the run out again if it does not finish, from whatever it ends of."""
        return self._stream({"preempting": True}, budget)

    def complete(self, exit_code: int, budget: float = BUDGET_SECONDS) -> bool:
        """The last word of a trainer that was killed before it could say it."""
        return self._stream({"complete": True, "exitcode": exit_code}, budget)

    def tag(
        self,
        cause: Cause,
        node: str | None,
        budget: float = BUDGET_SECONDS,
        summary: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ) -> bool:
        """Writes down why the trial ended, in place of what was written after an earlier try.

        Beside that it writes entries of the summary, where there are some for the summary that it finds.
        """
        return within(budget, lambda until: self._tag(cause, node, summary, until)) is True

    def _tag(
        self,
        cause: Cause,
        node: str | None,
        summary: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None,
        until: float,
    ) -> bool:
        run = self._run(until)
        if run is None:
            return False
        changes: dict[str, Any] = {}
        before = list(run["tags"] or ())
        if (tags := tags_after(before, cause, node)) != before:
            changes["tags"] = tags
        if summary:
            found = _summary(run["summaryMetrics"])
            changes["summaryMetrics"] = json.dumps({**found, **summary(found)})
        return not changes or "errors" not in self._graphql(_change(changes), {"id": run["id"], **changes}, until)

    def _run(self, until: float, *, closing: bool = False) -> dict[str, Any] | None:
        variables = {"project": self._project, "entity": self._entity, "name": self.run_id}
        project = self._graphql(_LOOK % (_CLOSED if closing else ""), variables, until)["data"]["project"]
        run: dict[str, Any] | None = project["run"] if project else None
        return run

    def _graphql(self, query: str, variables: Mapping[str, Any], until: float) -> dict[str, Any]:
        answer: dict[str, Any] = post_json(
            self._account, "/graphql", {"query": query, "variables": variables, "operationName": ""}, until
        )
        return answer

    def _stream(self, body: Mapping[str, Any], budget: float) -> bool:
        path = "/".join(quote(part, safe="") for part in (self._entity, self._project, self.run_id))
        return (
            within(budget, lambda until: post_json(self._account, f"/files/{path}/file_stream", body, until))
            is not None
        )


def tags_after(before: list[str], cause: Cause, node: str | None) -> list[str]:
    """The tags of a run after a trial: one cause, the node of a bad end, and whether it was preempted at any time."""
    own = (TAG_PREFIX, NODE_TAG_PREFIX)
    kept = [tag for tag in before if tag == Cause.PREEMPTED.tag or not tag.startswith(own)]
    added = [] if cause is Cause.FINISHED else [cause.tag]
    if node and cause not in _UNPLACED:
        added.append(node_tag(node))
    return kept + [tag for tag in added if tag not in kept]


def _change(changes: Mapping[str, Any]) -> str:
    declared = "".join(f", ${name}: {_CHANGE_TYPES[name]}" for name in changes)
    given = "".join(f", {name}: ${name}" for name in changes)
    return _CHANGE % (declared, given)


def _summary(text: Any) -> dict[str, Any]:
    """To be written again: numbers that JSON does not know stay what they are."""
    value = json.loads(text) if isinstance(text, str) else text
    return value if isinstance(value, dict) else {}


def _closed_at(run: Mapping[str, Any]) -> str:
    edges = (run.get("files") or {}).get("edges") or ()
    return max((str(edge["node"]["updatedAt"] or "") for edge in edges if edge and edge["node"]), default="")


def _read(run: Mapping[str, Any] | None, metric: str | None) -> RunLook:
    if run is None:
        return RunLook(exists=False)
    lines = int(run["historyLineCount"] or 0)
    value, is_bad = _metric(_mapping(run["summaryMetrics"]), metric)
    return RunLook(
        exists=True,
        begun=lines > 0 or bool(_mapping(run["wandbConfig"])),
        state=str(run["state"] or "").lower(),
        history_lines=lines,
        metric=value,
        metric_is_bad=is_bad,
        tags=tuple(run["tags"] or ()),
        closed_at=_closed_at(run),
    )


def _metric(summary: Mapping[str, Any], name: str | None) -> tuple[float | None, bool]:
    """The metric under its own name, or inside mappings along the dots of its name; and whether it is no number."""
    if name is None:
        return None, False
    value: Any = summary
    for step in [name] if name in summary else name.split("."):
        if not isinstance(value, dict) or step not in value:
            return None, False
        value = value[step]
    if value is None or (isinstance(value, str) and value in _NOT_FINITE):
        return None, True
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, False
    return (float(value), False) if math.isfinite(value) else (None, True)


def _mapping(text: Any) -> Mapping[str, Any]:
    """JSON inside the answer; bare NaN and Infinity occur there and are kept as words."""
    value = json.loads(text, parse_constant=str) if isinstance(text, str) else text
    return value if isinstance(value, dict) else {}
