"""Reads `stages`: which searches a sweep goes through, one after another, and how far each narrows the ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.problems import did_you_mean, kind_of
from wandbsweep.sweep.protein.settings import PROTEIN, ProteinSettings, read_protein
from wandbsweep.sweep.reading.parameters import read_parameters
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.stages.axes import BOUNDED, with_values
from wandbsweep.sweep.stages.cells import Cells
from wandbsweep.sweep.texts.numbers import checked_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report

STAGES: Final = "stages"
"""The method's name, and that of the key under which the stages stand."""

STAGE_METHODS: Final = ("grid", "random", "bayes", PROTEIN)
_KEYS: Final = ("method", "run_cap", "parameters", "points", "best", "width", PROTEIN)
_EXAMPLE: Final = "write a list such as [{method: grid, points: 5}, {method: bayes, run_cap: 50}]"
_BEST: Final = 5
_BEST_SHARE: Final = 10


@dataclass(frozen=True)
class Stage:
    """One of the searches."""

    method: str
    run_cap: int | None
    """How many runs it has, those that failed apart; none, for a grid only: one for each cell."""
    parameters: tuple[Parameter, ...]
    """The whole ranges, as far as they are not narrowed around earlier runs."""
    replaced: frozenset[tuple[str, ...]]
    """Paths of the parameters that this stage gives anew: they are searched as written."""
    points: int = 5
    best: int | None = None
    width: float = 2.0
    protein: ProteinSettings | None = None
    """How Protein searches, where the method is protein."""

    def best_of(self, count: int) -> int:
        """Around how many of so many earlier runs the ranges narrow."""
        return self.best or max(_BEST, count // _BEST_SHARE)

    @property
    def own(self) -> tuple[Parameter, ...]:
        """The parameters that it gives anew."""
        return tuple(parameter for parameter in self.parameters if parameter.path in self.replaced)

    @property
    def cells(self) -> Cells | None:
        """Those of a grid over the whole ranges."""
        return Cells.of(self.parameters, self.points, self.run_cap) if self.method == "grid" else None

    @property
    def most_runs(self) -> int:
        """How many runs it has at most, whichever way its ranges narrow."""
        return self.cells.tried if self.cells else self.run_cap or 0


def read_stages(
    config: Mapping[str, Any], parameters: tuple[Parameter, ...], place: Place, report: Report
) -> tuple[Stage, ...]:
    """The stages of a definition, none of another method; what is wrong with them goes into the report."""
    section, place = config.get(STAGES), place / STAGES
    if config.get("method") != STAGES:
        if STAGES in config:
            message = f"is read by method stages only, and this is method {config.get('method')}"
            report.add(Rule.UNKNOWN_KEY, place, message, "write method: stages, or remove it")
        return ()
    _check_bounds(parameters, report)
    if not isinstance(section, list) or not section:
        if section is None:
            report.add(Rule.MISSING_KEY, place, "is missing, and method stages needs it", _EXAMPLE)
        elif section == []:
            report.add(Rule.EMPTY, place, "is empty", _EXAMPLE)
        else:
            report.add(Rule.WRONG_KIND, place, f"must be a list, not {kind_of(section)}", _EXAMPLE)
        return ()
    whole = tuple(map(with_values, parameters)) if not report.errors else ()
    return tuple(_read_stage(body, index, whole, place / index, report) for index, body in enumerate(section))


def _check_bounds(parameters: Iterable[Parameter], report: Report) -> None:
    for parameter in parameters:
        if parameter.values is None and parameter.distribution not in BOUNDED:
            message = f"{parameter.distribution} has no bounds that method stages could narrow"
            remedy = "give min and max, with distribution: uniform or log_uniform_values"
            report.add(Rule.INVALID_VALUE, parameter.place / "distribution", message, remedy)


def _read_stage(body: Any, index: int, whole: tuple[Parameter, ...], place: Place, report: Report) -> Stage:
    if not isinstance(body, dict):
        remedy = "write {method: bayes, run_cap: 50}"
        report.add(Rule.WRONG_KIND, place, f"must be a mapping, not {kind_of(body)}", remedy)
        return Stage("", None, whole, frozenset())
    for key in (key for key in body if key not in _KEYS):
        remedy = did_you_mean(key, _KEYS, f"a stage takes {', '.join(_KEYS)}")
        report.add(Rule.UNKNOWN_KEY, place / key, "a stage has no such key", remedy)
    method = _method(body, place, report)
    _check_company(body, method, index, place, report)
    own = _own_parameters(body, whole, place / "parameters", report)
    return Stage(
        method=method,
        run_cap=_run_cap(body, method, place, report),
        parameters=tuple(own.get(parameter.path, parameter) for parameter in whole),
        replaced=frozenset(own),
        points=_count(body, "points", place, report, least=2, absent=Stage.points),
        best=_count(body, "best", place, report, least=1) or None,
        width=_width(body, place / "width", report),
        protein=_protein(body, whole, place, report) if method == PROTEIN else None,
    )


def _method(body: Mapping[str, Any], place: Place, report: Report) -> str:
    method, choice = body.get("method"), f"use {', '.join(STAGE_METHODS[:-1])} or {STAGE_METHODS[-1]}"
    if method in STAGE_METHODS:
        return str(method)
    if method is None:
        report.add(Rule.MISSING_KEY, place / "method", "is missing", choice)
    else:
        message = f"{method!r} is no search method of a stage"
        report.add(Rule.INVALID_VALUE, place / "method", message, did_you_mean(method, STAGE_METHODS, choice))
    return ""


def _check_company(body: Mapping[str, Any], method: str, index: int, place: Place, report: Report) -> None:
    """Keys that have no effect in this stage."""
    if "points" in body and method in ("random", "bayes", PROTEIN):
        message = f"says how many values a grid tries of a range, and this stage is {method}"
        report.add(Rule.UNKNOWN_KEY, place / "points", message, "remove it, or write method: grid")
    if PROTEIN in body and method in ("grid", "random", "bayes"):
        message = f"says how Protein searches, and this stage is {method}"
        report.add(Rule.UNKNOWN_KEY, place / PROTEIN, message, "remove it, or write method: protein")
    for key in (key for key in ("best", "width") if key in body and index == 0):
        message = "narrows ranges around earlier runs, and there are none before the first stage"
        report.add(Rule.UNKNOWN_KEY, place / key, message, "remove it, or move it to a later stage")


def _run_cap(body: Mapping[str, Any], method: str, place: Place, report: Report) -> int | None:
    if "run_cap" in body:
        return _count(body, "run_cap", place, report, least=1) or None
    if method in ("random", "bayes", PROTEIN):
        message = f"is missing, and {method} never ends by itself"
        report.add(Rule.MISSING_KEY, place / "run_cap", message, "say how many runs this stage has")
    return None


def _count(body: Mapping[str, Any], key: str, place: Place, report: Report, *, least: int, absent: int = 0) -> int:
    if key not in body:
        return absent
    number = checked_number(body[key], place / key, report)
    if number is None:
        return least
    if number % 1 or number < least:
        message = f"must be a whole number, {least} or more, not {body[key]}"
        report.add(Rule.INVALID_VALUE, place / key, message, f"write {max(least, round(number))}")
        return least
    return int(number)


def _width(body: Mapping[str, Any], place: Place, report: Report) -> float:
    if "width" not in body:
        return Stage.width
    number = checked_number(body["width"], place, report)
    if number is not None and number <= 0:
        message = f"must be greater than 0, not {body['width']}"
        report.add(Rule.INVALID_VALUE, place, message, "it counts standard deviations, such as 2")
    return Stage.width if number is None else float(number)


def _own_parameters(
    body: Mapping[str, Any], whole: tuple[Parameter, ...], place: Place, report: Report
) -> dict[tuple[str, ...], Parameter]:
    """The parameters that the stage gives anew, by path; a scaled dictionary stays one."""
    if "parameters" not in body:
        return {}
    before, known = len(report.errors), {parameter.path: parameter for parameter in whole}
    found = read_parameters(body["parameters"], place, report)
    names = [".".join(path) for path in known]
    for parameter in found if known else ():
        if parameter.path not in known:
            name = ".".join(parameter.path)
            remedy = did_you_mean(name, names, f"the sweep has {', '.join(names)}")
            report.add(Rule.UNKNOWN_KEY, parameter.place, f"the sweep has no parameter {name!r}", remedy)
    _check_bounds(found, report)
    if len(report.errors) > before or not known:
        return {}
    return {each.path: replace(with_values(each), scaled=known[each.path].scaled) for each in found}


def _protein(
    body: Mapping[str, Any], whole: tuple[Parameter, ...], place: Place, report: Report
) -> ProteinSettings | None:
    named = [".".join(parameter.path) for parameter in whole]
    return read_protein({PROTEIN: body.get(PROTEIN), "parameters": dict.fromkeys(named) or None}, place, report)
