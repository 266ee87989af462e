"""The next trial of a stage, by the method that it has. All randomness comes from a seed that is given.

Random and bayes are W&B's own engines, asked for shares of each range, from 0 to 1, so that what they know of ranges
and what is narrowed here are one thing. The runs of earlier stages count as far as they lie within the ranges.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.search.engines.costs import cost_of
from wandbsweep.search.protein import Protein
from wandbsweep.sweep.reading.distributions import CATEGORICAL, INT_UNIFORM, UNIFORM
from wandbsweep.sweep.stages.axes import Options, Range, axis_of, same
from wandbsweep.sweep.trials.recorded import recorded_values
from wandbsweep.sweep.wandb_engines import as_run, next_config, seeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wandbsweep.search.engines.stages_course import Trial
    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.stages.settings import Stage

_SCORE: Final = "score"
_UNIT: Final = {"distribution": "uniform", "min": 0.0, "max": 1.0}


@dataclass(frozen=True)
class Proposed:
    """What W&B is to record of the next run, and what is expected of it."""

    recorded: Mapping[str, Any]
    why: str
    expected: Mapping[str, float | None] | None = None


def within(trials: Iterable[Trial], parameters: Sequence[Parameter]) -> list[Trial]:
    """The trials that these parameters could have made."""
    axes = [(parameter, axis_of(parameter)) for parameter in parameters]
    return [
        trial
        for trial in trials
        if all(
            axis.holds(trial.values[parameter.path]) if axis else same(trial.values[parameter.path], _only(parameter))
            for parameter, axis in axes
        )
    ]


def by_wandb(method: str, parameters: Sequence[Parameter], trials: Iterable[Trial], seed: int) -> Proposed:
    """As W&B's engine for random or bayes would have it."""
    axes = {f"{number:03}": axis for number, each in enumerate(parameters) if (axis := axis_of(each))}
    known = within(trials, parameters) if method == "bayes" else []
    shares: Mapping[str, Any] = {}
    if axes:
        definition = {
            "method": method,
            "metric": {"name": _SCORE, "goal": "minimize"},
            "parameters": dict.fromkeys(axes, _UNIT),
        }
        with seeded(seed):
            shares = next_config(definition, [_as_run(trial, parameters, axes) for trial in known]) or {}
    choices = [
        (each, axes[key].drawn(shares[key]["value"]) if (key := f"{number:03}") in axes else _only(each))
        for number, each in enumerate(parameters)
    ]
    why = f"by what {len(known)} runs within the ranges tell" if known else "drawn at random from the ranges"
    return Proposed(recorded_values(choices), why)


def _as_run(trial: Trial, parameters: Sequence[Parameter], axes: Mapping[str, Range | Options]) -> Any:
    places = {key: axis.share(trial.values[parameters[int(key)].path]) for key, axis in axes.items()}
    history = [] if trial.score is None else [{_SCORE: -trial.score}]
    return as_run(
        name=str(trial.number),
        state="running" if trial.in_flight else trial.state,
        config={key: {"value": share} for key, share in places.items()},
        history=history,
    )


def by_protein(
    definition: SweepDefinition, stage: Stage, parameters: Sequence[Parameter], trials: Iterable[Trial], seed: int
) -> Proposed:
    """As Protein would have it. Raises BeyondCostError if all seem too dear."""
    searched = tuple(map(_for_protein, parameters))
    own = replace(definition, protein=stage.protein, parameters=searched, metric_goal="maximize")
    protein = Protein.of(own, seed)
    for trial in within(trials, parameters):
        values = {_name(each): _told(each, trial.values[each.path]) for each in parameters}
        if trial.in_flight:
            protein.expect(values, trial.number)
        else:
            cost = cost_of(trial.summary, stage.protein.cost_key if stage.protein else None)
            failed = trial.failed or trial.score is None or cost is None
            protein.tell_existing(values, trial.score, cost, failed=failed)
    suggestion = protein.ask()
    choices = [(each, _heard(each, suggestion.values[_name(each)])) for each in parameters]
    score = suggestion.predicted_score
    sign = 1 if definition.metric_goal == "maximize" else -1
    expected = {"score": None if score is None else sign * score, "cost": suggestion.predicted_cost}
    return Proposed(recorded_values(choices), suggestion.why, expected)


def _for_protein(parameter: Parameter) -> Parameter:
    """Whole numbers and lists as they are; of other ranges Protein searches the shares."""
    if parameter.values is not None:
        values = list(parameter.values)
        return replace(parameter, distribution=CATEGORICAL, settings={"values": values}, scaled=None)
    low, high = (parameter.settings[key] for key in ("min", "max"))
    if parameter.distribution != INT_UNIFORM:
        low, high = 0.0, 1.0
    kind = INT_UNIFORM if parameter.distribution == INT_UNIFORM else UNIFORM
    settings = {"min": low, "max": high, "mean": (low + high) // 2 if kind == INT_UNIFORM else 0.5, "scale": 0.5}
    return replace(parameter, distribution=kind, settings=settings, scaled=None)


def _told(parameter: Parameter, value: Any) -> Any:
    axis = axis_of(parameter)
    searched_by_shares = isinstance(axis, Range) and parameter.distribution != INT_UNIFORM
    return min(max(axis.share(value), 0.0), 1.0) if isinstance(axis, Range) and searched_by_shares else value


def _heard(parameter: Parameter, value: Any) -> Any:
    axis = axis_of(parameter)
    return axis.drawn(value) if isinstance(axis, Range) and parameter.distribution != INT_UNIFORM else value


def _name(parameter: Parameter) -> str:
    return ".".join(parameter.path)


def _only(parameter: Parameter) -> Any:
    """The one value of a parameter that has no axis."""
    values = parameter.values
    assert values is not None  # noqa: S101 - it would have an axis
    return values[0]
