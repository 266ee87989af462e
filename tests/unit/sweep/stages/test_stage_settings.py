"""What a definition of method stages says, and how its mistakes are told."""

from pathlib import Path

import pytest
import yaml

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.wandb_config import effective_run_cap, wandb_config

ROWS = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text())
LR = {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-2}
PARAMETERS = {"lr": LR, "gamma": {"min": 0.8, "max": 0.99}, "activation": {"values": ["relu", "tanh"]}}


def sweep(stages, parameters=None, **others):
    return {
        "method": "stages",
        "metric": {"name": "reward", "goal": "maximize"},
        "program": "train.py",
        "parameters": parameters or PARAMETERS,
        **({"stages": stages} if stages is not None else {}),
        **others,
    }


def read(stages, parameters=None, **others):
    return read_definition(sweep(stages, parameters, **others), field="sweep")


def errors(definition):
    with pytest.raises(InvalidSweepError) as raised:
        read_definition(definition, field="sweep")
    return list(map(str, raised.value.errors))


def cap(definition, max_runs=None):
    return effective_run_cap(definition, max_runs=max_runs, runs_per_agent=None, agent_count=2)


@pytest.mark.parametrize(
    ("given", "says"), [pytest.param(row["given"], row["says"], id=row["says"][0]) for row in ROWS]
)
def test_a_mistake_is_told_with_its_field_and_the_remedy(given, says):
    assert errors(sweep(given)) == says


def test_a_range_without_bounds_cannot_be_narrowed():
    (told,) = errors(sweep([{"method": "random", "run_cap": 3}], {"lr": {"distribution": "normal"}}))

    assert told == (
        "sweep.parameters.lr.distribution: normal has no bounds that method stages could narrow; "
        "give min and max, with distribution: uniform or log_uniform_values"
    )


def test_stages_without_their_method_are_refused():
    told = errors(sweep([{"method": "grid"}], {"lr": {"values": [1]}}, method="grid"))

    assert told == [
        "sweep.stages: is read by method stages only, and this is method grid; write method: stages, or remove it"
    ]


def test_a_search_by_stages_needs_a_metric():
    definition = sweep([{"method": "grid"}])
    del definition["metric"]

    assert "sweep.metric: is missing, and method stages needs one" in errors(definition)[0]


def test_stages_have_defaults():
    grid, bayes = read([{"method": "grid"}, {"method": "bayes", "run_cap": 20}]).stages

    assert (grid.points, grid.run_cap, bayes.width, bayes.best) == (5, None, 2.0, None)
    assert [bayes.best_of(count) for count in (0, 49, 60, 200)] == [5, 5, 6, 20]


def test_a_stage_may_replace_ranges():
    given = {"lr": {"values": [0.1, 0.2]}}
    first, second = read([{"method": "grid", "parameters": given}, {"method": "grid"}]).stages

    assert [parameter.values for parameter in first.parameters] == [(0.1, 0.2), None, ("relu", "tanh")]
    assert second.parameters[0].settings == {"min": 1e-5, "max": 1e-2}


def test_the_budget_is_that_of_all_stages_unless_another_is_given():
    stages = [{"method": "grid", "points": 3}, {"method": "bayes", "run_cap": 40}, {"method": "random", "run_cap": 2}]

    assert cap(read(stages)) == 3 * 3 * 2 + 40 + 2
    assert cap(read(stages, run_cap=30)) == 30
    assert cap(read(stages, run_cap=30), max_runs=10) == 10


def test_a_grid_has_no_more_runs_than_cells():
    assert cap(read([{"method": "grid", "points": 3, "run_cap": 150}])) == 18
    assert cap(read([{"method": "grid", "points": 3, "run_cap": 7}])) == 7


def test_wandb_is_told_of_a_custom_search_over_the_whole_ranges():
    definition = read([{"method": "grid"}, {"method": "bayes", "run_cap": 20}])

    told = wandb_config(
        definition, display_name="s", uid="u", token="1-a", max_runs=None, runs_per_agent=None, agent_count=1
    )

    assert told["method"] == "custom"
    assert "stages" not in told
    assert told["parameters"]["lr"] == LR
    assert told["run_cap"] == 50 + 20


def test_the_values_that_a_stage_gives_are_rehearsed_as_all_others_are():
    stages = [{"method": "grid", "parameters": {"activation": {"values": ["a\0b"]}}}]

    assert errors(sweep(stages))[0].startswith("sweep.stages[0].parameters.activation.values[0]: ")


def test_whole_bounds_of_a_stage_are_warned_of_where_kubernetes_may_have_made_them_whole():
    definition = read([{"method": "grid", "parameters": {"gamma": {"min": 0, "max": 1}}}])

    assert [str(each.place.path) for each in definition.warnings] == ["sweep.stages[0].parameters.gamma"]
