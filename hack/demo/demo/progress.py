"""Follows a WandbSweep until it is over, one line for each change of what `kubectl get` would show."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from demo.steps import StepFailed, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE_SECONDS = 900
LOOK_EVERY_SECONDS = 2

HEADER = f"   {'time':>5}  {'phase':<10} {'sweep':<10} {'agents':<7} {'runs':<7} {'failed':<7} best"


def follow(kubectl: list[str], name: str) -> dict[str, Any]:
    """Print the progress of a sweep; returns the object once it is over. Raises StepFailed if it never is."""
    remedy = f"Look at it with: {' '.join(kubectl)} describe wandbsweep {name}"
    read = lambda: json.loads(ask([*kubectl, "get", "wandbsweep", name, "-o", "json"], remedy))  # noqa: E731 - a name for it
    print(HEADER, flush=True)
    return _until_over(read, time.monotonic(), remedy)


def _until_over(read: Callable[[], dict[str, Any]], started: float, remedy: str) -> dict[str, Any]:
    shown = ""
    while time.monotonic() - started < PATIENCE_SECONDS:
        sweep = read()
        line = describe(sweep.get("status", {}))
        if line != shown:
            print(f"   {time.monotonic() - started:4.0f}s  {line}", flush=True)
            shown = line
        if sweep.get("status", {}).get("completionTime"):
            return sweep
        time.sleep(LOOK_EVERY_SECONDS)
    raise StepFailed(f"the sweep was not over after {PATIENCE_SECONDS // 60} minutes. {remedy}")


def describe(status: Mapping[str, Any]) -> str:
    """One line of a status, and what is wrong where something is."""
    runs, best, agents = status.get("runs", {}), status.get("best", {}), status.get("agents", {})
    value = f"{best['value']:.4g} ({best['name']})" if best else "-"
    columns = (
        f"{status.get('phase', '-'):<10} {status.get('sweepID', '-'):<10} {agents.get('summary', '-'):<7} "
        f"{runs.get('summary', '-'):<7} {runs.get('failed', '-')!s:<7} {value}"
    )
    waiting = [c for c in status.get("conditions", []) if c["type"] == "Ready" and c["status"] == "False"]
    over = status.get("completionTime")
    return (
        columns if over or not waiting else f"{columns}   [{waiting[0]['reason']}] {waiting[0].get('message', '')[:90]}"
    )
