"""The example of several processes for each trial, without training it. tests/e2e trains it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from image_builder.catalogue import IMAGES
from wandbsweep.sweep.checks.manifest import check_manifest
from wandbsweep.sweep.texts.kubernetes import load_manifests

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "multi-gpu"


@pytest.fixture
def manifest() -> dict[str, Any]:
    (manifest,) = load_manifests((FOLDER / "sweep.yaml").read_text())
    return dict(manifest)


def test_it_is_a_sound_object_that_raises_no_finding(manifest: dict[str, Any]) -> None:
    assert check_manifest(manifest, {}).findings == []


def test_its_trainer_is_in_the_image_that_is_built(manifest: dict[str, Any]) -> None:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]

    assert container["image"] == IMAGES["trainer-cpu"].reference
    assert container["workingDir"] == f"/workspace/{FOLDER.name}"
    assert (FOLDER / manifest["spec"]["sweep"]["program"]).is_file()


def test_torchrun_starts_the_program_which_gets_the_values(manifest: dict[str, Any]) -> None:
    command = manifest["spec"]["sweep"]["command"]

    assert command[1:3] == ["-m", "torch.distributed.run"]
    assert command[-2:] == ["${program}", "${args_no_hyphens}"]


def test_only_the_first_process_writes_to_the_run() -> None:
    tree = ast.parse((FOLDER / "train.py").read_text())
    (call,) = [
        node for node in ast.walk(tree) if isinstance(node, ast.IfExp) and "wandb.init" in ast.unparse(node.body)
    ]

    assert ast.unparse(call.test) == "rank == 0"
