"""Protein's settings and ranges: what Metta and PufferLib take is taken, and what they crash on is named beforehand."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.protein.settings import ProteinSettings
from wandbsweep.sweep.rules import Rule

ROWS = {
    section: [pytest.param(row["given"], row["says"], id=row["says"]) for row in rows]
    for section, rows in yaml.safe_load(Path(__file__).with_name("protein_mistakes.yaml").read_text()).items()
}
RATE = {"distribution": "log_normal", "min": 0.0001, "max": 0.001}


def sweep(parameters=None, /, **settings):
    return {
        "method": "protein",
        "metric": {"name": "reward", "goal": "maximize"},
        "protein": settings,
        "parameters": {"lr": RATE} if parameters is None else parameters,
    }


def read(parameters=None, /, **settings):
    return read_definition(sweep(parameters, **settings), field="sweep")


def findings(definition):
    try:
        return [str(finding) for finding in read_definition(definition, field="sweep").warnings]
    except InvalidSweepError as error:
        return [str(finding) for finding in error.findings]


def of_range(**body):
    """What is found in a range called x, without the path that leads there."""
    found = findings(sweep({"x": {"distribution": "uniform", "min": 0, "max": 1, **body}}))
    return [text.removeprefix("sweep.parameters.x").removeprefix(".") for text in found]


# Settings


def test_what_is_not_given_has_its_default():
    assert dataclasses.asdict(read().protein) == {
        "max_suggestion_cost": None,
        "resample_frequency": 0,
        "num_random_samples": 8,
        "global_search_scale": 1,
        "random_suggestions": 1024,
        "suggestions_per_pareto": 256,
        "seed_with_search_center": True,
        "expansion_rate": 0.25,
        "acquisition_fn": "ei",
        "ucb_beta": 2.0,
        "randomize_acquisition": False,
        "prune_pareto": False,
        "metric_distribution": "linear",
        "cost_param": None,
        "cost_key": None,
    }


def test_every_setting_can_be_given():
    given = {
        "max_suggestion_cost": 10800.5,
        "resample_frequency": 10,
        "num_random_samples": 0,
        "global_search_scale": 1.2,
        "random_suggestions": 15,
        "suggestions_per_pareto": 3,
        "seed_with_search_center": False,
        "expansion_rate": 0.1,
        "acquisition_fn": "ucb",
        "ucb_beta": 1.5,
        "randomize_acquisition": True,
        "prune_pareto": True,
        "metric_distribution": "percentile",
        "cost_param": "lr",
        "cost_key": "monitor/cost/accrued_total",
    }

    definition = read(**given)

    assert definition.protein == ProteinSettings(**given)
    assert definition.warnings == ()


def test_counts_may_have_come_as_floats():
    settings = read(random_suggestions=1.0e3).protein

    assert settings.random_suggestions == 1000
    assert isinstance(settings.random_suggestions, int)


def test_the_cost_parameter_may_be_written_as_pufferlib_does():
    group = {"train": {"total_timesteps": {"distribution": "log_normal", "min": 1e7, "max": 1e9, "scale": "time"}}}

    assert read(group, cost_param="train/total_timesteps").protein.cost_param == "train.total_timesteps"


@pytest.mark.parametrize(("settings", "says"), ROWS["settings"])
def test_a_setting_that_cannot_be_is_named(settings, says):
    assert findings(sweep(**settings)) == [f"sweep.protein.{says}"]


def test_a_strange_name_is_answered_with_all_that_there_are():
    (text,) = findings(sweep(xyz=1))

    assert text.startswith("sweep.protein.xyz: Protein has no such setting; it takes max_suggestion_cost, resample_")


def test_settings_must_be_a_mapping():
    assert findings({**sweep(), "protein": 3600}) == [
        "sweep.protein: must be a mapping, not a number; write protein: {max_suggestion_cost: 3600}, or leave it out"
    ]


def test_settings_may_be_left_empty():
    assert read_definition({**sweep(), "protein": None}, field="sweep").protein == ProteinSettings()


def test_what_pufferlib_tunes_its_machinery_with_is_a_warning_and_what_changes_the_runs_an_error():
    with pytest.raises(InvalidSweepError) as caught:
        read(gp_training_iter=50, downsample=5, early_stop_quantile=0.3)

    assert [(finding.field, finding.rule) for finding in caught.value.findings] == [
        ("sweep.protein.gp_training_iter", Rule.WITHOUT_EFFECT),
        ("sweep.protein.downsample", Rule.WITHOUT_EFFECT),
        ("sweep.protein.early_stop_quantile", Rule.FOREIGN_KEY),
    ]


# Ranges


def settings_of(**body):
    (parameter,) = read({"x": body}).parameters
    return parameter.distribution, parameter.settings


def test_mean_and_scale_are_filled_in():
    assert settings_of(distribution="uniform", min=0, max=3) == (
        "uniform", {"min": 0.0, "max": 3.0, "mean": 1.5, "scale": 0.5},
    )  # fmt: skip
    assert settings_of(distribution="int_uniform", min=1, max=16, scale="auto") == (
        "int_uniform", {"min": 1, "max": 16, "mean": 8, "scale": 0.5},
    )  # fmt: skip
    assert settings_of(distribution="uniform_pow2", min=16, max=256) == (
        "uniform_pow2", {"min": 16, "max": 256, "mean": 64, "scale": 0.5},
    )  # fmt: skip


def test_means_of_logarithms_are_geometric_and_those_near_one_in_the_middle_of_the_distance_to_one():
    assert settings_of(distribution="log_normal", min=1e-4, max=1e-2)[1]["mean"] == pytest.approx(1e-3)
    assert settings_of(distribution="logit_normal", min=0.9, max=0.999)[1]["mean"] == pytest.approx(0.99)


def test_the_scale_of_time_is_half_an_octave():
    _, settings = settings_of(distribution="log_normal", min=1.0e6, max=16.0e6, scale="time")

    assert settings["scale"] == pytest.approx(1 / 4)
    assert settings_of(distribution="uniform_pow2", min=1, max=16, scale="time")[1]["scale"] == 1 / 4


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ({"distribution": "int_uniform", "min": 1000, "max": 1000, "mean": 1000, "scale": "auto"}, 1000),
        ({"distribution": "int_uniform", "min": 1.0e3, "max": 1000}, 1000),
        ({"distribution": "uniform_pow2", "min": 1000, "max": 1000}, 1000),
        ({"distribution": "uniform", "min": 1, "max": 1}, 1.0),
        ({"distribution": "logit_normal", "min": 1, "max": 1}, 1.0),
    ],
)
def test_a_range_of_one_value_is_a_constant_of_the_same_type(body, value):
    distribution, settings = settings_of(**body)

    assert (distribution, settings) == ("constant", {"value": value})
    assert type(settings["value"]) is type(value)


def test_whole_numbers_stay_whole_however_they_are_written():
    _, settings = settings_of(distribution="int_uniform", min=1.0e7, max=1.0e9, mean=5.0e8)

    assert [repr(settings[key]) for key in ("min", "max", "mean")] == ["10000000", "1000000000", "500000000"]


def test_values_and_constants_are_taken_as_w_and_b_takes_them():
    constant = {"distribution": "constant", "value": 4}

    parameters = read({"a": {"values": ["adam", "muon"]}, "b": {"value": 3}, "c": constant}).parameters

    assert [(each.distribution, each.values) for each in parameters] == [
        ("categorical", ("adam", "muon")), ("constant", (3,)), ("constant", (4,)),
    ]  # fmt: skip


@pytest.mark.parametrize(("body", "says"), ROWS["ranges"])
def test_a_range_that_cannot_be_searched_is_named(body, says):
    assert of_range(**body) == [says]


def test_a_range_needs_both_bounds():
    assert findings(sweep({"x": {"distribution": "uniform", "mean": 1}})) == [
        "sweep.parameters.x.min: is missing; a range needs min and max",
        "sweep.parameters.x.max: is missing; a range needs min and max",
    ]


def test_exponents_of_powers_of_two_are_answered_with_the_values():
    found = of_range(distribution="uniform_pow2", min=15, max=19, mean=18)

    assert [text.partition("; ")[2] for text in found] == [
        "write 8 or 16, or 32768 if 15 is an exponent",
        "write 16 or 32, or 524288 if 19 is an exponent",
        "write 16 or 32, or 262144 if 18 is an exponent",
    ]


def test_shares_leave_out_zero_and_one():
    found = of_range(distribution="logit_normal", min=0.0, max=1.0, mean=0.99, scale="auto")

    why = "must lie between 0 and 1 for logit_normal, both left out, not at"
    assert found == [
        f"min: {why} 0; write 0.000001, which Metta takes instead",
        f"max: {why} 1; write 0.999999, which Metta takes instead",
    ]


@pytest.mark.parametrize(("parameters", "says"), ROWS["parameters"])
def test_a_parameter_that_is_none_is_named(parameters, says):
    assert f"sweep.{says}" in findings(sweep(parameters))


def test_a_metric_is_needed():
    definition = sweep()
    del definition["metric"]

    assert findings(definition) == [
        "sweep.metric: is missing, and method protein needs one; write {name: <what the program logs>, goal: maximize}"
    ]
