"""Sweeps that are searched beside W&B's server: their definitions, and what there is of their searches."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waiting import until

if TYPE_CHECKING:
    from nodes import Node
    from places import Place

    Object = dict[str, Any]

TRAINER = Path(__file__).parent / "searched_trainer.py"
COMMAND = [sys.executable, str(TRAINER), "${args}"]
SCORE = {"name": "score", "goal": "maximize"}
# No scheduler looks at its pod, as at those of agents.
TEMPLATE: Object = {"spec": {"schedulerName": "nobody", "terminationGracePeriodSeconds": 10}}


def a_search(**search: Any) -> Object:
    """spec.search of a test."""
    return {"template": TEMPLATE, **search}


def by_protein() -> Object:
    return {
        "method": "protein",
        "metric": SCORE,
        "parameters": {
            "lr": {"distribution": "log_normal", "min": 1e-4, "max": 1.0},
            "steps": {"distribution": "int_uniform", "min": 1, "max": 60},
        },
        "protein": {"cost_key": "price", "num_random_samples": 4},
        "command": COMMAND,
    }


def a_scan(*rates: float) -> Object:
    return {"method": "scan", "parameters": {"lr": {"values": list(rates)}}, "command": COMMAND}


def by_optuna() -> Object:
    return {
        "method": "custom",
        "scheduler": {"engine": "optuna"},
        "metric": SCORE,
        "parameters": {"lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0}},
        "command": COMMAND,
    }


def searches(place: Place) -> list[str]:
    """The search Jobs that are not on their way out."""
    return [name for name in place.job_names() if "-search-" in name]


def search_pod(place: Place) -> str | None:
    """The ready pod of the search."""
    for pod in place.pods():
        conditions = pod["status"].get("conditions", [])
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        if "-search-" in pod["metadata"]["name"] and ready and "deletionTimestamp" not in pod["metadata"]:
            return str(pod["metadata"]["name"])
    return None


def another_search(place: Place, *known: str) -> str:
    """The pod of a search that is ready and none of these."""

    def found() -> str | None:
        pod = search_pod(place)
        return None if pod in known else pod

    return str(until(found, "a search is ready", seconds=180))


def kill(node: Node, pod: str) -> None:
    """SIGKILL to the whole container of this pod."""
    process = node.process_of(pod)
    assert process is not None
    process.kill()


def runs(place: Place, *states: str) -> list[Object]:
    """The runs in these states, all of them if none is named; config values are plain."""
    found = place.runs(place.status()["sweepID"]) if place.status().get("sweepID") else []
    return [
        {**run, "config": {name: entry["value"] for name, entry in json.loads(run["config"]).items()}}
        for run in found
        if not states or run["state"] in states
    ]
