from __future__ import annotations

import os
import subprocess
import sys

import pytest

MISTAKES = {
    "no such command": (["swep"], "No such command 'swep'"),
    "operator without its image": (["operator"], "--runtime-image"),
    "operator with an address that is none": (
        ["operator", "--runtime-image", "x", "--http-address", "8080"],
        "host:port",
    ),
    "operator with a password in the address of W&B": (
        ["operator", "--runtime-image", "x", "--wandb-base-url", "https://a:hunter2@wandb.lab"],
        "--wandb-base-url",
    ),
    "operator without a cluster": (["operator", "--runtime-image", "x"], "set KUBECONFIG"),
    "server with a port that is none": (["server", "--port", "many"], "--port"),
    "lint of a file that is not there": (["lint", "no-such.yaml"], "no-such.yaml"),
    "convert of a file that is not there": (["convert", "no-such.yaml", "--image", "x"], "error: no-such.yaml"),
    "preview of so many trials": (["preview", "no-such.yaml", "-n", "many"], "-n"),
    "render of a setting without a value": (["render", "no-such.yaml", "--set", "lr"], "NAME=VALUE"),
    "config of a folder": (["config", "."], "error: .: cannot be read"),
    "trial without a command": (["trial", "{}"], "trial"),
    "trial with arguments that are no JSON": (["trial", "{", "--", "true"], "JSON"),
    "agent without its environment": (["agent"], "WANDBSWEEP_SWEEP"),
}


@pytest.mark.parametrize(("arguments", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_users_mistake_is_told_in_words_and_never_by_a_traceback(arguments, told, tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "KUBE"))}
    done = subprocess.run(
        [sys.executable, "-m", "wandbsweep", *arguments],
        check=False,
        text=True,
        capture_output=True,
        cwd=tmp_path,
        env={**kept, "KUBECONFIG": str(tmp_path / "none"), "HOME": str(tmp_path)},
        timeout=30,
    )

    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert told in said
    assert "Traceback" not in said
