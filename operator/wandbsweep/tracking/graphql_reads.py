"""Many sweeps in one GraphQL request: the text of the request, and the reading of one sweep from its answer.

Each sweep is asked for under its own alias with the fields that the SDK uses: the sweep itself, its runs counted once
for each run state, and the first of its finished runs in the order of the sweep's metric; what became of the others
where some did not simply finish; and the front where the search may be one by Protein.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from wandbsweep.tracking import failure_reads
from wandbsweep.tracking.answer_fields import MalformedAnswerError, a_count, a_text, an_object, an_object_or_none, nodes
from wandbsweep.tracking.config_text import parse_config
from wandbsweep.tracking.front_reads import front_filter, front_selection, may_have_front, parse_front
from wandbsweep.tracking.links import run_url, sweep_url
from wandbsweep.tracking.protocol import BestRun, SweepReading
from wandbsweep.tracking.run_values import json_mapping, metric_value, sampled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.protocol import RunTags

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
    """A sweep to read, and what is known of it already.

    Attributes:
        metric: what it optimizes.
        troubled: whether any run did not simply finish.
        front: whether its search may keep a front.
    """

    path: SweepPath
    metric: Metric | None = None
    troubled: bool = False
    front: bool = False


class Look(NamedTuple):
    """The answer to a question, and the question that it shows to be the right one."""

    reading: SweepReading
    right_question: Question


def metric_of(config: Mapping[str, Any]) -> Metric | None:
    """The metric that a sweep's config names; W&B minimizes unless told otherwise."""
    metric = config.get("metric")
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str) or not metric["name"]:
        return None
    return Metric(metric["name"], str(metric.get("goal") or "minimize"))


def alias(position: int) -> str:
    return f"s{position}"


def batch_request(questions: Sequence[Question], tags: RunTags) -> tuple[str, dict[str, Any]]:
    """Return the text and the variables of one request for all the sweeps asked for."""
    kinds: dict[str, str] = {}
    variables: dict[str, Any] = {}
    selections: list[str] = []
    for position, question in enumerate(questions):
        name = alias(position)
        path = question.path
        counts = _count_filters(question, tags)
        filters = {f"{name}_{count}": text for count, text in counts.items()}
        if question.troubled:
            filters[f"{name}_latest"] = failure_reads.latest_filter(path.sweep_id, tags)
        if question.front:
            filters[f"{name}_front"] = front_filter(path.sweep_id)
        place = {f"{name}_entity": path.entity, f"{name}_project": path.project, f"{name}_sweep": path.sweep_id}
        order = {f"{name}_order": question.metric.order} if question.metric is not None else {}
        kinds |= dict.fromkeys(place, "String!") | dict.fromkeys(filters, "JSONString") | dict.fromkeys(order, "String")
        variables |= place | filters | order
        selections.append(_selection(name, question, list(counts)))
    declarations = ", ".join(f"${variable}: {kind}" for variable, kind in kinds.items())
    return f"query ReadSweeps({declarations}) {{\n" + "\n".join(selections) + "\n}", variables


def _count_filters(question: Question, tags: RunTags) -> dict[str, str]:
    sweep_id = question.path.sweep_id
    counts = {state: failure_reads.run_filter(sweep_id, {"state": state}) for state in RUN_STATES}
    counts |= failure_reads.sign_of_tags(sweep_id, tags)
    return counts | (failure_reads.count_filters(sweep_id, tags) if question.troubled else {})


def _selection(name: str, question: Question, counts: Sequence[str]) -> str:
    lines = [f"{count}: runCount(filters: ${name}_{count})" for count in counts]
    if question.metric is not None:
        best = "edges { node { name displayName config summaryMetrics } }"
        lines.append(f"best: runs(filters: ${name}_finished, order: ${name}_order, first: 1) {{ {best} }}")
    if question.troubled:
        lines.append(failure_reads.latest_selection(f"{name}_latest"))
    if question.front:
        lines.append(front_selection(f"{name}_front"))
    return "\n".join(
        (
            f"{name}: project(name: ${name}_project, entityName: ${name}_entity) {{",
            f"sweep(sweepName: ${name}_sweep) {{ name state config runCountExpected }}",
            *lines,
            "}",
        )
    )


def parse_sweep(question: Question, fields: Mapping[str, Any], tags: RunTags, *, app: str) -> Look | None:
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
    counts = {state: a_count(fields, state) for state in RUN_STATES}
    asked = question.troubled
    reading = SweepReading(
        path=question.path,
        url=sweep_url(app, question.path),
        state=a_text(sweep, "state").upper(),
        config=config,
        expected_runs=expected if isinstance(expected, int) else None,
        runs_by_state=counts,
        best=_best_run(question, fields, config, app),
        tag_counts=failure_reads.parse_tag_counts(fields, tags) if asked else failure_reads.no_tags(tags),
        untagged=failure_reads.parse_untagged(fields, tags, counts) if asked else failure_reads.no_bad_runs(),
        latest_failures=failure_reads.parse_latest(fields, tags, question.path, app) if asked else (),
        front=parse_front(fields, config, question.path, app) if question.front else (),
    )
    troubled = failure_reads.is_troubled(fields, tags, counts)
    right = Question(question.path, metric_of(config), troubled, may_have_front(config))
    return Look(reading, right)


def _best_run(question: Question, fields: Mapping[str, Any], config: Mapping[str, Any], app: str) -> BestRun | None:
    if question.metric is None:
        return None
    runs = nodes(an_object(fields, "best"))
    if not runs:
        return None
    value = metric_value(json_mapping(runs[0].get("summaryMetrics")), question.metric.name)
    if value is None:
        return None
    run_id = a_text(runs[0], "name")
    return BestRun(
        run_id=run_id,
        name=str(runs[0].get("displayName") or run_id),
        url=run_url(app, question.path, run_id),
        value=value,
        parameters=sampled(json_mapping(runs[0].get("config")), config),
    )
