"""The CustomResourceDefinition, made from the types: pydantic's JSON Schema turned into the API server's dialect.

Kubernetes wants a structural schema: no references, no unions with null, no titles, free-form objects marked as such.
Everything else (descriptions, bounds, defaults, CEL rules) is said at the field and passes through unchanged.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from wandbsweep.api.cel import Rule, cel
from wandbsweep.api.labels import CATEGORY, GROUP, KIND, PLURAL, SHORT_NAME, SINGULAR, VERSION
from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.api.status import WandbSweepStatus

LONGEST_NAME: Final = 48
"""Characters of an object's name: its Jobs are called <name>-<slot>-<attempt>, and a Job's name may have 63."""

_NAME_RULES = (
    Rule(
        rule=f"self.metadata.name.size() <= {LONGEST_NAME}",
        message=f"metadata.name must have at most {LONGEST_NAME} characters, "
        "to leave room for the names of its agent Jobs: choose a shorter name",
    ),
    Rule(
        rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        message="metadata.name must start with a lower-case letter and hold only lower-case letters, digits and "
        "hyphens, since its agent Jobs are named after it: choose another name",
    ),
)

_COLUMNS = (
    ("Phase", "string", ".status.phase"),
    ("Method", "string", ".status.method"),
    ("Sweep", "string", ".status.sweepID"),
    ("Agents", "string", ".status.agents.summary"),
    ("Runs", "string", ".status.runs.summary"),
    ("Failed", "integer", ".status.runs.failed"),
    ("Best", "number", ".status.best.value"),
    ("Age", "date", ".metadata.creationTimestamp"),
)

_HEADER = "# Generated from operator/wandbsweep/api by `make crds`; change the types there.\n"


def crd() -> dict[str, Any]:
    """The definition as the API server takes it."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": SINGULAR,
                "shortNames": [SHORT_NAME],
                "categories": [CATEGORY],
            },
            "versions": [_version()],
        },
    }


def crd_yaml() -> str:
    """The text of the file in crds/."""
    return _HEADER + yaml.dump(crd(), Dumper=_PlainDumper, sort_keys=False, width=120, allow_unicode=True)


class _PlainDumper(yaml.SafeDumper):
    """Writes shared parts out each time: anchors would be hard to read."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _root_schema()},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.agentCount",
                "statusReplicasPath": ".status.agents.active",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": [{"name": name, "type": kind, "jsonPath": path} for name, kind, path in _COLUMNS],
    }


def _root_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "A W&B sweep and the pool of agents that works on it.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"Always {KIND}."},
            "metadata": {"type": "object"},  # the API server describes it, and refuses another description
            "spec": structural(WandbSweepSpec.model_json_schema(mode="validation")),
            "status": structural(WandbSweepStatus.model_json_schema(mode="serialization")),
        },
        **cel(*_NAME_RULES),
    }


def structural(schema: dict[str, Any], definitions: dict[str, Any] | None = None) -> dict[str, Any]:
    """The schema without what Kubernetes refuses. A field's own words win over those of its type."""
    definitions = {**(definitions or {}), **schema.get("$defs", {})}
    node = {key: value for key, value in schema.items() if key not in {"$defs", "title"}}
    if "$ref" in node:
        target = definitions[node.pop("$ref").removeprefix("#/$defs/")]
        return structural({**target, **node}, definitions)
    if "anyOf" in node:
        (choice,) = [choice for choice in node.pop("anyOf") if choice != {"type": "null"}]
        return structural({**choice, **{key: value for key, value in node.items() if value is not None}}, definitions)
    if node.pop("additionalProperties", None):
        node["x-kubernetes-preserve-unknown-fields"] = True
    if "properties" in node:
        _enter_properties(node, definitions)
    if "items" in node:
        node["items"] = structural(node["items"], definitions)
    return node


def _enter_properties(node: dict[str, Any], definitions: dict[str, Any]) -> None:
    fields: dict[str, dict[str, Any]] = node["properties"]
    computed = {name for name, field in fields.items() if field.get("readOnly")}
    required = [name for name in node.pop("required", []) if name not in computed]
    node["properties"] = {name: structural(field, definitions) for name, field in fields.items()}
    for name in computed:
        del node["properties"][name]["readOnly"]
    if required:
        node["required"] = required
