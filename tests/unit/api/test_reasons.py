"""Phases, conditions and reasons are API: complete, described and without strays."""

import pytest

from wandbsweep.api.reasons import EVENT_ONLY_REASONS, ConditionType, Phase, Reason


@pytest.mark.parametrize("word", [*Phase, *ConditionType, *Reason])
def test_every_word_is_camel_case_and_says_when_it_occurs(word):
    assert word.value.isalnum()
    assert word.value[0].isupper()
    assert word.when.endswith(".")
    assert f"{word}" == word.value


def test_every_reason_belongs_to_a_condition_or_to_events_only():
    of_conditions = {reason for condition in ConditionType for reason in condition.reasons}

    assert of_conditions.isdisjoint(EVENT_ONLY_REASONS)
    assert of_conditions | set(EVENT_ONLY_REASONS) == set(Reason)


def test_ready_can_carry_the_reason_of_each_condition_it_sums_up():
    parts = (
        ConditionType.SWEEP_VALID,
        ConditionType.WANDB_REACHABLE,
        ConditionType.SWEEP_CREATED,
        ConditionType.SEARCH_READY,
        ConditionType.AGENTS_READY,
    )
    well = {
        Reason.VALID, Reason.VALID_WITH_WARNINGS, Reason.REACHABLE,
        Reason.CREATED, Reason.ADOPTED, Reason.JOINED, Reason.SEARCH_RUNNING, Reason.ALL_READY,
    }  # fmt: skip

    needed = {reason for part in parts for reason in part.reasons} - well
    assert needed <= set(ConditionType.READY.reasons)
