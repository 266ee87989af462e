"""Whatever system a definition comes from, its readers see one shape, and messages name what the user wrote."""

from pathlib import Path

import pytest
import yaml

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.problems import Place, Report
from wandbsweep.sweep.reading.dialects import in_one_shape
from wandbsweep.sweep.rules import Rule

SYSTEMS = Path(__file__).parents[2] / "systems"
OF_WANDB = [
    "agile/sweep.yaml",
    "gymnasium-solver/grid_search.yaml",
    "gymnasium-solver/quick_ppo_grid.yaml",
    "interactive-navigation/sweep.yaml",
]
QUICK = (SYSTEMS / "metta" / "quick.yaml").read_text()
OURS = {
    "method": "protein",
    "metric": {"name": "reward", "goal": "maximize"},
    "parameters": {"lr": {"distribution": "uniform", "min": 0, "max": 1}},
}


def read(source, field="sweep"):
    return read_definition(source, field=field)


def findings(source):
    with pytest.raises(InvalidSweepError) as caught:
        read(source)
    return list(map(str, caught.value.findings))


@pytest.mark.parametrize("file", OF_WANDB)
def test_what_w_and_b_takes_passes_through_as_it_is(file):
    document, report = yaml.safe_load((SYSTEMS / file).read_text()), Report()

    config, place = in_one_shape(document, Place("sweep.yaml"), report)

    assert config == document
    assert (place, report.findings) == (Place("sweep.yaml"), [])


def test_the_sweep_block_of_a_job_is_read_and_named_in_messages():
    job = {"sweep_run": "my_experiment", "wandb": {"entity": "lab", "project": "metta"}, "sweep": yaml.safe_load(QUICK)}

    definition = read(job, "job.yaml")

    assert definition.parameters[0].settings == read(QUICK).parameters[0].settings
    assert (definition.entity, definition.project, definition.config["name"]) == ("lab", "metta", "my_experiment")
    assert definition.warnings == ()
    (rate,) = definition.parameters
    assert rate.place.keys == ("sweep", "parameters", "trainer", "optimizer", "learning_rate")


def test_a_name_that_is_still_to_be_given_is_left_to_the_object():
    assert "name" not in read({"sweep_run": "???", "sweep": OURS}).config


def test_what_else_a_job_says_is_noted_or_refused_for_what_it_does():
    job = {
        "sweep": OURS, "device": "cuda", "wandb": {"group": "x"}, "run_cap": 3,
        "trainer": {"total_timesteps": 5_000_000}, "defaults": ["common"], "sweeep": 1,
    }  # fmt: skip

    with pytest.raises(InvalidSweepError) as caught:
        read(job, "job")

    assert {finding.field: finding.rule for finding in caught.value.findings} == {
        "job.device": Rule.WITHOUT_EFFECT,
        "job.wandb.group": Rule.WITHOUT_EFFECT,
        "job.trainer": Rule.FOREIGN_KEY,
        "job.defaults": Rule.FOREIGN_KEY,
        "job.sweeep": Rule.UNKNOWN_KEY,
    }


def test_what_stands_beside_the_block_counts_as_part_of_it():
    definition = read({"sweep": OURS, "program": "train.py", "run_cap": 30})

    assert (definition.program, definition.run_cap) == ("train.py", 30)
    assert findings({"sweep": OURS, "run_cap": 0}) == [
        "sweep.run_cap: must be a whole number above 0, not 0; leave it out for no limit"
    ]


def test_what_is_in_the_block_and_beside_it_is_a_mistake():
    assert findings({"sweep": {**OURS, "name": "a"}, "sweep_run": "b"}) == [
        "sweep.sweep_run: is given in the block sweep too, as name; remove one of them"
    ]


def test_a_block_may_hold_any_search():
    grid = {"method": "grid", "program": "train.py", "parameters": {"lr": {"values": [0.1, 0.2]}}}

    definition = read({"sweep": grid, "project": "p"})

    assert (definition.method, definition.project) == ("grid", "p")
    assert findings({"sweep": {**grid, "method": "gird"}}) == [
        "sweep.sweep.method: 'gird' is no search method; did you mean 'grid'?"
    ]


def test_a_sweep_that_is_no_block_is_a_key_that_nobody_reads():
    assert "sweep.sweep: W&B knows no such key; remove it" in findings({**OURS, "sweep": "quick"})
