"""Whatever the API server lets in, the operator answers with conditions, and goes on: no exception, for nobody."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from any_objects import changes
from fuzzing import fuzzed
from kube_client import KubeAnswerError
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(0)]

OBJECTS_AT_ONCE = 15
ENDED_WITHIN_SECONDS = 120
numbers = itertools.count()


# What is found is told by its object; another try with a smaller one would take minutes.
@settings(fuzzed, max_examples=max(2, fuzzed.max_examples // 20), phases=[Phase.generate])
@given(st.lists(changes, min_size=OBJECTS_AT_ONCE, max_size=OBJECTS_AT_ONCE))
def test_any_object_that_is_let_in_is_answered_with_conditions_and_can_be_deleted(operated, shared_operator, specs):
    names = [f"any-{next(numbers)}" for _ in specs]
    let_in = [name for name, spec in zip(names, specs, strict=True) if is_let_in(operated, name, spec)]
    for name in let_in:
        wait(lambda name=name: is_answered(operated, name), f"{name} is answered: {operated.read(name)}")
    for name in let_in:
        operated.delete(name)
    for name in let_in:
        wait(lambda name=name: operated.find(name) is None, f"{name} is deleted: {operated.find(name)}")
    assert shared_operator.running
    assert "Traceback" not in shared_operator.log, shared_operator.log[shared_operator.log.index("Traceback") :][:4000]


def wait(condition, what):
    until(condition, what, seconds=ENDED_WITHIN_SECONDS)


def test_what_is_tried_is_not_all_refused(operated, shared_operator):
    """Else nothing but the API server's own door is tried."""
    assert is_let_in(operated, "anymal", {})
    assert is_let_in(operated, "any", {"template": {"spec": {"containers": [{"env": "x"}], "volumes": 3}}})
    until(lambda: is_answered(operated, "any"), "an object that no Job can be made of is answered")
    assert operated.condition("SweepValid", "any")["reason"] == "TemplateRejected"


def is_let_in(place, name, spec):
    try:
        place.apply(name, **spec)
    except KubeAnswerError as error:
        if error.status not in (400, 413, 422):
            raise
        return False
    return True


def is_answered(place, name):
    found = place.read(name)
    status = found.get("status", {})
    return status.get("observedGeneration") == found["metadata"]["generation"] and status.get("conditions")
