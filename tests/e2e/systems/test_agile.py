"""AGILE's sweep.yaml, as its page gives it, and a parameter that its wrapper would have dropped."""

from __future__ import annotations

import json

import pytest

from trainings import VERBATIM, converted, in_the_pod_of_the_example, train

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SYSTEM = "agile"
FLAGS = ("--project", "my_robot_optimization", "--agents", "2", "--runs-per-agent", "2")
RATE = "agent.algorithm.learning_rate"


def test_what_its_training_parsed_is_what_was_sampled_and_scaled(installed, robots):
    manifest = converted(str(VERBATIM / SYSTEM / "sweep.yaml"), *FLAGS, "--entity", "wandbsweep")
    manifest["spec"]["sweep"]["parameters"]["agent.policy.rnn_type"] = {"values": ["lstm"]}

    runs = train(installed, robots, in_the_pod_of_the_example(manifest, SYSTEM))

    assert len(runs) == 4
    for run in runs:
        scale, base = run.config["p_gain_leg"], json.loads(run.config["p_gain_leg_base_dict"])
        stiffness = run.parsed_at(run.config["p_gain_leg_cli_path"])
        assert stiffness == {joint: gain * scale for joint, gain in base.items()}
        assert 1e-4 <= run.parsed_at(RATE) == run.config[RATE] <= 1e-3
        assert run.parsed_at("agent.policy.rnn_type") == "lstm"
