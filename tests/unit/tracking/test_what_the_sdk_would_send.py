"""The SDK is the measure of what is sent, though it is not called at run time."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from wandb.apis.public.sweeps import _validate_config_and_fill_distribution
from wandb.util import api_to_app_url

from unit.tracking.conftest import KEY
from unit.tracking.web_server import Reply, web_server
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.config_text import config_text
from wandbsweep.tracking.errors import ConfigRejected
from wandbsweep.tracking.links import app_url, run_url, sweep_url
from wandbsweep.tracking.protocol import Account
from wandbsweep.tracking.wandb_tracker import WandbTracker

SDK_CREATES = """
import json, sys, wandb
from wandb.apis.public.sweeps import _upsert_sweep
url, key, config = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
api = wandb.Api(overrides={"base_url": url, "entity": "lab", "project": "anymal"}, api_key=key)
_upsert_sweep(api, config)
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


async def test_a_sweep_is_created_with_the_variables_that_the_sdk_sends(tmp_path, wandb):
    def answer(request):
        if "serverInfo" in request.query:
            return Reply.of({"data": {"serverInfo": {"features": []}}})
        return wandb.answer(request)

    async with web_server(answer) as server:
        tracker = WandbTracker()
        await tracker.create(Account(server.url, KEY), entity="lab", project="anymal", config=CONFIG)
        await tracker.close()
        (ours,) = server.requests
        await run_sdk(tmp_path, server.url)
        theirs = next(r for r in server.requests if r is not ours and "upsertSweep" in r.query)

    assert yaml.safe_load(ours.variables["config"]) == yaml.safe_load(theirs.variables["config"])
    for name in ("description", "entityName", "projectName"):
        assert ours.variables[name] == theirs.variables[name]
    nothing_more = {name for name, value in theirs.variables.items() if value not in {None, "null"}}
    assert nothing_more == set(ours.variables)
    assert ours.headers["authorization"] == theirs.headers["authorization"]
    assert ours.headers["user-agent"].startswith(theirs.headers["user-agent"])


async def run_sdk(tmp_path, url):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "WANDB_SILENT": "true"}
    environment |= {"WANDB_ERROR_REPORTING": "false", "WANDB_DIR": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SDK_CREATES, url, KEY, json.dumps(CONFIG), env=environment, cwd=tmp_path
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
