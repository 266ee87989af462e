"""W&B's key scheduler is read as W&B reads it, and goes to W&B as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.reading.scheduler import Scheduler
from wandbsweep.sweep.wandb_config import wandb_config
from wandbsweep.sweep.wandb_engines import violations

LR = {"lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1}}
LOSS = {"name": "loss", "goal": "minimize"}
OBJECT = {"display_name": "d", "uid": "u", "token": "1-t", "max_runs": 8, "runs_per_agent": None, "agent_count": 2}


def read(**definition):
    return read_definition({"program": "train.py", **definition}, field="sweep")


def test_optuna_searches_by_the_parameters_of_the_definition():
    definition = read(method="custom", scheduler={"engine": "optuna"}, metric=LOSS, parameters=LR)

    assert definition.scheduler == Scheduler("optuna")
    sent = wandb_config(definition, **OBJECT)
    assert (sent["method"], sent["scheduler"], sent["parameters"]) == ("custom", {"engine": "optuna"}, LR)
    assert sent["command"][:3] == ["wandbsweep", "trial", "${args_json}"]
    assert violations(sent) == []


def test_a_search_space_of_ones_own_needs_no_parameters():
    scheduler = {"engine": "optuna", "source": "search.py", "optimizer": "make_study", "search_space": "draw"}
    definition = read(method="custom", scheduler=scheduler, metrics=[LOSS, {"name": "reward"}])

    assert definition.scheduler == Scheduler("optuna", "search.py", "make_study", "draw")
    assert (definition.metric_name, definition.parameters) == ("loss", ())
    sent = wandb_config(definition, **OBJECT)
    assert "parameters" not in sent
    assert "metric" not in sent
    assert violations(sent) == []


def test_wandbs_own_engine_searches_by_its_own_methods_and_gets_a_metric_where_there_is_none():
    sent = wandb_config(read(method="random", scheduler={"engine": "wandb"}, parameters=LR), **OBJECT)

    assert (sent["method"], sent["metric"]) == ("random", {"name": "wandbsweep/none", "goal": "minimize"})
    assert violations(sent) == []


def test_a_sweep_without_a_scheduler_gets_no_metric():
    definition = read(method="random", parameters=LR)
    assert definition.scheduler is None
    assert "metric" not in wandb_config(definition, **OBJECT)


words = st.sampled_from(["optuna", "ax", "wandb", "custom", "random", "bayes", "draw", "search.py", "", "loss"])
metric = st.fixed_dictionaries({}, optional={"name": words, "goal": st.just("maximize")})
schedulers = st.fixed_dictionaries(
    {"engine": words}, optional={"source": words, "optimizer": words, "search_space": words, "sampler": words}
)


@given(
    st.fixed_dictionaries(
        {"method": words, "scheduler": st.one_of(schedulers, words)},
        optional={
            "metric": metric,
            "metrics": st.lists(metric, max_size=3),
            "parameters": st.just(LR),
            "early_terminate": st.just({"type": "hyperband", "min_iter": 3}),
        },
    )
)
def test_what_is_accepted_w_and_b_accepts(definition):
    try:
        read_once = read(**definition)
    except InvalidSweepError:
        return
    assert violations(wandb_config(read_once, **OBJECT)) == []


@pytest.mark.parametrize("key", ["source", "optimizer", "search_space"])
def test_a_name_that_is_empty_is_refused(key):
    with pytest.raises(InvalidSweepError, match=rf"sweep\.scheduler\.{key}: must be text, not nothing"):
        read(method="custom", metric=LOSS, parameters=LR, scheduler={"engine": "optuna", "source": "s", key: ""})
