"""A node on which nothing trains: its agent stops after three runs, and the sweep is completed elsewhere."""

from __future__ import annotations

import json
import sys
from collections import Counter

import pytest

from nodes import running_node
from places import a_grid
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

CELLS = [0.1 * number for number in range(1, 13)]


@pytest.fixture
def nodes(kube, operated, runtime, tmp_path):
    """A sound node with room for one agent, and one whose interpreter is broken."""
    broken = {"WANDBSWEEP_INTERPRETER_MAP": json.dumps({sys.executable: "/bin/false"})}
    place = (kube, operated.namespace, runtime)
    with running_node(*place, tmp_path / "good", name="good") as good:
        good.room = 1
        operated.apply(sweep=a_grid(*CELLS), agentCount=1)
        until(lambda: operated.status().get("runs", {}).get("finished"), "a run finished on the good node", seconds=90)
        with running_node(*place, tmp_path / "bad", broken, name="bad") as bad:
            yield good, bad


def test_an_agent_on_a_bad_node_stops_after_three_runs_and_the_sweep_is_completed_elsewhere(operated, nodes):
    good, bad = nodes
    operated.scale(2)
    until(lambda: "NodeAvoided" in operated.event_reasons(), "the bad node is avoided", seconds=90)
    good.room = 2

    operated.until_condition("Complete", seconds=120)
    status = operated.status()
    assert [node["name"] for node in status["avoidedNodes"]] == [bad.name]
    assert status["failures"] == {"trainer-error": 3}
    assert (status["runs"]["finished"], status["runs"]["failed"]) == (len(CELLS) - 3, 3)
    values = Counter(json.loads(run["config"])["lr"]["value"] for run in operated.runs(status["sweepID"]))
    assert values == dict.fromkeys(CELLS, 1)
    ended = [event["message"] for event in operated.events() if event["reason"] == "AgentFailed"]
    assert len(ended) == 1
    assert "3 runs failed one after another" in ended[0]
