import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from wandbsweep import __version__
from wandbsweep.server.settings import knobs

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "charts" / "wandbsweep"

# What the chart decides itself about the server, by mounting and exposing it.
# The last two by Secrets: server.entityKeys and server.database.
SET_BY_THE_CHART = {"host", "port", "data_dir", "api_key_file", "keys_dir", "database_url"}
# Kept beside the data, so that there is one volume to keep.
LEFT_TO_THE_SERVER = {"files_dir"}


@pytest.fixture(scope="module")
def sync() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chart_sync", ROOT / "hack/chart/sync.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return schema


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return values


def test_the_charts_crd_and_its_table_of_values_are_up_to_date(sync: ModuleType) -> None:
    stale = [path.name for path, text in sync.wanted_files().items() if path.read_text() != text]
    assert stale == [], "run `python hack/chart/sync.py`"


def test_the_chart_holds_no_crd_that_is_gone(sync: ModuleType) -> None:
    assert {path.name for path in (CHART / "crds").iterdir()} == {path.name for path in sync.CRDS.glob("*.yaml")}


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, node in schema.get("properties", {}).items():
        yield f"{path}{name}", node
        yield from nodes(node, f"{path}{name}.")


def test_every_value_is_described(schema: dict[str, Any]) -> None:
    assert [path for path, node in nodes(schema) if not node.get("description")] == []


def test_a_misspelt_value_is_refused_at_every_level(schema: dict[str, Any]) -> None:
    open_objects = [
        path for path, node in nodes(schema) if "properties" in node and node.get("additionalProperties") is not False
    ]
    assert open_objects == []
    assert schema["additionalProperties"] is False


def test_every_default_has_a_place_in_the_schema(values: dict[str, Any], schema: dict[str, Any]) -> None:
    def missing(value: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[str]:
        for name, inner in value.items():
            if name not in node["properties"]:
                yield f"{path}{name}"
            elif isinstance(inner, dict) and "properties" in node["properties"][name]:
                yield from missing(inner, node["properties"][name], f"{path}{name}.")

    assert list(missing(values, schema, "")) == []


def test_the_servers_knobs_can_be_set_through_the_chart(schema: dict[str, Any]) -> None:
    settable = schema["properties"]["server"]["properties"]["settings"]["properties"]
    as_knobs = {"".join(f"_{c.lower()}" if c.isupper() else c for c in name) for name in settable}
    assert as_knobs == {knob.name for knob in knobs()} - SET_BY_THE_CHART - LEFT_TO_THE_SERVER


def test_the_chart_and_the_package_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
