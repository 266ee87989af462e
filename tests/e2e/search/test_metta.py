"""Metta's quick.yaml, as its page gives it: 16 trials by Protein on 4 agents, under a search that is killed twice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pytest

from installed import a_namespace
from scripted import until_over
from search_pods import SearchPod
from trainings import Run, example, runs_of
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SYSTEM = "metta"
RATE = "trainer.optimizer.learning_rate"
TRIALS = 16


@dataclass
class Searched:
    """The sweep once it is over, and what its search looked like while there was one."""

    status: dict[str, Any]
    runs: list[Run]
    said: dict[str, str]
    pod: dict[str, Any]
    user: str
    described: list[str] = field(default_factory=list)
    jobs: str = ""
    events: str = ""

    @property
    def said_by_all(self) -> str:
        return "\n".join(self.said.values())


@pytest.fixture(scope="module")
def searched(installed):
    """Applied, searched under two deaths of the search, evaluated, over."""
    with a_namespace(installed) as robots:
        kubectl = installed.cluster.kubectl
        search = SearchPod(installed, robots, SYSTEM)
        installed.apply(robots, example(SYSTEM))

        pod = search.until_ready()
        user = kubectl("-n", robots, "exec", pod["metadata"]["name"], "--", "id", "-u")
        _until_finished(installed, robots, 3)
        search.kill_process()
        search.until_ready()
        _until_finished(installed, robots, 8)
        search.delete()
        search.until_ready()
        described = [kubectl("-n", robots, "describe", "wandbsweep", SYSTEM)]
        _until_finished(installed, robots, 12)
        search.listen()
        jobs = kubectl("-n", robots, "get", "jobs,pods", "-o", "json")
        status = until_over(installed, robots, SYSTEM)

        described.append(kubectl("-n", robots, "describe", "wandbsweep", SYSTEM))
        events = kubectl("-n", robots, "get", "events", "-o", "json")
        yield Searched(status, runs_of(installed, status), search.said, pod, user, described, jobs, events)


def _until_finished(installed, namespace, runs):
    def finished():
        return installed.sweep(namespace, SYSTEM).get("runs", {}).get("finished", 0) >= runs

    until(finished, f"{runs} runs finished", seconds=400, every=1)


def test_there_are_sixteen_runs_all_of_them_finished(searched):
    assert searched.status["phase"] == "Succeeded", searched.status
    assert [run.state for run in searched.runs] == ["finished"] * TRIALS
    counted = searched.status["runs"]
    assert (counted["total"], counted["finished"], counted["summary"]) == (TRIALS, TRIALS, f"{TRIALS}/{TRIALS}")
    assert {each["type"]: each["status"] for each in searched.status["conditions"]}["Complete"] == "True"


def test_no_two_runs_try_the_same_values(searched):
    tried = [run.config[RATE] for run in searched.runs]

    assert len(set(tried)) == TRIALS
    assert all(0.0001 <= rate <= 0.001 for rate in tried)


def test_runs_have_the_names_that_metta_gives_each_once(searched):
    assert sorted(run.display_name for run in searched.runs) == sorted(f"metta.r.{n}" for n in range(TRIALS))


def test_what_its_training_parsed_is_what_protein_suggested(searched):
    assert [run.parsed_at(RATE) for run in searched.runs] == [run.config[RATE] for run in searched.runs]


def test_each_run_has_the_score_of_its_evaluation_and_the_seconds_of_both_stages(searched):
    for run in searched.runs:
        train, evaluation, total = (run.summary[f"time.{stage}"] for stage in ("train", "eval", "total"))
        assert 0 < run.summary["reward"] <= 1
        assert train > 0
        assert evaluation > 0
        assert total == pytest.approx(train + evaluation, abs=1.0)


def test_each_run_records_what_protein_expected_of_it_and_made_of_it(searched):
    for run in searched.runs:
        assert run.summary["protein.state"] == "success"
        assert run.summary["protein.objective"] == run.summary["reward"]
        assert run.summary["protein.cost"] == run.summary["time.total"]
        assert run.summary["protein.suggestion"] == {RATE: run.config[RATE]}
        assert set(run.summary["protein.suggestion_info"]) == {"score", "cost"}
    expected = [run.summary["protein.suggestion_info"]["score"] for run in searched.runs]
    assert sum(score is not None for score in expected) >= TRIALS // 2  # five at random, and four agents at once


def test_the_front_is_in_status_and_no_run_of_it_beats_another(searched):
    runs, front = {run.name: run for run in searched.runs}, searched.status["front"]

    assert 1 <= len(front) <= 5
    for entry in front:
        run = runs[entry["runID"]]
        assert (entry["score"], entry["cost"]) == (run.summary["reward"], run.summary["time.total"])
        assert entry["parameters"] == {RATE: run.config[RATE]}
        assert entry["name"] == run.display_name
    for one, other in permutations(front, 2):
        assert not (one["score"] >= other["score"] and one["cost"] <= other["cost"])
    assert [entry["cost"] for entry in front] == sorted(entry["cost"] for entry in front)


def test_the_best_run_is_the_one_whose_evaluation_scored_best(searched):
    best = max(searched.runs, key=lambda run: run.summary["reward"])

    told = searched.status["best"]
    assert (told["metric"], told["value"]) == ("reward", best.summary["reward"])
    assert told["parameters"] == {RATE: best.config[RATE]}


def test_the_search_says_why_it_made_each_suggestion(searched):
    assert len(searched.said) == 3
    for name in (f"metta.r.{n}" for n in range(9)):
        assert name in searched.said_by_all


def test_the_search_runs_as_nobody_in_particular_and_can_write_nowhere_but_to_tmp(searched):
    (container,) = searched.pod["spec"]["containers"]

    assert searched.user.strip() == "65532"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert "nvidia.com/gpu" not in container["resources"].get("limits", {})


def test_describe_tells_what_became_of_the_search(searched):
    while_it_ran, at_the_end = searched.described

    assert "SearchRunning" in while_it_ran
    assert "search" in while_it_ran.partition("Events:")[2]
    assert "SweepOver" in at_the_end
    assert "16/16" in at_the_end


def test_the_api_key_is_in_no_job_no_event_and_no_log(installed, searched):
    assert len(json.loads(searched.jobs)["items"]) >= 4
    for text in (searched.jobs, searched.events, searched.said_by_all, *searched.described):
        assert installed.api_key not in text
