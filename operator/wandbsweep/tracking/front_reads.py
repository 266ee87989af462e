"""The front of a search by Protein: the runs that it keeps its tag on, with what it wrote into their summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.tracking.answer_fields import a_text, an_object, nodes
from wandbsweep.tracking.failure_reads import run_filter
from wandbsweep.tracking.links import run_url
from wandbsweep.tracking.protocol import FrontRun
from wandbsweep.tracking.run_values import json_mapping, metric_value, sampled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.path import SweepPath

FRONT_TAG: Final = "protein:front"
"""On exactly the runs of the front. A search writes it, whoever reads the sweep finds them by it."""

SCORE: Final = "protein.objective"
COST: Final = "protein.cost"
"""Under these names the summary of a run has what the search took for its score and its cost."""

_MOST = 50


def may_have_front(config: Mapping[str, Any]) -> bool:
    """Whether the search of this sweep may be ours: neither W&B's server nor an engine of its scheduler."""
    parameters = config.get("parameters")
    is_scan = isinstance(parameters, dict) and list(parameters) == [SCAN]
    return config.get("method") == "custom" and not config.get("scheduler") and not is_scan


def front_filter(sweep_id: str) -> str:
    """The filter of the runs of the front."""
    return run_filter(sweep_id, {"tags": {"$in": [FRONT_TAG]}})


def front_selection(variable: str) -> str:
    """The text that asks for the runs of the front."""
    runs = f"runs(filters: ${variable}, first: {_MOST})"
    return f"front: {runs} {{ edges {{ node {{ name displayName config summaryMetrics }} }} }}"


def parse_front(
    fields: Mapping[str, Any], config: Mapping[str, Any], path: SweepPath, app: str
) -> tuple[FrontRun, ...]:
    """The runs of the front, the cheapest first.

    Raises:
        MalformedAnswerError: a field is missing or of the wrong kind.
    """
    found = (_front_run(node, config, path, app) for node in nodes(an_object(fields, "front")))
    return tuple(sorted((run for run in found if run), key=lambda run: (run.cost, run.run_id)))


def _front_run(node: Mapping[str, Any], config: Mapping[str, Any], path: SweepPath, app: str) -> FrontRun | None:
    """A run whose summary the search did not get to write yet is left out."""
    summary, run_id = json_mapping(node.get("summaryMetrics")), a_text(node, "name")
    score, cost = metric_value(summary, SCORE), metric_value(summary, COST)
    if score is None or cost is None:
        return None
    return FrontRun(
        run_id=run_id,
        name=str(node.get("displayName") or run_id),
        url=run_url(app, path, run_id),
        score=score,
        cost=cost,
        parameters=sampled(json_mapping(node.get("config")), config),
    )
