"""How a trial is shown: as data, or as lines for people."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from wandbsweep.cli.messages import CommandError
from wandbsweep.sweep.rendering.launch import LaunchError
from wandbsweep.sweep.trials.trials import trial_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wandbsweep.cli.sweeps import Sweep
    from wandbsweep.sweep.definition import SweepDefinition
    from wandbsweep.sweep.rendering.launch import Rendered


def rendered(sweep: Sweep, recorded: Mapping[str, Any]) -> Rendered:
    """The trial with these values. Raises CommandError if one of them cannot reach the program."""
    try:
        return trial_of(sweep.definition, recorded, sweep.evaluation)
    except LaunchError as error:
        raise CommandError(str(error)) from None


def as_data(trial: Rendered) -> dict[str, Any]:
    """The interface of `preview` and `render`."""
    return {
        "name": trial.name,
        "values": dict(trial.values),
        "argv": list(trial.argv),
        "files": dict(trial.files),
        **({"evaluation": list(trial.evaluation.command)} if trial.evaluation else {}),
    }


def as_lines(definition: SweepDefinition, trial: Rendered) -> Iterator[str]:
    """The values that are not the same in all trials, the command as one would type it, and the files."""
    for parameter in definition.parameters:
        if parameter.values is None or len(parameter.values) > 1:
            value: Any = trial.values
            for name in parameter.path:
                value = value[name]
            yield f"{'.'.join(parameter.path)}: {json.dumps(value, ensure_ascii=False)}"
    yield f"$ {shlex.join(trial.argv)}"
    if trial.evaluation:
        yield f"$ {shlex.join(trial.evaluation.command)}"
    for path, text in trial.files.items():
        yield f"file: {path} ({len(text.encode())} bytes)"
