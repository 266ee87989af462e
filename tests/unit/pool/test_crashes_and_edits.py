"""Whatever dies, is lost, comes late or is pressed between any two writes: the object comes to what it says."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from builders import a_sweep
from unit.pool.small_world import OVER, World
from wandbsweep.api.reasons import ConditionType, Phase, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.sweep.wandb_config import digest_of_token

DEFINITIONS = {name: a_sweep(parameters={"lr": {"values": [number]}}) for number, name in enumerate("ABC")}


class Life(RuleBasedStateMachine):
    """A user, a person on W&B's page and bad luck, against the planner."""

    @initialize(suspend=st.booleans())
    def apply(self, suspend):
        self.world = World(definition=DEFINITIONS["A"])
        self.world.fields["suspend"] = suspend
        self.edits = 1

    @rule(seconds=st.integers(0, 20))
    def a_pass_later(self, seconds):
        self.world.now += timedelta(seconds=seconds)
        self.world.make_pass()

    @rule(writes=st.integers(0, 3))
    def the_operator_dies_soon(self, writes):
        self.world.writes_left = writes
        self.world.make_pass()

    @rule(suspend=st.booleans(), policy=st.sampled_from(["AtOnce", "AfterRun"]))
    def somebody_suspends_or_resumes(self, suspend, policy):
        self.world.edit(suspend=suspend, drainPolicy=policy)

    @rule(name=st.sampled_from(sorted(DEFINITIONS)))
    def somebody_edits_the_definition(self, name):
        self.world.edit(definition=DEFINITIONS[name])
        self.edits += 1

    @rule(runs=st.integers(40, 60), count=st.integers(0, 4))
    def somebody_edits_numbers(self, runs, count):
        self.world.edit(maxRuns=runs, agentCount=count)

    @rule(state=st.sampled_from(["PAUSED", "RUNNING"]))
    def somebody_presses_a_button_on_w_and_b(self, state):
        self.world.press(state)

    @rule(away=st.booleans())
    def w_and_b_goes_or_comes(self, away):
        self.world.away = away

    @rule()
    def the_answer_to_the_next_creation_is_lost(self):
        self.world.next_creation_is_late = True

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def no_definition_of_a_generation_has_two_sweeps(self):
        marks = Counter(sweep.config["description"] for sweep in self.world.sweeps.values())
        assert max(marks.values(), default=1) == 1
        assert len(self.world.sweeps) <= self.edits

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def the_status_is_small_and_names_the_sweep_of_every_agent(self):
        known = {self.world.status.sweep_id, *(sweep.sweep_id for sweep in self.world.status.history)}
        assert {(job.sweep or "").rpartition("/")[2] for job in self.world.jobs.values()} <= known
        assert len(self.world.status.history) <= 10

    def teardown(self):
        if not hasattr(self, "world"):
            return
        self.world.away, self.world.writes_left, self.world.next_creation_is_late = False, None, False
        self.world.settle()
        self._assert_there_is_one_sweep_of_the_definition()
        self._assert_it_is_paused_or_worked_on()
        self.world.deleted_at = self.world.now
        self.world.settle()
        assert self.world.gone
        assert not self.world.living()

    def _assert_there_is_one_sweep_of_the_definition(self):
        (sweep,) = self.world.living()
        status = self.world.status
        assert sweep.path.sweep_id == status.sweep_id
        assert sweep.config["parameters"] == self.world.definition["parameters"]
        assert sweep.config["run_cap"] == self.world.fields["maxRuns"]
        assert status.sweep_digest in sweep.config["description"]
        assert status.observed_generation == self.world.generation
        assert all(other.state in OVER for other in self.world.sweeps.values() if other is not sweep)

    def _assert_it_is_paused_or_worked_on(self):
        (sweep,), status = self.world.living(), self.world.status
        suspended = status.condition(ConditionType.SUSPENDED)
        if suspended.status is ConditionStatus.TRUE:
            assert sweep.state == "PAUSED"
            assert not self.world.jobs
            assert self.world.fields["suspend"] or suspended.reason is Reason.PAUSED_ON_WANDB
        else:
            assert not self.world.fields["suspend"]
            assert sweep.state in {"PENDING", "RUNNING"}
            assert len(self.world.jobs) == self.world.fields["agentCount"]
            assert {job.sweep for job in self.world.jobs.values()} <= {status.sweep_path}


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("writes", range(12))
def test_wherever_the_operator_dies_a_suspension_is_taken_back_and_loses_nothing(writes):
    world = World()
    world.settle()
    world.edit(suspend=True)
    world.writes_left = writes
    world.settle()
    assert (world.living()[0].state, world.jobs) == ("PAUSED", {})

    world.edit(suspend=False)
    world.writes_left = writes
    world.settle()

    assert len(world.sweeps) == 1
    assert (world.living()[0].state, len(world.jobs)) == ("RUNNING", 2)


@pytest.mark.parametrize("writes", range(12))
def test_wherever_the_operator_dies_an_edit_makes_one_new_sweep(writes):
    world = World(definition=DEFINITIONS["A"])
    world.settle()
    world.edit(definition=DEFINITIONS["B"])
    world.writes_left = writes
    world.settle()

    old, new = world.sweeps.values()
    assert (old.state, new.state) == ("FINISHED", "PENDING")
    assert [past.sweep_id for past in world.status.history] == [old.path.sweep_id]
    assert {job.sweep for job in world.jobs.values()} == {str(new.path)}


@pytest.mark.parametrize("away", [False, True], ids=["W&B answers", "W&B was away"])
@pytest.mark.parametrize("known", [True, False], ids=["of a sweep", "of a creation that was not seen to succeed"])
@pytest.mark.parametrize("writes", range(6))
def test_wherever_the_operator_dies_a_definition_that_comes_back_is_trained(writes, known, away):
    """The stopped sweep of the same definition is not taken for one that is over."""
    world = World(definition=DEFINITIONS["A"])
    world.next_creation_is_late = not known
    world.make_pass()
    world.now += timedelta(minutes=1)
    if known:
        world.make_pass()
    world.edit(definition=DEFINITIONS["B"])
    world.away = away
    world.make_pass()
    world.away = False
    world.writes_left = writes
    world.make_pass()
    world.edit(definition=DEFINITIONS["A"])
    world.writes_left = None
    world.settle()

    (sweep,) = world.living()
    assert sweep.config["parameters"] == DEFINITIONS["A"]["parameters"]
    assert {job.sweep for job in world.jobs.values()} == {str(sweep.path)}
    assert world.status.phase is Phase.RUNNING


def test_a_definition_that_comes_back_is_a_third_sweep():
    world = World(definition=DEFINITIONS["A"])
    for name in ("A", "B", "A"):
        world.edit(definition=DEFINITIONS[name])
        world.settle()

    first, _, third = (sweep.config["description"] for sweep in world.sweeps.values())
    assert first != third
    assert digest_of_token(first) == digest_of_token(third)
