"""One trial of a scan on its way through W&B: as it is handed out, and as it is read again.

W&B and servers like it keep mappings in no order and may store 1.0 as 1, and a grid hands a value out again that comes
back changed. So a cell is sent as they would store it, and where that loses something, with its values as JSON text.
Standard library only: this file travels into training containers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST_WHOLE: Final = 2**53
"""Above, a number with 64 bits cannot be told from its neighbours."""

_LARGEST_WRITTEN_OUT: Final = 1e21
"""From here on whole floats are written with an exponent."""


class CellError(ValueError):
    """This is no cell; the text says what it lacks."""


@dataclass(frozen=True)
class Cell:
    """One trial of a scan, known before anything starts."""

    name: str
    values: Mapping[str, Any]
    """By key, in the order in which the keys were written."""
    value_names: Mapping[str, str | int]
    """By key: what stands for the value where a person reads it."""


def sent_cell(cell: Cell) -> dict[str, Any]:
    """The cell as a value of W&B's categorical parameter."""
    values = _stored(cell.values)
    sent: dict[str, Any] = {"name": cell.name, "values": values}
    if cell.value_names:
        sent["value_names"] = dict(cell.value_names)
    if any(json.dumps(value) != json.dumps(values[key]) for key, value in cell.values.items()):
        sent["json"] = json.dumps(cell.values)
    return sent


def read_cell(sent: Any) -> Cell:
    """The cell that was sent, its values in no order. Raises CellError for anything else."""
    if not isinstance(sent, dict) or not isinstance(sent.get("name"), str) or "/" in sent["name"]:
        raise CellError("it has no name that a file can have")
    try:
        values = json.loads(str(sent["json"])) if "json" in sent else sent.get("values")
    except ValueError:
        raise CellError("its values are no JSON") from None
    value_names = sent.get("value_names", {})
    if not isinstance(values, dict) or not isinstance(value_names, dict):
        raise CellError("it has no values by key")
    return Cell(sent["name"], values, value_names)


def _stored(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stored(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_stored(item) for item in value]
    return _stored_number(value) if isinstance(value, (int, float)) else value


def _stored_number(value: float) -> float:
    """As Go writes it, which knows no numbers but those with 64 bits."""
    if isinstance(value, int) and abs(value) <= _LARGEST_WHOLE:
        return value
    try:
        number = float(value)
    except OverflowError:
        return value
    return int(Decimal(repr(number))) if number.is_integer() and abs(number) < _LARGEST_WRITTEN_OUT else number
