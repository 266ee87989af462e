"""A run whose process does not talk to W&B is not given up for its silence."""

from __future__ import annotations

import time

from servers import running_server
from waiting import until
from wandbsweep.agent.heartbeat import signs_of_life
from wandbsweep.agent.wandb_run import RunReporter

UPSERT = """mutation($project: String) {
    upsertBucket(input: {modelName: $project, name: "r1", host: "h"}) { bucket { id } } }"""


def test_a_run_is_alive_for_as_long_as_its_signs_come(tmp_path):
    with running_server(tmp_path, run_timeout="2") as server:
        server.graphql(UPSERT, {"project": "lab"})
        named = {"WANDB_ENTITY": server.entity, "WANDB_PROJECT": "lab", "WANDB_RUN_ID": "r1"}
        reporter = RunReporter.from_environ(server.environment(**named))
        with signs_of_life(reporter, every=0.3):
            until_then = time.monotonic() + 5
            until(lambda: time.monotonic() > until_then, "the time-out has passed twice")
            assert reporter.look().state == "running"
        until(lambda: reporter.look().state == "crashed", "the silence is noticed")


def test_without_a_run_there_is_nothing_to_tell():
    with signs_of_life(None, every=0.01):
        pass
