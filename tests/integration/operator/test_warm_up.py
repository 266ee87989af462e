"""One warm-up fills the caches of Isaac Sim for a whole pool: seen on a real API server, with real pods' processes."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from nodes import running_node
from places import a_grid
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from places import Place

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

H100, L40S = "NVIDIA H100 80GB HBM3", "NVIDIA L40S"
COMPILER = """
import os, pathlib, sys, time
folder = pathlib.Path(os.environ["COMPILER"])
(folder / os.environ["HOSTNAME"]).touch()
while not (folder / "gate").exists():
    time.sleep(0.05)
shaders = pathlib.Path.home() / ".cache/ov/shaders"
shaders.parent.mkdir(parents=True)
shaders.touch()
sys.exit(int((folder / "gate").read_text() or 0))
"""


class Pool:
    """Two agents with a cache, on nodes with GPUs, and the folder in which each pod that compiles leaves its name."""

    def __init__(self, place: Place, runtime: Path, folder: Path, stack: ExitStack) -> None:
        self.place, self.runtime, self.folder, self.stack = place, runtime, folder, stack
        self.claims = folder / "claims"
        self.claims.mkdir()
        (folder / "compiler").mkdir()

    def a_node(self, gpu: str = L40S, *, name: str = "node", room: int | None = None) -> None:
        """All nodes see the same claims, each its own GPU."""
        own, programs = self.folder / name, self.folder / f"{name}-bin"
        own.mkdir()
        (own / "claims").symlink_to(self.claims)
        programs.mkdir()
        (programs / "nvidia-smi").write_text(f"#!/bin/sh\necho '{gpu}, 580.65.06'\n")
        (programs / "nvidia-smi").chmod(0o755)
        environment = {
            "PATH": os.pathsep.join([str(programs), str(sys.executable).rpartition("/")[0], os.environ["PATH"]]),
            "COMPILER": str(self.folder / "compiler"),
        }
        node = running_node(self.place.kube, self.place.namespace, self.runtime, own, environment, name=name)
        self.stack.enter_context(node).room = room

    def apply(self, name: str = "anymal", *, profile: str = "headless", seconds: int = 120, **spec: Any) -> None:
        warm_up = {"command": [sys.executable, "-c", COMPILER], "timeoutSeconds": seconds}
        isaac = {"acceptEULA": True, "profile": profile, "cache": {"claimName": "isaac", "warmUp": warm_up}}
        self.place.apply(name, **{"isaac": isaac, "agentCount": 2, "sweep": a_grid(), **spec})

    def let_compilers_end(self, code: int = 0) -> None:
        gate = self.folder / "compiler" / "gate"
        gate.with_suffix(".new").write_text(str(code))
        gate.with_suffix(".new").rename(gate)

    def compilers(self) -> list[str]:
        """The pods that compiled, or tried to."""
        return sorted(file.name for file in (self.folder / "compiler").iterdir() if not file.name.startswith("gate"))

    def seeds(self) -> list[str]:
        return sorted(seed.parent.name for seed in self.claims.glob("isaac/*/seed"))

    def logs(self, prefix: str) -> list[str]:
        """What the pods of these names wrote."""
        return [file.read_text() for file in sorted(self.folder.glob(f"*/{prefix}-*/container.log"))]

    def event(self, reason: str, name: str = "anymal") -> str:
        """The message of the Event with this reason, once there is one."""
        found = until(
            lambda: [event["message"] for event in self.place.events(name) if event["reason"] == reason],
            f"there is an Event {reason}",
        )
        return str(found[0])


@pytest.fixture
def pool(operated: Place, runtime: Path, tmp_path: Path) -> Iterator[Pool]:
    with ExitStack() as stack:
        yield Pool(operated, runtime, tmp_path, stack)


def test_a_pool_waits_for_one_warm_up_and_each_agent_begins_with_what_that_left(pool, operated):
    pool.a_node()
    pool.apply()

    operated.until_condition("AgentsReady", "False", reason="WarmingUp")
    until(pool.compilers, "the warm-up compiles")
    assert operated.job_names() == ["anymal-warm-up-0"]
    told = "Job anymal-warm-up-0 warms up the caches of Isaac Sim"
    until(lambda: told in operated.condition("AgentsReady")["message"], "what is waited for is named")
    assert "anymal-warm-up-0" in pool.event("WarmUpStarted")
    assert operated.status()["agents"]["active"] == 0

    pool.let_compilers_end()

    operated.until_condition("Complete", seconds=120)
    assert "The warm-up filled lab-trainer-1_580.65.06_NVIDIA-L40S_" in pool.event("WarmUpDone")
    assert len(pool.compilers()) == 1
    agents = pool.logs("anymal-0") + pool.logs("anymal-1")
    assert len(agents) >= 2
    assert all("Caches were taken from lab-trainer-1_580.65.06_NVIDIA-L40S_" in log for log in agents)
    until(lambda: not operated.jobs(), "no Job is left, nor the warm-up's")


def test_a_second_sweep_of_the_same_image_driver_and_gpu_compiles_nothing(pool, operated):
    pool.a_node()
    pool.let_compilers_end()
    pool.apply("first", sweep=a_grid(0.1))
    operated.until_condition("Complete", name="first", seconds=120)
    compilers = pool.compilers()

    pool.apply("second", sweep=a_grid(0.1))

    operated.until_condition("Complete", name="second", seconds=120)
    assert "Caches were taken from" in pool.event("WarmUpDone", "second")
    assert pool.compilers() == compilers
    assert len(compilers) == 1


def test_after_a_warm_up_that_failed_the_agents_train_with_cold_caches(pool, operated):
    pool.a_node()
    pool.let_compilers_end(3)
    pool.apply()

    operated.until_condition("Complete", seconds=120)

    assert "WarmUpFailed: The warm-up of lab-trainer-1_" in pool.event("WarmUpFailed")
    assert "ended with code 3. Agents start all the same." in pool.event("WarmUpFailed")
    assert len(pool.compilers()) == 1
    assert all("Caches begin cold: the last warm-up of" in log for log in pool.logs("anymal-0"))
    assert operated.status()["runs"]["finished"] == 2
    assert operated.status()["failures"] == {}


def test_a_pool_waits_no_longer_than_it_was_told_and_no_agent_tries_what_took_too_long(pool, operated):
    pool.a_node()
    pool.apply(seconds=3)

    operated.until_condition("Complete", seconds=150)

    assert "was ended: it took more than 3 s" in pool.event("WarmUpFailed")
    assert len(pool.compilers()) == 1


def test_agents_on_another_gpu_fill_a_folder_of_their_own(pool, operated):
    pool.a_node(L40S, name="ada", room=1)
    pool.a_node(H100, name="hopper", room=1)
    pool.let_compilers_end()
    pool.apply(sweep=a_grid(0.1, 0.2, seconds=4), runsPerAgent=1)

    operated.until_condition("Complete", seconds=150)

    h100, l40s = pool.seeds()
    assert h100.startswith("lab-trainer-1_580.65.06_NVIDIA-H100-80GB-HBM3_")
    assert l40s.startswith("lab-trainer-1_580.65.06_NVIDIA-L40S_")
    assert len(pool.compilers()) == 2


def test_a_deleted_sweep_takes_its_warm_up_along(pool, operated):
    pool.a_node()
    pool.apply()
    until(pool.compilers, "the warm-up compiles")

    operated.delete()

    operated.until_gone()
    until(lambda: not operated.jobs() and not operated.pods(), "neither a Job nor a pod is left")
    assert pool.seeds() == []


def test_a_sweep_that_is_suspended_while_it_warms_up_holds_no_gpu_and_warms_up_again_later(pool, operated):
    pool.a_node()
    pool.apply()
    until(pool.compilers, "the warm-up compiles")

    operated.edit(suspend=True)

    operated.until_condition("Suspended", reason="Suspended")
    until(lambda: not operated.jobs() and not operated.pods(), "neither a Job nor a pod is left")

    operated.edit(suspend=False)
    operated.until_condition("AgentsReady", "False", reason="WarmingUp")
    pool.let_compilers_end()

    operated.until_condition("Complete", seconds=120)
    assert len(pool.seeds()) == 1
    assert operated.status()["runs"]["finished"] == 2


def test_a_camera_sweep_is_warned_of_a_gpu_without_ray_tracing_cores_before_its_first_run(pool, operated):
    pool.a_node(H100)
    pool.let_compilers_end()
    pool.apply(profile="camera")

    assert f"A pod was on {H100}, a GPU without ray-tracing cores" in pool.event("NoRayTracing")
    operated.until_condition("Complete", seconds=120)
    assert operated.status()["runs"]["finished"] == 2
