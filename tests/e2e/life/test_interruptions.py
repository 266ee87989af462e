"""Nodes that are drained and sweeps that are suspended, under busy agents: every run goes on where it was."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest

from scripted import a_grid, a_sweep, give_trainer, until_over, until_running
from trainings import graphql, runs_of
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

GRACE = 25
STEPS = 12
# Saves its step at each, so that a second trainer of the same run goes on behind it; ends with the signal it was given.
TRAINER = f"""
import argparse, os, pathlib, signal, sys, time, wandb
parser = argparse.ArgumentParser()
parser.add_argument("--cell", type=int)
parser.add_argument("--resume")
arguments = parser.parse_args()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
saved = pathlib.Path(arguments.resume) if arguments.resume else None
done = int(saved.read_text()) if saved else 0
with wandb.init() as run:
    run.config.update({{"starts": [*(run.config.get("starts") or []), done]}}, allow_val_change=True)
    for step in range(done, {STEPS}):
        run.log({{"loss": arguments.cell + 1 / (1 + step), "progress": step}})
        if folder := os.environ.get("WANDBSWEEP_CHECKPOINT_DIR"):
            pathlib.Path(folder, "last").write_text(str(step + 1))
        time.sleep(1.5)
"""
HISTORY = """
query History($entity: String!, $project: String!, $run: String!) {
    project(name: $project, entityName: $entity) {
        run(name: $run) { state tags history(samples: 100) }
    }
}
"""


@pytest.fixture
def checkpoints(installed, robots, tmp_path):
    """A claim on a folder of the node, which the trainer's user can write."""
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:2]:
        parent.chmod(parent.stat().st_mode | 0o055)
    size, modes = {"storage": "100Mi"}, ["ReadWriteMany"]
    common = {"accessModes": modes, "storageClassName": ""}
    volume = {
        **common,
        "capacity": size,
        "hostPath": {"path": str(tmp_path)},
        "claimRef": {"namespace": robots, "name": "checkpoints"},
    }
    claim = {**common, "volumeName": robots, "resources": {"requests": size}}
    for kind, name, spec in (("PersistentVolume", robots, volume), ("PersistentVolumeClaim", "checkpoints", claim)):
        installed.apply(robots, {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
    yield {"claimName": "checkpoints", "resumeArgs": ["--resume=${checkpoint_dir}/last"]}
    installed.cluster.kubectl("delete", "persistentvolume", robots, "--wait=false")


def test_a_run_whose_node_is_drained_goes_on_under_its_id_and_is_no_failure(installed, robots, checkpoints):
    give_trainer(installed, robots, "train", TRAINER)
    sweep = a_grid(1, 2)
    installed.apply(robots, a_sweep(robots, "walker", "train", grace=GRACE, sweep=sweep, checkpoint=checkpoints))
    until_running(installed, robots, "walker", 1)
    until(lambda: progress_of_the_first_run(installed, robots) >= 2, "its first run made progress", seconds=60)
    before = {run.name for run in runs_of(installed, installed.sweep(robots, "walker"))}

    drain(installed)

    status = until_over(installed, robots, "walker")
    runs = runs_of(installed, status)
    assert status["phase"] == "Succeeded", status
    assert Counter(run.config["cell"] for run in runs) == {1: 1, 2: 1}
    assert before <= {run.name for run in runs}
    assert {run.state for run in runs} == {"finished"}
    assert status["failures"] == {"preempted": 1}
    assert status["runs"]["failed"] == status["runs"]["crashed"] == 0
    (interrupted,) = (run for run in runs if run.name in before)
    first, second = interrupted.config["starts"]
    assert (first, second > 0) == (0, True)
    assert status["gpuHours"]["total"] == 0  # this pool asked for no GPU


def drain(installed):
    """As an administrator does it, but for the agents alone; the node is used again at once."""
    kubectl = installed.cluster.kubectl
    (node,) = (node["metadata"]["name"] for node in installed.read_all("default", "nodes"))
    try:
        kubectl(
            "drain",
            node,
            "--pod-selector=wandbsweep.dev/sweep=walker",
            "--ignore-daemonsets",
            "--delete-emptydir-data",
            "--timeout=60s",
        )
    finally:
        kubectl("uncordon", node)


def progress_of_the_first_run(installed, namespace):
    """The last step that W&B knows of."""
    status = installed.sweep(namespace, "walker")
    runs = runs_of(installed, status)
    entity, project, _ = status["sweepPath"].split("/")
    history = [
        graphql(installed, HISTORY, entity=entity, project=project, run=run.name)["project"]["run"]["history"]
        for run in runs
    ]
    return max((len(rows) for rows in history), default=0)


def test_a_sweep_that_is_suspended_under_four_busy_agents_loses_no_run_and_repeats_none(installed, robots):
    give_trainer(installed, robots, "train", TRAINER)
    cells = range(6)
    installed.apply(robots, a_sweep(robots, "walker", "train", grace=GRACE, agentCount=4, sweep=a_grid(*cells)))
    until_running(installed, robots, "walker", 4)

    patch(installed, robots, suspend=True)
    told_at = time.monotonic()
    until(lambda: not installed.pods_of(robots), "no pod is left", seconds=GRACE + 15)
    took = time.monotonic() - told_at
    until(lambda: installed.sweep(robots, "walker")["sweepState"] == "PAUSED", "the sweep is paused", seconds=30)
    status = installed.sweep(robots, "walker")
    assert took < GRACE
    assert status["phase"] == "Suspended"
    assert status["agents"]["summary"] == "0/0"
    interrupted = {run.name: run.config["cell"] for run in runs_of(installed, status) if run.state != "finished"}
    assert len(interrupted) >= 4

    patch(installed, robots, suspend=False)

    status = until_over(installed, robots, "walker", seconds=400)
    runs = runs_of(installed, status)
    assert status["phase"] == "Succeeded", status
    assert Counter(run.config["cell"] for run in runs) == dict.fromkeys(cells, 1)
    assert {run.state for run in runs} == {"finished"}
    assert interrupted.items() <= {run.name: run.config["cell"] for run in runs}.items()


def patch(installed, namespace, **spec):
    """`kubectl patch` of a few fields."""
    change = json.dumps({"spec": spec})
    installed.cluster.kubectl("-n", namespace, "patch", "wandbsweep", "walker", "--type=merge", f"--patch={change}")


def test_a_pod_that_is_deleted_by_hand_comes_back_within_its_job_and_its_run_goes_on(installed, robots):
    give_trainer(installed, robots, "train", TRAINER)
    installed.apply(robots, a_sweep(robots, "walker", "train", grace=GRACE))
    until_running(installed, robots, "walker", 1)
    (pod,) = installed.pods_of(robots)

    installed.cluster.kubectl("-n", robots, "delete", "pod", pod, "--wait=false")

    status = until_over(installed, robots, "walker")
    (run,) = runs_of(installed, status)
    assert (status["phase"], run.state) == ("Succeeded", "finished")
    assert status["failures"] == {"preempted": 1}
    created = [message for reason, message in installed.events(robots, "walker") if reason == "AgentCreated"]
    assert created == ["Created Job walker-0-0."]


def test_a_changed_template_reaches_a_busy_agent_after_its_run(installed, robots):
    give_trainer(installed, robots, "train", TRAINER)
    manifest = a_sweep(robots, "walker", "train", grace=GRACE, sweep=a_grid(1, 2, 3))
    installed.apply(robots, manifest)
    until_running(installed, robots, "walker", 1)
    before = installed.pods_of(robots)

    manifest["spec"]["template"]["metadata"] = {"labels": {"lab": "rough-terrain"}}
    installed.apply(robots, manifest)

    until(lambda: successors(installed, robots, before), "an agent of the new template runs", seconds=120)
    status = until_over(installed, robots, "walker")
    assert [run.state for run in runs_of(installed, status)] == ["finished"] * 3
    assert status["failures"] == {}


def successors(installed, namespace, before):
    """Pods of the new template, beside which there are none of the old one."""
    pods = installed.read_all(namespace, "pods", "-l", "lab=rough-terrain", "--field-selector=status.phase=Running")
    return pods and not set(before) & set(installed.pods_of(namespace))
