"""The examples for Isaac Lab set what its configuration classes really have, on a task that it really registers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from isaaclab_wheel import IsaacLab
from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.sweep.checks.manifest import check_manifest
from wandbsweep.sweep.texts.kubernetes import load_manifests

ROOT = Path(__file__).resolve().parents[3]
MANIFESTS = ("examples/isaaclab/sweep.yaml", "examples/multi-gpu/isaaclab.yaml")

pytestmark = pytest.mark.timeout(180)  # the package is fetched once, and read for seconds


@pytest.fixture(scope="module")
def isaac_lab() -> IsaacLab:
    return IsaacLab()


def manifest_of(path: str) -> dict[str, Any]:
    (manifest,) = load_manifests((ROOT / path).read_text())
    return dict(manifest)


def option(command: list[str], name: str) -> str:
    (value,) = [word.partition("=")[2] for word in command if word.startswith(f"--{name}=")]
    return value


@pytest.mark.parametrize("path", MANIFESTS)
def test_it_is_a_sound_object_that_raises_no_finding(path: str) -> None:
    assert check_manifest(manifest_of(path), {}).findings == []


@pytest.mark.parametrize("path", MANIFESTS)
def test_every_parameter_is_a_setting_of_the_task_or_of_its_agent(path: str, isaac_lab: IsaacLab) -> None:
    sweep = manifest_of(path)["spec"]["sweep"]
    classes = isaac_lab.task(option(sweep["command"], "task"))

    complaints = []
    for parameter in sweep["parameters"]:
        kind, _, setting = parameter.partition(".")
        complaints.append(isaac_lab.complaint(classes[kind], setting))
    assert complaints == [None] * len(sweep["parameters"])


@pytest.mark.parametrize("path", MANIFESTS)
def test_the_metric_is_one_that_a_command_of_the_task_logs(path: str, isaac_lab: IsaacLab) -> None:
    sweep = manifest_of(path)["spec"]["sweep"]
    classes = isaac_lab.task(option(sweep["command"], "task"))
    kind, term, metric = sweep["metric"]["name"].split("/")

    assert kind == "Metrics"
    assert isaac_lab.complaint(classes["env"], f"commands.{term}") is None
    commands = isaac_lab.source / "isaaclab/isaaclab/envs/mdp/commands/velocity_command.py"
    assert f'self.metrics["{metric}"]' in commands.read_text()


def test_a_setting_that_is_not_there_is_noticed(isaac_lab: IsaacLab) -> None:
    classes = isaac_lab.task("Isaac-Velocity-Flat-Anymal-D-v0")

    assert isaac_lab.complaint(classes["agent"], "algorithm.nope") == "RslRlPpoAlgorithmCfg has no nope"
    assert isaac_lab.complaint(classes["env"], "rewards.feet_air.weight") == "RewardsCfg has no feet_air"
    with pytest.raises(AssertionError, match="registers no task Isaac-Nothing-v0"):
        isaac_lab.task("Isaac-Nothing-v0")


def test_isaac_lab_reads_what_a_profile_sets(isaac_lab: IsaacLab) -> None:
    launcher = (isaac_lab.source / "isaaclab/isaaclab/app/app_launcher.py").read_text()

    for name in ("HEADLESS", "ENABLE_CAMERAS"):
        assert f'os.environ.get("{name}"' in launcher


def test_the_warm_up_starts_the_task_that_is_swept() -> None:
    spec = manifest_of(MANIFESTS[0])["spec"]
    command = spec["isaac"]["cache"]["warmUp"]["command"]

    assert option(command, "task") == option(spec["sweep"]["command"], "task")
    assert command[1] == spec["sweep"]["program"]


@pytest.mark.parametrize("path", MANIFESTS)
def test_there_is_one_process_for_each_gpu(path: str) -> None:
    spec = manifest_of(path)["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    processes = [word for word in spec["sweep"]["command"] if word.startswith("--nproc_per_node=")]

    wanted = int(option(processes, "nproc_per_node")) if processes else 1
    assert container["resources"]["limits"]["nvidia.com/gpu"] == wanted


@pytest.mark.parametrize("path", MANIFESTS)
def test_its_claims_are_in_the_folder(path: str) -> None:
    isaac = WandbSweepSpec.model_validate(manifest_of(path)["spec"]).isaac
    assert isaac is not None
    assert isaac.accept_eula
    assert isaac.cache is not None
    documents = yaml.safe_load_all((ROOT / "examples/isaaclab/volumes.yaml").read_text())
    volumes = {document["metadata"]["name"] for document in documents}

    assert {isaac.cache.claim_name, *([isaac.logs.claim_name] if isaac.logs else [])} <= volumes
