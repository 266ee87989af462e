"""What W&B is told of a search by Protein has nothing in it that W&B's own checks object to."""

import json
import warnings
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.wandb_config import effective_run_cap, wandb_config

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package still declares its models as for pydantic 1
    from sweeps.config import schema_violations_from_proposed_config

QUICK = (Path(__file__).parents[2] / "systems" / "metta" / "quick.yaml").read_text()
HYDRA = ["${env}", "${interpreter}", "${program}", "$${args_no_hyphens}"]
RUN = {"display_name": "quick", "uid": "u-1", "token": "1-t", "max_runs": 16, "runs_per_agent": None, "agent_count": 4}
EVERY_KIND = {
    "a": {"uniform": {"distribution": "uniform", "min": 0, "max": 1}},
    "b.int": {"distribution": "int_uniform", "min": 1.0e7, "max": 1.0e9},
    "pow2": {"distribution": "uniform_pow2", "min": 1, "max": 8},
    "log": {"distribution": "log_normal", "min": 0.0001, "max": 0.001},
    "logit": {"distribution": "logit_normal", "min": 0.9, "max": 0.999},
    "one": {"distribution": "int_uniform", "min": 1000, "max": 1000},
    "list": {"values": ["adam", None, [1, 2]]},
    "constant": {"value": {"x": 1}},
}


def read(parameters, **changes):
    search = {"method": "protein", "metric": "reward", "goal": "maximize", "protein": {"num_random_samples": 5}}
    return read_definition({**search, "parameters": parameters, **changes}, field="sweep")


def test_mettas_quick_sweep_becomes_a_sweep_of_method_custom():
    config = wandb_config(read_definition(QUICK, field="quick.yaml"), **RUN)

    assert config == {
        "name": "quick",
        "description": "wandbsweep.dev/uid: u-1/1-t",
        "method": "custom",
        "metric": {"name": "reward", "goal": "maximize"},
        "parameters": {
            "trainer.optimizer.learning_rate": {"distribution": "log_uniform_values", "min": 0.0001, "max": 0.001}
        },
        "program": "tools/train.py",
        "command": ["wandbsweep", "trial", '--method="protein"', "${args_json}", "--", *HYDRA],
        "run_cap": 16,
    }
    assert schema_violations_from_proposed_config(config) == []


def test_each_range_is_told_in_a_distribution_that_w_and_b_knows():
    config = wandb_config(read(EVERY_KIND), **RUN)

    assert config["parameters"] == {
        "a.uniform": {"distribution": "uniform", "min": 0.0, "max": 1.0},
        "b.int": {"distribution": "int_uniform", "min": 10_000_000, "max": 1_000_000_000},
        "pow2": {"values": [1, 2, 4, 8]},
        "log": {"distribution": "log_uniform_values", "min": 0.0001, "max": 0.001},
        "logit": {"distribution": "uniform", "min": 0.9, "max": 0.999},
        "one": {"value": 1000},
        "list": {"values": ["adam", None, [1, 2]]},
        "constant": {"value": {"x": 1}},
    }
    assert schema_violations_from_proposed_config(config) == []


ranges = st.one_of(
    st.tuples(st.sampled_from(["uniform", "log_normal"]), st.floats(1e-9, 1), st.floats(1.5, 1e9)),
    st.tuples(st.just("int_uniform"), st.integers(-9, 0), st.integers(0, 2**50)),
    st.tuples(st.just("uniform_pow2"), *[st.integers(low, low + 20).map(lambda power: 2**power) for low in (0, 20)]),
    st.tuples(st.just("logit_normal"), st.floats(0.01, 0.5), st.floats(0.6, 0.9999)),
)


@given(st.lists(ranges, min_size=1, max_size=4))
def test_whatever_protein_searches_w_and_b_takes(drawn):
    parameters = {
        f"group.x{index}": {"distribution": name, "min": low, "max": high}
        for index, (name, low, high) in enumerate(drawn)
    }

    config = json.loads(json.dumps(wandb_config(read(parameters), **RUN)))

    assert schema_violations_from_proposed_config(config) == []


def test_the_definition_itself_is_not_changed():
    definition = read(EVERY_KIND)
    before = json.dumps(definition.config)

    wandb_config(definition, **RUN)["parameters"]["list"]["values"].clear()

    assert json.dumps(definition.config) == before


def test_without_a_budget_it_has_what_the_agents_were_asked_for():
    assert effective_run_cap(read(EVERY_KIND), max_runs=None, runs_per_agent=5, agent_count=4) == 20
