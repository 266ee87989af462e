"""Spells a sweep config the way W&B's server wants it: YAML text with every distribution written out.

These are the rules that the SDK applies before it sends a config. The server does not repeat them, so they must hold
here too; a test compares both on generated configs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from wandbsweep.tracking.errors import ConfigRejected

if TYPE_CHECKING:
    from collections.abc import Mapping

_ONE_LINE = 2**31 - 1
"""No folding of long strings: a marker must stand in the text as it was given."""


class _SweepDumper(yaml.SafeDumper):
    """Quotes strings such as "008", which other YAML readers take for numbers."""

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        if tag == "tag:yaml.org,2002:str" and value.startswith("0") and len(value) > 1:
            style = "'"
        return super().represent_scalar(tag, value, style)


def config_text(config: Mapping[str, Any]) -> str:
    """Return the YAML text of a sweep config; ConfigRejected when it cannot be sent as it is."""
    try:
        plain = json.loads(json.dumps(config))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigRejected(
            f"the sweep holds a value that W&B cannot take ({error}); "
            "use only numbers, strings, booleans, null, lists and mappings"
        ) from error
    _fill_distributions(plain)
    return yaml.dump(plain, Dumper=_SweepDumper, width=_ONE_LINE)


def parse_config(text: str) -> Mapping[str, Any]:
    """Return the config of a sweep as its server holds it; empty when it is no YAML mapping."""
    try:
        config = yaml.load(text, Loader=_SafeLoader)  # noqa: S506 - both are safe loaders
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _fill_distributions(config: dict[str, Any]) -> None:
    """Whole bounds mean whole numbers, bounds with a point mean real ones; a mixture is refused, as by the SDK."""
    parameters = config.get("parameters")
    if not isinstance(parameters, dict):
        return
    for name, parameter in parameters.items():
        if not isinstance(parameter, dict) or "distribution" in parameter:
            continue
        if "min" in parameter and "max" in parameter:
            parameter["distribution"] = _distribution(name, parameter["min"], parameter["max"])


def _distribution(name: str, low: object, high: object) -> str:
    if isinstance(low, int) and isinstance(high, int):
        return "int_uniform"
    if isinstance(low, float) and isinstance(high, float):
        return "uniform"
    raise ConfigRejected(
        f"parameters.{name}: min {low!r} and max {high!r} are not of one kind; "
        "write both with a decimal point (uniform), both without (int_uniform), or name a distribution"
    )


_SafeLoader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it: a config is parsed on every look at its sweep."""
