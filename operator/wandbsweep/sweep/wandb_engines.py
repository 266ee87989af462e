"""W&B's own engines, the package `sweeps`, called so that nothing of them is seen outside.

They draw from the process-wide generators of `random` and numpy, and their numbers are numpy's. To be imported where a
search is at work only: the package brings numpy and scipy, 90 MiB and a second and a half.
"""

from __future__ import annotations

import math
import random
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package still declares its models as for pydantic 1
    import sweeps

    # The engines load what draws random numbers itself when they are first used.
    import sweeps.bayes_search
    import sweeps.hyperband_stopping
    import sweeps.random_search
    from sweeps.grid_search import yaml_hash
    from sweeps.params import HyperParameter, HyperParameterSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_LARGEST_SEED: Final = 2**32


def violations(definition: Mapping[str, Any]) -> list[str]:
    """What W&B's schema finds wrong with a definition."""
    return [str(message) for message in sweeps.schema_violations_from_proposed_config(dict(definition))]


def grid_size(definition: Mapping[str, Any]) -> int:
    """How many different points a grid has."""
    return math.prod([_different_values(each) for each in HyperParameterSet.from_config(definition["parameters"])])


def as_run(name: str, state: str, config: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> Any:
    """A run as the engines see it; `config` is in W&B's wire form."""
    return sweeps.SweepRun(
        name=name, state=sweeps.RunState(state), config=dict(config), history=[dict(row) for row in history]
    )


def next_config(definition: Mapping[str, Any], runs: Iterable[Any]) -> dict[str, Any] | None:
    """The parameters of the next run in wire form; None when there is nothing left to try."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a model that fits badly, on which a run is drawn at random
        proposed = sweeps.next_run(dict(definition), list(runs))
    return None if proposed is None else _plain(proposed.config)


def stopped(definition: Mapping[str, Any], runs: Iterable[Any]) -> list[str]:
    """Names of the running runs that early termination would stop."""
    return [run.name for run in sweeps.stop_runs(dict(definition), list(runs))]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The engines draw by this seed inside, and leave the process-wide generators as they were."""
    ours, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002 - the engines draw from these
    random.seed(seed)
    np.random.seed(seed % _LARGEST_SEED)  # noqa: NPY002 - see above
    try:
        yield
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)  # noqa: NPY002 - see above


def _different_values(parameter: Any) -> int:
    config = parameter.config
    if parameter.type == HyperParameter.CATEGORICAL:
        return len({yaml_hash(value) for value in config["values"]})
    if parameter.type == HyperParameter.INT_UNIFORM:
        return int(config["max"] - config["min"] + 1)
    if parameter.type == HyperParameter.Q_UNIFORM:
        return max(0, math.ceil(float(config["max"] - config["min"]) / float(config["q"])))
    return 1


def _plain(value: Any) -> Any:
    """The same value without numpy's scalar types, bit for bit."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value
