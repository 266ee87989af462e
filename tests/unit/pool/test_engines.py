"""A sweep that nobody can search is sound, and is not created; no agent holds a GPU for it."""

from builders import a_new_object, a_spec, a_sweep
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.status import next_status

PROTEIN = a_sweep(
    method="protein", parameters={"agent.lr": {"distribution": "log_normal", "min": 0.0001, "max": 0.001}}
)


def test_nothing_is_done_and_nothing_is_tried_again_for_a_method_without_an_engine():
    plan = make_plan(a_new_object(spec=a_spec(sweep=PROTEIN)))

    assert plan.actions == ()
    assert plan.look_again is None


def test_the_conditions_say_that_the_definition_is_sound_and_what_works_instead():
    status = next_status(a_new_object(spec=a_spec(sweep=PROTEIN)), Outcome(), None)

    valid, created, ready = (
        status.condition(kind) for kind in (ConditionType.SWEEP_VALID, ConditionType.SWEEP_CREATED, ConditionType.READY)
    )
    assert valid.status is ConditionStatus.TRUE
    assert (created.status, created.reason) == (ConditionStatus.FALSE, Reason.SEARCH_ENGINE_MISSING)
    assert "wandbsweep preview" in created.message
    assert "method bayes" in created.message
    assert (ready.status, ready.reason) == (ConditionStatus.FALSE, Reason.SEARCH_ENGINE_MISSING)
    assert status.method == "protein"


def test_a_method_that_w_and_b_searches_with_is_created():
    assert make_plan(a_new_object()).actions
