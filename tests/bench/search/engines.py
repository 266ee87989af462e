"""The engines that race, each behind the same two calls.

All search the coordinates on which each range is even, so that no engine is the better for a better scale; only Protein
is given the parameters as the sweep file has them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wandbsweep.search.protein import Protein
from wandbsweep.search.protein.coordinates import Layout
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.protein.space import UNIFORM_POW2, WHOLE, Space, space_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from search.tasks import Task

    from wandbsweep.sweep.parameter import Parameter


def available(name: str) -> bool:
    """Whether the engine is installed."""
    return not name.startswith("optuna") or importlib.util.find_spec("optuna") is not None


class Engine(Protocol):
    """A search. A handle stands for a trial that was asked for."""

    def ask(self) -> tuple[Any, Mapping[str, Any]]: ...

    def tell(self, handle: Any, score: float, cost: float, *, failed: bool) -> None: ...


def parameters_of(task: Task) -> tuple[Parameter, ...]:
    definition = {"method": "protein", "metric": {"name": "score", "goal": task.goal}, "program": "train.py"}
    return read_definition({**definition, "parameters": dict(task.parameters)}, field="").parameters


class ProteinEngine:
    """Ours."""

    def __init__(self, task: Task, seed: int, **settings: Any) -> None:
        self._protein = Protein(task.parameters, goal=task.goal, seed=seed, **settings)

    def ask(self) -> tuple[Any, Mapping[str, Any]]:
        suggestion = self._protein.ask()
        return suggestion.id, suggestion.values

    def tell(self, handle: Any, score: float, cost: float, *, failed: bool) -> None:
        self._protein.tell(handle, score, cost, failed=failed)


class RandomEngine:
    """Draws evenly from the whole space."""

    def __init__(self, task: Task, seed: int) -> None:
        self._layout = Layout.of(parameters_of(task))
        self._rng = np.random.default_rng(seed)

    def ask(self) -> tuple[Any, Mapping[str, Any]]:
        places = self._layout.spread(self._rng.uniform(size=(1, len(self._layout.axes))))
        return None, self._layout.values(places[0])

    def tell(self, handle: Any, score: float, cost: float, *, failed: bool) -> None:
        """Learns nothing."""


def _whole_range(parameter: Parameter) -> tuple[int, int]:
    """Bounds of a whole number, or of the exponent of a power of two."""
    space = space_of(parameter)
    if space.distribution == UNIFORM_POW2:
        return int(space.low).bit_length() - 1, int(space.high).bit_length() - 1
    return int(space.low), int(space.high)


def _value(parameter: Parameter, drawn: Any) -> Any:
    if parameter.values is not None:
        return drawn
    space: Space = space_of(parameter)
    if space.distribution == UNIFORM_POW2:
        return 1 << int(drawn)
    return int(drawn) if space.distribution in WHOLE else space.value(drawn)


class WandbBayesEngine:
    """The engine `bayes` of W&B's package `sweeps`."""

    def __init__(self, task: Task, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package declares its models as for pydantic 1
            import sweeps  # noqa: PLC0415 - its start is loud
        self._sweeps = sweeps
        self._parameters = parameters_of(task)
        told = {".".join(each.path): self._told(each) for each in self._parameters}
        metric = {"name": "score", "goal": task.goal}
        self._config = {"method": "bayes", "metric": metric, "parameters": told}
        self._runs: list[Any] = []
        self._states = np.random.RandomState(seed).get_state()

    @staticmethod
    def _told(parameter: Parameter) -> dict[str, Any]:
        if parameter.values is not None:
            return {"values": list(parameter.values)}
        if parameter.distribution in WHOLE:
            low, high = _whole_range(parameter)
            return {"distribution": "int_uniform", "min": low, "max": high}
        return {"distribution": "uniform", "min": -1.0, "max": 1.0}

    def ask(self) -> tuple[Any, Mapping[str, Any]]:
        before = np.random.get_state()  # noqa: NPY002 - see above
        np.random.set_state(self._states)  # noqa: NPY002 - see above
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            run = self._sweeps.next_run(self._config, self._runs)
        self._states = np.random.get_state()  # noqa: NPY002 - see above
        np.random.set_state(before)  # noqa: NPY002 - see above
        run.state = self._sweeps.RunState.running
        self._runs.append(run)
        names = [(".".join(each.path), each) for each in self._parameters]
        return run, {name: _value(each, run.config[name]["value"]) for name, each in names}

    def tell(self, handle: Any, score: float, _cost: float, *, failed: bool) -> None:
        states = self._sweeps.RunState
        handle.state = states.failed if failed else states.finished
        if not failed:
            handle.history = [{"score": score}]
            handle.summary_metrics = {"score": score}


class OptunaEngine:
    """Optuna's TPE as its makers recommend it for parallel trials; told the cost as a second goal or not at all."""

    def __init__(self, task: Task, seed: int, *, of_cost: bool) -> None:
        self._optuna = _optuna()
        self._parameters = parameters_of(task)
        self._of_cost = of_cost
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # multivariate is marked experimental
            sampler = self._optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
        directions = [task.goal, "minimize"] if of_cost else [task.goal]
        self._study = self._optuna.create_study(sampler=sampler, directions=directions)
        self._space = {".".join(each.path): self._told(each) for each in self._parameters}

    def _told(self, parameter: Parameter) -> Any:
        distributions = self._optuna.distributions
        if parameter.values is not None:
            return distributions.CategoricalDistribution(list(parameter.values))
        if parameter.distribution in WHOLE:
            return distributions.IntDistribution(*_whole_range(parameter))
        return distributions.FloatDistribution(-1.0, 1.0)

    def ask(self) -> tuple[Any, Mapping[str, Any]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = self._study.ask(self._space)
        names = [(".".join(each.path), each) for each in self._parameters]
        return trial, {name: _value(each, trial.params[name]) for name, each in names}

    def tell(self, handle: Any, score: float, cost: float, *, failed: bool) -> None:
        if failed:
            self._study.tell(handle, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(handle, [score, float(np.log(cost))] if self._of_cost else [score])


def _optuna() -> ModuleType:
    import optuna  # noqa: PLC0415 - not there unless installed for this

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


ENGINES: Mapping[str, Callable[[Task, int], Engine]] = {
    "protein": ProteinEngine,
    "random": RandomEngine,
    "wandb bayes": WandbBayesEngine,
    "optuna tpe": lambda task, seed: OptunaEngine(task, seed, of_cost=False),
    "optuna tpe on cost too": lambda task, seed: OptunaEngine(task, seed, of_cost=True),
}
