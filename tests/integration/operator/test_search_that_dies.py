"""A search by Protein is killed, and so is the operator; the sweep ends with what it was asked for, and its front."""

from __future__ import annotations

import json

import pytest

from searched_sweeps import a_search, another_search, by_protein, kill, runs, searches
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

RUNS = 8


def test_a_search_killed_twice_and_an_operator_killed_once_hand_nothing_out_twice(proxied_operator, place, node_for):
    node = node_for(place)
    place.apply(sweep=by_protein(), agentCount=3, maxRuns=RUNS, search=a_search())
    first = another_search(place)
    until(lambda: runs(place), "a run was handed out")
    kill(node, first)
    second = another_search(place, first)
    until(lambda: runs(place, "finished"), "runs end", seconds=90)
    proxied_operator.kill()
    kill(node, second)
    proxied_operator.start()

    place.until_condition("Complete", seconds=300)

    ended, status = runs(place), place.status()
    assert {run["state"] for run in ended} == {"finished"}
    assert len(ended) == RUNS
    assert len({json.dumps([run["config"]["lr"], run["config"]["steps"]]) for run in ended}) == RUNS
    assert sorted(run["displayName"] for run in ended) == [f"anymal.r.{number}" for number in range(RUNS)]
    the_front_is_in_status(status, ended)
    assert (status["method"], status["runs"]["summary"]) == ("protein", f"{RUNS}/{RUNS}")
    assert set(status["best"]["parameters"]) == {"lr", "steps"}
    until(lambda: not place.jobs() and not place.pods(), "no Job and no pod is left")
    assert place.condition("SearchReady")["reason"] == "SweepOver"
    reasons = place.event_reasons()
    assert "SearchRunning" in reasons
    assert "Traceback" not in proxied_operator.log


def the_front_is_in_status(status, ended):
    """The runs that no other beats, the cheapest first; five at most."""
    points = {run["name"]: summary(run) for run in ended}
    best = {
        name
        for name, (score, cost) in points.items()
        if not any((s > score and c <= cost) or (s >= score and c < cost) for s, c in points.values())
    }
    front = status["front"]
    assert {run["runID"] for run in front} <= best
    assert len(front) == min(len(best), 5)
    assert [run["cost"] for run in front] == sorted(run["cost"] for run in front)
    assert all((run["score"], run["cost"]) == points[run["runID"]] for run in front)
    assert all(set(run["parameters"]) == {"lr", "steps"} for run in front)


def summary(run):
    logged = json.loads(run["summaryMetrics"])
    return logged["score"], logged["price"]


@pytest.mark.usefixtures("proxied_operator")
def test_searches_that_die_young_are_started_again_ever_later(place, node_for):
    node = node_for(place, WANDB_BASE_URL="http://127.0.0.1:9")  # nobody is there
    place.apply(sweep=by_protein(), maxRuns=RUNS, search=a_search())
    until(lambda: searches(place) == ["anymal-search-0"], "the search starts")
    pod = until(lambda: [pod for pod in place.pods() if pod["status"]["phase"] == "Running"], "it runs")[0]

    kill(node, pod["metadata"]["name"])

    condition = place.until_condition("SearchReady", "False", reason="SearchFailing")
    assert condition["message"].startswith("Job anymal-search-0: Error with exit code 137. The next one starts at ")
    assert [name for name in place.job_names() if "search" not in name] == []  # nobody waits for runs that do not come
    until(lambda: "anymal-search-1" in searches(place), "another one is tried", seconds=60)
    assert "SearchFailing" in place.event_reasons()
