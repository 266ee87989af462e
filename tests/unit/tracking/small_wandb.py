"""As much of a W&B server as the tracker needs, in memory, for what a whole server cannot be made to do on demand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from unit.tracking.web_server import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unit.tracking.web_server import Request


@dataclass
class Sweep:
    config: str
    description: str | None = None
    state: str = "PENDING"
    runs: list[dict[str, Any]] = field(default_factory=list)


class SmallWandb:
    """Sweeps by entity, project and ID; one default entity for every key."""

    def __init__(self) -> None:
        self.sweeps: dict[tuple[str, str, str], Sweep] = {}
        self.page_size = 100
        self.features: dict[str, bool] = {}

    def add(self, path: str, config: dict[str, Any], *runs: dict[str, Any], **more: Any) -> Sweep:
        entity, project, sweep_id = path.split("/")
        sweep = Sweep(yaml.safe_dump(config), runs=list(runs), **more)
        self.sweeps[entity, project, sweep_id] = sweep
        return sweep

    def answer(self, request: Request) -> Reply:
        text, variables = request.query, request.variables
        if "query Viewer" in text:
            return Reply.of({"data": {"viewer": {"id": "VXNlcg==", "entity": "lab"}}})
        if "serverInfo" in text:
            listed = [{"name": name, "isEnabled": on} for name, on in self.features.items()]
            return Reply.of({"data": {"serverInfo": {"features": listed}}})
        if "$config" in text and variables.get("id"):
            return self._update(variables)
        if "$config" in text:
            return self._create(variables)
        if "$state" in text:
            self.sweeps[tuple(variables["id"].split("/"))].state = variables["state"]
            return Reply.of({"data": {"upsertSweep": {"sweep": {"name": variables["id"].split("/")[2]}}}})
        if "GetSweepState" in text:
            return self._state(variables)
        if "GetSweepAgents" in text:
            return Reply.of({"data": {"project": {"sweep": {"agents": {"edges": []}}}}})
        if "GetSweeps" in text:
            return self._list(variables)
        return Reply.of({"data": self.read(request)})

    def read(self, request: Request) -> dict[str, Any]:
        names = [name.removesuffix("_sweep") for name in request.variables if name.endswith("_sweep")]
        return {name: self._project(name, request.variables) for name in names}

    def _create(self, variables: dict[str, Any]) -> Reply:
        sweep_id = f"sweep{len(self.sweeps)}"
        entity, project = variables["entityName"], variables["projectName"]
        self.sweeps[entity, project, sweep_id] = Sweep(variables["config"], variables["description"])
        place = {"name": project, "entity": {"name": entity}}
        result = {"sweep": {"name": sweep_id, "project": place}, "configValidationWarnings": []}
        return Reply.of({"data": {"upsertSweep": result}})

    def _update(self, variables: dict[str, Any]) -> Reply:
        sweep = self.sweeps[tuple(variables["id"].split("/"))]
        sweep.config, sweep.description = variables["config"], variables["description"]
        result = {"sweep": {"name": variables["id"].split("/")[2]}, "configValidationWarnings": []}
        return Reply.of({"data": {"upsertSweep": result}})

    def _state(self, variables: dict[str, Any]) -> Reply:
        key = (variables["entity"], variables["project"], variables["sweep"])
        sweep = self.sweeps.get(key)
        found = sweep and {"id": "/".join(key), "state": sweep.state, "config": sweep.config}
        return Reply.of({"data": {"project": {"sweep": found}}})

    def _list(self, variables: dict[str, Any]) -> Reply:
        place = (variables["entity"], variables["project"])
        found = [(key[2], sweep) for key, sweep in self.sweeps.items() if key[:2] == place]
        if not found:
            return Reply.of({"data": {"project": None}})
        start = int(variables["cursor"] or 0)
        end = start + self.page_size
        edges = [
            {"node": {"name": name, "description": sweep.description, "config": sweep.config}}
            for name, sweep in found[start:end]
        ]
        page = {"edges": edges, "pageInfo": {"endCursor": str(end), "hasNextPage": end < len(found)}}
        return Reply.of({"data": {"project": {"sweeps": page}}})

    def _project(self, name: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        entity, project, sweep_id = (variables[f"{name}_{part}"] for part in ("entity", "project", "sweep"))
        if not any(key[:2] == (entity, project) for key in self.sweeps):
            return None
        sweep = self.sweeps.get((entity, project, sweep_id))
        runs = sweep.runs if sweep else []
        answer: dict[str, Any] = {"sweep": sweep and _sweep_fields(sweep_id, sweep)}
        for variable, text in variables.items():
            alias, _, count = variable.partition("_")
            if alias != name or not isinstance(text, str) or not text.startswith("{"):
                continue
            chosen = [run for run in runs if _matches(json.loads(text), run | {"sweep": sweep_id})]
            newest = sorted(chosen, key=lambda run: run["heartbeatAt"], reverse=True)
            listed = {"latest": newest[:5], "front": chosen[:50]}.get(count)
            answer[count] = len(chosen) if listed is None else {"edges": [{"node": run} for run in listed]}
        if order := variables.get(f"{name}_order"):
            answer["best"] = {"edges": [{"node": run} for run in _ordered(runs, order)[:1]]}
        return answer


def run(
    name: str,
    state: str = "finished",
    *,
    summary: str = "{}",
    tags: Sequence[str] = (),
    seen_at: str = "2026-01-31T12:00:00Z",
    **config: Any,
) -> dict[str, Any]:
    wrapped = {key: {"desc": None, "value": value} for key, value in config.items()} | {"_wandb": {"value": {}}}
    return {
        "name": name,
        "displayName": f"{name}-shown",
        "state": state,
        "config": json.dumps(wrapped),
        "summaryMetrics": summary,
        "tags": list(tags),
        "heartbeatAt": seen_at,
    }


def _matches(query: dict[str, Any], run: dict[str, Any]) -> bool:
    """As much of a filter as the tracker may use; anything else is an error of the test."""
    ((field, wanted), *more) = query.items()
    assert not more
    if field == "$and":
        return all(_matches(part, run) for part in wanted)
    if field == "$or":
        return any(_matches(part, run) for part in wanted)
    assert field in {"sweep", "state", "tags"}
    values = run[field] if field == "tags" else [run[field]]
    return bool(set(values).intersection(wanted["$in"] if isinstance(wanted, dict) else [wanted]))


def _sweep_fields(sweep_id: str, sweep: Sweep) -> dict[str, Any]:
    return {"name": sweep_id, "state": sweep.state, "config": sweep.config, "runCountExpected": 4}


def _ordered(runs: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    metric = order[1:].removeprefix("summary_metrics.")
    sign = -1 if order[0] == "-" else 1

    def rank(candidate: dict[str, Any]) -> tuple[bool, float]:
        value = json.loads(candidate["summaryMetrics"]).get(metric)
        known = isinstance(value, int | float)
        return (not known, sign * value if known else 0.0)

    return sorted((candidate for candidate in runs if candidate["state"] == "finished"), key=rank)
