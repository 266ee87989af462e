"""Metta's quick.yaml, as its page gives it. No engine searches by Protein yet: what it would try is trained by hand."""

from __future__ import annotations

import json

import pytest

from trainings import VERBATIM, converted, example, in_the_pod_of_the_example, train_alone, wandbsweep
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SYSTEM = "metta"
QUICK = str(VERBATIM / SYSTEM / "quick.yaml")


def test_its_object_is_accepted_and_says_that_no_engine_searches_it_yet(installed, robots):
    manifest = converted(QUICK, "--project", "my_experiment", "--agents", "2")
    installed.apply(robots, in_the_pod_of_the_example(manifest, SYSTEM))

    def conditions():
        return {each["type"]: each for each in installed.sweep(robots, "quick").get("conditions", [])}

    created = until(lambda: conditions().get("SweepCreated"), "the operator has looked at the object", seconds=60)
    assert (created["status"], created["reason"]) == ("False", "SearchEngineMissing")
    assert conditions()["SweepValid"]["status"] == "True"
    assert installed.pods_of(robots) == []


def test_what_its_training_parsed_is_what_protein_would_try(installed, robots):
    previewed = wandbsweep("preview", QUICK, "-n", "3", "-o", "json")
    assert previewed.returncode == 0, previewed.stderr
    trials = json.loads(previewed.stdout)

    runs = train_alone(installed, robots, [trial["argv"] for trial in trials], example(SYSTEM)["spec"]["template"])

    assert len(trials) == 3
    for trial, run in zip(trials, runs, strict=True):
        assert run.state == "finished"
        assert {path: run.parsed_at(path) for path in trial["values"]} == trial["values"]
