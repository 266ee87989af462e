"""An image without wandb gets it with the runtime, and keeps every package that it has itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wandbsweep.agent import wandb_tree
from wandbsweep.agent.install import run_install
from wandbsweep.agent.interpreter import WandbMissingError, find_interpreter

SYSTEM = "/usr/bin:/bin"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A runtime folder with the tree in it, as an init container leaves it."""
    folder = tmp_path_factory.mktemp("wandbsweep")
    assert run_install(str(folder), with_wandb=True) == 0
    return folder


@pytest.fixture
def bare(tmp_path):
    """A Python as in an image: no packages but those in a folder of its own."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    python = tmp_path / "python3"
    plain = os.path.realpath(sys.executable)
    python.write_text(f'#!/bin/sh\nPYTHONPATH=$PYTHONPATH:{packages} exec {plain} -S "$@"\n')
    python.chmod(0o755)
    return python


def run(python, code, paths=""):
    done = subprocess.run(
        [python, "-c", code],
        check=False,
        env={"PATH": SYSTEM, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_it_the_image_has_no_wandb(bare):
    with pytest.raises(WandbMissingError, match="No module named 'wandb'"):
        find_interpreter(str(bare), {"PATH": SYSTEM})


def test_the_agent_finds_wandb_in_the_tree(folder, bare):
    found = find_interpreter(str(bare), {"PATH": SYSTEM}, wandb_tree.search_paths(folder))

    assert found.wandb_version == "0.31.0"
    assert str(folder / "wandb/late") in found.search_paths["PYTHONPATH"].split(":")


def test_a_trainer_that_inherits_the_path_can_log_a_run(folder, bare, tmp_path):
    code = (
        "import os, wandb\n"
        f"run = wandb.init(project='p', mode='offline', dir={str(tmp_path)!r})\n"
        "run.log({'reward': 1.0})\n"
        "run.finish()\n"
        "print(wandb.__file__)"
    )
    out = run(bare, code, str(folder / "wandb/late"))

    assert out.splitlines()[-1] == str(folder / "wandb/packages/wandb/__init__.py")
    assert list(tmp_path.glob("wandb/offline-run-*"))


def test_wandb_can_be_run_as_a_module(folder, bare):
    code = "import runpy, sys; sys.argv = ['wandb', '--version']; runpy.run_module('wandb', run_name='__main__')"

    assert "0.31.0" in run(bare, code, str(folder / "wandb/late"))


def test_what_the_image_has_itself_stays(folder, bare, tmp_path):
    (tmp_path / "site-packages" / "click.py").write_text("mine = True\n")

    assert run(bare, "import sys; sys.path\nimport click; print(click.mine)", str(folder / "wandb/late")) == "True"


def test_where_the_images_own_does_not_go_with_wandb_the_whole_tree_comes_first(folder, bare, tmp_path):
    (tmp_path / "site-packages" / "click.py").write_text("raise ImportError('an old one')\n")

    found = find_interpreter(str(bare), {"PATH": SYSTEM}, wandb_tree.search_paths(folder))

    assert found.wandb_version == "0.31.0"
    assert str(folder / "wandb/packages") in found.search_paths["PYTHONPATH"].split(":")


def test_a_wandb_of_the_images_own_is_used(folder):
    found = find_interpreter(None, {"PATH": str(Path(sys.executable).parent)}, wandb_tree.search_paths(folder))

    assert found.search_paths == {}


def test_everybody_may_read_it_and_run_its_core(folder):
    for path in (folder / "wandb").rglob("*"):
        assert path.stat().st_mode & 0o004, path
    assert (folder / "wandb/packages/wandb/bin/wandb-core").stat().st_mode & 0o001


def test_a_runtime_without_it_offers_nothing(tmp_path):
    assert run_install(str(tmp_path)) == 0
    assert wandb_tree.search_paths(tmp_path) == ()


def test_doing_it_twice_is_harmless(folder, bare):
    assert run_install(str(folder), with_wandb=True) == 0
    assert not list((folder / "wandb").glob("*.partial"))
    assert run(bare, "import wandb; print(wandb.__version__)", str(folder / "wandb/late")) == "0.31.0"


def test_an_installation_without_wandb_says_where_there_is_one(runtime, tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", "-S", runtime / "wandbsweep.pyz", "install", tmp_path, "--with-wandb"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "wandb is not installed beside wandbsweep: use the operator's image" in done.stderr
