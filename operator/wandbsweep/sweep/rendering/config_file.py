"""One trial's JSON configuration: the base with the trial's values in it, and a `meta` section that tells them.

The layout is robomimic's: keys are paths with `/` or `.` between the names, `experiment.name` is the trial's name, and
`meta` holds what its logger shows. Standard library only: this file travels into training containers.
"""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BETWEEN_NAMES: Final = re.compile(r"[/.]")


class ConfigFileError(ValueError):
    """A value has no place in the base configuration; the message names the key."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message}; {remedy}")
        self.message = message
        self.remedy = remedy


def split_key(key: str) -> tuple[str, ...]:
    """The names on the way to a setting: `algo/rnn/horizon` and `algo.rnn.horizon` are the same one."""
    return tuple(_BETWEEN_NAMES.split(key))


def config_text(
    base: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    name: str | None,
    base_file: str | None,
    shown: Sequence[tuple[str, Any]],
) -> str:
    """The text of a trial's file. The order of the base's keys is kept, and new ones follow.

    Args:
        base: what all trials have in common.
        values: by key; what is between the base and a key's last name has to be there already.
        name: what the experiment is called; None leaves the base's own.
        base_file: where the base came from, as far as that is known.
        shown: names and values for the `meta` section.

    Raises:
        ConfigFileError: a key leads nowhere.
    """
    config = copy.deepcopy(dict(base))
    if name is not None:
        put(config, "experiment.name", name)
    for key, value in values.items():
        put(config, key, copy.deepcopy(value))
    put(config, "meta", config.get("meta", {}))
    for key, told in (
        ("hp_base_config_file", base_file),
        ("hp_keys", [label for label, _ in shown]),
        ("hp_values", [value for _, value in shown]),
    ):
        put(config, f"meta.{key}", told)
    return json.dumps(config, indent=4)


def put(config: dict[str, Any], key: str, value: Any) -> None:
    """Set one value. The last name of the key may be new, all others have to lead through mappings."""
    *parents, last = split_key(key)
    section: Any = config
    for depth, parent in enumerate(parents, start=1):
        way = ".".join(parents[:depth])
        if parent not in section:
            there = ", ".join(map(str, section)) or "nothing"
            raise ConfigFileError(
                f"{key!r} leads through {way!r}, which base_config does not have (it has {there[:200]} there)",
                "correct the key, or add the section to base_config",
            )
        section = section[parent]
        if not isinstance(section, dict):
            raise ConfigFileError(
                f"{key!r} leads through {way!r}, which is no mapping in base_config", "correct the key"
            )
    section[last] = value
