"""`wandbsweep warm-up` as a container's main process: its exit code and its last words."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from waiting import until


@pytest.fixture
def container(environ, tmp_path):
    """The environment of a warm-up whose command leaves one file in the home folder's cache."""
    home = tmp_path / "user"
    home.mkdir()
    code = "import pathlib; c = pathlib.Path.home() / '.cache/ov'; c.mkdir(parents=True); (c / 'shader').touch()"
    return {
        **environ,
        "HOME": str(home),
        "WANDBSWEEP_ISAAC_CACHE": str(tmp_path / "volume"),
        "WANDBSWEEP_IMAGE": "isaac-lab:2.3.0",
        "WANDBSWEEP_WARM_UP": json.dumps([sys.executable, "-c", code]),
    }


def a_warm_up(runtime, environ):
    return subprocess.Popen([runtime / "bin" / "wandbsweep", "warm-up"], env=environ, stderr=subprocess.PIPE, text=True)


def end_of(process, environ):
    _, told = process.communicate(timeout=30)
    return process.returncode, json.loads(Path(environ["WANDBSWEEP_TERMINATION_LOG"]).read_text()), told


def test_it_fills_the_volume_and_says_so(runtime, container, tmp_path):
    code, words, told = end_of(a_warm_up(runtime, container), container)

    assert (code, words["reason"]) == (0, "Done")
    assert "The warm-up filled isaac-lab-2.3.0_" in words["message"]
    assert words["message"] in told
    assert len(list(tmp_path.glob("volume/*/seed/1/shader"))) == 1


@pytest.mark.parametrize(
    ("name", "value", "code", "reason", "words"),
    [
        ("WANDBSWEEP_WARM_UP", '["false"]', 40, "WarmUpFailed", "ended with code 1"),
        ("WANDBSWEEP_ISAAC_CACHE", "/proc/nowhere", 41, "CacheUnusable", "/proc/nowhere"),
        ("WANDBSWEEP_ISAAC_CACHE", "", 42, "BadEnvironment", "WANDBSWEEP_ISAAC_CACHE is not set"),
        ("WANDBSWEEP_WARM_UP", "{", 42, "BadEnvironment", "set it to a JSON list"),
    ],
)
def test_what_went_wrong_is_in_its_last_words(runtime, container, name, value, code, reason, words):
    environ = {**container, name: value}

    ended, said, _ = end_of(a_warm_up(runtime, environ), environ)

    assert (ended, said["reason"]) == (code, reason)
    assert words in said["message"]


def test_sigterm_ends_it_with_its_command(runtime, container, tmp_path):
    code = f"import pathlib, time; pathlib.Path({str(tmp_path)!r}, 'began').touch(); time.sleep(60)"
    environ = {**container, "WANDBSWEEP_WARM_UP": json.dumps([sys.executable, "-c", code])}
    process = a_warm_up(runtime, environ)
    until((tmp_path / "began").exists, "the command has begun")
    process.send_signal(signal.SIGTERM)

    assert end_of(process, environ)[:2] == (
        20,
        {"reason": "Drained", "message": "Asked to end during the warm-up.", "gpu": None},
    )


@pytest.fixture
def an_agent(runtime, container, tmp_path):
    """Starts an agent in an image whose wandb has nothing to do."""
    package = tmp_path / "image" / "wandb"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0.31.0"\n')
    (package / "__main__.py").write_text("")
    told = {
        "WANDBSWEEP_SWEEP": "team/lab/abc",
        "WANDBSWEEP_PYTHON": sys.executable,
        "PYTHONPATH": str(tmp_path / "image"),
        "WANDB_BASE_URL": "http://localhost:9",
    }

    def start(**changes):
        environ = {**container, **told, **changes}
        command = [runtime / "bin" / "wandbsweep-agent"]
        return subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True), environ

    return start


def test_an_agent_begins_with_what_the_warm_up_left(runtime, container, an_agent, tmp_path):
    end_of(a_warm_up(runtime, container), container)
    user = tmp_path / "other-user"
    user.mkdir()

    code, words, told = end_of(*an_agent(HOME=str(user), WANDBSWEEP_WARM_UP='["false"]'))

    assert (code, words["reason"]) == (0, "Done")
    assert "Caches were taken from isaac-lab-2.3.0_" in told
    assert (user / ".cache/ov/shader").exists()


def test_an_agent_whose_caches_stay_cold_works_all_the_same(an_agent):
    code, words, told = end_of(*an_agent(WANDBSWEEP_WARM_UP='["false"]'))

    assert (code, words["reason"]) == (0, "Done")
    assert "The warm-up of isaac-lab-2.3.0_" in told


def test_an_agent_that_is_asked_to_end_while_it_warms_up_was_drained(an_agent, tmp_path):
    code = f"import pathlib, time; pathlib.Path({str(tmp_path)!r}, 'began').touch(); time.sleep(60)"
    process, environ = an_agent(WANDBSWEEP_WARM_UP=json.dumps([sys.executable, "-c", code]))
    until((tmp_path / "began").exists, "the command has begun")
    process.send_signal(signal.SIGTERM)

    assert end_of(process, environ)[1]["reason"] == "Drained"


def test_an_agent_that_cannot_read_what_it_is_told_about_caches_says_which_variable(an_agent):
    code, words, _ = end_of(*an_agent(WANDBSWEEP_WARM_UP="{"))

    assert (code, words["reason"]) == (26, "BadEnvironment")
    assert "WANDBSWEEP_WARM_UP" in words["message"]
