"""`wandbsweep preview`: the trials of a sweep before anything runs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

GRID = """\
method: grid
program: train.py
command: [python, "${program}", "--task=a b", "${args_no_hyphens}"]
parameters:
  b: {values: [1, 2]}
  a: {values: [x, "it's"]}
  c: {value: 7}
"""
RANDOM = "method: random\nprogram: train.py\nrun_cap: 4\nparameters: {lr: {min: 0.0, max: 1.0}, n: {min: 1, max: 9}}\n"


def trials(done):
    assert done.status == 0, done.errors
    return json.loads(done.output)


def test_a_grid_is_shown_for_people(said):
    done = said("preview", "grid.yaml", "-n", "2", grid__yaml=GRID)

    assert (done.status, done.errors) == (0, "")
    assert done.output == (
        "2 of 4 trials:\n"
        "\n"
        "1\n"
        '   a: "x"\n'
        "   b: 1\n"
        "   $ python train.py '--task=a b' a=x b=1 c=7\n"
        "\n"
        "2\n"
        '   a: "x"\n'
        "   b: 2\n"
        "   $ python train.py '--task=a b' a=x b=2 c=7\n"
    )


def test_the_data_has_name_values_argv_and_files_in_the_order_in_which_they_run(said):
    found = trials(said("preview", "grid.yaml", "-n", "all", "-o", "json", grid__yaml=GRID))

    assert found[2] == {
        "name": None,
        "values": {"a": "it's", "b": 1, "c": 7},
        "argv": ["python", "train.py", "--task=a b", "a='it\\'s'", "b=1", "c=7"],
        "files": {},
    }
    assert [(trial["values"]["a"], trial["values"]["b"]) for trial in found] == [
        ("x", 1), ("x", 2), ("it's", 1), ("it's", 2),
    ]  # fmt: skip
    assert yaml.safe_load(said("preview", "grid.yaml", "-n", "all", "-o", "yaml").output) == found


def test_of_fewer_trials_than_asked_for_all_are_shown(said):
    assert len(trials(said("preview", "grid.yaml", "-n", "99", "-o", "json", grid__yaml=GRID))) == 4


def test_a_budget_ends_a_grid(said):
    done = said("preview", "grid.yaml", "-n", "all", grid__yaml=f"run_cap: 3\n{GRID}")

    assert done.output.startswith("3 of 3 trials:\n")


def test_a_huge_grid_shows_its_first_trials_at_once(said):
    huge = "method: grid\nprogram: t.py\nparameters: {a: {min: 1, max: 1000000}, b: {min: 1, max: 1000000}}\n"

    first = trials(said("preview", "huge.yaml", "-o", "json", huge__yaml=huge))
    everything = said("preview", "huge.yaml", "-n", "all")

    assert [trial["values"]["b"] for trial in first] == [1, 2, 3, 4, 5]
    assert (everything.status, everything.output) == (1, "")
    assert everything.errors == (
        "error: 1000000000000 trials are too many to show; give a number up to 100000 with -n\n"
    )


def test_a_random_search_is_sampled_the_same_for_the_same_seed(said):
    one, same, other = (
        said("preview", "random.yaml", "-o", "json", "--seed", seed, random__yaml=RANDOM) for seed in (0, 0, 1)
    )

    assert one.output == same.output != other.output
    assert one.output == said("preview", "random.yaml", "-o", "json").output
    assert len(trials(one)) == 5
    assert len({json.dumps(trial["values"]) for trial in trials(one)}) == 5


def test_the_sample_is_that_of_another_process(said, tmp_path):
    here = said("preview", "random.yaml", "-o", "json", random__yaml=RANDOM).output

    words = [sys.executable, "-m", "wandbsweep", "preview", "random.yaml", "-o", "json"]
    there = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert (there.stdout, there.stderr) == (here, "")


@pytest.mark.parametrize(("file", "method"), [("agile/sweep.yaml", "bayes"), ("metta/quick.yaml", "protein")])
def test_a_search_that_learns_says_that_this_is_how_it_begins(said, systems, file, method):
    done = said("preview", systems / file, "-n", "3", "-o", "json")

    assert len(trials(done)) == 3
    assert done.errors == (
        f"note: method {method} learns from the runs of the sweep; this is what its first suggestions look like\n"
    )
    assert done.output == said("preview", systems / file, "-n", "3", "-o", "json").output


def test_protein_begins_with_the_means(said, systems):
    first, second = trials(said("preview", systems / "metta/quick.yaml", "-n", "2", "-o", "json"))

    assert first["argv"] == ["/usr/bin/env", "python", "tools/train.py", "trainer.optimizer.learning_rate=0.0005"]
    assert 0.0001 <= second["values"]["trainer.optimizer.learning_rate"] <= 0.001


def test_protein_names_its_runs_and_does_not_suggest_one_twice(said, systems):
    found = trials(said("preview", systems / "metta/quick.yaml", "-n", "8", "-o", "json"))

    assert [trial["name"] for trial in found] == [f"quick.r.{number}" for number in range(8)]
    assert len({json.dumps(trial["values"]) for trial in found}) == 8
    other = trials(said("preview", systems / "metta/quick.yaml", "-n", "8", "-o", "json", "--seed", 1))
    assert found[0] == other[0]
    assert found[1] != other[1]


@pytest.mark.parametrize(("engine", "who"), [("optuna", "Optuna"), ("ax", "Ax")])
def test_what_a_library_draws_is_known_once_it_searches(said, engine, who):
    text = RANDOM.replace("random", f"custom\nmetric: {{name: m}}\nscheduler: {{engine: {engine}}}")

    done = said("preview", "custom.yaml", custom__yaml=text)

    assert (done.status, done.output) == (1, "")
    remedy = "`wandbsweep render` shows a trial with values of your own"
    assert done.errors == f"error: {who} draws the values once the search runs; {remedy}\n"


def test_without_the_engine_of_protein_it_says_how_to_get_it(said, systems, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandbsweep.search.engines", None)

    done = said("preview", systems / "metta/quick.yaml")

    assert (done.status, done.output) == (1, "")
    assert done.errors.endswith("error: the engine is not installed; pip install 'wandbsweep[search]'\n")


def test_agiles_learning_rate_and_its_gains_arrive_unrounded(said, systems):
    (trial,) = trials(said("preview", systems / "agile/sweep.yaml", "-n", "1", "-o", "json"))

    rate, gain = trial["values"]["agent.algorithm.learning_rate"], trial["values"]["p_gain_leg"]
    assert f"agent.algorithm.learning_rate={rate!r}" in trial["argv"]
    assert trial["argv"][-1].startswith("env.scene.robot.actuators.legs.stiffness={")
    assert trial["argv"][-1].endswith(f"waist.*:{200.0 * gain!r}}}")


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_all_of_an_endless_search_cannot_be_shown(said, method):
    text = RANDOM.replace("random", method) + "metric: {name: m, goal: maximize}\n"

    done = said("preview", "random.yaml", "-n", "all", random__yaml=text)

    assert (done.status, done.output) == (1, "")
    assert done.errors == (
        f"error: -n all is for a grid or a scan, and method {method} draws its values; say -n 20 or so\n"
    )


def test_without_the_engine_it_says_how_to_get_it(said, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandbsweep.server.engines", None)

    done = said("preview", "random.yaml", random__yaml=RANDOM)

    assert (done.status, done.output) == (1, "")
    assert done.errors == (
        "error: W&B's search engine is not installed, which draws the sample; pip install 'wandbsweep[search]'\n"
    )


def test_nested_parameters_reach_the_trainer_as_one_mapping(said):
    text = (
        "method: grid\nprogram: train.py\ncommand: [python, train.py, '${args}']\n"
        "parameters: {policy_lr: {parameters: {start: {values: [0.5]}, end: {values: [0.1, 0.2]}}}}\n"
    )

    found = trials(said("preview", "nested.yaml", "-o", "json", nested__yaml=text))
    shown = said("preview", "nested.yaml", "-n", "1")

    assert [trial["values"] for trial in found] == [
        {"policy_lr": {"end": end, "start": 0.5}} for end in (0.1, 0.2)
    ]  # fmt: skip
    assert "   policy_lr.end: 0.1\n" in shown.output


@pytest.mark.parametrize("count", ["0", "-3", "some", "1.5"])
def test_a_number_of_trials_that_is_none_is_wrong_usage(said, count):
    done = said("preview", "grid.yaml", "-n", count, grid__yaml=GRID)

    assert (done.status, done.output) == (2, "")


STAGES = """\
method: stages
metric: {name: reward, goal: maximize}
program: train.py
parameters: {lr: {distribution: log_uniform_values, min: 0.0001, max: 1}, n: {min: 1, max: 9}}
stages:
- {method: grid, points: 3}
- {method: bayes, run_cap: 20}
"""


def test_of_a_search_by_stages_the_first_stage_is_shown(said):
    done = said("preview", "stages.yaml", "-n", "all", stages__yaml=STAGES)

    assert done.status == 0
    assert done.output.startswith("9 of 9 trials of the first stage:\n")
    assert "train.py --lr=0.01 --n=5\n" in done.output
    assert done.errors == (
        "note: 2 stages follow each other; this is the first one, and the next narrows around its best runs\n"
    )


@pytest.mark.parametrize("method", ["random", "bayes", "protein"])
def test_a_first_stage_that_draws_its_values_is_sampled(said, method):
    drawing = STAGES.replace("method: grid, points: 3", f"method: {method}, run_cap: 20")
    shown = trials(said("preview", "stages.yaml", "-n", "3", "-o", "json", stages__yaml=drawing))
    again = trials(said("preview", "stages.yaml", "-n", "3", "-o", "json", stages__yaml=drawing))

    assert shown == again
    assert len({str(each) for each in shown}) == 3
