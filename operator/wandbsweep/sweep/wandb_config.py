"""What is sent to W&B for a sweep: the user's definition, marked as ours and with the trial launcher in its command.

The same sweep runs anywhere: a workstation that has the package can join with plain `wandb agent`.
"""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api.labels import UID_MARKER
from wandbsweep.sweep.protein.on_wandb import without_protein
from wandbsweep.sweep.protein.settings import PROTEIN
from wandbsweep.sweep.reading.base_config import BASE_CONFIG, BASE_CONFIG_FILE
from wandbsweep.sweep.reading.scheduler import CUSTOM
from wandbsweep.sweep.rendering.cell import sent_cell
from wandbsweep.sweep.rendering.evaluation import told_evaluation
from wandbsweep.sweep.rendering.launch import SCAN, launch_words
from wandbsweep.sweep.scan.reading import short_names
from wandbsweep.sweep.searching import NO_METRIC, engine_of
from wandbsweep.sweep.stages.on_wandb import without_stages
from wandbsweep.sweep.stages.settings import STAGES
from wandbsweep.sweep.trials.grid import count_points
from wandbsweep.sweep.wandb_parameters import wandb_parameters

if TYPE_CHECKING:
    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.sweep.rendering.evaluation import EvaluationStage

_NOT_OF_THE_DEFINITION: Final = frozenset({"name", "description", "run_cap", "entity", "project"})
"""What W&B can change in a sweep that exists, and what the object decides with its definition."""

_DIGEST_LENGTH: Final = 12

_PROGRAM_MACRO: Final = "${program}"


def wandb_config(
    definition: SweepDefinition,
    *,
    display_name: str,
    uid: str,
    token: str,
    max_runs: int | None,
    runs_per_agent: int | None,
    agent_count: int,
    evaluation: EvaluationStage | None = None,
) -> dict[str, Any]:
    """The configuration of the sweep as W&B stores it. The user's own name and description are kept."""
    config = _as_wandb_searches_it(definition)
    for key in (BASE_CONFIG, BASE_CONFIG_FILE):
        config.pop(key, None)
    if definition.program is not None:
        config["program"] = definition.program
    config["name"] = config.get("name") or display_name
    config["description"] = _described(config.get("description") or "", marker(uid, token))
    config["command"] = wrapped_command(definition, evaluation)
    cap = effective_run_cap(definition, max_runs=max_runs, runs_per_agent=runs_per_agent, agent_count=agent_count)
    if cap is not None:
        config["run_cap"] = cap
    return config


def _as_wandb_searches_it(definition: SweepDefinition) -> dict[str, Any]:
    """Method, parameters and metric in W&B's own terms; what it does not search itself has method custom."""
    config = copy.deepcopy(dict(definition.config))
    if definition.method == SCAN:
        cells = {"values": [sent_cell(cell) for cell in definition.trials]}
        config = {**config, "method": CUSTOM, "parameters": {SCAN: cells}}
    elif definition.method == PROTEIN:
        config = without_protein(config, definition.parameters)
    elif definition.method == STAGES:
        config = without_stages(config, definition.parameters)
    elif definition.parameters:
        config["parameters"] = wandb_parameters(definition.parameters)
    if definition.metric_name is None and engine_of(definition):
        config["metric"] = {"name": NO_METRIC, "goal": "minimize"}
    return config


def marker(uid: str, token: str) -> str:
    """The line by which a sweep on W&B tells whose it is and of which definition; it is looked for after a crash."""
    return f"{UID_MARKER}: {uid}/{token}"


def definition_token(digest: str, generation: int) -> str:
    """Tells the sweeps of one object apart. With the generation in it, a definition that comes back is a new sweep."""
    return f"{generation}-{digest}"


def digest_of_token(token: str) -> str:
    """The digest in a token."""
    return token.rpartition("-")[2]


def definition_digest(
    definition: SweepDefinition, *, entity: str | None, project: str, evaluation: EvaluationStage | None = None
) -> str:
    """What makes a sweep another one: all that W&B cannot change in a sweep that exists.

    It is taken from what the user wrote, not from what is sent, so that a newer operator finds nothing changed.
    """
    base = definition.base_config
    parts = {
        "config": {key: value for key, value in definition.config.items() if key not in _NOT_OF_THE_DEFINITION},
        "base_config": base.content if base else None,
        "trials": [sent_cell(cell) for cell in definition.trials],  # their order is the order of the keys
        "entity": entity or definition.entity,
        "project": project,
        **({"evaluation": told_evaluation(evaluation)} if evaluation else {}),
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def _described(text: str, last_line: str) -> str:
    return f"{text.rstrip()}\n\n{last_line}" if text.strip() else last_line


def wrapped_command(definition: SweepDefinition, evaluation: EvaluationStage | None = None) -> list[str]:
    """The user's command behind the trial launcher, which gets the sampled values as JSON and spells them itself."""
    base = definition.base_config
    return launch_words(
        definition.command,
        short_names=short_names(definition.parameters) if definition.method == SCAN else None,
        base_config=base.content if base else None,
        base_config_file=base.file if base else None,
        method=definition.method if definition.method in (PROTEIN, STAGES) else None,
        evaluation=evaluation and _with_program(evaluation, definition.program),
    )


def _with_program(evaluation: EvaluationStage, program: str | None) -> EvaluationStage:
    """W&B's agent, which knows the sweep's program, does not look into the words of an evaluation."""
    named = [program] if program else []
    words = (part for word in evaluation.command for part in (named if word == _PROGRAM_MACRO else [word]))
    return replace(evaluation, command=tuple(words))


def effective_run_cap(
    definition: SweepDefinition, *, max_runs: int | None, runs_per_agent: int | None, agent_count: int
) -> int | None:
    """How many runs the sweep may have, or None for no limit.

    spec.maxRuns wins over the definition's run_cap. A method that never ends by itself gets without either what the
    agents asked for would run, as if a job of runs_per_agent runs had been submitted agent_count times.
    """
    if max_runs is not None:
        return max_runs
    if definition.run_cap is not None:
        return definition.run_cap
    if definition.method == STAGES:
        return sum(stage.most_runs for stage in definition.stages)
    if definition.method in ("grid", SCAN) or runs_per_agent is None:
        return None
    return max(agent_count, 1) * runs_per_agent


def grid_size(definition: SweepDefinition) -> int | None:
    """How many different points the grid or the scan has; None for other methods."""
    if definition.method == SCAN:
        return len(definition.trials)
    if definition.method != "grid":
        return None
    return count_points(definition.parameters)
