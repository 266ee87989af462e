"""The reference pages, made from the types: every field of the API, every condition with its reasons.

`python -m wandbsweep.api.reference [ROOT]` writes them and the CRD into the repository.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandbsweep.api.crd import crd, crd_yaml
from wandbsweep.api.labels import GROUP, KIND, PLURAL, SHORT_NAME, VERSION
from wandbsweep.api.reasons import EVENT_ONLY_REASONS, ConditionType, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

_GENERATED = "<!-- Generated from operator/wandbsweep/api by `make crds`; change the types there. -->\n"


def api_reference() -> str:
    """The page with every field of a WandbSweep, its type, default, rules and description."""
    (version,) = crd()["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    rules = [f"* {rule['message']}" for rule in schema["x-kubernetes-validations"]]
    parts = [
        _GENERATED,
        f"# {KIND}, {GROUP}/{VERSION}\n",
        f"`kubectl explain {PLURAL}` shows the same text; `{SHORT_NAME}` is the short name.\n",
        "The API server refuses an object that breaks a rule listed here, with that rule as its message.\n",
        *rules,
    ]
    for section in ("spec", "status"):
        parts += ["", f"## {section}\n", schema["properties"][section]["description"] + "\n"]
        parts += [f"* Rule: {message}" for message in _rules(schema["properties"][section])]
        parts += ["", "| field | type | default | description |", "|---|---|---|---|"]
        parts += _rows(schema["properties"][section], section)
    return "\n".join(parts) + "\n"


def _rows(node: dict[str, Any], path: str) -> Iterator[str]:
    for name, field in node.get("properties", {}).items():
        here = f"{path}.{name}"
        kind = field["type"]
        if kind == "array":
            kind, here = f"list of {field['items']['type']}s", here + "[]"
        text = " ".join([field["description"], *(f"Rule: {message}." for message in _rules(field))])
        if "enum" in field:
            text += f" One of {', '.join(field['enum'])}."
        required = "required" if name in node.get("required", []) else ""
        default = f"`{field['default']}`" if field.get("default") not in (None, "") else required
        yield f"| `{here}` | {kind} | {default} | {_in_a_cell(text)} |"
        yield from _rows(field.get("items", field), here)


def _rules(node: dict[str, Any]) -> list[str]:
    return [rule["message"] for rule in node.get("x-kubernetes-validations", [])]


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|")


def reasons_reference() -> str:
    """The page with every phase, condition and reason, and when each occurs."""
    parts = [_GENERATED, "# Phases, conditions and reasons\n", "## Phases\n"]
    parts += [f"* `{phase}`: {phase.when}" for phase in Phase]
    parts += ["", "## Conditions\n", "`kubectl wait --for=condition=Complete wandbsweep/NAME` waits for one of them."]
    for condition in ConditionType:
        parts += ["", f"### {condition}\n", condition.when, "", "| reason | when |", "|---|---|"]
        parts += [f"| `{reason}` | {reason.when} |" for reason in condition.reasons]
    parts += [
        "",
        "## Events\n",
        "An Event is sent when a condition changes, with that condition's reason, and for:",
        "",
    ]
    parts += ["| reason | when |", "|---|---|"]
    parts += [f"| `{reason}` | {reason.when} |" for reason in EVENT_ONLY_REASONS]
    return "\n".join(parts) + "\n"


def generated_files() -> dict[str, str]:
    """Every file that is made from the types, by its path from the root of the repository."""
    return {
        f"crds/{PLURAL}.{GROUP}.yaml": crd_yaml(),
        "docs/api-reference.md": api_reference(),
        "docs/reasons.md": reasons_reference(),
    }


def main(root: Path) -> None:
    """Write all generated files under the root of the repository."""
    for path, text in generated_files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
