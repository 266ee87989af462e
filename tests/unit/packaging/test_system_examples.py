"""The examples of the five systems without training them: manifests, scripts, image. tests/e2e trains them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from image_builder.catalogue import IMAGES
from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.sweep.definition import read_definition

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
SYSTEMS = ("interactive-navigation", "agile", "robomimic", "gymnasium-solver", "metta")

pytestmark = pytest.mark.parametrize("system", SYSTEMS)


def manifest_of(system: str) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((EXAMPLES / system / "sweep.yaml").read_text())
    return manifest


def test_the_manifest_is_a_valid_object(system: str) -> None:
    spec = WandbSweepSpec.model_validate(manifest_of(system)["spec"])
    assert 2 <= spec.agent_count <= 4


def test_the_definition_raises_no_finding(system: str) -> None:
    definition = read_definition(manifest_of(system)["spec"]["sweep"], field="spec.sweep")
    assert definition.warnings == ()


def test_the_trainer_is_in_the_image_where_the_command_looks_for_it(system: str) -> None:
    manifest = manifest_of(system)
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    definition = read_definition(manifest["spec"]["sweep"], field="spec.sweep")
    words = [str(definition.program) if word == "${program}" else word for word in definition.command]
    (script,) = [word for word in words if word.endswith(".py")]

    assert container["image"] == IMAGES["trainer-cpu"].reference
    assert container["workingDir"] == f"/workspace/{system}"
    assert (EXAMPLES / system / script).is_file()


def test_so_is_what_evaluates_its_trials(system: str) -> None:
    stage = manifest_of(system)["spec"].get("evaluation", {"command": []})
    for script in (word for word in stage["command"] if word.endswith(".py")):
        assert (EXAMPLES / system / script).is_file()


def test_the_page_for_those_who_come_from_there_names_the_example(system: str) -> None:
    page = ROOT / f"docs/coming-from/{system}.md"
    assert f"examples/{system}/sweep.yaml" in page.read_text()
