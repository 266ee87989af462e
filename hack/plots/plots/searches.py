"""What each method tries on Branin's function, by the code that searches a sweep: places in their order."""

from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import optuna
from wandb.sdk.sweeps.run_state import RunState
from wandb.sdk.sweeps.scheduler.optimizer import RunWithMetrics
from wandb.sdk.sweeps.sweep_info import SweepInfo

from plots.branin import X, Y, score
from wandbsweep.search.engines.stages import StagesEngine
from wandbsweep.search.engines.stages_course import Course, Trial
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.launch import TRIAL_NOTE
from wandbsweep.sweep.search_order import SearchOrder
from wandbsweep.sweep.searching import Engine
from wandbsweep.sweep.trials.trials import known_beforehand
from wandbsweep.sweep.wandb_engines import as_run, next_config, seeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandbsweep.sweep.parameter import Parameter

    Place = tuple[float, float]

RANGES: Final = {"x": {"min": X[0], "max": X[1]}, "y": {"min": Y[0], "max": Y[1]}}
METRIC: Final = {"name": "score", "goal": "maximize"}
TRIALS: Final = 25
_BASELINE: Final = 101
_LONGEST: Final = 30
STAGES: Final = ({"method": "grid", "points": 4}, {"method": "bayes", "run_cap": 8}, {"method": "bayes", "run_cap": 6})


def grid() -> list[Place]:
    values = {"x": {"values": [-5, -1.25, 2.5, 6.25, 10]}, "y": {"values": [0, 3.75, 7.5, 11.25, 15]}}
    definition = read_definition({"method": "grid", "parameters": values, "command": ["${args}"]}, field="")
    return [_place(point) for point in known_beforehand(definition) or ()]


def by_wandb(method: str, seed: int) -> list[Place]:
    """Random or bayes, one trial after another."""
    definition = {"method": method, "metric": METRIC, "parameters": RANGES}
    runs: list[Any] = []
    for number in range(TRIALS):
        with seeded(seed * 1000 + number):
            config = next_config(definition, runs) or {}
        place = _place({name: wire["value"] for name, wire in config.items()})
        runs.append(as_run(str(number), "finished", config, [{"score": score(*place)}]))
    return [_place({name: wire["value"] for name, wire in run.config.items()}) for run in runs]


def by_optuna(seed: int) -> list[Place]:
    """Its TPE, which is what a study has unless it is told otherwise."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    places = []
    for _ in range(TRIALS):
        trial = study.ask()
        places.append((trial.suggest_float("x", *X), trial.suggest_float("y", *Y)))
        study.tell(trial, score(*places[-1]))
    return places


def by_stages(sweep_id: str) -> tuple[list[list[Place]], list[Mapping[str, Place]]]:
    """The places of each stage, and the ranges that each searched."""
    definition = {"method": "stages", "metric": METRIC, "parameters": RANGES, "stages": list(STAGES)}
    sweep = SweepInfo(sweep_id, "plot", "lab", "plots", {"metric": METRIC}, "controller")
    engine = StagesEngine(sweep, SearchOrder(Engine.STAGES, "plot", definition, None), _NoResults())
    trials: list[Trial] = []
    while found := engine.ask_n_runs(1):
        config = found[0].config.flat_dict()
        x, y = _place(config)
        values: dict[tuple[str, ...], float] = {("x",): x, ("y",): y}
        trials.append(Trial(len(trials), config[TRIAL_NOTE]["stage"], None, values, "finished", score(x, y), {}))
        told = RunWithMetrics(found[0].config, RunState.FINISHED, f"run{len(trials)}", {"score": score(x, y)}, [])
        engine.tell_run(found[0].run_id, told)
    places = [
        [(each.values["x",], each.values["y",]) for each in trials if each.stage == n] for n in range(len(STAGES))
    ]
    course = Course(read_definition({**definition, "command": ["${args}"]}, field="").stages, trials)
    return places, [_ranges(course.parameters(number)) for number in range(len(STAGES))]


def _ranges(parameters: Iterable[Parameter]) -> dict[str, Place]:
    return {each.path[0]: (each.settings["min"], each.settings["max"]) for each in parameters}


def scan() -> list[tuple[Place, str]]:
    """The trials of a scan, with their names: x and y change together, `far` moves both."""
    parameters = [
        {"key": "y", "name": "y", "group": "ridge", "values": [13, 9, 5, 2]},
        {"key": "x", "name": "x", "group": "ridge", "values": [-3.5, -1, 1, 3]},
        {"key": "shift", "name": "by", "values": [0, 3, 6]},
    ]
    definition = read_definition(
        {"method": "scan", "name": "ridge", "parameters": parameters, "command": ["${args}"]}, field=""
    )
    return [((cell.values["x"] + cell.values["shift"], cell.values["y"]), cell.name) for cell in definition.trials]


def usual_gaps() -> list[float]:
    """How far the best so far is from the peak in a random search: the median of many."""
    rng = random.Random(1)  # noqa: S311 - a picture, and no secret
    runs = [gaps([(rng.uniform(*X), rng.uniform(*Y)) for _ in range(_LONGEST)]) for _ in range(_BASELINE)]
    return [median(column) for column in zip(*runs, strict=True)]


def gaps(places: list[Place]) -> list[float]:
    """How far the best so far is from the peak, after each trial."""
    scores = [score(*place) for place in places]
    return [max(-max(scores[: number + 1]), 1e-9) for number in range(len(scores))]


class _NoResults:
    """Nothing is recorded."""

    def record(self, *_: object, **__: object) -> None: ...


def _place(values: Mapping[str, Any]) -> Place:
    return float(values["x"]), float(values["y"])
