"""Interactive navigation's sweep.yaml, as its page gives it."""

from __future__ import annotations

import pytest

from trainings import VERBATIM, converted, in_the_pod_of_the_example, train

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SYSTEM = "interactive-navigation"
FLAGS = ("--project", "your_sweep_name", "--agents", "2", "--runs-per-agent", "2")


def test_what_its_training_parsed_is_what_was_sampled(installed, robots):
    manifest = converted(str(VERBATIM / SYSTEM / "sweep.yaml"), *FLAGS)

    runs = train(installed, robots, in_the_pod_of_the_example(manifest, SYSTEM))

    assert len(runs) == 4
    for run in runs:
        for path in manifest["spec"]["sweep"]["parameters"]:
            assert run.parsed_at(path) == run.config[path]
