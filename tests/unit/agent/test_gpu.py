"""What a container sees of its GPU, from the driver's own files or from nvidia-smi."""

from __future__ import annotations

import pytest

from wandbsweep.agent.gpu import Gpu, find_gpu


@pytest.fixture
def proc(tmp_path):
    folder = tmp_path / "proc"
    (folder / "gpus/0000:17:00.0").mkdir(parents=True)
    return folder


def test_the_driver_shows_both(proc):
    (proc / "version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)\n"
        "GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n"
    )
    (proc / "gpus/0000:17:00.0/information").write_text("Model: \t\t NVIDIA L40S\nIRQ:   \t\t 193\n")

    assert find_gpu({}, proc) == Gpu("NVIDIA L40S", "580.65.06")


def test_nvidia_smi_says_what_is_not_shown(proc, script):
    program = script("nvidia-smi", "echo 'NVIDIA H100 80GB HBM3, 535.183.01'\n", "/bin/sh")

    assert find_gpu({"PATH": f"{program.parent}:/bin"}, proc) == Gpu("NVIDIA H100 80GB HBM3", "535.183.01")


@pytest.mark.parametrize("text", ["exit 9", "echo", "echo unreadable"])
def test_one_that_says_nothing_useful_is_no_trouble(proc, script, text):
    program = script("nvidia-smi", text + "\n", "/bin/sh")

    assert find_gpu({"PATH": f"{program.parent}:/bin"}, proc).product is None


def test_without_a_gpu_nothing_is_known(tmp_path):
    assert find_gpu({"PATH": ""}, tmp_path) == Gpu()
