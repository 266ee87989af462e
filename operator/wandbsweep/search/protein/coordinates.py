"""Where the values of a trial lie: one number for each parameter that is searched, as arrays that the models read.

A place has a coordinate from -1 to 1 for a range or an ordered list, and the number of the option for another list.
Constants have no place; they come back with the values.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from wandbsweep.sweep.protein.space import UNIFORM_POW2, WHOLE, Space, space_of
from wandbsweep.sweep.texts.numbers import is_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from wandbsweep.sweep.parameter import Parameter

    Array = NDArray[np.float64]

_MOST_STEPS: Final = 1024
"""A whole number with more values than this is as good as a real one."""
_LEAP: Final = 0.25
"""How likely an option is left for another where a trial is varied, for each unit of width."""


class Axis(Protocol):
    """One parameter that is searched. Arrays hold its place in each of several trials."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> int:
        """How many columns its features have."""

    @property
    def center(self) -> float:
        """The place where the search starts."""

    def place(self, value: Any) -> float:
        """Where a value lies. Raises ValueError for one that the parameter cannot have."""

    def value(self, place: float) -> Any:
        """The value that lies there."""

    def spread(self, shares: Array) -> Array:
        """Places for numbers from 0 to 1, so that even ones are even."""

    def narrowed(self, shares: Array, width: float) -> Array:
        """The shares squeezed into the box around the center; `width` widens the box."""

    def varied(self, places: Array, width: float, rng: np.random.Generator) -> Array:
        """Places drawn from boxes around others; `width` widens the boxes."""

    def features(self, places: Array) -> Array:
        """What the models see: near is alike."""


@dataclass(frozen=True)
class _Range:
    """A parameter with bounds."""

    name: str
    space: Space

    @property
    def columns(self) -> int:
        return 1

    @property
    def center(self) -> float:
        return self.space.center

    def place(self, value: Any) -> float:
        if not is_number(value):
            raise ValueError(f"{self.name}: {value!r} is no number")
        try:
            return self.space.coordinate(value)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def value(self, place: float) -> Any:
        return self.space.value(place)

    def spread(self, shares: Array) -> Array:
        return self._on_steps(2 * shares - 1)

    def narrowed(self, shares: Array, width: float) -> Array:
        low, high = np.clip([self.center - width * self.space.scale, self.center + width * self.space.scale], -1, 1)
        return (low + 1 + shares * (high - low)) / 2

    def varied(self, places: Array, width: float, rng: np.random.Generator) -> Array:
        moved = places + width * self.space.scale * rng.uniform(-1, 1, len(places))
        return self._on_steps(np.clip(moved, -1, 1))

    def features(self, places: Array) -> Array:
        return places[:, None]

    def _on_steps(self, places: Array) -> Array:
        """The nearest places that have a value of their own."""
        steps = self._steps
        if steps is None:
            return places
        above = np.clip(np.searchsorted(steps, places), 1, len(steps) - 1)
        below = above - 1
        return np.where(places - steps[below] < steps[above] - places, steps[below], steps[above])

    @cached_property
    def _steps(self) -> Array | None:
        space = self.space
        low, high = int(space.low), int(space.high)
        if space.distribution not in WHOLE:
            return None
        if space.distribution == UNIFORM_POW2:
            values = [1 << exponent for exponent in range(low.bit_length() - 1, high.bit_length())]
        elif high - low <= _MOST_STEPS:
            values = list(range(low, high + 1))
        else:
            return None
        return np.array([space.coordinate(value) for value in values])


@dataclass(frozen=True)
class _Options:
    """A parameter with a list of values."""

    name: str
    options: Sequence[Any]

    @property
    def center(self) -> float:
        return float(round((len(self.options) - 1) / 2))

    def place(self, value: Any) -> float:
        for number, option in enumerate(self.options):
            if _same(option, value):
                return float(number)
        raise ValueError(f"{self.name}: {value!r} is none of {', '.join(map(repr, self.options))}")

    def value(self, place: float) -> Any:
        return copy.deepcopy(self.options[int(place)])

    def spread(self, shares: Array) -> Array:
        return np.minimum(np.floor(shares * len(self.options)), len(self.options) - 1)

    def narrowed(self, shares: Array, width: float) -> Array:  # noqa: ARG002 - a list has no box
        return shares

    def varied(self, places: Array, width: float, rng: np.random.Generator) -> Array:
        leaps = rng.uniform(size=len(places)) < min(_LEAP * width, 1)
        return np.where(leaps, self.spread(rng.uniform(size=len(places))), places)

    @property
    def columns(self) -> int:
        return 1 if self._ranks is not None else len(self.options)

    def features(self, places: Array) -> Array:
        numbers = places.astype(int)
        if self._ranks is not None:
            return self._ranks[numbers][:, None]
        return np.eye(len(self.options))[numbers]

    @cached_property
    def _ranks(self) -> Array | None:
        """Numbers are alike if they are neighbours; two options need no order."""
        if not all(map(is_number, self.options)) or len(set(self.options)) < len(self.options):
            return None
        ordered = sorted(self.options)
        return np.array([2 * ordered.index(option) / (len(ordered) - 1) - 1 for option in self.options])


def _same(option: Any, value: Any) -> bool:
    return bool(option == value) and isinstance(option, bool) == isinstance(value, bool)


@dataclass(frozen=True)
class Layout:
    """All parameters of a sweep: the axes of those that are searched, and the constants."""

    names: tuple[str, ...]
    axes: tuple[Axis, ...]
    constants: Mapping[str, Any]

    @classmethod
    def of(cls, parameters: Iterable[Parameter]) -> Layout:
        names: list[str] = []
        axes: list[Axis] = []
        constants: dict[str, Any] = {}
        for parameter in parameters:
            name = ".".join(parameter.path)
            names.append(name)
            options = parameter.values
            if options is None:
                axes.append(_Range(name, space_of(parameter)))
            elif len(options) == 1:
                constants[name] = options[0]
            else:
                axes.append(_Options(name, options))
        return cls(tuple(names), tuple(axes), constants)

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """For each column of the features, the number of the axis that it belongs to."""
        return np.repeat(np.arange(len(self.axes)), [axis.columns for axis in self.axes])

    @cached_property
    def center(self) -> Array:
        return np.array([axis.center for axis in self.axes])

    def places(self, values: Mapping[str, Any]) -> Array:
        """Where a trial lies. Raises ValueError where a parameter is missing, unknown, or cannot have its value."""
        if missing := [name for name in self.names if name not in values]:
            raise ValueError(f"{missing[0]} is missing among the values {dict(values)}")
        if unknown := [name for name in values if name not in self.names]:
            raise ValueError(f"there is no parameter {unknown[0]!r}; there are {', '.join(self.names)}")
        for name, constant in self.constants.items():
            if not _same(constant, values[name]):
                raise ValueError(f"{name}: is always {constant!r}, not {values[name]!r}")
        return np.array([axis.place(values[axis.name]) for axis in self.axes])

    def values(self, places: Array) -> dict[str, Any]:
        """The values of a trial, in the order of the sweep file."""
        found = {axis.name: axis.value(float(place)) for axis, place in zip(self.axes, places, strict=True)}
        return {name: found[name] if name in found else copy.deepcopy(self.constants[name]) for name in self.names}

    def spread(self, shares: Array) -> Array:
        """Trials at points of the unit cube, one in each row."""
        return self._each([axis.spread(column) for axis, column in zip(self.axes, shares.T, strict=True)], len(shares))

    def narrowed(self, shares: Array, width: float) -> Array:
        """Points of the unit cube squeezed into the box around the center."""
        columns = zip(self.axes, shares.T, strict=True)
        return self._each([axis.narrowed(column, width) for axis, column in columns], len(shares))

    def varied(self, places: Array, width: float, rng: np.random.Generator) -> Array:
        """Trials drawn from the boxes around others, one for each row."""
        columns = zip(self.axes, places.T, strict=True)
        return self._each([axis.varied(column, width, rng) for axis, column in columns], len(places))

    def features(self, places: Array) -> Array:
        """What the models see of each trial."""
        columns = [axis.features(column) for axis, column in zip(self.axes, places.T, strict=True)]
        return np.hstack(columns) if columns else np.empty((len(places), 0))

    @staticmethod
    def _each(columns: list[Array], count: int) -> Array:
        return np.stack(columns, axis=1) if columns else np.empty((count, 0))
