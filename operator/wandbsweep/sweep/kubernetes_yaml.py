"""YAML as kubectl reads it, which is not quite as Python does: `1e-5` is a number, and what is left of 1.0 is 1.

A manifest is linted as the API server will store it, so that what is checked is what will run.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

_LARGEST_EXACT: Final = 1e21
"""From here on Go writes a whole float with an exponent, so that it stays one."""


class KubernetesLoader(yaml.SafeLoader):
    """Knows the floats of Go's YAML library, and leaves dates as text, as JSON has none."""


KubernetesLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
KubernetesLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def load_manifests(text: str) -> list[Any]:
    """All documents of the text, as they will be stored. Raises yaml.YAMLError."""
    return [as_json_stores_it(document) for document in yaml.load_all(text, Loader=KubernetesLoader)]


def as_json_stores_it(value: Any) -> Any:
    """The same data once it went through Kubernetes, which writes 1.0 as 1."""
    if isinstance(value, dict):
        return {key: as_json_stores_it(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json_stores_it(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_EXACT:
        return int(value)
    return value
