"""The operator as a process: it starts with plain words about what it lacks, and ends when it is told to."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from kube_client import write_kubeconfig

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def try_to_start(kubeconfig, *flags, **variables):
    """How the operator ended that could not start, and what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    done = subprocess.run(
        [sys.executable, "-m", "wandbsweep", "operator", "--runtime-image=test", *flags],
        env={**environment, "KUBECONFIG": str(kubeconfig), **variables},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_an_operator_in_the_middle_of_its_work_ends_at_once_when_it_is_told_to(proxied_operator, place):
    place.apply()
    place.until_jobs("anymal-0-0")

    told_at = time.monotonic()
    proxied_operator.stop()

    assert time.monotonic() - told_at < 3
    assert "Traceback" not in proxied_operator.log


def test_without_a_cluster_it_says_so(tmp_path):
    code, words = try_to_start(tmp_path / "nothing", HOME=str(tmp_path))

    assert code == 1
    assert "set KUBECONFIG" in words


def test_an_address_that_is_taken_is_named(tmp_path, shared_operator, kube):
    code, words = try_to_start(kube.kubeconfig, "--http-address", f"127.0.0.1:{shared_operator.port}")

    assert code == 1
    assert f"--http-address 127.0.0.1:{shared_operator.port}" in words


def test_an_address_without_a_port_is_refused(tmp_path):
    code, words = try_to_start(write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:1"), "--http-address=here")

    assert code == 2
    assert "is not host:port" in words
