"""Reads back a scan from the configurations that robomimic's ConfigGenerator wrote, one JSON file for each trial.

What differs between them was scanned; their `meta` sections tell the short names and what stood for the values. Groups
that were crossed are found again; where the files are not all trials of a product, they become one group, trial by
trial in their order. What is read back is expanded again and compared with the files: it is the same scan, or an error.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.problems import InvalidSweepError, Place, Report
from wandbsweep.sweep.reading.base_config import BASE_CONFIG, BASE_CONFIG_FILE
from wandbsweep.sweep.rendering.launch import SCAN, LaunchError
from wandbsweep.sweep.scan.reading import name_words, read_scan
from wandbsweep.sweep.scan.scanned_settings import Group, NoScanError, Setting, crossed, settings_of, zipped
from wandbsweep.sweep.trials.trials import known_beforehand, trial_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_META: Final = "meta"
_OF_A_SCAN: Final = ("hp_base_config_file", "hp_keys", "hp_values")


@dataclass(frozen=True)
class GeneratedConfig:
    """One of the files."""

    file: str
    content: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.content["experiment"]["name"])

    @property
    def meta(self) -> Mapping[str, Any]:
        section: Mapping[str, Any] = self.content[_META]
        return section

    def check(self) -> None:
        """Raise NoScanError for a configuration that no scan wrote."""
        meta, experiment = self.content.get(_META), self.content.get("experiment")
        if not isinstance(meta, dict) or not isinstance(meta.get("hp_keys"), list):
            raise NoScanError(f"{self.file}: has no `meta` section that tells what was scanned (hp_keys, hp_values)")
        if not isinstance(meta.get("hp_values"), list) or len(meta["hp_values"]) != len(meta["hp_keys"]):
            raise NoScanError(f"{self.file}: meta.hp_values has not one value for each of meta.hp_keys")
        if not isinstance(experiment, dict) or not isinstance(experiment.get("name"), str):
            raise NoScanError(f"{self.file}: has no experiment.name")


def is_generated(content: Any) -> bool:
    """Whether this looks like one of the files."""
    return isinstance(content, dict) and isinstance(content.get(_META), dict) and "hp_keys" in content[_META]


def read_back(configs: Sequence[GeneratedConfig], command: Sequence[str], *, in_order: bool) -> dict[str, Any]:
    """The definition of the scan whose trials these are. Raises NoScanError.

    Args:
        configs: one for each trial.
        command: what each trial runs; `${config_json_file}` is the path of its configuration.
        in_order: the trials have the order of the configurations.
    """
    first = configs[0]
    for each in configs:
        each.check()
        if any(each.meta.get(key) != first.meta.get(key) for key in ("hp_keys", "hp_base_config_file")):
            raise NoScanError(f"{each.file} and {first.file} are not of one scan: convert them one after the other")
    bare = [_without_scan(each.content) for each in configs]
    labels = [str(label) for label in first.meta["hp_keys"]]
    settings = settings_of(bare, labels, [each.meta["hp_values"] for each in configs])
    definition = {
        "method": SCAN,
        "command": list(command),
        BASE_CONFIG: bare[0],
        BASE_CONFIG_FILE: first.meta.get("hp_base_config_file"),
    }
    wanted = {each.name: _canonical(each.content) for each in configs}
    for groups in (crossed(settings, len(configs)), zipped(settings, len(configs))):
        if groups is None:
            continue
        found = _named(definition, _items(settings, groups), first.name)
        trials = _trials(found)
        if trials == wanted and not (in_order and list(trials) != list(wanted)):
            return found
    raise NoScanError(f"the {len(configs)} configurations, {first.file} first, do not come back from what they tell")


def _without_scan(content: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as it was before the scan, but for the scanned settings and the name."""
    config = copy.deepcopy(dict(content))
    config[_META] = {key: value for key, value in config[_META].items() if key not in _OF_A_SCAN}
    if not config[_META]:
        del config[_META]
    config["experiment"]["name"] = ""
    return config


def _items(settings: Iterable[Setting], groups: Sequence[Group]) -> list[dict[str, Any]]:
    """The parameters, those with a name in their order. One without stands where its group has to be met first."""
    group_of = {setting.path: group for group in groups for setting in group.settings}
    named = [setting for setting in settings if setting.label]
    unnamed = [setting for setting in settings if not setting.label]
    ordered: list[Setting] = []
    for setting in named:
        rank = group_of[setting.path].rank if setting.varies else -1
        early = [each for each in unnamed if group_of[each.path].rank < rank and each not in ordered]
        ordered += [*early, setting]
    ordered += [each for each in unnamed if each not in ordered]
    return [_item(setting, group_of.get(setting.path)) for setting in ordered]


def _item(setting: Setting, group: Group | None) -> dict[str, Any]:
    rows = group.rows if group else (0,)
    item: dict[str, Any] = {"key": ".".join(setting.path), "name": setting.label}
    if group:
        item["group"] = group.rank + 1
    item["values"] = [setting.values[row] for row in rows]
    if setting.shown:
        item["value_names"] = [setting.shown[row] for row in rows]
    return item


def _named(definition: Mapping[str, Any], items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The definition with the base name, which the first trial's name begins with, and without labels not in names."""
    parameters = read_scan(items, Place(SCAN), Report())
    rest, base = name, copy.deepcopy(definition[BASE_CONFIG])
    for parameter, item in reversed(list(zip(parameters, items, strict=False))):
        words = "_".join(name_words(parameter, 0))
        if words and rest != words and not rest.endswith(f"_{words}"):
            item["hidename"] = True
        elif words:
            rest = rest[: -len(words)].removesuffix("_")
    base["experiment"]["name"] = rest
    return {**definition, BASE_CONFIG: base, "parameters": items}


def _trials(definition: Mapping[str, Any]) -> dict[str, str]:
    """What the files of all trials would hold, by the names of the trials."""
    try:
        read = read_definition(definition, field=SCAN)
        rendered = [trial_of(read, recorded) for recorded in known_beforehand(read) or ()]
    except (InvalidSweepError, LaunchError) as error:
        raise NoScanError(f"the scan that the configurations tell of is none: {error}") from None
    return {str(trial.name): _canonical(json.loads(text)) for trial in rendered for text in trial.files.values()}


def _canonical(config: Mapping[str, Any]) -> str:
    return json.dumps(config, sort_keys=True)
