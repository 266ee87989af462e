"""The W&B agent's environment: complete where the pod's is not, and the user's where the user spoke."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wandbsweep.agent.environment import agent_environment
from wandbsweep.agent.home import Home, agent_home, file_name, trial_home
from wandbsweep.agent.variables import DEFAULTS

BIN = Path("/wandbsweep/bin")


def test_the_own_commands_come_first_on_the_path(tmp_path):
    environment = agent_environment({"PATH": "/usr/bin:/bin"}, Home(tmp_path), BIN)
    assert environment["PATH"] == "/wandbsweep/bin:/usr/bin:/bin"
    assert agent_environment({}, Home(tmp_path), BIN)["PATH"] == f"/wandbsweep/bin:{os.defpath}"


@pytest.mark.parametrize("variable", ["HOME", "WANDB_DIR"])
@pytest.mark.parametrize("value", [None, "", "/", "/does/not/exist", "/proc"])
def test_a_folder_that_cannot_be_used_is_replaced(tmp_path, variable, value):
    environ = {} if value is None else {variable: value}
    assert agent_environment(environ, Home(tmp_path), BIN)[variable] == str(tmp_path)


@pytest.mark.parametrize("variable", ["HOME", "WANDB_DIR", "TMPDIR"])
def test_a_folder_that_the_user_chose_stays(tmp_path, variable):
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    assert agent_environment({variable: str(chosen)}, Home(tmp_path), BIN)[variable] == str(chosen)


def test_a_temporary_folder_that_cannot_be_written_is_replaced(tmp_path):
    environment = agent_environment({"TMPDIR": "/proc"}, Home(tmp_path), BIN)
    assert environment["TMPDIR"] == str(tmp_path / "tmp")
    assert (tmp_path / "tmp").is_dir()


def test_there_is_always_a_user_name(tmp_path):
    environment = agent_environment({"LOGNAME": "anna"}, Home(tmp_path), BIN)
    assert environment["LOGNAME"] == "anna"
    assert environment["USER"]


@pytest.mark.parametrize("row", DEFAULTS, ids=lambda row: row.name)
def test_a_default_gives_way_to_the_user(tmp_path, row):
    assert agent_environment({}, Home(tmp_path), BIN)[row.name] == row.value
    assert agent_environment({row.name: "own"}, Home(tmp_path), BIN)[row.name] == "own"


def test_a_key_with_a_newline_from_a_file_is_accepted(tmp_path):
    assert agent_environment({"WANDB_API_KEY": "k" * 40 + "\n"}, Home(tmp_path), BIN)["WANDB_API_KEY"] == "k" * 40


def test_a_trial_finds_its_folder_as_told_or_beside_the_run_or_among_temporary_files(tmp_path):
    assert trial_home({"WANDBSWEEP_HOME": "/w/home", "WANDB_DIR": "/data"}).path == Path("/w/home")
    assert trial_home({"WANDB_DIR": "/data"}).path == Path("/data/wandb/wandbsweep")
    assert trial_home({}).path.name == f"wandbsweep-{os.getuid()}"


def test_an_agent_finds_its_folder_beside_the_bundle():
    assert agent_home({}, Path("/wandbsweep")).path == Path("/wandbsweep/home")
    assert agent_home({"WANDBSWEEP_HOME": "/elsewhere"}, Path("/wandbsweep")).path == Path("/elsewhere")


def test_a_run_id_never_leaves_its_folder():
    assert file_name("ab3k9x2z") == "ab3k9x2z"
    assert "/" not in file_name("../../etc/passwd")
