"""The key `scheduler`: a search by Optuna or Ax, or by W&B's own engine, that runs beside W&B's server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.problems import did_you_mean, kind_of
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report

SCHEDULER: Final = "scheduler"
CUSTOM: Final = "custom"
"""The method of a sweep that W&B's server does not search."""

_WANDB: Final = "wandb"
_METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "optuna": (CUSTOM,),
    "ax": (CUSTOM,),
    _WANDB: ("grid", "random", "bayes"),
}
_FUNCTIONS: Final = ("optimizer", "search_space")
_KEYS: Final = ("engine", "source", *_FUNCTIONS)
_CONVERTED: Final = frozenset(
    {
        "constant", "categorical", "int_uniform", "uniform", "log_uniform_values", "q_uniform",
        "q_log_uniform_values",
    }
)  # fmt: skip
"""What Optuna and Ax have too."""


@dataclass(frozen=True)
class Scheduler:
    """Who searches, and by which functions of the user's."""

    engine: str
    source: str | None = None
    """A Python file, where the search runs."""
    optimizer: str | None = None
    """The function in it that makes the study."""
    search_space: str | None = None
    """The function in it that draws a trial's values."""


def read_scheduler(config: Mapping[str, Any], place: Place, report: Report) -> Scheduler | None:
    """The scheduler of a definition, None if it names none; what is wrong goes into the report."""
    if SCHEDULER not in config:
        return None
    section, spot = config[SCHEDULER], place / SCHEDULER
    if not isinstance(section, dict):
        report.add(Rule.WRONG_KIND, spot, f"must be a mapping, not {kind_of(section)}", "write {engine: optuna}")
        return None
    for key in (key for key in section if key not in _KEYS):
        report.add(Rule.UNKNOWN_KEY, spot / key, "W&B knows no such key", did_you_mean(key, _KEYS, "remove it"))
    texts = {key: _text(section[key], spot / key, report) for key in _KEYS if key in section}
    for key in (key for key in _FUNCTIONS if key in texts and "source" not in texts):
        message = f"is missing, and {key} names a function in it"
        report.add(
            Rule.MISSING_KEY, spot / "source", message, "give the path of that Python file where the search runs"
        )
    if "early_terminate" in config:
        remedy = "remove it; Optuna stops trials by the pruner of a study that scheduler.optimizer makes"
        report.add(Rule.UNSUPPORTED, place / "early_terminate", "cannot stand beside scheduler", remedy)
    engine = _engine(texts.get("engine"), spot / "engine", report, given="engine" in section)
    if engine is None:
        return None
    _check_method(config.get("method"), engine, place / "method", report)
    return Scheduler(engine, texts.get("source"), texts.get("optimizer"), texts.get("search_space"))


def draws_itself(config: Mapping[str, Any]) -> bool:
    """Whether a function of the user's draws the values, so that the definition needs no parameters."""
    section = config.get(SCHEDULER)
    return isinstance(section, dict) and bool(section.get("search_space"))


def check_distributions(parameters: Iterable[Parameter], scheduler: Scheduler, report: Report) -> None:
    """Whether Optuna and Ax, where they draw by the parameters of the definition, have each distribution."""
    if scheduler.engine == _WANDB or scheduler.search_space:
        return
    for parameter in parameters:
        if len(parameter.path) > 1:
            message = f"{scheduler.engine} takes no nested parameters"
            report.add(Rule.INVALID_VALUE, parameter.place, message, f"write {'.'.join(parameter.path)}")
        elif parameter.distribution not in _CONVERTED:
            message = f"{scheduler.engine} has no distribution {parameter.distribution}"
            remedy = "use uniform or log_uniform_values, or draw it in scheduler.search_space"
            report.add(Rule.INVALID_VALUE, parameter.place, message, remedy)


def _engine(name: str | None, place: Place, report: Report, *, given: bool) -> str | None:
    choice = f"use one of {', '.join(_METHODS)}"
    if name in _METHODS:
        return name
    if not given:
        report.add(Rule.MISSING_KEY, place, "is missing", choice)
    elif name is not None:
        message = f"W&B's scheduler has no engine {name!r}"
        report.add(Rule.INVALID_VALUE, place, message, did_you_mean(name, _METHODS, choice))
    return None


def _check_method(method: Any, engine: str, place: Place, report: Report) -> None:
    fitting = _METHODS[engine]
    if method is not None and method not in fitting:
        choice = " or ".join([", ".join(fitting[:-1]), fitting[-1]] if len(fitting) > 1 else fitting)
        message = f"scheduler.engine {engine} does not search by method {method}"
        report.add(Rule.INVALID_VALUE, place, message, f"write method: {choice}")


def _text(value: Any, place: Place, report: Report) -> str | None:
    if isinstance(value, str) and value:
        return value
    kind = "nothing" if value == "" else kind_of(value)
    report.add(Rule.WRONG_KIND, place, f"must be text, not {kind}", "remove the key if there is none")
    return None
