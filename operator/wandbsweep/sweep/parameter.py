"""The one model of a parameter, whatever dialect it was written in. Nothing after the readers knows the dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wandbsweep.sweep.reading.distributions import CATEGORICAL, CONSTANT, WEIGHTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.problems import Place


@dataclass(frozen=True)
class ScaledDictionary:
    """What a sampled number scales: the program gets `target={key: base * number, ...}` instead of the number."""

    target: str
    """Path of the setting that the program takes."""
    base: Mapping[str, Any]
    """Numbers, in lists and mappings to any depth."""
    base_text: str
    """The base as W&B stores it: JSON."""


@dataclass(frozen=True)
class Column:
    """How a parameter of a scan takes part in it: what it changes together with, and what it is called in names."""

    group: str | int | float | bool | None
    """Parameters of one group change together; groups are crossed, the first one slowest."""
    short_name: str
    """Stands for the parameter in the names of trials; empty: in none of them."""
    value_names: tuple[str | int, ...] | None
    """Stand for the values in names."""
    hidden: bool
    """Left out of names, but told in the `meta` section."""


@dataclass(frozen=True)
class Parameter:
    """One parameter to sweep over. Its path has several names where parameters are nested."""

    path: tuple[str, ...]
    distribution: str
    settings: Mapping[str, Any]
    """Bounds, values and the like, under the names that the distribution has for them."""
    place: Place
    implied: bool
    """The user named no distribution: it was inferred from the settings."""
    scaled: ScaledDictionary | None = None
    column: Column | None = None

    @property
    def is_constant(self) -> bool:
        return self.distribution == CONSTANT

    @property
    def values(self) -> tuple[Any, ...] | None:
        """The values that are known beforehand: a constant's one, a list's all; None for what is drawn from a range."""
        if self.distribution == CONSTANT:
            return (self.settings["value"],)
        if self.distribution in (CATEGORICAL, WEIGHTED):
            return tuple(self.settings["values"])
        return None

    @property
    def value_places(self) -> tuple[Place, ...]:
        """Where each of these values stands in the user's file."""
        if self.distribution == CONSTANT:
            return (self.place / "value",)
        return tuple(self.place / "values" / index for index in range(len(self.values or ())))

    @property
    def argument(self) -> str:
        """The name by which the program gets it; nested parameters come as one mapping under the outermost name."""
        return self.scaled.target if self.scaled else self.path[0]
