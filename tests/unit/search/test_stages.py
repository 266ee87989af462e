"""A search by stages, from its first run to its last, with agents that come and go and a search that starts anew."""

import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wandb.sdk.sweeps.run_state import RunState
from wandb.sdk.sweeps.scheduler.optimizer import Run, RunConfig, RunWithMetrics
from wandb.sdk.sweeps.sweep_info import SweepInfo

from wandbsweep.search.engine import UnusableOrderError
from wandbsweep.search.engines.stages import build
from wandbsweep.sweep.search_order import SearchOrder
from wandbsweep.sweep.searching import Engine

PARAMETERS = {
    "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
    "layers": {"min": 1, "max": 8},
    "activation": {"values": ["relu", "tanh"]},
    "seed": {"value": 7},
}
GRID = {"method": "grid", "points": 3}
THREE = [GRID, {"method": "bayes", "run_cap": 8}, {"method": "random", "run_cap": 6, "width": 1}]
ENDED = {RunState.FINISHED, RunState.FAILED, RunState.CRASHED, RunState.KILLED}


class NoResults:
    """Where nothing is recorded."""

    def record(self, *_: object, **__: object) -> None:
        raise AssertionError("stages records nothing")


class Lab:
    """The runs of a sweep as W&B has them, and a search that can be started anew at any time."""

    def __init__(self, stages, parameters=None, goal="maximize", sweep_id="s1", **others):
        definition = {
            "method": "stages",
            "metric": {"name": "reward", "goal": goal},
            "program": "train.py",
            "parameters": parameters or PARAMETERS,
            "stages": stages,
            **others,
        }
        self.sweep = SweepInfo(sweep_id, "hop", "lab", "walk", {"metric": definition["metric"]}, "controller")
        self.order = SearchOrder(Engine.STAGES, "hop", definition, None)
        self.runs = {}
        self.keys = {}
        self.start_anew()

    def start_anew(self, shuffled=0):
        self.engine = build(self.sweep, self.order, NoResults())
        self.keys = {}
        for name in random.Random(shuffled).sample(sorted(self.runs), len(self.runs)) if shuffled else list(self.runs):
            config, state, summary = self.runs[name]
            if state in ENDED:
                self.engine.tell_existing_finished_run(RunWithMetrics(config, state, name, summary, []))
            else:
                self.keys[name] = self.engine.tell_existing_active_run(Run(config, state, name))

    def ask(self, count=1):
        """Hands out runs, which are running then; their names."""
        found = self.engine.ask_n_runs(count)
        if not found:
            return found
        names = []
        for suggestion in found:
            name = f"run{len(self.runs)}"
            self.runs[name] = (suggestion.config, RunState.RUNNING, {})
            self.keys[name] = suggestion.run_id
            names.append(name)
        return names

    def end(self, name, score=None, state=RunState.FINISHED, **summary):
        config = self.runs[name][0]
        summary = {**({} if score is None else {"reward": score}), "_runtime": 10.0, **summary}
        self.runs[name] = (config, state, summary)
        if name in self.keys:
            self.engine.tell_run(self.keys[name], RunWithMetrics(config, state, name, summary, []))

    def values(self, name):
        return {key: value for key, value in self.runs[name][0].flat_dict().items() if key != "wandbsweep"}

    def note(self, name):
        return self.runs[name][0].flat_dict()["wandbsweep"]

    def all_values(self):
        return [self.values(name) for name in self.runs]

    def stage_sizes(self):
        return dict(Counter(self.note(name)["stage"] for name in self.runs))

    def play(self, score, agents=1, fails=lambda _: False, anew=lambda _: False):
        """Runs the sweep to its end: so many in flight, the oldest ends first."""
        flying = found = list(self.ask(agents))
        for step in range(1, 1000):
            if not flying:
                break
            name = flying.pop(0)
            if fails(name):
                self.end(name, state=RunState.FAILED)
            else:
                self.end(name, score(self.values(name)))
            if anew(step):
                self.start_anew(shuffled=step)
            found = self.ask(agents - len(flying))
            flying += found or []
        assert found is not None, "it declines and waits for nothing"
        return self


def peak(values):
    """1 at lr 1e-3, 5 layers and tanh."""
    off = (math.log10(values["lr"]) + 3) ** 2 / 4 + (values["layers"] - 5) ** 2 / 16
    return 1 - off - (values["activation"] == "relu") / 2


def spans(lab, stage):
    """The widths of what was tried in a stage: of lr in decades, of layers."""
    runs = [lab.values(name) for name in lab.runs if lab.note(name)["stage"] == stage]
    rates, layers = [math.log10(run["lr"]) for run in runs], [run["layers"] for run in runs]
    return max(rates) - min(rates), max(layers) - min(layers)


def test_the_stages_follow_each_other_and_each_is_narrower_than_the_one_before():
    lab = Lab(THREE).play(peak, agents=3)

    assert lab.stage_sizes() == {0: 18, 1: 8, 2: 6}
    assert [lab.note(name)["stage"] for name in lab.runs] == [0] * 18 + [1] * 8 + [2] * 6
    (whole, layers), second, third = (spans(lab, stage) for stage in range(3))
    assert (round(whole, 9), layers) == (4, 7)
    assert second[0] <= 2
    assert second[1] <= 3
    assert third[0] <= second[0] <= 2
    assert third[0] <= 1
    assert third[1] <= second[1]


def test_the_runs_are_named_and_numbered_and_know_their_stage():
    lab = Lab([{"method": "grid", "parameters": {"lr": {"value": 0.1}, "layers": {"value": 2}}}])

    first, second = lab.ask(5)

    assert lab.note(first) == {"name": "hop.r.0", "number": 0, "stage": 0, "cell": 0}
    assert lab.note(second) == {"name": "hop.r.1", "number": 1, "stage": 0, "cell": 1}
    assert lab.values(second) == {"activation": "tanh", "layers": 2, "lr": 0.1, "seed": 7}


def test_a_grid_with_fewer_cells_than_its_budget_ends():
    lab = Lab([{**GRID, "run_cap": 150}, {"method": "random", "run_cap": 1}]).play(peak)

    assert lab.stage_sizes() == {0: 18, 1: 1}


def test_the_next_stage_waits_for_the_last_run_of_the_one_before():
    lab = Lab([{"method": "random", "run_cap": 2}, {"method": "random", "run_cap": 1}])
    first, second = lab.ask(5)
    lab.end(first, 1.0)

    assert lab.ask(1) is None
    lab.start_anew()
    assert lab.ask(1) is None
    lab.end(second, 1.0)
    assert lab.note(*lab.ask(5))["stage"] == 1


def test_a_run_that_was_preempted_may_still_end():
    lab = Lab([{"method": "random", "run_cap": 1}])
    (name,) = lab.ask(1)
    lab.end(name, state=RunState.PREEMPTED)

    assert lab.ask(1) is None


def test_to_minimize_is_to_maximize_the_negated_score():
    stages = [*THREE, {"method": "protein", "run_cap": 6}]
    up = Lab(stages).play(peak, agents=2)
    down = Lab(stages, goal="minimize").play(lambda values: -peak(values), agents=2)

    assert up.all_values() == down.all_values()


def test_a_protein_stage_tells_what_it_expects_in_the_scores_own_sign():
    stages = [{"method": "random", "run_cap": 9}, {"method": "protein", "run_cap": 4}]
    lab = Lab(stages, goal="minimize").play(lambda values: 100 - peak(values))

    notes = [lab.note(name) for name in lab.runs if lab.note(name)["stage"] == 1]
    assert all(note["score"] is None or note["score"] > 50 for note in notes)
    assert any(note["score"] and note["cost"] for note in notes)


@pytest.mark.parametrize("method", ["random", "bayes", "protein"])
def test_failed_runs_are_replaced_up_to_as_many_as_the_stage_has(method):
    stages = [{"method": method, "run_cap": 4}, {"method": "random", "run_cap": 1}]
    some = Lab(stages).play(peak, agents=2, fails=lambda name: name in ("run0", "run3"))
    all_ = Lab(stages).play(peak, fails=lambda _: True)

    assert some.stage_sizes() == {0: 6, 1: 1}
    assert all_.stage_sizes() == {0: 4, 1: 1}


def test_a_failed_cell_of_a_grid_is_not_run_again():
    lab = Lab([GRID]).play(peak, fails=lambda name: name == "run3")

    assert lab.stage_sizes() == {0: 18}
    assert len({str(values) for values in lab.all_values()}) == 18


def test_a_cell_whose_run_was_deleted_has_its_turn_again():
    lab = Lab([GRID])
    first, _ = lab.ask(2)
    values = lab.values(first)
    lab.engine.tell_run(lab.keys[first], RunWithMetrics(RunConfig({}), RunState.FAILED, first, {}, []))

    assert lab.values(*lab.ask(1)) == values


def test_a_suggestion_that_never_reached_wandb_is_made_again():
    lab = Lab([{"method": "bayes", "run_cap": 3}])
    (suggestion,) = lab.engine.ask_n_runs(1)
    lab.engine.forget_run(suggestion.run_id)

    assert lab.engine.ask_n_runs(1)[0].config == suggestion.config


def test_without_a_finished_run_the_ranges_stay_as_they_were(caplog):
    stages = [{"method": "random", "run_cap": 2}, {"method": "grid", "points": 2}]
    with caplog.at_level("INFO"):
        lab = Lab(stages).play(peak, fails=lambda name: name in ("run0", "run1"))

    assert spans(lab, 1) == (4, 7)
    assert "stage 2 of 2 (grid)" in caplog.text
    assert "as they were, since no run before has finished with a score" in caplog.text


def test_the_log_tells_the_ranges_of_a_stage_and_why_a_run_was_suggested(caplog):
    with caplog.at_level("INFO"):
        lab = Lab([GRID, {"method": "bayes", "run_cap": 3}]).play(peak)

    assert "stage 2 of 2 (bayes), 3 runs are left of it; ranges around the best 5 of the runs before: lr" in caplog.text
    assert lab.engine.why(lab.keys["run0"]) == "stage 1 of 2 (grid), cell 1 of 18"
    assert lab.engine.why(lab.keys["run20"]).startswith("stage 2 of 2 (bayes), by what ")


def test_a_stage_searches_the_ranges_that_it_gives_anew():
    stages = [GRID, {"method": "random", "run_cap": 5, "parameters": {"layers": {"min": 20, "max": 30}}}]
    lab = Lab(stages).play(peak)

    layers = [lab.values(name)["layers"] for name in lab.runs if lab.note(name)["stage"] == 1]
    assert all(20 <= count <= 30 for count in layers)


def test_a_protein_stage_that_finds_all_too_dear_ends():
    stages = [
        {"method": "random", "run_cap": 10},
        {"method": "protein", "run_cap": 5, "protein": {"max_suggestion_cost": 0.001, "cost_key": "usd"}},
        {"method": "random", "run_cap": 1},
    ]
    lab = Lab(stages)
    while names := lab.ask(1):
        lab.end(*names, peak(lab.values(*names)), usd=1.0 + lab.values(*names)["layers"])

    assert lab.stage_sizes() == {0: 10, 2: 1}


def test_early_termination_stops_a_run_that_falls_behind():
    rule = {"type": "hyperband", "min_iter": 2, "eta": 2, "s": 2}
    lab = Lab([{"method": "random", "run_cap": 4}], early_terminate=rule)
    names = lab.ask(4)
    history = {name: [{"reward": float(number)} for _ in range(3)] for number, name in enumerate(names)}
    runs = [RunWithMetrics(lab.runs[name][0], RunState.RUNNING, name, {}, history[name]) for name in names]

    stopped = lab.engine.prune_runs([lab.keys[name] for name in names], runs)

    assert lab.keys[names[0]] in stopped
    assert lab.keys[names[3]] not in stopped
    assert list(lab.engine.prune_runs([lab.keys[name] for name in names], runs)) == []


def test_no_run_of_others_is_counted():
    lab = Lab([{"method": "random", "run_cap": 1}])
    config = RunConfig.from_values({"lr": 0.1, "layers": 3, "activation": "relu", "seed": 7})
    lab.engine.tell_existing_finished_run(RunWithMetrics(config, RunState.FINISHED, "theirs", {"reward": 9.0}, []))

    assert len(lab.ask(5)) == 1


def test_a_definition_that_cannot_be_searched_is_told_of():
    with pytest.raises(UnusableOrderError, match=r"spec\.sweep\.stages\[0\]\.run_cap: is missing"):
        Lab([{"method": "bayes"}])


def test_the_process_wide_generators_are_left_alone():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002 - the process-wide generator
    before = random.getstate(), str(np.random.get_state())  # noqa: NPY002 - see above
    Lab([{"method": "random", "run_cap": 3}, {"method": "bayes", "run_cap": 5}]).play(peak)

    assert (random.getstate(), str(np.random.get_state())) == before  # noqa: NPY002 - see above


def test_another_sweep_is_searched_otherwise():
    one, other = (Lab([{"method": "random", "run_cap": 3}], sweep_id=each).play(peak) for each in ("s1", "s2"))

    assert one.all_values() != other.all_values()


STAGES = st.lists(
    st.one_of(
        st.fixed_dictionaries({"method": st.just("grid"), "points": st.integers(2, 3), "run_cap": st.integers(1, 9)}),
        st.fixed_dictionaries({"method": st.sampled_from(["random", "bayes"]), "run_cap": st.integers(1, 5)}),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STAGES, st.integers(1, 3), st.sets(st.integers(0, 25)), st.sets(st.integers(0, 25)))
def test_a_search_that_starts_anew_at_any_point_goes_on_as_if_nothing_had_happened(stages, agents, deaths, failures):
    def fails(name):
        return int(name.removeprefix("run")) in failures

    one = Lab(stages).play(peak, agents, fails)
    other = Lab(stages).play(peak, agents, fails, anew=lambda step: step in deaths)

    assert one.all_values() == other.all_values()
    assert [one.note(name) for name in one.runs] == [other.note(name) for name in other.runs]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STAGES, st.integers(1, 3), st.sets(st.integers(0, 25)))
def test_every_search_ends_within_its_budget_and_its_bounds(stages, agents, failures):
    lab = Lab(stages).play(peak, agents, lambda name: int(name.removeprefix("run")) in failures)

    for number, stage in enumerate(stages):
        runs = [name for name in lab.runs if lab.note(name)["stage"] == number]
        ended_well = [name for name in runs if lab.runs[name][1] is RunState.FINISHED]
        assert len(ended_well) <= stage["run_cap"]
        assert len(runs) < 2 * stage["run_cap"] + agents
    for values in lab.all_values():
        assert 1e-5 <= values["lr"] <= 1e-1
        assert values["layers"] in range(1, 9)
        assert values["activation"] in ("relu", "tanh")
        assert values["seed"] == 7
