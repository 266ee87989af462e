"""Copies into the chart what is decided elsewhere: the CRD, and the table of values in its README.

`python hack/chart/sync.py` writes both; a test fails when either is out of date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "wandbsweep"
CRDS = ROOT / "crds"

_BEGIN = "<!-- values: written by hack/chart/sync.py from values.yaml and values.schema.json -->\n"
_END = "<!-- end of values -->\n"


def values_table(values: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """One row for each value that a user may set, described by the schema."""
    rows = ["| value | default | what it means |", "|---|---|---|"]
    for path, node, default in _leaves((), schema, values):
        text = node["description"]
        if "enum" in node:
            text += " One of " + ", ".join(f"`{each}`" for each in node["enum"]) + "."
        rows.append(f"| `{'.'.join(path)}` | {_code(default)} | {text} |")
    return "\n".join(rows) + "\n"


def _leaves(
    path: tuple[str, ...], schema: Mapping[str, Any], value: Any
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], Any]]:
    for name, node in schema["properties"].items():
        default = value.get(name) if isinstance(value, dict) else None
        if name == "global":
            continue
        if "properties" in node and name != "resources":
            yield from _leaves((*path, name), node, default)
        else:
            yield (*path, name), node, default


def _code(default: Any) -> str:
    return "" if default is None else f"`{json.dumps(default)}`"


def readme_with(table: str, readme: str) -> str:
    """The README with its table replaced."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table}\n{_END}{after}"


def wanted_files() -> dict[Path, str]:
    """What each generated file of the chart should hold."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    readme = CHART / "README.md"
    files = {readme: readme_with(values_table(values, schema), readme.read_text())}
    for crd in sorted(CRDS.glob("*.yaml")):
        files[CHART / "crds" / crd.name] = crd.read_text()
    return files


if __name__ == "__main__":
    for path, text in wanted_files().items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
