"""docs/metrics.md says what the operator tells Prometheus and its log, no more and no less."""

from __future__ import annotations

import re
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING

from wandbsweep.controller import metrics
from wandbsweep.controller.logs import FIELDS
from wandbsweep.controller.metrics import Metrics
from wandbsweep.tracking.protocol import SweepTracker

if TYPE_CHECKING:
    from prometheus_client import Metric

PAGE = (Path(__file__).parents[3] / "docs/metrics.md").read_text()


def rows(heading):
    """The cells of the table that begins with this heading."""
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def names_in(cell):
    return set(re.findall(r"`([^`]+)`", cell))


def collected() -> list[Metric]:
    return list(Metrics().registry.collect())


def name_of(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def labels_of(name):
    collector = Metrics().registry._names_to_collectors[name]  # nothing public tells the labels of a metric
    return set(collector._labelnames)


def test_the_table_has_each_metric_with_its_kind_labels_and_help():
    told = {
        (name.strip("`"), kind, frozenset(names_in(labels)), text) for name, kind, labels, text in rows("| metric |")
    }

    there = {
        (name_of(metric), metric.type, frozenset(labels_of(name_of(metric))), metric.documentation)
        for metric in collected()
    }
    assert told == there


def test_each_label_is_explained_with_its_values():
    told = {name.strip("`"): names_in(text) for name, text in rows("| label |")}

    assert set(told) == {label for metric in collected() for label in labels_of(name_of(metric))}
    assert told["fate"] >= set(metrics.FATES)
    assert told["state"] >= {*metrics.AGENT_STATES, *metrics.SEARCH_STATES.values()}
    calls = {name for name, member in vars(SweepTracker).items() if iscoroutinefunction(member)} - {"close"}
    assert told["call"] == calls


def test_each_field_of_the_log_is_explained_in_the_words_of_the_code():
    told = {name.strip("`"): text for name, text in rows("| field |")}

    assert {name: told[name] for name in FIELDS} == dict(FIELDS)
    assert set(told) == {"time", "level", "logger", "message", "exc_info", *FIELDS}
