from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from wandbsweep.cli.main import main

SYSTEMS = Path(__file__).parents[2] / "systems"


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Runs the command line in an empty folder: its exit status, and what it says on both outputs."""
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)

    def run(*words, stdin=None, **files):
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text)
        done = CliRunner().invoke(main, list(map(str, words)), input=stdin)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return SimpleNamespace(status=done.exit_code, output=done.stdout, errors=done.stderr)

    return run


@pytest.fixture(scope="session")
def systems():
    """The examples of the five systems."""
    return SYSTEMS
