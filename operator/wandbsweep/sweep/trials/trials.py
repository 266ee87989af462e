"""The trials of a sweep as they will run: from a definition and the values of a run to name, argv and files.

Everything goes through the words that W&B is sent and the launcher that reads them in the training container, so that
what is shown is what runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.rendering.cell import sent_cell
from wandbsweep.sweep.rendering.launch import PROGRAM, SCAN, Rendered, read_launch, render_launch
from wandbsweep.sweep.rendering.surroundings import fill_in_surroundings
from wandbsweep.sweep.trials.grid import grid_points
from wandbsweep.sweep.wandb_config import wrapped_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.sweep.rendering.evaluation import EvaluationStage

_ARGS_FILE: Final = "args.json"


def trial_of(
    definition: SweepDefinition, recorded: Mapping[str, Any], evaluation: EvaluationStage | None = None
) -> Rendered:
    """The trial with these values, as W&B records them, and what evaluates it. Paths of files are relative.

    Raises:
        LaunchError: a value cannot reach the program unchanged.
    """
    words = wrapped_command(definition, evaluation)[len(PROGRAM) :]
    own = words.index("--") + 1
    command = fill_in_surroundings(words[own:], program=definition.program)
    launch = read_launch([*words[:own], *command], args=recorded)
    return render_launch(launch, args_json_file=_ARGS_FILE, config_folder="")


def known_beforehand(definition: SweepDefinition) -> Iterator[Mapping[str, Any]] | None:
    """The values of all trials in the order in which they run, one after another; None where they are drawn.

    Of a search by stages those of the first one are meant.
    """
    if definition.method == SCAN:
        return ({SCAN: sent_cell(cell)} for cell in definition.trials)
    if definition.stages:
        cells = definition.stages[0].cells
        return iter(cells) if cells else None
    return grid_points(definition.parameters) if definition.method == "grid" else None
