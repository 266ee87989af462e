"""A node on which every run fails is kept away from, as long as there is another that does better."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from builders import NOW, a_job, a_live_object, a_pod, a_reading, a_spec
from wandbsweep.api.status import AvoidedNode
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.nodes import AVOIDED_FOR, MOST, STANDSTILL, avoided, next_avoided, unwelcome
from wandbsweep.pool.slots import plan_slots

FAILED = a_job(0, phase=JobPhase.FAILED)
OTHER = a_job(1)
LAST_WORDS = "RunsFailed: 3 of 3 runs failed"
GAVE_UP = a_pod(
    FAILED,
    phase="Failed",
    ended_at=NOW,
    started_at=NOW - timedelta(minutes=2),
    node="bad",
    exit_reason="RunsFailed",
    exit_message=LAST_WORDS,
    seconds={"failed": 110.0, "finished": 0.0},
)
AT_WORK = a_pod(OTHER, node="good", started_at=NOW - timedelta(minutes=3))


def an_object(*pods, **fields):
    return a_live_object(spec=a_spec(agentCount=2), jobs=(FAILED, OTHER), pods=pods, **fields)


def test_a_node_where_all_fails_is_avoided_while_runs_finish_elsewhere():
    snapshot = an_object(GAVE_UP, AT_WORK, reading=a_reading(failed=3, finished=1))

    assert next_avoided(snapshot) == [AvoidedNode(name="bad", since=NOW, message=LAST_WORDS)]
    (start,) = plan_slots(replace(snapshot, now=NOW + timedelta(minutes=1), reading=late_reading())).start
    assert start.avoid == ("bad",)


def late_reading():
    return a_reading(failed=3, finished=1, at=NOW + timedelta(minutes=1))


def test_on_a_cluster_of_one_node_the_node_is_never_avoided():
    same = replace(AT_WORK, node="bad")

    assert next_avoided(an_object(GAVE_UP, same, reading=a_reading(failed=3, finished=9))) == []
    assert next_avoided(an_object(GAVE_UP, reading=a_reading(failed=3, finished=9))) == []


def test_where_nothing_has_finished_yet_the_node_is_only_unwelcome():
    snapshot = an_object(GAVE_UP, AT_WORK, reading=a_reading(failed=3))

    assert (avoided(snapshot), unwelcome(snapshot)) == ((), ("bad",))


def test_an_agent_that_lives_on_for_long_elsewhere_shows_that_it_is_not_the_code():
    at_work = replace(AT_WORK, started_at=NOW - timedelta(minutes=6))

    assert avoided(an_object(GAVE_UP, at_work, reading=a_reading(failed=3))) == ("bad",)


def test_an_agent_that_finished_runs_or_ended_otherwise_says_nothing_about_its_node():
    finished = a_reading(failed=3, finished=5)
    did_well = replace(GAVE_UP, seconds={"finished": 60.0, "failed": 10.0})
    drained = replace(GAVE_UP, exit_reason="Drained")

    for pod in (did_well, drained):
        snapshot = an_object(pod, AT_WORK, reading=finished)
        assert (next_avoided(snapshot), unwelcome(snapshot)) == ([], ())


def listed(*names, since=NOW - AVOIDED_FOR / 2):
    nodes = [AvoidedNode(name=name, since=since) for name in names]
    return a_live_object().status.model_copy(update={"avoided_nodes": nodes})


def test_after_an_hour_the_node_is_tried_again():
    assert avoided(an_object(status=listed("bad"))) == ("bad",)
    assert avoided(an_object(status=listed("bad", since=NOW - AVOIDED_FOR))) == ()


def test_the_last_node_that_is_left_is_not_avoided_too():
    assert avoided(an_object(GAVE_UP, AT_WORK, reading=a_reading(finished=1), status=listed("good"))) == ("good",)


def test_of_many_bad_nodes_the_newest_are_listed():
    many = listed(*(f"node-{number}" for number in range(MOST)))

    nodes = next_avoided(an_object(GAVE_UP, AT_WORK, reading=a_reading(finished=1), status=many))

    assert (len(nodes), nodes[0].name) == (MOST, "bad")


STUCK = a_job(0, avoids=("bad",), created_at=NOW - STANDSTILL - timedelta(seconds=1))
WAITING = a_pod(STUCK, phase="Pending", ready=False, node=None, started_at=None, unschedulable=True)


def test_a_pool_that_stands_still_takes_what_it_avoided():
    snapshot = a_live_object(spec=a_spec(agentCount=1), jobs=(STUCK,), pods=(WAITING,), status=listed("bad"))

    assert next_avoided(snapshot) == []
    assert [removal.job_name for removal in plan_slots(snapshot).remove] == [STUCK.name]


def test_an_agent_waits_for_a_good_node_while_another_works_on_one():
    at_work = a_job(1)
    snapshot = a_live_object(jobs=(STUCK, at_work), pods=(WAITING, a_pod(at_work, node="good")), status=listed("bad"))

    assert avoided(snapshot) == ("bad",)
    assert plan_slots(snapshot).remove == ()


def test_one_that_has_its_node_stays_there_when_another_becomes_good_again():
    placed = a_pod(STUCK, phase="Pending", ready=False, node="good")

    assert plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=(STUCK,), pods=(placed,))).remove == ()
