"""Each mistake and each trouble ends a search with its own code and a sentence that names the remedy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ports import reserved_port
from servers import running_server
from unit.search.search_processes import Searches, SearchProcess
from wandbsweep.agent.exit_codes import SearchExit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)  # a process that imports wandb takes seconds, on a busy machine many

SWEEP = """\
method: custom
metric: {name: loss}
scheduler: {engine: ENGINE}
parameters: {lr: {distribution: uniform, min: 0, max: 1}}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    return a_file(tmp_path, "optuna")


def a_file(folder: Path, engine: str, more: str = "") -> str:
    path = folder / "sweep.yaml"
    path.write_text(SWEEP.replace("ENGINE", engine) + f"program: train.py\n{more}")
    return str(path)


def assert_ended(search: SearchProcess, code: SearchExit, *words: str) -> None:
    assert search.code() == code, search.log
    assert search.last_words["reason"] == code.reason
    for each in words:
        assert each in search.last_words["message"]
    assert "Traceback" not in search.log


def test_no_sweep_is_named(searches, file):
    assert_ended(searches.start("--file", file), SearchExit.INVALID, "WANDBSWEEP_SWEEP")


def test_the_sweep_is_no_whole_path(searches, file):
    assert_ended(searches.start("abc123", "--file", file), SearchExit.INVALID, "'abc123'", "entity/project/sweep")


def test_nothing_says_what_to_search(searches):
    assert_ended(searches.start("e/p/s"), SearchExit.INVALID, "--file", "WANDBSWEEP_SEARCH_ORDER")


def test_the_order_cannot_be_read(searches):
    search = searches.start("e/p/s", WANDBSWEEP_SEARCH_ORDER='{"engine": "oracle"}')

    assert_ended(search, SearchExit.INVALID, "WANDBSWEEP_SEARCH_ORDER", "oracle")


def test_the_file_is_missing(searches):
    assert_ended(searches.start("e/p/s", "--file", "none.yaml"), SearchExit.INVALID, "none.yaml")


def test_the_definition_is_wrong_and_all_of_it_is_said(searches, tmp_path):
    file = a_file(tmp_path, "optuna", "run_cap: -1\nearly_terminate: {type: nonsense}\n")

    assert_ended(searches.start("e/p/s", "--file", file), SearchExit.INVALID, "run_cap", "early_terminate")


def test_wandbs_server_searches_this_method_itself(searches, tmp_path):
    (tmp_path / "grid.yaml").write_text("method: grid\nprogram: t.py\nparameters: {lr: {values: [1, 2]}}\n")

    search = searches.start("e/p/s", "--file", str(tmp_path / "grid.yaml"))

    assert_ended(search, SearchExit.INVALID, "method grid")


def test_there_is_no_such_sweep(searches, file, wandb_server):
    path = f"{wandb_server.entity}/nowhere/nothing"

    assert_ended(searches.start(path, "--file", file), SearchExit.INVALID, path)


def test_the_engines_package_is_not_installed(searches, tmp_path, wandb_server):
    path = wandb_server.create_sweep("p", SWEEP.replace("ENGINE", "ax"))

    search = searches.start(path, "--file", a_file(tmp_path, "ax"))

    assert_ended(search, SearchExit.ENGINE_MISSING, "ax-platform", "spec.search.template")


def test_the_file_that_the_scheduler_names_is_not_there(searches, file, wandb_server):
    config = SWEEP.replace("{engine: ENGINE}", "{engine: optuna, source: space.py, search_space: space}")
    path = wandb_server.create_sweep("p", config)

    assert_ended(searches.start(path, "--file", file), SearchExit.INVALID, "spec.sweep.scheduler", "space.py")


def test_a_search_space_that_breaks(searches, tmp_path, wandb_server):
    (tmp_path / "space.py").write_text(
        "calls = []\n"
        "def space(trial):\n"
        "    calls.append(1)\n"
        "    if len(calls) > 1:\n"
        "        raise RuntimeError('no space left')\n"
        "    return {'lr': trial.suggest_float('lr', 0, 1)}\n"
    )
    scheduler = f"{{engine: optuna, source: {tmp_path / 'space.py'}, search_space: space}}"
    path = wandb_server.create_sweep("p", SWEEP.replace("{engine: ENGINE}", scheduler))

    search = searches.start(path, "--file", a_file(tmp_path, "optuna"))

    assert search.code() == SearchExit.FAILED, search.log
    assert "RuntimeError: no space left" in search.last_words["message"]
    assert str(tmp_path / "space.py") in search.log


def test_the_api_key_is_not_known(searches, file, wandb_server):
    path = wandb_server.create_sweep("p", SWEEP.replace("ENGINE", "optuna"))

    search = searches.start(path, "--file", file, WANDB_API_KEY="f" * 40)

    assert_ended(search, SearchExit.UNREACHABLE, "API key")


def test_there_is_no_api_key(searches, file):
    search = searches.start("e/p/s", "--file", file, WANDB_API_KEY="")

    assert_ended(search, SearchExit.UNREACHABLE, "WANDB_API_KEY")


def test_wandb_is_out_of_reach(searches, file):
    with reserved_port() as port:
        search = searches.start("e/p/s", "--file", file, WANDB_BASE_URL=f"http://127.0.0.1:{port}")

        assert_ended(search, SearchExit.UNREACHABLE, f"127.0.0.1:{port}")


def test_the_server_takes_no_runs_from_a_search(tmp_path, file):
    with running_server(tmp_path / "server", local_scheduler="false") as server:
        path = server.create_sweep("p", SWEEP.replace("ENGINE", "optuna"))
        searches = Searches(tmp_path, server)

        assert_ended(searches.start(path, "--file", file), SearchExit.UNSUPPORTED, "SWEEPS_LOCAL_SCHEDULER")


def test_the_key_is_not_in_the_last_words(searches, file, wandb_server):
    search = searches.start(f"e/{wandb_server.api_key}/s", "--file", file)

    search.code()

    assert wandb_server.api_key not in json.dumps(search.last_words)
