"""The names of a scan's trials: each is a run's name and a file's, so no two are equal and each is fit for a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.scan.reading import name_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report
    from wandbsweep.sweep.rendering.cell import Cell

_LONGEST_FILE_NAME: Final = 255
_ENDING: Final = ".json"
_FIRST_PRINTABLE: Final = " "


def check_names(cells: Sequence[Cell], parameters: Sequence[Parameter], place: Place, report: Report) -> None:
    """What no file can be called, and the first two trials that would share a name."""
    _check_words(parameters, report)
    before = len(report.errors)
    for number, cell in enumerate(cells, start=1):
        fault = _fault(cell.name)
        if fault and len(report.errors) == before:
            message = f"the name of trial {number}, {cell.name[:80]!r}, {fault[0]}"
            report.add(Rule.TRIAL_NAME_UNFIT, place, message, fault[1])
    _check_collisions(cells, parameters, place, report)


def _check_words(parameters: Sequence[Parameter], report: Report) -> None:
    """A slash or the like is told where it comes from."""
    for parameter in parameters:
        for index in range(len(parameter.values or ())):
            text = "_".join(name_words(parameter, index))
            if character := _unfit_character(text):
                message = f"{text[:80]!r} becomes part of names, and no file's name can hold {character!r}"
                remedy = "give value_names, or name: '' to leave it out of names"
                report.add(Rule.TRIAL_NAME_UNFIT, parameter.place, message, remedy)
                break


def _unfit_character(text: str) -> str | None:
    return next((each for each in text if each == "/" or each < _FIRST_PRINTABLE or "\ud800" <= each <= "\udfff"), None)


def _fault(name: str) -> tuple[str, str] | None:
    """What is wrong with a name as a whole, and what to do about it."""
    if not name:
        return "is empty", "give the parameters names, or base_config an experiment.name"
    if name in {".", ".."}:
        return "means a folder", "give value_names"
    size = len((name + _ENDING).encode("utf-8", "replace"))
    if size > _LONGEST_FILE_NAME:
        remedy = "give shorter names, value_names, or hidename: true"
        return f"takes {size} bytes with {_ENDING}, and a file's name at most {_LONGEST_FILE_NAME}", remedy
    return None


def _check_collisions(cells: Sequence[Cell], parameters: Sequence[Parameter], place: Place, report: Report) -> None:
    first: dict[str, int] = {}
    for number, cell in enumerate(cells, start=1):
        twin = first.setdefault(cell.name, number)
        if twin != number:
            message = f"trials {twin} and {number} would both be called {cell.name[:80]!r}"
            remedy = _how_to_part(cells[twin - 1], cell, parameters)
            report.add(Rule.TRIAL_NAMES_COLLIDE, place, message, remedy)
            return


def _how_to_part(one: Cell, other: Cell, parameters: Sequence[Parameter]) -> str:
    different = [key for key, value in one.values.items() if repr(value) != repr(other.values[key])]
    if not different:
        return "remove the value that is listed twice"
    columns = {parameter.path[0]: parameter.column for parameter in parameters}
    unnamed = [key for key in different if not (column := columns[key]) or column.hidden or not column.short_name]
    if unnamed:
        return f"they differ in {', '.join(different)}: give one of these a name that is shown"
    return f"they differ in {', '.join(different)}: give value_names that differ"
