"""What the search of a sweep is told, on its way from the operator into the search's container."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.reading.base_config import BASE_CONFIG, BASE_CONFIG_FILE
from wandbsweep.sweep.rendering.launch import ARGS_MACRO
from wandbsweep.sweep.searching import Engine, engine_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.definition import SweepDefinition

LARGEST_BYTES: Final = 100 * 1024
"""Linux takes 128 KiB for one variable of the environment."""


class OrderError(ValueError):
    """This cannot be searched by; the text says what is wrong with it."""


@dataclass(frozen=True)
class SearchOrder:
    """What is searched, and how far."""

    engine: Engine
    name: str
    """The sweep's display name, from which runs are named."""
    definition: Mapping[str, Any]
    """As the user wrote it. Empty for a scan: its cells are read from the sweep on W&B."""
    max_runs: int | None
    """Failed and crashed runs are apart; None for no limit."""
    retry_failed: int = 0
    """How often a failed cell of a scan is run again."""

    def to_json(self) -> str:
        """Keys in a fixed order, so that equal orders are equal texts."""
        return json.dumps({**asdict(self), "engine": str(self.engine)}, sort_keys=True, separators=(",", ":"))


def search_order(
    definition: SweepDefinition, *, name: str, max_runs: int | None, retry_failed: int
) -> SearchOrder | None:
    """The order for a definition; None where W&B's server searches. Raises OrderError if it is too large."""
    engine = engine_of(definition)
    if engine is None:
        return None
    apart = {BASE_CONFIG, BASE_CONFIG_FILE}
    kept = {key: value for key, value in definition.config.items() if key not in apart}
    told = {} if engine is Engine.SCAN else kept
    order = SearchOrder(engine, str(definition.config.get("name") or name), told, max_runs, retry_failed)
    if (size := len(order.to_json().encode())) > LARGEST_BYTES:
        raise OrderError(
            f"spec.sweep has {size} bytes, and a search takes {LARGEST_BYTES}: shorten its lists of values"
        )
    return order


def read_order(text: str) -> SearchOrder:
    """The order in this JSON. Raises OrderError."""
    try:
        told = json.loads(text)
        return SearchOrder(**{**told, "engine": Engine(told["engine"])})
    except (ValueError, TypeError, KeyError) as error:
        raise OrderError(f"the search order cannot be read: {error}") from None


def ordered_definition(order: SearchOrder) -> SweepDefinition:
    """What is searched, read again. What the trials run is no matter of the search, and may be anything.

    Raises InvalidSweepError, which an order that was made here does not.
    """
    searched = {key: value for key, value in order.definition.items() if key not in ("program", "command")}
    return read_definition({**searched, "command": [ARGS_MACRO]}, field="spec.sweep")
