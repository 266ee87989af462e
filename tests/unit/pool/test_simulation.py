"""Whatever happens to a sweep, its pool comes to what was asked for, and no promise is broken on the way."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from unit.pool.trouble import EVENTS, MINUTE, NODES, OF_SEARCHES, end_all_trouble, have_trouble
from unit.pool.world import World, another_search
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.gpu_hours import PARTS, REFRESH
from wandbsweep.pool.jobs import template_digest

HOUR = timedelta(hours=1)


def has_come_to_rest(world: World) -> bool:
    """As many agents as are wanted, all ready and none that is asked to leave, of this template and this sweep."""
    agents = world.agents()
    ready = [pod for pod in world.cluster.live() if pod.fact.ready and not pod.fact.leaving]
    return (
        len(agents) == len(ready) == world.spec.agent_count
        and {job.fact.digest for job in agents} == {template_digest(world.spec)}
        and {job.fact.sweep for job in agents} == {world.status.sweep_path}
        and not any(job.fact.deleting for job in agents)
    )


def assert_all_hours_are_accounted_for(world: World) -> None:
    hours = world.status.gpu_hours
    assert hours is not None
    assert hours.total == pytest.approx(hours.active + sum(getattr(hours, part) for part in PARTS), abs=1e-4)
    if not world.lost_memories:
        since_the_last_refresh = 0.0 if world.status.completion_time else len(world.agents()) * REFRESH / HOUR
        assert hours.total == pytest.approx(world.cluster.true_hours, abs=since_the_last_refresh + 0.02)


def come_to_rest(world: World) -> None:
    end_all_trouble(world)
    waited = 0
    while not has_come_to_rest(world):
        world.run(MINUTE)
        waited += 1
        assert waited < 6 * 20, "the pool does not come to what is wanted"
    jobs = {job.fact.name for job in world.agents()}
    world.run(30 * MINUTE)
    assert {job.fact.name for job in world.agents()} == jobs or world.spec.runs_per_agent
    assert_all_hours_are_accounted_for(world)


def happenings(events):
    return st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(sorted(events)), st.integers(0, 99)), max_size=14
    ).map(sorted)


WITHOUT_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]  # each try takes a second


@settings(max_examples=8, deadline=None, phases=WITHOUT_SHRINKING, suppress_health_check=[HealthCheck.too_slow])
@given(happenings(EVENTS), st.integers(0, 2**16))
def test_from_any_state_the_pool_comes_to_what_is_wanted_and_stays_so(events, seed):
    """An hour of trouble, then none: half an hour later runs of 20 minutes have ended and all agents are as wanted."""
    world = World(seed, runs=10_000, run_seconds=600, nodes=NODES, agentCount=4)
    have_trouble(world, EVENTS, events)
    come_to_rest(world)


@settings(max_examples=5, deadline=None, phases=WITHOUT_SHRINKING, suppress_health_check=[HealthCheck.too_slow])
@given(happenings(OF_SEARCHES), st.integers(0, 2**16))
def test_whatever_happens_to_a_search_there_is_one_in_the_end_and_agents_have_runs(events, seed):
    world = World(seed, runs=10_000, run_seconds=600, nodes=NODES, agentCount=4, sweep=another_search(0))
    have_trouble(world, OF_SEARCHES, events)
    come_to_rest(world)

    (search,) = world.searches.active()
    assert search.fact.ready
    assert search.fact.told_agents == world.spec.agent_count
    assert world.sweep is not None
    open_runs = [run for run in world.sweep.runs if run.state in {"pending", "running", "preempted"}]
    assert len(open_runs) == world.spec.agent_count


@pytest.mark.parametrize("seed", range(3))
def test_a_day_of_trouble_later_each_of_200_runs_was_handed_out_and_ended(seed):
    """24 hours in steps of ten seconds: twelve with some trouble every quarter of an hour, twelve without."""
    chance = Random(seed)
    world = World(seed, runs=200, run_seconds=800, nodes=NODES, agentCount=8)
    for _ in range(48):
        EVENTS[chance.choice(sorted(EVENTS))](world, chance.randrange(100))
        world.run(15 * MINUTE)
    end_all_trouble(world)
    world.run(12 * HOUR)

    assert world.status.completion_time is not None
    assert not world.cluster.live()
    assert not [job for job in world.cluster.jobs.values() if job.fact.phase is JobPhase.ACTIVE]
    sweep = world.sweep
    assert sweep is not None
    assert len(sweep.runs) == sweep.cap == 200
    assert set(sweep.counts()) <= {"finished", "failed", "crashed"}
    assert {other.state for other in world.sweeps.values() if other is not sweep} <= {"FINISHED"}
    assert_all_hours_are_accounted_for(world)


@pytest.mark.parametrize("seed", range(2))
def test_half_a_day_of_trouble_with_the_search_too_and_100_runs_have_ended_well_none_of_them_twice(seed):
    chance = Random(seed)
    world = World(seed, runs=100, run_seconds=800, nodes=NODES, agentCount=8, sweep=another_search(0))
    events = sorted(set(OF_SEARCHES) - {"a node fails every run, or no longer", "another sweep is wanted"})
    for _ in range(24):
        OF_SEARCHES[chance.choice(events)](world, chance.randrange(100))
        world.run(15 * MINUTE)
    end_all_trouble(world)
    world.run(6 * HOUR)

    assert world.status.completion_time is not None
    assert not world.cluster.live()
    assert not world.searches.jobs
    (sweep,) = world.sweeps.values()
    counts = sweep.counts()
    assert counts.pop("finished") == 100
    assert set(counts) <= {"failed", "crashed"}
    assert len({run.number for run in sweep.runs}) == len(sweep.runs)
    assert_all_hours_are_accounted_for(world)
