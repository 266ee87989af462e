"""One line in the log for each suggestion and each run that ended."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.search.engine import SearchEngine
from wandbsweep.sweep.rendering.launch import SCAN, TRIAL_NOTE

if TYPE_CHECKING:
    from wandb.sdk.sweeps.scheduler.optimizer import Optimizer, RunSuggestion, RunWithMetrics

_log = logging.getLogger("wandbsweep.search")

_LONGEST_VALUE: Final = 40
_LONGEST_LINE: Final = 400


def suggested(engine: Optimizer, suggestion: RunSuggestion) -> None:
    """What is tried, and why."""
    config = suggestion.config.flat_dict()
    named = [config.pop(key, None) for key in (TRIAL_NOTE, SCAN)]
    name = next((each["name"] for each in named if isinstance(each, dict) and "name" in each), suggestion.run_id)
    values = " ".join(f"{key}={_short(value)}" for key, value in config.items())
    why = f" ({engine.why(str(suggestion.run_id))})" if isinstance(engine, SearchEngine) else ""
    _log.info("suggest %s: %s%s", name, _cut(values, _LONGEST_LINE), why)


def ended(data: RunWithMetrics) -> None:
    """How a run ended."""
    _log.info("run %s ended: %s", data.wandb_run_id, data.state.value)


def _short(value: Any) -> str:
    return _cut(json.dumps(value, separators=(",", ":"), default=str), _LONGEST_VALUE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
