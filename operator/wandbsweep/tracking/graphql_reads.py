"""Many sweeps in one GraphQL request: the text of the request, and the reading of one sweep from its answer.

Each sweep is asked for under its own alias with the fields that the SDK uses: the sweep itself, its runs counted once
for each run state, and the first of its finished runs in the order of the sweep's metric.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wandbsweep.tracking.answer_fields import MalformedAnswerError, a_count, a_text, an_object, an_object_or_none, nodes
from wandbsweep.tracking.config_text import parse_config
from wandbsweep.tracking.links import run_url, sweep_url
from wandbsweep.tracking.protocol import BestRun, SweepReading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.sweep.path import SweepPath

RUN_STATES = ("pending", "running", "finished", "failed", "crashed", "killed", "preempting", "preempted")

_LONGEST_CONFIG = 2**20


@dataclass(frozen=True)
class Metric:
    """What a sweep optimizes."""

    name: str
    goal: str

    @property
    def order(self) -> str:
        """The order of runs, best first, in W&B's spelling."""
        return f"{'-' if self.goal == 'maximize' else '+'}summary_metrics.{self.name}"


@dataclass(frozen=True)
class Question:
    """A sweep to read, and the metric by which to look for its best run where that is known already."""

    path: SweepPath
    metric: Metric | None


def metric_of(config: Mapping[str, Any]) -> Metric | None:
    """The metric that a sweep's config names; W&B minimizes unless told otherwise."""
    metric = config.get("metric")
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str) or not metric["name"]:
        return None
    return Metric(metric["name"], str(metric.get("goal") or "minimize"))


def alias(position: int) -> str:
    return f"s{position}"


def batch_request(questions: Sequence[Question]) -> tuple[str, dict[str, Any]]:
    """Return the text and the variables of one request for all the sweeps asked for."""
    declarations: list[str] = []
    selections: list[str] = []
    variables: dict[str, Any] = {}
    for position, question in enumerate(questions):
        name = alias(position)
        kinds, values = _variables(name, question)
        declarations += [f"${variable}: {kind}" for variable, kind in kinds.items()]
        selections.append(_selection(name, with_best=question.metric is not None))
        variables |= values
    text = f"query ReadSweeps({', '.join(declarations)}) {{\n" + "\n".join(selections) + "\n}"
    return text, variables


def _variables(name: str, question: Question) -> tuple[dict[str, str], dict[str, Any]]:
    path = question.path
    kinds = {f"{name}_entity": "String!", f"{name}_project": "String!", f"{name}_sweep": "String!"}
    values: dict[str, Any] = dict(zip(kinds, (path.entity, path.project, path.sweep_id), strict=True))
    for state in RUN_STATES:
        kinds[f"{name}_{state}"] = "JSONString"
        values[f"{name}_{state}"] = json.dumps({"$and": [{"sweep": path.sweep_id}, {"state": state}]})
    if question.metric is not None:
        kinds[f"{name}_order"] = "String"
        values[f"{name}_order"] = question.metric.order
    return kinds, values


def _selection(name: str, *, with_best: bool) -> str:
    counts = "\n".join(f"        {state}: runCount(filters: ${name}_{state})" for state in RUN_STATES)
    best = f"""
        best: runs(filters: ${name}_finished, order: ${name}_order, first: 1) {{
            edges {{ node {{ name displayName config summaryMetrics }} }}
        }}"""
    return f"""    {name}: project(name: ${name}_project, entityName: ${name}_entity) {{
        sweep(sweepName: ${name}_sweep) {{ name state config runCountExpected }}
{counts}{best if with_best else ""}
    }}"""


def parse_sweep(question: Question, fields: Mapping[str, Any], *, app: str) -> SweepReading | None:
    """Read one sweep from the project that was asked for it; None when the project has no such sweep.

    Raises:
        MalformedAnswerError: a field is missing or of the wrong kind.
    """
    sweep = an_object_or_none(fields, "sweep")
    if sweep is None:
        return None
    text = a_text(sweep, "config")
    if len(text) > _LONGEST_CONFIG:
        raise MalformedAnswerError(f"config is longer than {_LONGEST_CONFIG // 1024} KiB")
    config = parse_config(text)
    expected = sweep.get("runCountExpected")
    return SweepReading(
        path=question.path,
        url=sweep_url(app, question.path),
        state=a_text(sweep, "state").upper(),
        config=config,
        expected_runs=expected if isinstance(expected, int) else None,
        runs_by_state={state: a_count(fields, state) for state in RUN_STATES},
        best=_best_run(question, fields, config, app),
    )


def _best_run(question: Question, fields: Mapping[str, Any], config: Mapping[str, Any], app: str) -> BestRun | None:
    if question.metric is None:
        return None
    runs = nodes(an_object(fields, "best"))
    if not runs:
        return None
    value = _metric_value(_json_mapping(runs[0].get("summaryMetrics")), question.metric.name)
    if value is None:
        return None
    run_id = a_text(runs[0], "name")
    return BestRun(
        run_id=run_id,
        name=str(runs[0].get("displayName") or run_id),
        url=run_url(app, question.path, run_id),
        value=value,
        parameters=_sampled(_json_mapping(runs[0].get("config")), config),
    )


def _metric_value(summary: Mapping[str, Any], name: str) -> float | None:
    """The metric as logged under its own name, or inside mappings along the dots of its name; None unless finite."""
    value: Any = summary.get(name)
    if name not in summary:
        value = summary
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _sampled(run_config: Mapping[str, Any], sweep_config: Mapping[str, Any]) -> dict[str, Any]:
    """What the sweep chose for a run, without the rest of the trainer's config."""
    parameters = sweep_config.get("parameters")
    names = parameters if isinstance(parameters, dict) else {}
    return {name: _plain(run_config[name]) for name in names if name in run_config}


def _plain(entry: Any) -> Any:
    """A value as it stands in a run's config, where each is wrapped together with its description."""
    return entry["value"] if isinstance(entry, dict) and "value" in entry else entry


def _json_mapping(value: object) -> Mapping[str, Any]:
    """A JSON text inside the answer; bare NaN and Infinity occur there and are kept as words."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_constant=str)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}
