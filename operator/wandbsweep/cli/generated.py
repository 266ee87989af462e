"""The input of `convert` that another tool generated: a scan's configurations, or the script that trains with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wandbsweep.cli.sources import InputError, Source, read_text
from wandbsweep.config_generator import COMMAND
from wandbsweep.sweep.scan.generated_configs import GeneratedConfig, is_generated, read_back
from wandbsweep.sweep.scan.scanned_settings import NoScanError
from wandbsweep.sweep.scan.training_script import is_training_script, read_training_script

if TYPE_CHECKING:
    from collections.abc import Sequence


_OF_ROBOMIMIC: Final = frozenset({"algo_name", "experiment"})


class GeneratedScan(NamedTuple):
    """A scan that was read back."""

    definition: dict[str, Any]
    project: str | None
    """Where its configurations log to."""
    name: str
    """What its experiment is called."""


def generated_config(source: Source) -> GeneratedConfig | None:
    """The configuration of one trial, if the source is one. Raises NoScanError for what only leads to a scan."""
    if source.name.endswith(".py"):
        remedy = "run it with `import wandbsweep.config_generator as HyperparamUtils`, and it writes the manifest"
        raise NoScanError(f"{source.name}: is a script; {remedy}")
    content = _json(source.text)
    if isinstance(content, dict) and content.keys() >= _OF_ROBOMIMIC and not is_generated(content):
        remedy = "give it to wandbsweep.config_generator as base_config_file, or to a scan as base_config"
        raise NoScanError(f"{source.name}: is a configuration for one training, without the `meta` of a scan; {remedy}")
    return GeneratedConfig(source.name, content) if is_generated(content) else None


def scan_of_configs(configs: Sequence[GeneratedConfig]) -> GeneratedScan:
    """The scan of which these are the trials. Raises NoScanError."""
    return _scan(read_back(configs, COMMAND, in_order=False))


def scan_of_script(source: Source) -> GeneratedScan | None:
    """The scan that the source runs, if it is such a script. Raises NoScanError and InputError."""
    if not is_training_script(source.text):
        return None
    script = read_training_script(source.text, source.name)
    folder = Path(source.name).parent
    configs = []
    for path in script.configs:
        found = path if Path(path).exists() else str(folder / Path(path).name)
        content = _json(_text(found, path, source.name))
        if not isinstance(content, dict):
            raise NoScanError(f"{found}: is no JSON object")
        configs.append(GeneratedConfig(found, content))
    return _scan(read_back(configs, script.command, in_order=True))


def _text(path: str, written: str, script: str) -> str:
    try:
        return read_text(path)
    except InputError as error:
        remedy = f"{script} trains with {written}: run convert where that is, or put it beside the script"
        raise NoScanError(f"{error}; {remedy}") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None


def _scan(definition: dict[str, Any]) -> GeneratedScan:
    experiment = definition["base_config"]["experiment"]
    logging = experiment.get("logging")
    project = logging.get("wandb_proj_name") if isinstance(logging, dict) else None
    return GeneratedScan(definition, project if isinstance(project, str) else None, experiment["name"])
