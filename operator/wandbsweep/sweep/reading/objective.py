"""What a sweep is after: the metric and its goal, and the rule that stops bad runs early."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from wandbsweep.sweep.problems import Place, Report, did_you_mean, kind_of
from wandbsweep.sweep.protein.settings import PROTEIN
from wandbsweep.sweep.reading.scheduler import CUSTOM
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.stages.settings import STAGES
from wandbsweep.sweep.texts.numbers import checked_number, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_GOALS: Final = ("minimize", "maximize")
_METRIC_KEYS: Final = ("name", "goal", "target", "impute", "impute_while_running")
_IMPUTE: Final = ("latest", "best", "worst")
_HYPERBAND_KEYS: Final = ("type", "min_iter", "max_iter", "s", "eta", "strict")

_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_TO_MAXIMIZE: Final = re.compile(
    r"acc|accurac(y|ies)|auc|balance|fitness|progress|rew|rewards?|returns?|scores?|success(es)?|win|wins|winrate"
)
_TO_MINIMIZE: Final = re.compile(
    r"cost|entropy|err|errors?|fail|failures?|loss|losses|mae|mse|penalty|regret|rmse|std|time|variance"
)
"""One of these in a name turns it: reward_std, success_loss."""


def read_metric(
    config: Mapping[str, Any], method: str, place: Place, report: Report
) -> tuple[str | None, Literal["minimize", "maximize"]]:
    """Name and goal of the metric; as with W&B the goal is to minimize where none is given."""
    if "metrics" in config:
        return _read_metrics(config, method, place, report)
    place = place / "metric"
    if "metric" not in config:
        needing = "early_terminate" if "early_terminate" in config else None
        if method in ("bayes", PROTEIN, CUSTOM, STAGES):
            needing = f"method {method}"
        if needing:
            remedy = "write {name: <what the program logs>, goal: maximize}"
            report.add(Rule.MISSING_KEY, place, f"is missing, and {needing} needs one", remedy)
        return None, "minimize"
    return _read_one(config["metric"], place, report)


def _read_metrics(
    config: Mapping[str, Any], method: str, place: Place, report: Report
) -> tuple[str | None, Literal["minimize", "maximize"]]:
    """Of several metrics the first one, by which the best run is told."""
    metrics, place = config["metrics"], place / "metrics"
    if "metric" in config:
        report.add(Rule.SAME_SETTING, place, "cannot stand beside metric", "remove one of them")
    elif method != CUSTOM:
        remedy = "write method: custom and scheduler: {engine: optuna}, or name one under metric"
        report.add(Rule.INVALID_VALUE, place, "are for a search that knows several, by Optuna or Ax", remedy)
    if not isinstance(metrics, list):
        report.add(Rule.WRONG_KIND, place, f"must be a list, not {kind_of(metrics)}", "name one under metric")
        return None, "minimize"
    if len(metrics) < 2:  # noqa: PLR2004 - several
        report.add(Rule.EMPTY, place, "must have two metrics or more", "name one under metric")
    read = [_read_one(metric, place / index, report) for index, metric in enumerate(metrics)]
    return read[0] if read else (None, "minimize")


def _read_one(metric: Any, place: Place, report: Report) -> tuple[str | None, Literal["minimize", "maximize"]]:
    if not isinstance(metric, dict):
        example = f"{{name: {metric}, goal: maximize}}" if isinstance(metric, str) else "{name: ..., goal: maximize}"
        report.add(Rule.WRONG_KIND, place, f"must be a mapping, not {kind_of(metric)}", f"write {example}")
        return None, "minimize"
    _check_keys(metric, _METRIC_KEYS, place, report)
    _check_metric_options(metric, place, report)
    name = metric.get("name")
    if not isinstance(name, str) or not name:
        remedy = "give the name under which the program logs the metric"
        report.add(Rule.MISSING_KEY, place / "name", "is missing", remedy)
        name = None
    goal = metric.get("goal", "minimize")
    if goal not in _GOALS:
        message = f"must be minimize or maximize, not {goal!r}"
        report.add(Rule.INVALID_VALUE, place / "goal", message, did_you_mean(goal, _GOALS))
    if "goal" not in metric and name and (word := _word_to_maximize(name)):
        message = f"is missing, and W&B minimizes then: {word!r} sounds like something to maximize"
        report.add(Rule.GOAL_MISSING, place / "goal", message, "write goal: maximize, or goal: minimize if it is meant")
    return name, "maximize" if goal == "maximize" else "minimize"


def _word_to_maximize(name: str) -> str | None:
    words = [word.lower() for word in _WORDS.findall(name)]
    if any(map(_TO_MINIMIZE.fullmatch, words)):
        return None
    return next(filter(_TO_MAXIMIZE.fullmatch, words), None)


def _check_keys(section: Mapping[str, Any], known: tuple[str, ...], place: Place, report: Report) -> None:
    for key in (key for key in section if key not in known):
        report.add(Rule.UNKNOWN_KEY, place / key, "W&B knows no such key", did_you_mean(key, known, "remove it"))


def _check_metric_options(metric: Mapping[str, Any], place: Place, report: Report) -> None:
    if "target" in metric:
        checked_number(metric["target"], place / "target", report)
    for key, allowed in (("impute", _IMPUTE), ("impute_while_running", (*_IMPUTE, "false"))):
        if key in metric and metric[key] not in allowed:
            choice = ", ".join(repr(word) for word in allowed)
            report.add(Rule.INVALID_VALUE, place / key, f"must be one of {choice}, not {metric[key]!r}")


def check_early_terminate(config: Mapping[str, Any], place: Place, report: Report) -> None:
    """Hyperband, the one rule W&B has: where it starts to compare runs, and how strictly."""
    if "early_terminate" not in config:
        return
    place = place / "early_terminate"
    rule = config["early_terminate"]
    if not isinstance(rule, dict):
        message = f"must be a mapping, not {kind_of(rule)}"
        report.add(Rule.WRONG_KIND, place, message, "write {type: hyperband, min_iter: 3}")
        return
    if rule.get("type") != "hyperband":
        message = f"must be hyperband, the only rule W&B has, not {rule.get('type')!r}"
        report.add(Rule.INVALID_VALUE, place / "type", message)
    _check_keys(rule, _HYPERBAND_KEYS, place, report)
    if "min_iter" not in rule and not {"max_iter", "s"} <= rule.keys():
        report.add(Rule.MISSING_KEY, place, "says not where to start", "give min_iter, or max_iter together with s")
    _check_whole(rule, "min_iter", place, report, least=1)
    _check_whole(rule, "max_iter", place, report, least=None)
    if "s" in rule:
        checked_number(rule["s"], place / "s", report)
    if "eta" in rule:
        eta = checked_number(rule["eta"], place / "eta", report)
        if eta is not None and eta <= 1:
            report.add(Rule.INVALID_VALUE, place / "eta", f"must be greater than 1, not {rule['eta']}")
    if not isinstance(rule.get("strict", True), bool):
        report.add(Rule.WRONG_KIND, place / "strict", f"must be true or false, not {kind_of(rule['strict'])}")


def _check_whole(rule: Mapping[str, Any], key: str, place: Place, report: Report, *, least: int | None) -> None:
    if key not in rule:
        return
    value = rule[key]
    if not is_number(value) or value % 1 != 0:
        report.add(Rule.NOT_A_NUMBER, place / key, f"must be a whole number, not {value!r}")
    elif least is not None and value < least:
        report.add(Rule.INVALID_VALUE, place / key, f"must be at least {least}, not {value}")
