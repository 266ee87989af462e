"""The shape in which Metta and PufferLib write a sweep for Protein, turned into ours.

Theirs: `metric: name` beside `goal: maximize`, settings in a block `protein:` or flat beside them, groups of parameters
nested as the trainer's configuration is, and `method: bayes` for W&B's sake. Ours: `method: protein`,
`metric: {name, goal}`, `protein: {...}`, parameters with dotted names. Every place stays that in the user's file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.protein.settings import FOREIGN, PROTEIN, SETTINGS
from wandbsweep.sweep.reading.moved_place import moved
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wandbsweep.sweep.problems import Place, Report

PROGRAM: Final = "tools/train.py"
"""What Metta trains with, where a definition names neither program nor command."""
COMMAND: Final = ("${env}", "${interpreter}", "${program}", "${args_no_hyphens}")
"""How its program takes parameters: as overrides of Hydra."""

_OF_ONE_PARAMETER: Final = frozenset({"distribution", "min", "max", "mean", "scale", "value", "values"})
_NO_GROUPS: Final = frozenset(
    {"metric", PROTEIN, "early_terminate", "base_config", "controller", "scheduler", "metrics"}
)
_RUN_CAPS: Final = ("max_runs", "max_trials")


def is_for_protein(document: Mapping[str, Any]) -> bool:
    """Whether Protein is to search it: by its method, by its settings, or by a goal where no method is named."""
    method = document.get("method")
    if PROTEIN in document or _is_protein(method):
        return True
    if method is None:
        return "goal" in document or not document.keys().isdisjoint(SETTINGS)
    return bool(method == "bayes" and not document.keys().isdisjoint(SETTINGS))


def _is_protein(method: Any) -> bool:
    return isinstance(method, str) and method.strip().lower() == PROTEIN  # PufferLib: Protein


def for_protein(document: Mapping[str, Any], place: Place, report: Report) -> tuple[dict[str, Any], Place]:
    """The definition in our shape, and the place of each key in theirs."""
    turning = _Turning(document, place, report)
    turning.name_the_method()
    turning.join_metric_and_goal()
    turning.gather_settings()
    turning.cap_runs()
    turning.flatten_parameters()
    turning.complete_command()
    return turning.config, moved(place, turning.elsewhere)


class _Turning:
    """A definition on its way from one shape to the other."""

    def __init__(self, document: Mapping[str, Any], place: Place, report: Report) -> None:
        self.config = dict(document)
        self.elsewhere: dict[str, Place] = {}
        self._place = place
        self._report = report

    def name_the_method(self) -> None:
        """`bayes` is only what Metta calls the sweep on W&B, which searches nothing."""
        method = self.config.get("method", "bayes")
        if method == "bayes" or _is_protein(method):
            self.config["method"] = PROTEIN
            return
        message = f"steers method protein, and not method {method!r}"
        self._report.add(Rule.INVALID_VALUE, self._place / PROTEIN, message, "write method: protein, or remove it")

    def join_metric_and_goal(self) -> None:
        """A name alone is maximized, as with Metta; in a mapping W&B's default goal holds, as ever."""
        metric, place = self.config.get("metric"), self._place / "metric"
        parts = dict(metric) if isinstance(metric, dict) else {"name": metric, "goal": "maximize"}
        places = {} if isinstance(metric, dict) else {"name": place}
        if "goal" in self.config:
            if isinstance(metric, dict) and "goal" in metric:
                self._refuse_twice("goal", "in metric too")
            parts["goal"], places["goal"] = self._take("goal")
        if isinstance(metric, (dict, str)):
            self._put("metric", parts, moved(place, places))

    def gather_settings(self) -> None:
        """Those that stand beside the metric join those under `protein`."""
        section = self.config.get(PROTEIN)
        if section is not None and not isinstance(section, dict):
            return
        settings, places = dict(section or {}), {}
        for name in (name for name in (*SETTINGS, *FOREIGN) if name in self.config):
            if name in settings:
                self._refuse_twice(name, "under protein too")
            settings[name], places[name] = self._take(name)
        self._put(PROTEIN, settings, moved(self._place / PROTEIN, places))

    def cap_runs(self) -> None:
        """PufferLib and later Metta have names of their own for the budget."""
        for name in (name for name in _RUN_CAPS if name in self.config):
            if "run_cap" in self.config:
                self._refuse_twice(name, "as run_cap too")
            self._put("run_cap", *self._take(name))

    def flatten_parameters(self) -> None:
        """Nested groups become dotted names. PufferLib has its groups beside the metric, without `parameters`."""
        section, place = self.config.get("parameters"), self._place / "parameters"
        if "parameters" not in self.config:
            groups = [key for key, item in self.config.items() if key not in _NO_GROUPS and _holds_parameters(item)]
            taken = {key: self._take(key) for key in groups}
            section = {key: value for key, (value, _) in taken.items()}
            place = moved(place, {key: spot for key, (_, spot) in taken.items()})
        if not isinstance(section, dict) or not section:
            return
        flat: dict[str, Any] = {}
        places: dict[str, Place] = {}
        for name, body, spot in _leaves(section, place):
            if name in flat:
                self._report.add(Rule.SAME_SETTING, spot, f"{name} is given twice", "remove one of them")
            flat[name], places[name] = body, spot
        self._put("parameters", flat, moved(place, places))

    def complete_command(self) -> None:
        """Metta's trainer, and Hydra's form of the arguments, where nothing else is said."""
        if self.config.get("command"):
            return
        if not self.config.get("program"):
            self.config["program"] = PROGRAM
        self.config["command"] = list(COMMAND)

    def _take(self, key: str) -> tuple[Any, Place]:
        return self.config.pop(key), self._place / key

    def _put(self, key: str, value: Any, place: Place) -> None:
        self.config[key] = value
        self.elsewhere[key] = place

    def _refuse_twice(self, key: str, where: str) -> None:
        self._report.add(Rule.SAME_SETTING, self._place / key, f"is given {where}", "remove one of them")


def _leaves(group: Mapping[str, Any], place: Place, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Any, Place]]:
    """What a section holds besides groups, each with its dotted name. W&B's nested form has groups in `parameters`."""
    for key, item in group.items():
        if key == "parameters" and above and isinstance(item, dict):
            yield from _leaves(item, place / key, above)
        elif isinstance(item, dict) and item and not _is_one_parameter(item):
            yield from _leaves(item, place / key, (*above, key))
        else:
            yield ".".join((*above, key)), item, place / key


def _is_one_parameter(item: Mapping[str, Any]) -> bool:
    """A group may well have a parameter called `scale`; but that one is a mapping then."""
    settings = {key: item[key] for key in _OF_ONE_PARAMETER & item.keys()}
    if any(not isinstance(value, dict) for value in settings.values()):
        return True
    return "value" in settings and not _holds_parameters(settings["value"])


def _holds_parameters(item: Any) -> bool:
    return isinstance(item, dict) and (_is_one_parameter(item) or any(map(_holds_parameters, item.values())))
