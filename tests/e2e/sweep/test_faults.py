"""What dies in the night: the operator at ten moments of a sweep's life, and the server in the middle of it."""

from __future__ import annotations

import pytest

from installed import a_cartpole_sweep
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def moments(installed, namespace):
    """Ten moments of a sweep's life, each a condition that comes true in its course."""
    runs = lambda: installed.sweep(namespace).get("runs", {})  # noqa: E731 - read anew at each moment
    agents = lambda: installed.sweep(namespace).get("agents", {})  # noqa: E731 - as above
    return [
        ("the object was applied", lambda: True),
        ("the sweep has an ID", lambda: installed.sweep(namespace).get("sweepID")),
        ("its first Job is there", lambda: installed.jobs_by_slot(namespace)),
        ("an agent is ready", lambda: agents().get("ready")),
        ("a run trains", lambda: runs().get("total")),
        ("a run finished", lambda: runs().get("finished", 0) >= 1),
        ("two runs finished", lambda: runs().get("finished", 0) >= 2),
        ("three runs finished", lambda: runs().get("finished", 0) >= 3),
        ("five runs finished", lambda: runs().get("finished", 0) >= 5),
        ("the sweep is over", lambda: installed.sweep(namespace).get("completionTime")),
    ]


def test_an_operator_that_is_killed_ten_times_leaves_one_sweep_one_job_per_slot_and_an_end(installed, robots):
    installed.apply(robots, a_cartpole_sweep(agentCount=2, maxRuns=6))
    ids = set()

    for what, reached in moments(installed, robots):
        until(reached, what, seconds=240)
        installed.kill_operator()
        slots = installed.jobs_by_slot(robots)
        assert slots == sorted(set(slots)), f"two agents in one slot after: {what}"
        ids.add(installed.sweep(robots).get("sweepID"))

    until(lambda: not installed.pods_of(robots), "no pod is left", seconds=120)
    status = installed.sweep(robots)
    assert status["phase"] == "Succeeded"
    assert status["runs"]["total"] == 6
    assert len(ids - {None}) == 1


def test_a_server_that_is_killed_in_the_middle_loses_no_run(installed, robots):
    installed.apply(robots, a_cartpole_sweep(agentCount=2, maxRuns=6))
    until(lambda: installed.sweep(robots).get("runs", {}).get("finished"), "a run finished", seconds=240)
    before = installed.sweep(robots)

    installed.kill_server()

    until(lambda: installed.sweep(robots).get("completionTime"), "the sweep is over", seconds=400)
    status = installed.sweep(robots)
    assert status["sweepID"] == before["sweepID"]
    assert status["phase"] == "Succeeded"
    assert status["runs"]["total"] == 6
    assert status["runs"]["finished"] == 6
