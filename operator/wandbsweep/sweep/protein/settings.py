"""The settings of Protein, the cost-aware search of Metta and PufferLib, under the names that these give them.

The defaults are those of Metta's first release, but for three: no cost is too high and expected improvement rates
candidates unless a definition says otherwise, and eight trials are drawn before the model is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Literal

from wandbsweep.sweep.problems import Place, Report, did_you_mean, kind_of
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.numbers import checked_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    _Check = Callable[[Any, Place, Report], Any]

PROTEIN: Final = "protein"
"""The method's name, and that of the key under which its settings stand."""


def _number(*, above: float | None = None, least: float | None = None) -> _Check:
    def check(value: Any, place: Place, report: Report) -> float | None:
        number = checked_number(value, place, report)
        if number is not None and above is not None and number <= above:
            report.add(Rule.INVALID_VALUE, place, f"must be greater than {above:g}, not {value}")
        elif number is not None and least is not None and number < least:
            report.add(Rule.INVALID_VALUE, place, f"must be at least {least:g}, not {value}")
        return number

    return check


def _count(*, least: int) -> _Check:
    def check(value: Any, place: Place, report: Report) -> int | None:
        number = checked_number(value, place, report)
        if number is not None and (number % 1 or number < least):
            report.add(Rule.INVALID_VALUE, place, f"must be a whole number, {least} or more, not {value}")
            return None
        return None if number is None else int(number)

    return check


def _switch(value: Any, place: Place, report: Report) -> bool:
    if not isinstance(value, bool):
        report.add(Rule.WRONG_KIND, place, f"must be true or false, not {kind_of(value)}")
    return bool(value)


def _one_of(*words: str) -> _Check:
    def check(value: Any, place: Place, report: Report) -> Any:
        if value not in words:
            message = f"must be one of {', '.join(words)}, not {value!r}"
            report.add(Rule.INVALID_VALUE, place, message, did_you_mean(value, words))
        return value

    return check


def _name(value: Any, place: Place, report: Report) -> str:
    if not isinstance(value, str) or not value:
        kind = "nothing" if value == "" else kind_of(value)
        report.add(Rule.WRONG_KIND, place, f"must be a name, not {kind}", "leave it out for none")
    return str(value)


def _parameter(value: Any, place: Place, report: Report) -> str:
    return _name(value, place, report).replace("/", ".")  # as PufferLib writes it


def _setting(default: Any, check: _Check) -> Any:
    return field(default=default, metadata={"check": check})


@dataclass(frozen=True)
class ProteinSettings:
    """How Protein searches. Costs are in the unit of the recorded cost: seconds, unless `cost_key` names a metric."""

    max_suggestion_cost: float | None = _setting(None, _number(above=0))
    """Nothing is suggested whose predicted cost is this or more; none: any cost will do."""
    resample_frequency: int = _setting(0, _count(least=0))
    """Every so many suggestions a point of the front is run again, to learn the noise; 0: never."""
    num_random_samples: int = _setting(8, _count(least=0))
    """So many suggestions are spread evenly over the space before the model is asked."""
    global_search_scale: float = _setting(1.0, _number(above=0))
    """Widens or narrows the box that each parameter's scale draws around a point."""
    random_suggestions: int = _setting(1024, _count(least=1))
    """So many candidates are drawn from the whole space for each suggestion."""
    suggestions_per_pareto: int = _setting(256, _count(least=1))
    """So many candidates are drawn around each point of the front."""
    seed_with_search_center: bool = _setting(default=True, check=_switch)
    """The first suggestion is the mean of every parameter."""
    expansion_rate: float = _setting(0.25, _number(least=0))
    """How far beyond the dearest run so far a suggestion may aim, as a share of the costs seen (in logarithms)."""
    acquisition_fn: Literal["naive", "ei", "ucb"] = _setting("ei", _one_of("naive", "ei", "ucb"))
    """How candidates are rated: by predicted score, expected improvement, or upper confidence bound."""
    ucb_beta: float = _setting(2.0, _number(least=0))
    """How much the upper confidence bound makes of uncertainty."""
    randomize_acquisition: bool = _setting(default=False, check=_switch)
    """Varies the rating from one suggestion to the next."""
    prune_pareto: bool = _setting(default=False, check=_switch)
    """Leaves out the dear end of the front where it hardly scores better."""
    metric_distribution: Literal["linear", "percentile", "logit"] = _setting(
        "linear", _one_of("linear", "percentile", "logit")
    )
    """How scores are spread before they are modelled: as they are, or as the logit of a share between 0 and 1."""
    cost_param: str | None = _setting(None, _parameter)
    """The parameter that a run's cost depends on most, such as its number of steps."""
    cost_key: str | None = _setting(None, _name)
    """The metric in which a run records its cost; none: the seconds that it took."""


SETTINGS: Final = tuple(setting.name for setting in fields(ProteinSettings))

_ONE_OBSERVATION = "every run counts as one observation"
_OTHER_NUMERICS = "it tunes how PufferLib computes its model, which is computed differently here"

FOREIGN: Final[Mapping[str, tuple[Rule, str, str]]] = {
    "use_gpu": (Rule.WITHOUT_EFFECT, "the search runs on a CPU", "remove it"),
    "gpus": (Rule.WITHOUT_EFFECT, "GPUs belong to the pool, not to the search", "set spec.agentCount instead"),
    "downsample": (Rule.WITHOUT_EFFECT, _ONE_OBSERVATION, "remove it"),
    "gp_training_iter": (Rule.WITHOUT_EFFECT, _OTHER_NUMERICS, "remove it"),
    "gp_learning_rate": (Rule.WITHOUT_EFFECT, _OTHER_NUMERICS, "remove it"),
    "gp_max_obs": (Rule.WITHOUT_EFFECT, _OTHER_NUMERICS, "remove it"),
    "infer_batch_size": (Rule.WITHOUT_EFFECT, _OTHER_NUMERICS, "remove it"),
    "optimizer_reset_frequency": (Rule.WITHOUT_EFFECT, _OTHER_NUMERICS, "remove it"),
    "num_keep_top_obs": (Rule.WITHOUT_EFFECT, _OTHER_NUMERICS, "remove it"),
    "max_observations_to_load": (Rule.WITHOUT_EFFECT, "every recorded run counts", "remove it"),
    "resume": (Rule.WITHOUT_EFFECT, "a sweep always goes on from its recorded runs", "remove it"),
    "early_stop_quantile": (
        Rule.FOREIGN_KEY,
        "Protein stops no run early here",
        "remove it, or write early_terminate: {type: hyperband, min_iter: ...}",
    ),
    "sweep_only": (Rule.FOREIGN_KEY, "every parameter given is swept", "remove it, and the parameters it leaves out"),
    "rollout_count": (Rule.FOREIGN_KEY, "it counts the runs of one machine", "set run_cap to the runs of all agents"),
}
"""Settings of Metta's and PufferLib's surroundings that do not steer the search, and what becomes of them here."""


def read_protein(config: Mapping[str, Any], place: Place, report: Report) -> ProteinSettings:
    """The settings of a definition, each checked; what is not given has its default."""
    section, place = config.get(PROTEIN), place / PROTEIN
    if section is None:
        return ProteinSettings()
    if not isinstance(section, dict):
        remedy = "write protein: {max_suggestion_cost: 3600}, or leave it out"
        report.add(Rule.WRONG_KIND, place, f"must be a mapping, not {kind_of(section)}", remedy)
        return ProteinSettings()
    given = {
        setting.name: setting.metadata["check"](section[setting.name], place / setting.name, report)
        for setting in fields(ProteinSettings)
        if setting.name in section
    }
    for name in (name for name in section if name not in given):
        _refuse(name, place / name, report)
    settings = ProteinSettings(**given)
    _check_cost_parameter(settings.cost_param, config.get("parameters"), place / "cost_param", report)
    return settings


def _check_cost_parameter(name: str | None, parameters: Any, place: Place, report: Report) -> None:
    if name and isinstance(parameters, dict) and name not in parameters:
        remedy = did_you_mean(name, parameters, "name one of the parameters")
        report.add(Rule.INVALID_VALUE, place, f"there is no parameter {name!r}", remedy)


def _refuse(name: str, place: Place, report: Report) -> None:
    if name in FOREIGN:
        rule, why, remedy = FOREIGN[name]
        outcome = "has no effect" if rule is Rule.WITHOUT_EFFECT else "is not supported"
        report.add(rule, place, f"{outcome}: {why}", remedy)
    else:
        remedy = did_you_mean(name, (*SETTINGS, *FOREIGN), f"it takes {', '.join(SETTINGS)}")
        report.add(Rule.UNKNOWN_KEY, place, "Protein has no such setting", remedy)
