"""The operator is killed before and after each write of a sweep's life, and nothing is doubled or lost.

An undisturbed life is recorded first: every write of the operator on its way to the API server or to W&B, Events
included, is seen by two proxies and named by what it says. Then lives are lived in which the operator is killed: before
a write reaches the server, or after the server carried it out and before the answer; a new one is started each time,
and the life goes on. One life has many deaths, so that the matrix takes minutes and not hours; between two deaths an
operator gets through a write at least, and through four before it dies of what another one died of. Neighbours are cut
in different lives. Lives follow each other until every write of the recorded life was cut both ways; twelve have
to be enough.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from crash_points import FATES, Register, as_text
from lives import Life, a_life, told_twice
from places import a_grid, a_template
from searched_sweeps import a_scan, a_search, searches
from waiting import until
from wandbsweep.api import labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from crash_points import Facts
    from places import Place

    Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

AT_ONCE = 3  # lives side by side; most of a life is waiting
LIVES = 12
PATIENCE = 300  # seconds for each step of a life, in which the operator may die a dozen times
RATES = (0.1, 0.2, 0.3)
MAX_RUNS = 40


@dataclass
class Ended:
    """What a life left, and how it went."""

    state: Object
    writes: list[Facts]
    deaths: list[str]


def a_full_life(life: Life) -> Object:
    """Created, scaled, rolled, suspended, edited, resumed, run to the end of its grid, and gone when its time is up."""
    place = life.place
    place.apply(sweep=a_grid(*RATES), agentCount=1)
    until(lambda: training(place) == 1, "one run trains", seconds=PATIENCE)
    place.scale(2)
    until(lambda: training(place) == 2, "two runs train", seconds=PATIENCE)
    place.edit(template=a_template(terminationGracePeriodSeconds=9))
    until(lambda: leaving(place), "an agent is asked to leave", seconds=PATIENCE)
    place.edit(suspend=True)
    place.until_condition("Suspended", seconds=PATIENCE)
    until(lambda: not place.pods(), "no pod is left", seconds=PATIENCE)
    place.edit(maxRuns=MAX_RUNS)
    until(lambda: f"run_cap: {MAX_RUNS}" in place.sweeps()[0]["config"], "W&B knows the budget", seconds=PATIENCE)
    place.edit(suspend=False)
    until(lambda: training(place) == 2, "two runs train again", seconds=PATIENCE)
    life.gate.touch()
    place.until_condition("Complete", seconds=PATIENCE)
    until(lambda: not place.jobs() and not place.pods(), "no Job and no pod is left", seconds=PATIENCE)
    nobody = {"desired": 0, "active": 0, "ready": 0, "summary": "0/0"}
    until(lambda: place.status()["agents"] == nobody, "the status says so", seconds=PATIENCE)
    return left_behind(life, lambda: place.edit(ttlSecondsAfterFinished=0))


def a_life_cut_short(life: Life) -> Object:
    """Created, given another definition, and deleted, all while its agents wait for a node."""
    place = life.place
    place.apply(sweep=a_grid(0.1), agentCount=1)
    place.until_jobs("anymal-0-0", seconds=PATIENCE)
    first = place.status()["sweepID"]
    place.edit(sweep=a_grid(*RATES), agentCount=2)
    until(lambda: place.status().get("sweepID") not in {None, first}, "there is another sweep", seconds=PATIENCE)
    until(lambda: len(place.job_names()) == 2, "two agents work on it", seconds=PATIENCE)
    until(lambda: place.status()["agents"]["active"] == 2, "the status says so", seconds=PATIENCE)
    return left_behind(life, place.delete)


def a_search_cut_short(life: Life) -> Object:
    """Searched, scaled, given another definition, suspended and deleted, while its search waits for a node."""
    place = life.place
    place.apply(sweep=a_scan(0.1), agentCount=1, search=a_search())
    until(lambda: told_agents(place) == "1", "a search waits", seconds=PATIENCE)
    first = place.status()["sweepID"]
    place.scale(2)
    until(lambda: told_agents(place) == "2", "it is told of more agents", seconds=PATIENCE)
    place.edit(sweep=a_scan(*RATES))
    until(lambda: place.status().get("sweepID") not in {None, first}, "there is another sweep", seconds=PATIENCE)
    until(lambda: len(searches(place)) == 1, "it has a search", seconds=PATIENCE)
    place.edit(suspend=True)
    place.until_condition("SearchReady", "False", reason="Suspended", seconds=PATIENCE)
    until(lambda: not place.jobs() and not place.pods(), "no Job and no pod is left", seconds=PATIENCE)
    until(lambda: place.status()["sweepState"] == "PAUSED", "the status says that it is paused", seconds=PATIENCE)
    return left_behind(life, place.delete)


def told_agents(place: Place) -> str | None:
    """What the pod of the search is told of the number of agents."""
    notes = (pod["metadata"].get("annotations", {}) for pod in place.pods())
    return next((note[labels.AGENT_COUNT_ANNOTATION] for note in notes if labels.AGENT_COUNT_ANNOTATION in note), None)


def training(place: Place) -> int:
    """How many runs train, as the object says."""
    return int(place.status().get("runs", {}).get("running", 0))


def leaving(place: Place) -> bool:
    """Whether an agent was asked to leave after its run."""
    return any(labels.LEAVE_ANNOTATION in pod["metadata"].get("annotations", {}) for pod in place.pods())


def left_behind(life: Life, end: Callable[[], object]) -> Object:
    """The end state, from just before the object's end to what is left on W&B."""
    place = life.place
    status = place.status()
    end()
    place.until_gone(seconds=PATIENCE)
    until(lambda: not place.jobs() and not place.pods(), "no Job and no pod is left", seconds=PATIENCE)
    return {
        "sweeps": sorted([sweep["state"], run_cap(sweep)] for sweep in place.sweeps()),
        "runs": sorted([rate(run), run["state"]] for run in place.runs(status["sweepID"])),
        "phase": status["phase"],
        "conditions": {each["type"]: f"{each['status']} {reason(each)}" for each in status["conditions"]},
        "counts": {name: status.get(name) for name in ("runs", "agents", "failures", "sweepState")},
        "best": {name: status.get("best", {}).get(name) for name in ("metric", "value", "parameters")},
        "earlier sweeps": len(status.get("history", [])),
    }


CUT_POINTS = {a_full_life: 40, a_life_cut_short: 25, a_search_cut_short: 25}


def reason(condition: Object) -> str:
    """A sweep whose creator died before it could say so is adopted by the next: the same end."""
    return "Created" if condition["reason"] == "Adopted" else str(condition["reason"])


def rate(run: Object) -> float:
    return float(json.loads(run["config"])["lr"]["value"])


def run_cap(sweep: Object) -> int | None:
    cap: int | None = yaml.safe_load(sweep["config"]).get("run_cap")
    return cap


@pytest.fixture
def live(kube, server, runtime, tmp_path) -> Callable[..., Ended]:
    """Lives a life from its beginning to its end, under these deaths."""

    def from_its_beginning(number: int, deaths: Register, course: Callable[[Life], Object]) -> Ended:
        folder = tmp_path / f"life-{number}"
        folder.mkdir()
        fates = FATES if number % 2 else FATES[::-1]
        node = runtime if course is a_full_life else None
        with a_life(kube, server, node, folder, deaths, fates) as life:
            life.dies_again = number <= AT_ONCE
            state = course(life)
            assert life.doubles == [], f"life {number}: two Jobs in one slot"
            assert told_twice(life.place) == [], f"life {number}: an Event was doubled"
            assert "Traceback" not in life.operator.log, f"life {number}"
            return Ended(state, life.writes, life.deaths)

    return from_its_beginning


@pytest.mark.parametrize("course", list(CUT_POINTS))
def test_an_operator_killed_before_and_after_each_of_its_writes_leaves_what_an_undisturbed_one_leaves(
    course, live, say
):
    undisturbed = live(0, Register.closed(), course)
    register = Register.of(undisturbed.writes)

    numbers = iter(range(1, LIVES + 1))

    def one_after_another(_: int) -> list[Ended]:
        ended = []
        while register.missing and (number := next(numbers, None)):
            ended.append(live(number, register, course))
        return ended

    with ThreadPoolExecutor(AT_ONCE) as lives:
        ended = [end for ends in lives.map(one_after_another, range(AT_ONCE)) for end in ends]

    writes, cuts = len(undisturbed.writes), register.deaths
    say(f"{cuts} cut points in {len(ended)} lives; {writes} writes in an undisturbed one")
    say(register.table())
    for end in ended:
        assert as_text(end.state) == as_text(undisturbed.state), f"after {end.deaths}"
    assert register.missing == []
    assert cuts > CUT_POINTS[course]
