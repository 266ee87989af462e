"""A search by Protein knows what its runs tell, and leaves in them what it made of them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wandb.sdk.sweeps.sweep_info import SweepInfo

from unit.search.recorded_sweeps import RecordedSweep
from wandbsweep.search.engine import UnusableOrderError
from wandbsweep.search.engines import make_optimizer_for
from wandbsweep.search.engines.protein import seed_of
from wandbsweep.search.protein import Protein
from wandbsweep.sweep.search_order import SearchOrder
from wandbsweep.sweep.searching import Engine

LR = {"distribution": "log_normal", "min": 1e-5, "max": 1e-2, "mean": 3e-4}
STEPS = {"distribution": "int_uniform", "min": 1, "max": 64}
PARAMETERS = {"trainer.lr": LR, "steps": STEPS, "kind": {"values": ["a", "b"]}, "env": {"value": "anymal"}}
QUICK = {"num_random_samples": 2, "random_suggestions": 64, "suggestions_per_pareto": 8}
HUNT = {
    "method": "protein",
    "metric": {"name": "reward", "goal": "maximize"},
    "parameters": PARAMETERS,
    "protein": QUICK,
}


def hunt(**changes):
    return RecordedSweep(HUNT | changes)


def finish(sweep, run, reward, cost=10.0):
    sweep.tell(run, "finished", reward=reward, _wandb={"runtime": cost})


def note(sweep, run):
    return sweep.runs[run].config["wandbsweep"]


def on_front(sweep):
    tagged = {run for run, each in sweep.runs.items() if "protein:front" in each.tags}
    assert tagged == {run for run, each in sweep.runs.items() if each.summary.get("protein.front")}
    return tagged


def test_it_begins_where_protein_does_and_names_its_runs():
    sweep = hunt()
    sweep.ask(2)

    first, second = (run.config for run in sweep.runs.values())
    assert {key: value for key, value in first.items() if key != "wandbsweep"} == {
        "env": "anymal", "kind": "a", "steps": 32, "trainer.lr": pytest.approx(3e-4),
    }  # fmt: skip
    assert first["wandbsweep"] == {"name": "hunt.r.0", "number": 0, "score": None, "cost": None}
    assert second["wandbsweep"]["name"] == "hunt.r.1"


def test_once_there_are_results_each_run_carries_what_was_expected_of_it():
    sweep = hunt()
    for number in range(4):
        finish(sweep, sweep.ask()[0], reward=number, cost=5.0 + number)
    run, *_ = sweep.ask()

    assert note(sweep, run)["number"] == 4
    assert isinstance(note(sweep, run)["score"], float)
    assert note(sweep, run)["cost"] > 0


def test_the_log_can_say_why_it_suggested_something():
    engine = hunt().engine
    suggestion, *_ = engine.ask_n_runs(1)
    assert engine.why(suggestion.run_id) == "the search starts at the mean of every parameter"
    assert engine.why("other") == "suggested by an earlier search"


def test_a_good_run_is_recorded_with_its_score_and_cost():
    sweep = hunt()
    run, *_ = sweep.ask()
    finish(sweep, run, reward=0.7, cost=12)

    summary = sweep.runs[run].summary
    assert {key: value for key, value in summary.items() if key.startswith("protein.")} == {
        "protein.state": "success",
        "protein.objective": 0.7,
        "protein.cost": 12.0,
        "protein.suggestion": {"trainer.lr": pytest.approx(3e-4), "steps": 32, "kind": "a", "env": "anymal"},
        "protein.suggestion_info": {"score": None, "cost": None},
        "protein.front": True,
    }
    assert summary["reward"] == 0.7
    assert sweep.runs[run].tags == {"protein:front"}


@pytest.mark.parametrize(
    ("state", "summary", "error"),
    [
        ("failed", {"reward": 9.0, "_wandb": {"runtime": 3}}, "the run failed"),
        ("crashed", {}, "the run crashed"),
        ("finished", {"_wandb": {"runtime": 3}}, "the run logged no finite number as reward"),
        ("finished", {"reward": "NaN", "_wandb": {"runtime": 3}}, "the run logged no finite number as reward"),
        ("killed", {}, "the run logged no finite number as reward before it was stopped"),
        ("finished", {"reward": 1.0}, "the run has no run time above 0, which is its cost"),
    ],
)
def test_a_run_without_a_score_or_a_cost_is_a_failure_and_says_so(state, summary, error):
    sweep = hunt()
    run, *_ = sweep.ask()
    sweep.tell(run, state, **summary)

    told = sweep.runs[run].summary
    assert (told["protein.state"], told["protein.error"], told["protein.front"]) == ("failure", error, False)
    assert "protein.objective" not in told
    assert on_front(sweep) == set()


def test_a_run_that_was_stopped_after_it_had_a_score_counts():
    sweep = hunt()
    run, *_ = sweep.ask()
    sweep.tell(run, "killed", reward=0.4, _runtime=7.5)
    assert sweep.runs[run].summary["protein.state"] == "success"
    assert sweep.runs[run].summary["protein.cost"] == 7.5


@pytest.mark.parametrize(
    ("settings", "summary", "cost"),
    [
        ({}, {"time.total": 9.5, "_wandb": {"runtime": 3}, "_runtime": 2.5}, 9.5),
        ({}, {"_wandb": {"runtime": 3}, "_runtime": 2.5}, 3.0),
        ({}, {"_wandb": {"runtime": 0}}, 1.0),
        ({"cost_key": "energy"}, {"_wandb": {"runtime": 3}, "energy": 0.2}, 0.2),
        ({"cost_key": "power.total"}, {"power": {"total": 4}}, 4.0),
    ],
)
def test_the_cost_is_the_metric_named_or_the_seconds_of_training_and_evaluation(settings, summary, cost):
    sweep = hunt(protein=QUICK | settings)
    run, *_ = sweep.ask()
    sweep.tell(run, "finished", reward=1.0, **summary)
    assert sweep.runs[run].summary["protein.cost"] == cost


def test_runs_that_fall_behind_are_ended_where_the_definition_says_so():
    rule = {"metric": {"name": "reward", "goal": "maximize"}, "early_terminate": {"type": "hyperband", "min_iter": 2}}
    sweep = RecordedSweep(HUNT | rule)
    good, bad = sweep.ask(2)

    histories = {good: [0.1, 0.5, 0.9, 0.9], bad: [0.1, 0.1, 0.1, 0.1]}
    assert sweep.fall_behind("reward", histories) == [bad]
    assert sweep.fall_behind("reward", histories) == []
    without = RecordedSweep(HUNT)
    assert without.fall_behind("reward", dict(zip(without.ask(2), histories.values(), strict=True))) == []


def test_the_tag_moves_with_the_front():
    sweep = hunt()
    cheap, good, better = (sweep.ask()[0] for _ in range(3))

    finish(sweep, cheap, reward=0.1, cost=5)
    assert on_front(sweep) == {cheap}
    finish(sweep, good, reward=0.5, cost=20)
    assert on_front(sweep) == {cheap, good}
    sweep.runs[good].tags.add("mine")
    finish(sweep, better, reward=0.6, cost=20)
    assert on_front(sweep) == {cheap, better}
    assert sweep.runs[good].tags == {"mine"}


def test_to_minimize_turns_the_front():
    sweep = hunt(metric={"name": "reward", "goal": "minimize"})
    low, high = (sweep.ask()[0] for _ in range(2))
    finish(sweep, high, reward=5.0)
    finish(sweep, low, reward=1.0)
    assert on_front(sweep) == {low}


def test_a_search_that_starts_anew_writes_only_what_is_not_there_yet():
    sweep = hunt()
    for reward in (0.1, 0.7, 0.3):
        finish(sweep, sweep.ask()[0], reward)
    before = sweep.writes

    sweep.restart()
    assert sweep.writes == before

    while_it_was_down, *_ = sweep.ask()
    sweep.runs[while_it_was_down].state = "finished"
    sweep.runs[while_it_was_down].summary = {"reward": 0.9, "_runtime": 10.0}
    sweep.restart()
    assert on_front(sweep) == {while_it_was_down}
    assert sweep.writes == before + 2


def test_a_run_that_is_deleted_leaves_the_search_and_the_front():
    sweep = hunt()
    worse, best, running = (sweep.ask()[0] for _ in range(3))
    finish(sweep, worse, reward=0.5)
    finish(sweep, best, reward=0.9)
    sweep.delete(running)
    del sweep.runs[best]
    sweep.restart()

    assert on_front(sweep) == {worse}
    assert note(sweep, sweep.ask()[0])["number"] == 1


def test_what_wandb_did_not_take_of_several_is_not_made_good_by_a_twin_of_the_others():
    sweep = hunt()
    refused, *_ = sweep.engine.ask_n_runs(1)
    sweep.ask(3)
    sweep.engine.forget_run(refused.run_id)
    sweep.ask(3)

    tried = [tuple(run.config[name] for name in PARAMETERS) for run in sweep.runs.values()]
    assert len(set(tried)) == 6


def test_numbers_go_on_after_failures_and_what_wandb_did_not_take_leaves_no_gap():
    sweep = hunt()
    sweep.tell(sweep.ask()[0], "failed")
    sweep.refuse(2)
    assert [note(sweep, run)["name"] for run in sweep.ask(2)] == ["hunt.r.1", "hunt.r.2"]


def test_a_run_from_elsewhere_counts_if_protein_could_have_made_it(caplog):
    sweep = hunt()
    nested = {"trainer": {"lr": 1e-3, "seed": 4}, "steps": 3, "kind": "b"}
    sweep.runs["mine"] = type(sweep.runs[sweep.ask()[0]])(nested, "finished", {"reward": 1.0, "_runtime": 3.0})
    sweep.runs["other"] = type(sweep.runs["mine"])({"steps": 65, "trainer.lr": 1e-3, "kind": "b"}, "finished")
    sweep.restart()
    sweep.ask()

    assert on_front(sweep) == {"mine"}
    assert sweep.runs["mine"].summary["protein.suggestion"]["trainer.lr"] == 1e-3
    assert "protein.state" not in sweep.runs["other"].summary
    assert [message for message in caplog.messages if "other" in message] == [
        "run other is no trial of this search, and is left out: steps: 65 is not between 1 and 64"
    ]


def test_what_costs_too_much_ends_the_search_once_nothing_is_in_flight(caplog):
    caplog.set_level("INFO")
    sweep = hunt(protein=QUICK | {"max_suggestion_cost": 1.0})
    for _ in range(2):
        finish(sweep, sweep.ask()[0], reward=1.0, cost=100)

    assert sweep.ask() == []
    assert "the search ends: no trial is predicted to cost less than max_suggestion_cost 1" in caplog.text


def test_what_costs_too_much_waits_for_what_is_in_flight(caplog):
    caplog.set_level("INFO")
    sweep = hunt(protein=QUICK | {"max_suggestion_cost": 1.0})
    runs = sweep.ask(4)
    for run in runs[1:]:
        finish(sweep, run, reward=1.0, cost=100)

    assert sweep.ask() is None
    assert "no suggestion until one of 1 runs has ended: no trial is predicted to cost less" in caplog.text


def test_a_definition_whose_trials_read_a_file_can_be_searched():
    command = ["python", "train.py", "${config_json_file}"]
    sweep = hunt(command=command, base_config='{"trainer": {"lr": 0.1}, "steps": 1, "kind": "", "env": ""}')
    assert sweep.ask() == ["run0"]


@pytest.mark.parametrize(
    ("definition", "metric", "says"),
    [
        ({**HUNT, "protein": {"beta": 1}}, HUNT["metric"], "spec.sweep.protein.beta: Protein has no such setting"),
        (
            HUNT,
            {"name": "loss"},
            "spec.sweep.metric is reward, to maximize, and the sweep on W&B has loss, to minimize",
        ),
    ],
)
def test_an_order_that_cannot_be_searched_names_the_field(definition, metric, says):
    info = SweepInfo("s", "s", "e", "p", {"method": "custom", "metric": metric}, "c")
    with pytest.raises(UnusableOrderError, match=says):
        make_optimizer_for(SearchOrder(Engine.PROTEIN, "s", definition, None), None)(info)


def test_it_suggests_what_the_library_suggests():
    sweep = hunt()
    ordered = {name: PARAMETERS[name] for name in sorted(PARAMETERS)}  # as keys travel in an order
    protein = Protein(ordered, seed=seed_of("sweep1"), **QUICK)
    for number in range(6):
        run, *_ = sweep.ask()
        suggestion = protein.ask()
        recorded = sweep.runs[run].config
        assert {name: recorded[name] for name in ordered} == dict(suggestion.values)
        reward, cost = recorded["steps"] / 64, 1.0 + number
        finish(sweep, run, reward, cost)
        protein.tell(suggestion.id, reward, cost)


@pytest.mark.timeout(300)
@settings(max_examples=4, deadline=None)
@given(fate=st.integers(0, 2**32), agents=st.integers(1, 4))
def test_a_search_that_starts_anew_at_any_time_goes_on_as_one_that_lives(fate, agents):
    living, dying = hunt(), hunt()
    for sweep in (living, dying):
        live(sweep, random.Random(fate), agents, dies=sweep is dying)

    assert [run.config for run in living.runs.values()] == [run.config for run in dying.runs.values()]
    assert {run: each.summary for run, each in living.runs.items()} == {
        run: each.summary for run, each in dying.runs.items()
    }
    assert on_front(living) == on_front(dying)


def live(sweep, chance, agents, *, dies):
    """Seven runs that end, fail, are preempted and deleted as chance has it."""
    while len(sweep.runs) < 7 or sweep.alive:
        if len(sweep.alive) < agents and len(sweep.runs) < 7:
            sweep.ask(agents - len(sweep.alive))
        run, state = chance.choice(sweep.alive), chance.choice(["finished", "finished", "failed", "preempting"])
        reward, cost, shuffled = chance.random(), chance.uniform(1, 100), random.Random(chance.random())
        if state == "finished":
            sweep.tell(run, state, reward=reward, _runtime=cost)
        elif chance.random() < 0.1:
            sweep.delete(run)
        else:
            sweep.tell(run, state)
        if dies:
            sweep.restart(shuffled)
