"""The SDK is the measure of what is sent, though it is not called at run time."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest
import yaml
from graphql import Visitor, parse, visit
from hypothesis import given, settings
from hypothesis import strategies as st
from wandb.apis._generated.operations import (
    GET_AGENT_RUNS_GQL,
    GET_SWEEP_AGENTS_GQL,
    GET_SWEEP_GQL,
    GET_SWEEPS_GQL,
)
from wandb.apis.public.runs import _create_runs_query
from wandb.apis.public.sweeps import _validate_config_and_fill_distribution
from wandb.sdk.internal._generated import SERVER_FEATURES_QUERY_GQL
from wandb.util import api_to_app_url

from unit.tracking.conftest import KEY
from unit.tracking.web_server import Reply, web_server
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking import documents
from wandbsweep.tracking.agent_reads import SWEEP_AGENTS, Agent, runs_request
from wandbsweep.tracking.config_text import config_text
from wandbsweep.tracking.errors import ConfigRejected
from wandbsweep.tracking.graphql_reads import Metric, Question, batch_request
from wandbsweep.tracking.links import app_url, run_url, sweep_url
from wandbsweep.tracking.protocol import Account, RunTags
from wandbsweep.tracking.wandb_tracker import WandbTracker

SDK_CREATES = """
import json, sys, wandb
from wandb.apis.public.sweeps import _upsert_sweep
url, key, config = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
api = wandb.Api(overrides={"base_url": url, "entity": "lab", "project": "anymal"}, api_key=key)
_upsert_sweep(api, config, obj_id=sys.argv[4] or None)
"""

CONFIG = {
    "name": "terrain",
    "description": "rough terrain\n\nwandbsweep.dev/uid: 0a1b",
    "method": "bayes",
    "metric": {"name": "Train/reward", "goal": "maximize"},
    "command": ["wandbsweep", "trial", "${args_json}", "--", "python", "train.py", "$${args_no_hyphens}"],
    "parameters": {
        "agent.lr": {"min": 1e-05, "max": 0.01},
        "units": {"min": 1, "max": 9},
        "seed": {"values": ["008", "1e-5", "0x1f", "yes", "null", "", 7, None, True, 1.0]},
        "nested": {"parameters": {"a": {"min": 0, "max": 1}}},
    },
    "run_cap": 12,
}


def without_features(wandb):
    def answer(request):
        if "serverInfo" in request.query:
            return Reply.of({"data": {"serverInfo": {"features": []}}})
        return wandb.answer(request)

    return answer


async def test_a_sweep_is_created_with_the_variables_that_the_sdk_sends(tmp_path, wandb):
    async with web_server(without_features(wandb)) as server:
        tracker = WandbTracker()
        await tracker.create(Account(server.url, KEY), entity="lab", project="anymal", config=CONFIG)
        await tracker.close()
        (ours,) = server.requests
        await run_sdk(tmp_path, server.url)
        theirs = next(r for r in server.requests if r is not ours and "upsertSweep" in r.query)

    assert_alike(ours, theirs)
    assert ours.headers["authorization"] == theirs.headers["authorization"]
    assert ours.headers["user-agent"].startswith(theirs.headers["user-agent"])


async def test_a_sweep_is_updated_with_the_variables_that_the_sdk_sends(tmp_path, wandb):
    wandb.add("lab/anymal/a", {"method": "random"})
    async with web_server(without_features(wandb)) as server:
        tracker = WandbTracker()
        await tracker.update(Account(server.url, KEY), SweepPath("lab", "anymal", "a"), CONFIG)
        await tracker.close()
        ours = server.requests[-1]
        await run_sdk(tmp_path, server.url, "lab/anymal/a")
        theirs = next(r for r in server.requests if r is not ours and "upsertSweep" in r.query)

    assert ours.variables["id"] == theirs.variables["id"] == "lab/anymal/a"
    assert_alike(ours, theirs)


def assert_alike(ours, theirs):
    """The same config, text for text, and no variable that the SDK would not send."""
    assert yaml.safe_load(ours.variables["config"]) == yaml.safe_load(theirs.variables["config"])
    for name in ("description", "entityName", "projectName"):
        assert ours.variables[name] == theirs.variables[name]
    nothing_more = {name for name, value in theirs.variables.items() if value not in {None, "null"}}
    assert nothing_more == set(ours.variables)


def fields_of(*texts):
    """The fields that GraphQL texts ask for, each with the arguments that it is ever given."""
    found = {}

    class Fields(Visitor):
        def enter_field(self, node, *_):
            found.setdefault(node.name.value, set()).update(argument.name.value for argument in node.arguments or ())

    for text in texts:
        visit(parse(text), Fields())
    return found


def test_what_is_read_are_fields_that_the_sdk_reads():
    path = SweepPath("lab", "anymal", "a")
    tags = RunTags(failing=("x:oom",), settling=("x:stopped",), lasting=("x:preempted",))
    sweeps, _ = batch_request([Question(path, Metric("loss", "minimize"), troubled=True, front=True)], tags)
    agents, _ = runs_request(path, [Agent("name", "host", None)])

    ours = fields_of(
        sweeps, agents, SWEEP_AGENTS, documents.LOOK_AT_SWEEP, documents.LIST_SWEEPS, documents.SERVER_FEATURES
    )
    sdk_runs = [_create_runs_query(lazy=lazy) for lazy in (True, False)]
    sdk_sweeps = (GET_SWEEPS_GQL, GET_SWEEP_GQL, GET_SWEEP_AGENTS_GQL, GET_AGENT_RUNS_GQL)
    theirs = fields_of(*sdk_runs, *sdk_sweeps, SERVER_FEATURES_QUERY_GQL)

    assert {"runCount", "tags", "host", "createdAt"} <= set(ours)
    assert set(ours) <= set(theirs)
    assert all(arguments <= theirs[name] for name, arguments in ours.items())


async def run_sdk(tmp_path, url, node_id=""):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "WANDB_SILENT": "true"}
    environment |= {"WANDB_ERROR_REPORTING": "false", "WANDB_DIR": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SDK_CREATES, url, KEY, json.dumps(CONFIG), node_id, env=environment, cwd=tmp_path
    )
    assert await asyncio.wait_for(process.wait(), 50) == 0


bounds = st.one_of(st.integers(-5, 5), st.floats(-5, 5), st.booleans(), st.text(max_size=2))
parameters = st.fixed_dictionaries(
    {},
    optional={
        "min": bounds,
        "max": bounds,
        "values": st.lists(st.one_of(bounds, st.none(), st.floats()), max_size=3),
        "distribution": st.just("log_uniform_values"),
        "parameters": st.just({"inner": {"min": 0, "max": 1}}),
    },
)
configs = st.fixed_dictionaries(
    {"method": st.sampled_from(["grid", "random"])},
    optional={
        "parameters": st.dictionaries(st.text(max_size=9), parameters, max_size=3),
        "description": st.text(max_size=200),
        "command": st.lists(st.text(max_size=9), max_size=3),
    },
)


@settings(deadline=None)  # a busy machine is no error
@given(configs)
def test_distributions_are_filled_as_the_sdk_fills_them(config):
    try:
        expected = _validate_config_and_fill_distribution(config)
    except ValueError:
        with pytest.raises(ConfigRejected, match="write both with a decimal point"):
            config_text(config)
        return
    assert repr(yaml.safe_load(config_text(config))) == repr(yaml.safe_load(yaml.safe_dump(expected)))


@pytest.mark.parametrize(
    "base",
    [
        "https://api.wandb.ai",
        "https://api.wandb.ai/",
        "https://api.forge.coreweave.com",
        "https://api.wandb.lab.example",
        "https://api.lab.example/",
        "https://wandb.lab.example",
        "http://wandb.wandbsweep.svc:8080/",
        "http://127.0.0.1:8080",
    ],
)
def test_pages_are_where_the_sdk_says_they_are(base):
    assert app_url(base) == api_to_app_url(base).rstrip("/")


def test_names_are_quoted_in_the_addresses_of_pages():
    path = SweepPath("my lab", "a/b", "x1")

    assert sweep_url("https://w", path) == "https://w/my%20lab/a%2Fb/sweeps/x1"
    assert run_url("https://w", path, "r?1") == "https://w/my%20lab/a%2Fb/runs/r%3F1"
