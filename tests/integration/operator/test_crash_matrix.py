"""The operator is killed before and after each write of a sweep's life, and nothing is doubled or lost.

An undisturbed life is recorded first: every write of the operator on its way to the API server or to W&B, Events
included, is seen by two proxies and named by what it says. Then lives are lived in which the operator is killed: before
a write reaches the server, or after the server carried it out and before the answer; a new one is started each time,
and the life goes on. One life has many deaths, so that the matrix takes minutes and not hours; between two deaths an
operator gets through two writes at least, so that what a death broke cannot hide behind the next. Neighbours are cut in
different lives. Lives follow each other until every write of the recorded life was cut both ways.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from crash_points import FATES, Register, as_text
from lives import Life, a_life, told_twice
from places import a_grid
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from places import Place

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

AT_ONCE = 3  # lives side by side; most of a life is waiting
LIVES = 12
CUT_POINTS = 40
PATIENCE = 150  # seconds for each step of a life, in which the operator may die a dozen times
RATES = (0.1, 0.2, 0.3, 0.4)


@dataclass
class Ended:
    """What a life left, and how it went."""

    state: dict[str, Any]
    writes: list[str]
    deaths: list[tuple[str, Any]]


def a_full_life(life: Life) -> dict[str, Any]:
    """Created, scaled, edited, run to the end of its grid and deleted."""
    place = life.place
    place.apply(sweep=a_grid(*RATES), agentCount=1)
    until(lambda: training(place) == 1, "one run trains", seconds=PATIENCE)
    place.scale(2)
    until(lambda: training(place) == 2, "two runs train", seconds=PATIENCE)
    place.kubectl("patch", "wandbsweep", "anymal", "--type=merge", '-p={"spec":{"maxRuns":40}}')
    life.gate.touch()
    place.until_condition("Complete", seconds=PATIENCE)
    until(lambda: not place.jobs() and not place.pods(), "no Job and no pod is left", seconds=PATIENCE)
    return left_behind(life)


def training(place: Place) -> int:
    """How many runs train, as the object says."""
    return int(place.status().get("runs", {}).get("running", 0))


def left_behind(life: Life) -> dict[str, Any]:
    """The end state, and then the object's deletion."""
    place = life.place
    status = place.status()
    place.delete()
    place.until_gone(seconds=PATIENCE)
    until(lambda: not place.jobs() and not place.pods(), "no Job and no pod is left", seconds=PATIENCE)
    return {
        "sweeps": sorted(sweep["state"] for sweep in place.sweeps()),
        "runs": sorted(
            (json.loads(run["config"])["lr"]["value"], run["state"]) for run in place.runs(status["sweepID"])
        ),
        "status": {
            "phase": status["phase"],
            "conditions": {each["type"]: f"{each['status']} {each['reason']}" for each in status["conditions"]},
            "runs": status["runs"],
            "agents": status["agents"],
            "sweepState": status["sweepState"],
            "best": {name: status["best"][name] for name in ("metric", "value", "parameters")},
        },
    }


@pytest.fixture
def live(kube, server, runtime, tmp_path) -> Callable[..., Ended]:
    """Lives a life from its beginning to its end, under these deaths."""

    def from_its_beginning(number: int, deaths: Register, course: Callable[[Life], dict[str, Any]]) -> Ended:
        folder = tmp_path / f"life-{number}"
        folder.mkdir()
        fates = FATES if number % 2 else FATES[::-1]
        with a_life(kube, server, runtime, folder, deaths, fates) as life:
            state = course(life)
            assert life.doubles == [], f"life {number}: two Jobs in one slot"
            assert told_twice(life.place) == [], f"life {number}: an Event was doubled"
            assert "Traceback" not in life.operator.log, f"life {number}"
            return Ended(state, life.writes, life.deaths)

    return from_its_beginning


def test_an_operator_killed_before_and_after_each_of_its_writes_leaves_what_an_undisturbed_one_leaves(live, say):
    undisturbed = live(0, Register.closed(), a_full_life)
    register = Register.of(undisturbed.writes)

    with ThreadPoolExecutor(AT_ONCE) as lives:
        ends = [lives.submit(as_long_as_needed, live, number, register) for number in range(1, LIVES + 1)]
    ended = {number: end.result() for number, end in enumerate(ends, 1) if end.result()}

    cuts = register.done.total()
    say(f"{cuts} cut points in {len(ended)} lives; {len(undisturbed.writes)} writes in the undisturbed one")
    say(register.table())
    for number, end in ended.items():
        assert as_text(end.state) == as_text(undisturbed.state), f"life {number}: {end.deaths}"
    assert register.missing == []
    assert cuts > CUT_POINTS


def as_long_as_needed(live, number: int, register: Register) -> Ended | None:
    """Another life, unless every death was died."""
    return live(number, register, a_full_life) if register.missing else None
