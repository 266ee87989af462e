"""What makes no sense is refused in the words of who told it."""

import math

import pytest

from wandbsweep.search.protein import Protein, TrialError
from wandbsweep.sweep.definition import InvalidSweepError

RATE = {"distribution": "log_normal", "min": 1e-5, "max": 1e-1}


def test_a_trial_is_told_once():
    protein = Protein({"lr": RATE})
    first = protein.ask()
    protein.tell(first.id, 1.0, 1.0)

    with pytest.raises(TrialError, match="trial 1 has been told before"):
        protein.tell(first.id, 1.0, 1.0)
    with pytest.raises(TrialError, match="trial 1 is known already"):
        protein.expect(first.values, first.id)


def test_an_unknown_trial_cannot_be_told():
    protein = Protein({"lr": RATE})
    protein.ask()

    with pytest.raises(TrialError, match="there is no trial 5; in flight: 1"):
        protein.tell(5, 1.0, 1.0)


@pytest.mark.parametrize("cost", [0, -1, math.nan, math.inf, None])
def test_a_cost_that_has_no_logarithm_is_refused_and_the_trial_stays_in_flight(cost):
    protein = Protein({"lr": RATE})
    first = protein.ask()

    with pytest.raises(TrialError, match="cost of a trial must be a number greater than 0"):
        protein.tell(first.id, 1.0, cost)
    protein.tell(first.id, 1.0, 2.0)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"lr": 1}, "lr: 1 is not between 1e-05 and 0.1"),
        ({"lr": "fast"}, "lr: 'fast' is no number"),
        ({}, "lr is missing among the values {}"),
        ({"lr": 1e-3, "rate": 1}, "there is no parameter 'rate'; there are lr"),
    ],
)
def test_values_that_a_trial_cannot_have_are_refused(values, says):
    protein = Protein({"lr": RATE})

    with pytest.raises(ValueError, match=f"^{says}"):
        protein.tell_existing(values, 1.0, 1.0)


def test_options_and_constants_are_held_to_the_sweep_file():
    protein = Protein({"normalize": {"values": [True, False]}, "seed": {"value": 1}})

    with pytest.raises(ValueError, match="normalize: 1 is none of True, False"):
        protein.tell_existing({"normalize": 1, "seed": 1}, 1.0, 1.0)
    with pytest.raises(ValueError, match="seed: is always 1, not 2"):
        protein.tell_existing({"normalize": True, "seed": 2}, 1.0, 1.0)


def test_mistakes_in_parameters_and_settings_are_all_named():
    with pytest.raises(InvalidSweepError) as caught:
        Protein({"lr": {"distribution": "log_normal", "min": 0, "max": 1}}, max_suggestion_cost=-1)

    assert "parameters.lr.min: must be greater than 0" in str(caught.value)
    assert "protein.max_suggestion_cost: must be greater than 0" in str(caught.value)


def test_a_seed_is_a_whole_number():
    with pytest.raises(ValueError, match="seed must be a whole number, 0 or more, not -1"):
        Protein({"lr": RATE}, seed=-1)
