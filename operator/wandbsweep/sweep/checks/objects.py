"""What a definition and the object that it stands in need of each other: an end, a metric, the image's interpreter.

Only warnings: the definition is sound by itself, and a bare sweep.yaml has no object around it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.checks.isaac import check_gpus, check_licence
from wandbsweep.sweep.problems import Finding, Place
from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.wandb_config import effective_run_cap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wandbsweep.sweep.definition import SweepDefinition

INTERPRETER_MAP: Final = "WANDBSWEEP_INTERPRETER_MAP"
"""The agent's variable that replaces the program with which a command begins."""

_FINITE: Final = ("grid", SCAN)
_ENV_PROGRAM: Final = ("${env}", "env", "/usr/bin/env")
_PLAIN_PYTHON: Final = re.compile(r"python(3(\.\d+)?)?|\$\{interpreter\}")
_ISAAC: Final = re.compile(r"isaac[-_]?(sim|lab)", re.IGNORECASE)
_HOST: Final = re.compile(r"localhost|.*[.:].*")


def check_in_object(
    definition: SweepDefinition,
    command_place: Place,
    *,
    max_runs: int | None,
    runs_per_agent: int | None,
    target: float | None,
    template: Mapping[str, Any],
    isaac: Mapping[str, Any] | None,
) -> tuple[Finding, ...]:
    """What looks unintended in a definition because of the object around it.

    Args:
        definition: the definition.
        command_place: where its command stands.
        max_runs: spec.maxRuns.
        runs_per_agent: spec.runsPerAgent.
        target: spec.limits.target.
        template: spec.template, as it was written.
        isaac: spec.isaac.
    """
    found = (
        _endless(definition, max_runs, runs_per_agent),
        _aimless(definition, target),
        _interpreter(definition, template, command_place),
        check_licence(template, isaac),
        check_gpus(template, isaac),
    )
    return tuple(finding for finding in found if finding)


def _endless(definition: SweepDefinition, max_runs: int | None, runs_per_agent: int | None) -> Finding | None:
    cap = effective_run_cap(definition, max_runs=max_runs, runs_per_agent=runs_per_agent, agent_count=1)
    if cap is not None or definition.method in _FINITE:
        return None
    message = f"is missing, and method {definition.method} never ends by itself"
    place = Place("spec.maxRuns", keys=("spec", "maxRuns"))
    return Finding(Rule.NO_END, place, message, "say how many runs the sweep may have")


def _aimless(definition: SweepDefinition, target: float | None) -> Finding | None:
    if target is None or definition.metric_name is not None:
        return None
    message = f"is {target:g}, and the definition names no metric that could reach it"
    place = Place("spec.limits.target", keys=("spec", "limits", "target"))
    remedy = "add metric.name and metric.goal to the definition, or remove the target"
    return Finding(Rule.TARGET_WITHOUT_METRIC, place, message, remedy)


def _interpreter(definition: SweepDefinition, template: Mapping[str, Any], place: Place) -> Finding | None:
    container = next(_containers(template), {})
    variables = container.get("env")
    names = [each.get("name") for each in variables if isinstance(each, dict)] if isinstance(variables, list) else []
    if not _is_isaac(str(container.get("image") or "")) or INTERPRETER_MAP in names:
        return None
    at = _first_program(definition.command)
    if at is None or not _PLAIN_PYTHON.fullmatch(definition.command[at]):
        return None
    message = f"begins with {definition.command[at]}, and the Python of Isaac images is another one"
    return Finding(Rule.FOREIGN_INTERPRETER, place / at, message, "write /isaac-sim/python.sh")


def _containers(template: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    pod = template.get("spec")
    containers = pod.get("containers") if isinstance(pod, dict) else None
    yield from (each for each in containers or () if isinstance(each, dict))


def _is_isaac(image: str) -> bool:
    """By its name, the registry left out."""
    first, _, rest = image.partition("/")
    return _ISAAC.search(rest if rest and _HOST.fullmatch(first) else image) is not None


def _first_program(command: Sequence[str]) -> int | None:
    """The index of the program that is started, also behind `env` and its variables."""
    behind_env = bool(command) and command[0] in _ENV_PROGRAM
    return next((at for at, word in enumerate(command) if not behind_env or (at and "=" not in word)), None)
