"""The front in status: both of its ends, and what lies evenly between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from builders import a_reading, a_searched_object
from wandbsweep.pool.facts import FrontRun
from wandbsweep.pool.front import shown
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.status import next_status


def a_run(cost):
    return FrontRun(f"r{cost}", f"anymal.r.{cost}", "http://wandb.test/r", cost / 10, float(cost), {"lr": 0.1})


def costs(runs):
    return [run.cost for run in shown(runs)]


def test_five_are_shown_from_the_cheapest_to_the_dearest():
    assert costs([a_run(cost) for cost in range(9)]) == [0, 2, 4, 6, 8]


@given(st.sets(st.integers(0, 1000), max_size=30))
def test_both_ends_are_among_at_most_five_in_order(numbers):
    seen = costs([a_run(number) for number in numbers])

    assert seen == sorted(set(seen))
    assert len(seen) == min(len(numbers), 5)
    if numbers:
        assert (seen[0], seen[-1]) == (min(numbers), max(numbers))


def test_the_front_is_in_the_status_with_what_was_sampled():
    status = next_status(a_searched_object(reading=a_reading(front=(a_run(3), a_run(1)))), Outcome(), None)

    written = status.model_dump(by_alias=True, exclude_none=True, mode="json")["front"]
    assert written[0] == {
        "runID": "r1", "name": "anymal.r.1", "url": "http://wandb.test/r", "score": 0.1, "cost": 1.0,
        "parameters": {"lr": 0.1},
    }  # fmt: skip
    assert [run["name"] for run in written] == ["anymal.r.1", "anymal.r.3"]
