"""Places in a definition that was brought into another shape: they still name what the user wrote, where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wandbsweep.sweep.problems import Place

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class MovedPlace(Place):
    """A spot some of whose keys stand elsewhere in the user's file."""

    elsewhere: Mapping[str, Place] = field(default_factory=dict, compare=False)

    def __truediv__(self, key: str | int) -> Place:
        """The spot of a key or of a list item: in the file where the user wrote it."""
        return self.elsewhere.get(str(key)) or super().__truediv__(key)


def moved(place: Place, elsewhere: Mapping[str, Place]) -> Place:
    """The spot itself, with the places of those of its keys that stand elsewhere."""
    known = place.elsewhere if isinstance(place, MovedPlace) else {}
    return MovedPlace(place.path, place.joint, place.keys, {**known, **elsewhere})
