"""Whether a base configuration fits the rest of a definition: the command, the parameters' keys, and one argument."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.reading.base_config import BASE_CONFIG
from wandbsweep.sweep.rendering.config_file import ConfigFileError, put, split_key
from wandbsweep.sweep.rendering.launch import launch_words
from wandbsweep.sweep.rendering.macros import CONFIG_JSON_FILE, LONGEST_ARGUMENT
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandbsweep.sweep.parameter import Parameter
    from wandbsweep.sweep.problems import Place, Report
    from wandbsweep.sweep.reading.base_config import BaseConfig

_MACRO: Final = f"${{{CONFIG_JSON_FILE}}}"


def check_use(
    base: BaseConfig | None, config: Mapping[str, Any], command: tuple[str, ...], place: Place, report: Report
) -> None:
    """The base configuration and the macro that passes its file on need each other."""
    if _MACRO in command and BASE_CONFIG not in config:
        remedy = "give the configuration that the values go into, inline or from a ConfigMap"
        report.add(Rule.MISSING_KEY, place / BASE_CONFIG, f"is missing, and the command uses {_MACRO}", remedy)
    elif base and _MACRO not in command:
        remedy = f"pass it on, for example as --config and {_MACRO}, each a word of its own"
        report.add(
            Rule.UNUSED_BASE_CONFIG, place / BASE_CONFIG, f"reaches nobody: the command has no word {_MACRO}", remedy
        )


def check_size(base: BaseConfig, report: Report) -> None:
    """The configuration travels inside the sweep, as one argument of the trial launcher."""
    size = max(len(word) for word in launch_words((), base_config=base.content, base_config_file=base.file))
    if size > LONGEST_ARGUMENT:
        message = f"takes {size} bytes as an argument of the trial launcher, which carries at most {LONGEST_ARGUMENT}"
        remedy = "leave out what the training script has as its default"
        report.add(Rule.UNRENDERABLE, base.place, message, remedy)


def check_keys(
    base: BaseConfig, trials: Iterable[Mapping[str, Any]], places: Mapping[str, Place], report: Report
) -> None:
    """Every key of the trials has a place in the base configuration. Of each key only the first failure is told."""
    paths = {split_key(key) for key in places}
    # Where no key leads through another one's value, all trials are alike.
    entangled = any(path[:depth] in paths for path in paths for depth in range(1, len(path)))
    lost: set[str] = set()
    for trial in trials:
        config = copy.deepcopy(dict(base.content or {}))
        for key, value in trial.items():
            error = _failure(config, key, value)
            if error and key not in lost:
                report.add(Rule.KEY_NOT_IN_BASE_CONFIG, places[key], error.message, error.remedy)
                lost.add(key)
        if lost or not entangled:
            return


def _failure(config: dict[str, Any], key: str, value: Any) -> ConfigFileError | None:
    try:
        put(config, key, copy.deepcopy(value))
    except ConfigFileError as error:
        return error
    return None


def check_parameters(base: BaseConfig, parameters: Iterable[Parameter], report: Report) -> None:
    """The names of parameters are keys of the base configuration, whatever the method draws for them."""
    sample: dict[str, Any] = {}
    places: dict[str, Place] = {}
    for parameter in parameters:
        if len(parameter.path) > 1:
            message = "nested parameters have no place in base_config"
            report.add(Rule.UNSUPPORTED, parameter.place, message, f"write {'.'.join(parameter.path)!r} as one name")
            continue
        key = parameter.scaled.target if parameter.scaled else parameter.path[0]
        sample[key] = (parameter.values or (None,))[0]
        places[key] = parameter.place
    if base.content is not None:
        check_keys(base, [sample], places, report)
        check_size(base, report)
