"""What Metta and PufferLib keep in their files is read as they read it, and messages speak of those files."""

from pathlib import Path

import pytest
import yaml

from wandbsweep.search.protein import Protein
from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.protein.settings import ProteinSettings

QUICK = (Path(__file__).parents[2] / "systems" / "metta" / "quick.yaml").read_text()
HYDRA = ("${env}", "${interpreter}", "${program}", "${args_no_hyphens}")
RATE = {"distribution": "log_normal", "min": 0.0001, "max": 0.001, "mean": 0.0005, "scale": 0.5}
OURS = {
    "method": "protein",
    "metric": {"name": "reward", "goal": "maximize"},
    "protein": {"num_random_samples": 5, "max_suggestion_cost": 3600},
    "parameters": {"trainer.optimizer.learning_rate": RATE},
}
PUFFERLIB = {
    "method": "Protein",
    "metric": "score",
    "goal": "maximize",
    "metric_distribution": "linear",
    "max_suggestion_cost": 3600,
    "prune_pareto": True,
    "max_runs": 1200,
    "cost_param": "train/total_timesteps",
    "train": {
        "total_timesteps": {"distribution": "log_normal", "min": 3e7, "max": 1e10, "scale": "time"},
        "gamma": {"distribution": "logit_normal", "min": 0.8, "max": 0.9999, "scale": "auto"},
        "minibatch_size": {"distribution": "uniform_pow2", "min": 8192, "max": 65536, "scale": "auto"},
    },
    "env": {"reward": {"scale": {"distribution": "uniform", "min": 0, "max": 1}}},
}


def read(source, field="sweep"):
    return read_definition(source, field=field)


def findings(source, field="sweep"):
    try:
        return [str(finding) for finding in read(source, field).warnings]
    except InvalidSweepError as error:
        return [str(finding) for finding in error.findings]


def meaning(definition):
    """What a definition means, without the places in which it is written."""
    ranges = {each.path: (each.distribution, dict(each.settings)) for each in definition.parameters}
    search = (definition.method, definition.metric_name, definition.metric_goal, definition.protein, definition.run_cap)
    return (*search, definition.program, definition.command, ranges)


def test_mettas_quick_sweep_is_read_without_a_finding():
    definition = read(QUICK, "quick.yaml")

    assert definition.warnings == ()
    assert (definition.method, definition.metric_name, definition.metric_goal) == ("protein", "reward", "maximize")
    assert definition.protein == ProteinSettings(num_random_samples=5, max_suggestion_cost=3600)
    assert (definition.program, definition.command) == ("tools/train.py", HYDRA)
    (rate,) = definition.parameters
    assert rate.path == ("trainer.optimizer.learning_rate",)
    assert (rate.distribution, rate.settings) == ("log_normal", {"min": 1e-4, "max": 1e-3, "mean": 5e-4, "scale": 0.5})
    assert rate.place.path == "quick.yaml: parameters.trainer.optimizer.learning_rate"


def test_the_first_suggestion_of_mettas_quick_sweep_is_its_mean():
    assert Protein.of(read(QUICK)).ask().values == {"trainer.optimizer.learning_rate": 0.0005}


@pytest.mark.parametrize(
    "parameters",
    [
        {"trainer": {"optimizer": {"learning_rate": RATE}}},
        {"trainer.optimizer.learning_rate": RATE},
        {"trainer.optimizer": {"learning_rate": RATE}},
        {"trainer": {"parameters": {"optimizer": {"parameters": {"learning_rate": RATE}}}}},
    ],
)
def test_groups_may_be_nested_or_dotted(parameters):
    assert meaning(read({**OURS, "parameters": parameters})) == meaning(read(QUICK))


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "bayes"},
        {"method": "Protein"},
        {"method": None},
        {"metric": "reward", "goal": "maximize"},
        {"metric": "reward"},
        {"metric": {"name": "reward"}, "goal": "maximize"},
        {"protein": None, "num_random_samples": 5, "max_suggestion_cost": 3600},
    ],
)
def test_what_says_the_same_means_the_same(changes):
    changed = {key: value for key, value in {**OURS, **changes}.items() if value is not None}

    assert meaning(read(changed)) == meaning(read(OURS))


def test_a_setting_of_protein_or_a_goal_makes_it_a_search_by_protein():
    without = {key: value for key, value in OURS.items() if key not in ("method", "protein", "metric")}

    assert read({**without, "metric": "reward", "goal": "minimize"}).method == "protein"
    assert read({**without, "metric": "reward", "method": "bayes", "max_suggestion_cost": 60}).method == "protein"


def test_w_and_bs_own_bayes_stays():
    parameters = {"lr": {"min": 0.1, "max": 0.2}}

    definition = read({"method": "bayes", "metric": {"name": "r"}, "program": "a.py", "parameters": parameters})

    assert (definition.method, definition.protein) == ("bayes", None)


def test_a_program_gets_its_parameters_as_overrides_of_hydra_and_a_command_is_kept():
    assert (read({**OURS, "program": "train.py"}).program, read({**OURS, "program": "train.py"}).command) == (
        "train.py", HYDRA,
    )  # fmt: skip
    command = ["/isaac-sim/python.sh", "train.py", "${args}"]
    assert (read({**OURS, "command": command}).program, read({**OURS, "command": command}).command) == (
        None, tuple(command),
    )  # fmt: skip


def test_the_sweep_section_of_pufferlib_is_read():
    definition = read(PUFFERLIB)

    assert definition.warnings == ()
    assert definition.run_cap == 1200
    assert definition.protein == ProteinSettings(
        max_suggestion_cost=3600, prune_pareto=True, cost_param="train.total_timesteps"
    )
    assert [(each.path[0], each.place.path) for each in definition.parameters] == [
        (name, f"sweep.{name}")
        for name in ("train.total_timesteps", "train.gamma", "train.minibatch_size", "env.reward.scale")
    ]


WRONG = [
    ({"metric": "reward", "goal": "max"}, "goal: must be minimize or maximize, not 'max'"),
    ({"metric": ""}, "metric: is missing; give the name under which the program logs the metric"),
    ({"metric": OURS["metric"], "goal": "minimize"}, "goal: is given in metric too; remove one of them"),
    ({"num_random_samples": 3}, "num_random_samples: is given under protein too; remove one of them"),
    ({"suggestions_per_pareto": 0}, "suggestions_per_pareto: must be a whole number, 1 or more, not 0"),
    ({"use_gpu": True}, "use_gpu: has no effect: the search runs on a CPU; remove it"),
    ({"method": "grid"}, "protein: steers method protein, and not method 'grid'; write method: protein, or remove it"),
    ({"run_cap": 3, "max_trials": 4}, "max_trials: is given as run_cap too; remove one of them"),
    ({"max_runs": 0}, "max_runs: must be a whole number above 0, not 0; leave it out for no limit"),
    ({"eval": {"num_episodes": 100}}, "eval: W&B knows no such key; remove it"),
    ({"parameters": {"a": {"b": RATE}, "a.b": RATE}}, "parameters[a.b]: a.b is given twice; remove one of them"),
    ({"parameters": {"a": {"b": 1}}}, "parameters.a.b: must be a mapping, not a number; write {value: 1}"),
    ({"parameters": {"a": {"b": {**RATE, "min": 1}}}}, "parameters.a.b: min 1 must not be above max 0.001; swap them"),
    ({"parameters": {"a": {"b": {}}}}, "parameters.a.b: says not what to try; give value, values, or min and max"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "says"), WRONG, ids=[says for _, says in WRONG])
def test_mistakes_are_named_where_the_user_wrote_them(changes, says):
    assert f"sweep.{says}" in findings({**OURS, **changes})


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"vf": {"value": {"value": 3}}}, ["vf.value"]),
        ({"vf": {"value": {"a": 3}}}, ["vf"]),
        ({"vf": {"scale": RATE, "min": RATE}}, ["vf.scale", "vf.min"]),
        ({"vf": {"values": [{"min": 1}]}}, ["vf"]),
    ],
)
def test_a_group_may_have_parameters_called_as_settings_are(parameters, names):
    assert [each.path[0] for each in read({**OURS, "parameters": parameters}).parameters] == names


def test_ranges_that_mettas_own_files_get_wrong_are_named():
    parameters = """
        trainer:
          batch_size:      {distribution: uniform_pow2, min: 15, max: 19, mean: 18, scale: auto}
          bptt_horizon:    {distribution: uniform_pow2, min: 0,  max: 7,  mean: 4,  scale: auto}
          total_timesteps: {distribution: int_uniform,  min: 1000, max: 1000, mean: 1000, scale: auto}
          ppo:
            gamma:         {distribution: logit_normal, min: 0.0, max: 1.0, mean: 0.99, scale: auto}
            ent_coef:      {distribution: log_normal,   min: 1e-4, max: 0.1, mean: 0.001, scale: auto}
    """

    with pytest.raises(InvalidSweepError) as caught:
        read({**OURS, "parameters": yaml.safe_load(parameters)})

    assert [finding.field.removeprefix("sweep.parameters.trainer.") for finding in caught.value.findings] == [
        "batch_size.min", "batch_size.max", "batch_size.mean", "bptt_horizon.min", "bptt_horizon.max",
        "ppo.gamma.min", "ppo.gamma.max", "ppo.ent_coef.min",
    ]  # fmt: skip
