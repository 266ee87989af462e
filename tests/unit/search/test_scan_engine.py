"""A scan is gone through once, in its order, whoever dies and whatever fails on the way."""

from __future__ import annotations

import json
import logging
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wandb.sdk.sweeps.sweep_info import SweepInfo

from unit.search.recorded_sweeps import RecordedSweep
from wandbsweep.search.engine import UnusableOrderError
from wandbsweep.search.engines import make_optimizer_for
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.search_order import SearchOrder
from wandbsweep.sweep.searching import Engine
from wandbsweep.sweep.trials.trials import trial_of

SCAN = {
    "method": "scan",
    "name": "bc",
    "parameters": [
        {"key": "algo.lr", "name": "plr", "values": [0.001, 0.0001]},
        {"key": "algo.gmm", "name": "gmm", "values": [True, False], "value_names": ["t", "f"]},
        {"key": "train.seed", "value": 1},
    ],
}
NAMES = ["bc_plr_0.001_gmm_t", "bc_plr_0.001_gmm_f", "bc_plr_0.0001_gmm_t", "bc_plr_0.0001_gmm_f"]


def names(sweep):
    return [cell["name"] for cell in sweep.values("scan")]


def name_of(sweep, run_id):
    return sweep.runs[run_id].config["scan"]["name"]


def test_the_trials_are_handed_out_in_their_order_and_then_the_scan_is_over():
    sweep = RecordedSweep(SCAN)

    first = sweep.ask(3)
    assert names(sweep) == NAMES[:3]
    second = sweep.ask(3)
    assert names(sweep) == NAMES
    assert sweep.ask(3) is None
    for run in [*first, *second]:
        sweep.tell(run, "finished")
    assert sweep.ask(3) == []


def test_the_values_of_a_trial_stand_in_its_runs_config_as_a_person_reads_them():
    sweep = RecordedSweep(SCAN)
    sweep.ask(2)

    second = list(sweep.runs.values())[1].config
    assert {key: value for key, value in second.items() if key != "scan"} == {"plr": 0.001, "gmm": "f"}
    assert second["scan"]["values"] == {"algo.lr": 0.001, "algo.gmm": False, "train.seed": 1}


def test_the_file_of_a_trial_has_its_exact_values_and_nothing_of_what_is_told_beside_them():
    base = '{"experiment": {"name": "bc"}, "algo": {"lr": 0.1, "gmm": true}, "train": {"seed": 7}}'
    command = ["python", "train.py", "--config", "${config_json_file}"]
    scan = {key: value for key, value in SCAN.items() if key != "name"}
    definition = {**scan, "base_config": base, "command": command}
    sweep = RecordedSweep(definition)
    sweep.ask(2)

    trial = trial_of(read_definition(definition, field="sweep"), list(sweep.runs.values())[1].config)

    assert trial.name == NAMES[1]
    assert json.loads(trial.files[f"{NAMES[1]}.json"]) == {
        "experiment": {"name": NAMES[1]},
        "algo": {"lr": 0.001, "gmm": False},
        "train": {"seed": 1},
        "meta": {"hp_base_config_file": None, "hp_keys": ["plr", "gmm"], "hp_values": [0.001, "f"]},
    }


def test_a_short_name_that_is_taken_is_not_shown():
    parameters = [{"key": "a", "name": "scan", "values": [1]}, {"key": "b", "name": "wandbsweep", "values": [2]}]
    sweep = RecordedSweep({"method": "scan", "parameters": parameters})
    sweep.ask(1)

    assert [set(run.config) for run in sweep.runs.values()] == [{"scan"}]


def test_a_trial_that_failed_is_told_by_its_name(caplog):
    sweep = RecordedSweep(SCAN)
    run, *_ = sweep.ask(2)
    sweep.tell(run, "failed")

    failed = f"trial {NAMES[0]} failed (run run0, 1 failure): it does not run again"
    assert caplog.messages == [f"{failed}; spec.search.retryFailed says how often failed trials do"]
    assert caplog.records[0].levelno == logging.WARNING


def test_failed_trials_run_again_after_all_others_as_often_as_is_asked_for():
    sweep = RecordedSweep(SCAN, retry_failed=2)
    for run in sweep.ask(4):
        sweep.tell(run, "crashed" if name_of(sweep, run) in NAMES[1:3] else "finished")

    again = sweep.ask(4)
    assert [name_of(sweep, run) for run in again] == NAMES[1:3]
    sweep.tell(again[0], "finished")
    sweep.tell(again[1], "failed")
    last = sweep.ask(4)
    assert [name_of(sweep, run) for run in last] == [NAMES[2]]
    sweep.tell(last[0], "failed")
    assert sweep.ask(4) == []


def test_a_trial_that_was_stopped_by_hand_is_done():
    sweep = RecordedSweep(SCAN, retry_failed=3)
    for run in sweep.ask(4):
        sweep.tell(run, "killed")
    assert sweep.ask(4) == []


def test_a_trial_that_was_preempted_still_has_its_turn():
    sweep = RecordedSweep(SCAN, retry_failed=3)
    runs = sweep.ask(4)
    for run in runs[1:]:
        sweep.tell(run, "finished")
    sweep.tell(runs[0], "preempting")
    assert sweep.ask(4) is None


def test_runs_that_fall_behind_are_ended_where_the_definition_says_so():
    rule = {"metric": {"name": "reward", "goal": "maximize"}, "early_terminate": {"type": "hyperband", "min_iter": 2}}
    sweep = RecordedSweep(SCAN | rule)
    good, bad = sweep.ask(2)

    histories = {good: [0.1, 0.5, 0.9, 0.9], bad: [0.1, 0.1, 0.1, 0.1]}
    assert sweep.fall_behind("reward", histories) == [bad]
    assert sweep.fall_behind("reward", histories) == []
    without = RecordedSweep(SCAN)
    assert without.fall_behind("reward", dict(zip(without.ask(2), histories.values(), strict=True))) == []


def test_a_deleted_run_gives_its_trial_another_turn_before_the_rest():
    sweep = RecordedSweep(SCAN)
    first, *_ = sweep.ask(2)
    sweep.delete(first)
    assert [name_of(sweep, run) for run in sweep.ask(4)] == [NAMES[0], *NAMES[2:]]


def test_what_wandb_does_not_take_is_suggested_again():
    sweep = RecordedSweep(SCAN)
    sweep.refuse(3)
    sweep.ask(4)
    assert names(sweep) == NAMES


def test_why_says_which_trial_it_is_and_whether_it_failed():
    sweep = RecordedSweep(SCAN, retry_failed=1)
    suggestion, *_ = sweep.engine.ask_n_runs(4)
    assert sweep.engine.why(suggestion.run_id) == f"trial 1 of 4: {NAMES[0]}"
    sweep.engine.forget_run(suggestion.run_id)

    run, *_ = sweep.ask(1)
    sweep.tell(run, "failed")
    again, *_ = sweep.engine.ask_n_runs(1)
    assert sweep.engine.why(again.run_id) == f"trial 1 of 4: {NAMES[0]}, again after 1 failure"


@pytest.mark.parametrize(
    "config",
    [{}, {"parameters": {"scan": {"values": [{"name": "a", "values": {}}]}}, "command": ["python", "train.py"]}],
)
def test_a_sweep_that_is_no_scan_is_refused(config):
    info = SweepInfo("s", "s", "e", "p", config, "c")
    with pytest.raises(UnusableOrderError, match="the sweep on W&B is no scan: "):
        make_optimizer_for(SearchOrder(Engine.SCAN, "s", {}, None), None)(info)


def parameters_of(lengths):
    return [{"key": f"k{number}", "values": list(range(length))} for number, length in enumerate(lengths)]


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    retry_failed=st.integers(0, 2),
    fate=st.integers(0, 2**32),
)
def test_each_trial_is_run_once_and_failed_ones_as_often_as_allowed_whatever_happens(lengths, retry_failed, fate):
    chance = random.Random(fate)
    sweep = RecordedSweep({"method": "scan", "parameters": parameters_of(lengths)}, retry_failed)
    order = [cell["name"] for cell in sweep.info.config["parameters"]["scan"]["values"]]
    firsts, deleted = [], 0
    while (asked := sweep.ask(chance.randint(1, 3))) != []:
        for run in asked or ():
            if (name := name_of(sweep, run)) not in firsts:
                firsts.append(name)
        assert len(set(map(str, [name_of(sweep, run) for run in sweep.alive]))) == len(sweep.alive)
        deleted += something_happens(sweep, chance, may_delete=deleted < 3)

    assert firsts == order
    tried, failed = Counter(names(sweep)), Counter(
        name_of(sweep, run) for run, each in sweep.runs.items() if each.state in ("failed", "crashed")
    )  # fmt: skip
    assert set(tried) == set(order)
    for name in order:
        ended_well = tried[name] - failed[name]
        assert ended_well in (0, 1)
        assert failed[name] == retry_failed + 1 if not ended_well else failed[name] <= retry_failed


def something_happens(sweep, chance, *, may_delete):
    """A run changes its state, the search dies, or somebody deletes a run; whether a run was deleted."""
    what = chance.random()
    if what < 0.15:
        sweep.restart(random.Random(chance.random()))
    elif what < 0.2:
        sweep.refuse(2)
    elif sweep.alive:
        run = chance.choice(sweep.alive)
        if what < 0.3 and may_delete:
            sweep.delete(run)
            return True
        states = ["running", "preempting", "finished", "finished", "failed", "crashed", "killed"]
        sweep.tell(run, chance.choice(states))
    return False
