"""Trainers as they go wrong on a real node: each ends with its own cause, in the status, on W&B and in an Event."""

from __future__ import annotations

import pytest

from scripted import a_sweep, give_trainer, until_over
from trainings import graphql
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

FOR_EVER = "while True: time.sleep(0.2)\n"
BEGIN = "import os, signal, sys, time, wandb\nrun = wandb.init()\n"
LOG = "run.log({'loss': 1.0})\n"

TRAINERS = {
    "hangs-at-start": (BEGIN + FOR_EVER, {"trial": {"startupTimeoutSeconds": 20, "startupRetries": 0}}),
    "hangs-later": (BEGIN + LOG + FOR_EVER, {"trial": {"stallTimeoutSeconds": 20}}),
    "eats-memory": (BEGIN + LOG + "held = []\nwhile True: held.append(bytearray(2**24))\n", {}),
    "reports-nothing": ("print('done')\n", {}),
    "raises-at-import": ("import isaaclab_tasks_of_yesteryear\n", {}),
    "logs-nan": (BEGIN + "run.log({'loss': float('nan')})\nrun.finish()\n", {}),
    "ignores-sigterm": (
        BEGIN + LOG + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOR_EVER,
        {"trial": {"timeoutSeconds": 20}},
    ),
    "never-exits": (BEGIN + LOG + "run.finish()\n" + FOR_EVER, {}),
}
CAUSES = {
    "hangs-at-start": "startup-timeout",
    "hangs-later": "stalled",
    "eats-memory": "out-of-memory",
    "reports-nothing": "no-run",
    "raises-at-import": "trainer-error",
    "logs-nan": "nan-metric",
    "ignores-sigterm": "run-timeout",
}
TAGS = """
query Tags($entity: String!, $project: String!, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { runs { edges { node { state tags } } } } }
}
"""


@pytest.fixture
def trained(installed, robots):
    """All of them at once, each with an agent of its own."""
    for name, (text, spec) in TRAINERS.items():
        give_trainer(installed, robots, name, text)
        installed.apply(robots, a_sweep(robots, name, name, **spec))
    return robots


def test_each_bad_trainer_ends_with_its_own_cause_and_frees_its_pod(installed, trained):
    statuses = {name: until_over(installed, trained, name, seconds=400) for name in TRAINERS}

    assert {name: status["failures"] for name, status in statuses.items()} == {
        **{name: {cause: 1} for name, cause in CAUSES.items()},
        "never-exits": {},
    }
    assert statuses["never-exits"]["runs"]["finished"] == 1
    for name, cause in CAUSES.items():
        assert cause_on_wandb(installed, statuses[name]) == cause
        assert told_of(installed, trained, name, cause)
    until(lambda: not installed.pods_of(trained), "no pod is left", seconds=60)


def cause_on_wandb(installed, status):
    """The tag of the only run of a sweep."""
    entity, project, sweep = status["sweepPath"].split("/")
    answer = graphql(installed, TAGS, entity=entity, project=project, sweep=sweep)
    (edge,) = answer["project"]["sweep"]["runs"]["edges"]
    (cause,) = (tag.removeprefix("wandbsweep:") for tag in edge["node"]["tags"] if tag.startswith("wandbsweep:"))
    return cause


def told_of(installed, namespace, name, cause):
    """Whether an Event says that a run of this object failed, why, and where."""
    (node,) = (node["metadata"]["name"] for node in installed.read_all("default", "nodes"))
    said = [message for reason, message in installed.events(namespace, name) if reason == "RunFailed"]
    return len(said) == 1 and cause in said[0] and node in said[0]
