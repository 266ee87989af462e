"""The text of a sweep's config, read once when it arrives."""

from __future__ import annotations

from typing import Any

import yaml

from wandbsweep.server.errors import BadRequestError, TooLargeError
from wandbsweep.server.json_text import write_json
from wandbsweep.server.search import Search, is_searched_elsewhere, metric_of

_LARGEST_TEXT = 1024 * 1024
# Anchors let a few lines of YAML stand for billions of values.
_MOST_VALUES = 200_000
_MOST_RUNS = 2**31 - 1  # as GraphQL counts


def read_definition(text: str) -> dict[str, Any]:
    """The mapping that a config's YAML stands for."""
    if len(text) > _LARGEST_TEXT:
        raise TooLargeError(f"the sweep's config is larger than {_LARGEST_TEXT} characters")
    try:
        definition = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadRequestError(f"the sweep's config is not YAML: {error}") from None
    if not isinstance(definition, dict):
        raise BadRequestError("the sweep's config must be a mapping with `method` and `parameters`")
    _count_values(definition, _MOST_VALUES)
    return definition


def stored_columns(text: str, definition: dict[str, Any], search: Search) -> dict[str, Any]:
    """What is kept of a definition, so that no heartbeat has to read it again."""
    metric, goal = metric_of(definition)
    cap = definition.get("run_cap")
    try:
        plain = write_json(definition)
    except (TypeError, ValueError) as error:
        raise BadRequestError(f"the sweep's config holds a value that JSON does not know: {error}") from None
    return {
        "config": text,
        "definition": plain,
        "method": str(definition.get("method") or ""),
        "metric": metric,
        "goal": goal,
        "run_cap": min(cap, _MOST_RUNS) if isinstance(cap, int) and not isinstance(cap, bool) and cap > 0 else None,
        # A scheduler of the user's stops runs itself.
        "early_terminate": isinstance(definition.get("early_terminate"), dict) and not definition.get("scheduler"),
        "searched_elsewhere": is_searched_elsewhere(definition),
        "grid_size": None if (size := search.grid_size(definition)) is None else min(size, _MOST_RUNS),
    }


def _count_values(value: Any, budget: int) -> int:
    """What is left of a budget of values; raises when there is nothing left."""
    if budget <= 0:
        raise TooLargeError(f"the sweep's config stands for more than {_MOST_VALUES} values")
    if isinstance(value, dict):
        for each in value.values():
            budget = _count_values(each, budget - 1)
    elif isinstance(value, list):
        for each in value:
            budget = _count_values(each, budget - 1)
    return budget
