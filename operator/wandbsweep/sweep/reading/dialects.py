"""One shape for every definition: what comes from other systems' files is turned into ours before anything is read.

Metta keeps its sweep under a key `sweep` of a larger job; its way to write a search by Protein, which is PufferLib's
too, is turned in `metta`. What W&B takes passes through as it is, and so do scans and scaled dictionaries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.protein.metta import for_protein, is_for_protein
from wandbsweep.sweep.reading.moved_place import moved
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.problems import Place, Report

_NAMES: Final = ("sweep_run", "sweep_name", "run")
"""What Metta calls a sweep's name."""
_UNSET: Final = "???"
"""Hydra's word for what is still to be given."""
_OF_THE_MACHINE: Final = frozenset(
    {"cmd", "data_dir", "device", "dist_cfg_path", "hardware", "run_dir", "runs_dir", "seed", "sweep_dir"}
)
_OF_EVERY_RUN: Final = frozenset(
    {"agent", "base", "env", "policy", "rnn", "settings", "sim", "sweep_job", "train", "trainer", "vec"}
)
_OF_HYDRA: Final[Mapping[str, tuple[str, str]]] = {
    "defaults": (
        "Hydra puts this file together from others",
        "compose it first, with --cfg job",
    ),
    "schedule": ("phases of a search are not supported", "write a definition for each phase"),
}


def in_one_shape(document: dict[str, Any], place: Place, report: Report) -> tuple[dict[str, Any], Place]:
    """The definition as its readers take it, and its place, which knows where each key stands in the user's file."""
    config, place = _sweep_block(document, place, report)
    return for_protein(config, place, report) if is_for_protein(config) else (config, place)


def _sweep_block(document: dict[str, Any], place: Place, report: Report) -> tuple[dict[str, Any], Place]:
    """The block `sweep` of a job, with what else the job says of the sweep."""
    block = document.get("sweep")
    if not isinstance(block, dict):
        return document, place
    config, elsewhere = dict(block), dict[str, "Place"]()
    for key, value, spot in _of_the_sweep(document, place, report):
        if key in config:
            report.add(Rule.SAME_SETTING, spot, f"is given in the block sweep too, as {key}", "remove one of them")
        config[key], elsewhere[key] = value, spot
    return config, moved(place / "sweep", elsewhere)


def _of_the_sweep(document: dict[str, Any], place: Place, report: Report) -> list[tuple[str, Any, Place]]:
    """What stands beside the block and belongs to it; the rest of the job is refused, or noted as of no effect."""
    found: list[tuple[str, Any, Place]] = []
    for key, value in document.items():
        spot = place / key
        if key in _NAMES:
            found += [("name", value, spot)] if value != _UNSET else []
        elif key == "wandb" and isinstance(value, dict):
            found += _account(value, spot, report)
        elif key in _OF_THE_MACHINE:
            report.add(Rule.WITHOUT_EFFECT, spot, "is for Metta's own scripts: each pod has its own", "remove it")
        elif key in _OF_EVERY_RUN:
            message = "is the same for every run, and a sweep carries only its parameters"
            remedy = f"give it in the command, such as {key}.name=..., or as a parameter with value"
            report.add(Rule.FOREIGN_KEY, spot, message, remedy)
        elif key in _OF_HYDRA:
            report.add(Rule.FOREIGN_KEY, spot, *_OF_HYDRA[key])
        elif key != "sweep":
            found.append((key, value, spot))
    return found


def _account(wandb: Mapping[str, Any], place: Place, report: Report) -> list[tuple[str, Any, Place]]:
    for key in (key for key in wandb if key not in ("entity", "project")):
        report.add(Rule.WITHOUT_EFFECT, place / key, "of wandb only entity and project are read", "remove it")
    return [(key, wandb[key], place / key) for key in ("entity", "project") if key in wandb]
