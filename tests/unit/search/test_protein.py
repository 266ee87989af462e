"""Protein as a library: asked for trials, told what came of them."""

import math

import pytest

from wandbsweep.search.protein import BeyondCostError, Protein
from wandbsweep.sweep.definition import read_definition

RATE = {"distribution": "log_normal", "min": 1e-5, "max": 1e-1}
PARAMETERS = {
    "lr": RATE,
    "gamma": {"distribution": "logit_normal", "min": 0.9, "max": 0.999},
    "batch": {"distribution": "uniform_pow2", "min": 64, "max": 1024},
    "layers": {"distribution": "int_uniform", "min": 1, "max": 4},
    "activation": {"values": ["relu", "tanh", "elu"]},
    "seed": {"value": 7},
}


def train(values):
    """A score that is best at a rate of 1e-3, and a cost that grows with the layers."""
    off = math.log10(values["lr"]) + 3
    return -(off**2) + 0.1 * values["layers"], 10.0 * values["layers"]


def searched(protein, trials, run=train):
    """The suggestions of a search in which one trial after another is run."""
    found = []
    for _ in range(trials):
        suggestion = protein.ask()
        score, cost = run(suggestion.values)
        protein.tell(suggestion.id, score, cost)
        found.append(suggestion)
    return found


def test_the_first_trial_is_the_mean_of_every_parameter():
    first = Protein({**PARAMETERS, "lr": {**RATE, "mean": 3e-4}}).ask()

    assert first.values["lr"] == 3e-4
    assert list(first.values) == list(PARAMETERS)
    assert (first.predicted_score, first.predicted_cost) == (None, None)


def test_the_first_trial_is_drawn_where_the_mean_is_not_to_be_tried():
    assert Protein(PARAMETERS, seed_with_search_center=False).ask().values != Protein(PARAMETERS).ask().values


def test_values_have_the_types_that_the_sweep_file_gives_them():
    values = [suggestion.values for suggestion in searched(Protein(PARAMETERS), 12)]

    for each in values:
        assert isinstance(each["lr"], float)
        assert isinstance(each["layers"], int)
        assert isinstance(each["batch"], int)
        assert each["batch"].bit_count() == 1
        assert each["activation"] in {"relu", "tanh", "elu"}
        assert each["seed"] == 7


def test_it_finds_a_good_rate_within_thirty_trials():
    best = max(
        train(suggestion.values)[0] for suggestion in searched(Protein({"lr": RATE, "layers": {"value": 1}}), 30)
    )

    assert best > 0.1 - 0.01


def test_each_suggestion_says_what_it_expects_and_why():
    last = searched(Protein(PARAMETERS, num_random_samples=3), 6)[-1]

    assert last.predicted_score is not None
    assert last.predicted_cost == pytest.approx(10 * last.values["layers"], rel=1)
    assert "front" in last.why


def test_the_same_seed_and_trials_give_the_same_suggestions():
    values = [[suggestion.values for suggestion in searched(Protein(PARAMETERS, seed=3), 12)] for _ in range(2)]

    assert values[0] == values[1]


def test_another_seed_is_another_search():
    values = [[suggestion.values for suggestion in searched(Protein(PARAMETERS, seed=seed), 4)] for seed in (1, 2)]

    assert values[0] != values[1]


def test_a_search_that_is_rebuilt_from_its_trials_goes_on_where_it_was():
    protein = Protein(PARAMETERS, seed=5)
    ended = searched(protein, 10)
    flying = [protein.ask() for _ in range(2)]
    rebuilt = Protein(PARAMETERS, seed=5)

    for suggestion in reversed(ended):
        rebuilt.tell_existing(suggestion.values, *train(suggestion.values))
    for suggestion in reversed(flying):
        assert rebuilt.expect(suggestion.values, suggestion.id).id == suggestion.id

    assert rebuilt.ask() == protein.ask()


def test_trials_in_flight_are_all_different():
    protein = Protein(PARAMETERS, num_random_samples=4)
    searched(protein, 6)

    flying = [protein.ask() for _ in range(6)]

    assert len({tuple(suggestion.values.values()) for suggestion in flying}) == 6
    assert len({suggestion.id for suggestion in flying}) == 6


def test_a_small_space_is_tried_out_before_a_trial_is_in_flight_twice():
    protein = Protein({"layers": {"values": [1, 2, 3]}, "lr": {"value": 1e-3}}, num_random_samples=2)
    searched(protein, 3)

    flying = [protein.ask().values["layers"] for _ in range(4)]

    assert set(flying[:3]) == {1, 2, 3}


def test_nothing_that_ended_is_tried_again_where_the_best_lies_at_an_end_of_its_range():
    protein = Protein({"lr": RATE}, num_random_samples=4)

    found = searched(protein, 16, run=lambda values: (values["lr"], 1.0))

    assert len({suggestion.values["lr"] for suggestion in found}) == 16
    assert max(suggestion.values["lr"] for suggestion in found) == 0.1


def test_a_small_space_is_tried_out_before_anything_is_tried_again():
    protein = Protein({"layers": {"values": [1, 2, 3, 4, 5]}}, num_random_samples=2)

    found = searched(protein, 7, run=lambda values: (-abs(values["layers"] - 2), 1.0))

    assert {suggestion.values["layers"] for suggestion in found[:5]} == {1, 2, 3, 4, 5}


def test_constants_alone_are_suggested_as_they_are():
    protein = Protein({"lr": {"value": 1e-3}, "layers": {"distribution": "int_uniform", "min": 2, "max": 2}})

    assert [suggestion.values for suggestion in searched(protein, 3)] == [{"lr": 1e-3, "layers": 2}] * 3
    assert len(protein.front()) == 1


def test_groups_and_dots_name_a_parameter_alike():
    nested, dotted = Protein({"trainer": {"optimizer": {"lr": RATE}}}), Protein({"trainer.optimizer.lr": RATE})

    assert nested.ask().values == dotted.ask().values == {"trainer.optimizer.lr": pytest.approx(1e-3)}


@pytest.mark.parametrize("known", [0, 1, 2])
def test_it_suggests_from_few_trials(known):
    protein = Protein(PARAMETERS, num_random_samples=0)

    searched(protein, known)

    assert set(protein.ask().values) == set(PARAMETERS)


def test_scores_and_costs_that_never_differ_do_no_harm():
    protein = Protein(PARAMETERS, num_random_samples=2)

    found = searched(protein, 8, run=lambda _values: (1.0, 60.0))

    assert len({tuple(suggestion.values.values()) for suggestion in found}) == 8
    assert found[-1].predicted_score == pytest.approx(1)
    assert found[-1].predicted_cost == pytest.approx(60)
    assert len(protein.front()) == 8  # equals do not beat each other


# Failures


def test_a_failed_trial_is_never_on_the_front():
    protein = Protein({"lr": RATE}, goal="minimize")
    for failed, score in ((True, -1e9), (False, math.nan), (False, None), (False, -math.inf), (False, 3.0)):
        protein.tell(protein.ask().id, score, 1.0, failed=failed)

    assert [observation.score for observation in protein.front()] == [3.0]


def test_a_search_without_a_success_keeps_away_from_what_failed():
    protein = Protein({"lr": RATE}, num_random_samples=0)
    for _ in range(8):
        protein.tell(protein.ask().id, None, None, failed=True)

    tried = [protein.ask() for _ in range(3)]

    assert protein.front() == []
    assert len({suggestion.values["lr"] for suggestion in tried}) == 3
    assert "far from those that failed" in tried[0].why


def test_a_region_that_fails_is_left():
    protein = Protein({"lr": RATE}, seed=2)
    rates = []
    for _ in range(24):
        suggestion = protein.ask()
        rates.append(suggestion.values["lr"])
        protein.tell(suggestion.id, math.log10(rates[-1]), 5.0, failed=rates[-1] > 1e-3)

    assert (
        sum(rate > 1.5e-3 for rate in rates[12:]) <= 2
    )  # the edge itself, where the score is best, is worth a failure
    assert max(observation.score for observation in protein.front()) > -3.1


# Costs


def test_nothing_is_suggested_that_is_predicted_to_be_too_dear():
    protein = Protein(PARAMETERS, max_suggestion_cost=25, num_random_samples=5)

    found = searched(protein, 15)

    assert all(each.predicted_cost < 25 for each in found if each.predicted_cost is not None)
    assert sum(train(each.values)[1] >= 25 for each in found[5:]) <= 1


def test_a_cap_below_all_that_can_be_had_is_named():
    protein = Protein({"lr": RATE}, max_suggestion_cost=1, num_random_samples=0)
    searched(protein, 2, run=lambda values: (values["lr"], 500.0))

    with pytest.raises(BeyondCostError, match=r"max_suggestion_cost 1; the cheapest run so far cost 500"):
        protein.ask()


def test_the_parameter_that_drives_the_cost_begins_at_its_cheap_end():
    steps = {"distribution": "log_normal", "min": 1e3, "max": 1e7}
    protein = Protein({"lr": RATE, "steps": steps}, cost_param="steps", num_random_samples=12)

    drawn = [protein.ask().values["steps"] for _ in range(12)][1:]

    assert max(drawn) <= 1.01e5


def test_dear_trials_are_dropped_from_the_front_where_they_hardly_score_better():
    results = {1e-4: (0.0, 1.0), 1e-3: (0.99, 10.0), 1e-2: (1.0, 1000.0)}
    fronts = []
    for prune in (False, True):
        protein = Protein({"lr": RATE}, prune_pareto=prune)
        for rate, (score, cost) in results.items():
            protein.tell_existing({"lr": rate}, score, cost)
        fronts.append([observation.values["lr"] for observation in protein.front()])

    assert fronts == [[1e-4, 1e-3, 1e-2], [1e-4, 1e-3]]


# Noise


def test_runs_of_the_same_values_are_one_observation():
    protein = Protein({"lr": RATE})
    protein.tell_existing({"lr": 1e-3}, 1.0, 10.0)
    protein.tell_existing({"lr": 1e-3}, 3.0, 1000.0)
    protein.tell_existing({"lr": 1e-3}, None, None, failed=True)

    (observation,) = protein.front()

    assert (observation.score, observation.runs) == (2.0, 2)
    assert observation.cost == pytest.approx(100)


def test_every_so_many_trials_one_of_the_front_is_run_again():
    protein = Protein(PARAMETERS, num_random_samples=3, resample_frequency=4)

    found = searched(protein, 13)

    repeated = [
        number for number, each in enumerate(found) if each.values in [other.values for other in found[:number]]
    ]
    assert repeated == [4, 8, 12]
    assert "once more" in found[8].why


@pytest.mark.parametrize(
    "setting", [{"acquisition_fn": "naive"}, {"acquisition_fn": "ucb"}, {"randomize_acquisition": True}]
)
def test_every_rating_of_candidates_searches(setting):
    found = searched(Protein({"lr": RATE, "layers": {"value": 1}}, num_random_samples=4, **setting), 20)

    assert max(train(suggestion.values)[0] for suggestion in found) > 0


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_scores_that_are_shares_may_be_spread_by_their_logit(goal):
    protein = Protein({"lr": RATE}, goal=goal, metric_distribution="percentile", num_random_samples=4)

    last = searched(protein, 10, run=lambda values: (1 / (1 + values["lr"] * 1000), 1.0))[-1]

    assert 0 < last.predicted_score < 1


def test_a_definition_is_searched_as_its_parts_are():
    definition = read_definition(
        {
            "method": "protein",
            "metric": {"name": "loss", "goal": "minimize"},
            "parameters": {"lr": RATE},
            "program": "x",
        },
        field="spec.sweep",
    )
    whole, parts = Protein.of(definition, seed=4), Protein({"lr": RATE}, goal="minimize", seed=4)

    def run(values):
        return abs(math.log10(values["lr"]) + 2), 1.0

    assert [each.values for each in searched(whole, 11, run)] == [each.values for each in searched(parts, 11, run)]
