"""The words of the tools themselves are recognised, and ordinary output is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wandbsweep.agent.signatures import (
    last_line,
    tells_of_memory,
    tells_of_refused_arguments,
    tells_of_simulator,
)

OF_MEMORY = [
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 23.65 GiB total capacity)",
    "torch.OutOfMemoryError: CUDA out of memory.",
    "RuntimeError: CUDA error: out of memory",
    "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array",
    "terminate called after throwing an instance of 'std::bad_alloc'",
    "OSError: [Errno 12] Cannot allocate memory",
    "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes.",
    "[Error] [carb.graphics-vulkan.plugin] VkResult: ERROR_OUT_OF_DEVICE_MEMORY",
]

OF_THE_SIMULATOR = [
    "[Error] [carb.graphics-vulkan.plugin] VkResult: ERROR_INCOMPATIBLE_DRIVER",
    "[Error] [gpu.foundation.plugin] carb::graphics::createInstance failed.",
    "[Error] [gpu.foundation.plugin] No device could be created. Some known system issues:",
    "[Error] [omni.gpu_foundation_factory.plugin] Failed to create any GPU devices, including an attempt with x",
    "[Error] [omni.gpu_foundation_factory.plugin] Failed to create GPU foundation devices for compatibilityMode!",
    "[Warning] [gpu.foundation.plugin] Skipping NVIDIA GPU due CUDA being in bad state: NVIDIA RTX Pro 6000",
    "RuntimeError: vk::createInstanceUnique: ErrorIncompatibleDriver",
    "UserWarning: CUDA initialization: CUDA driver initialization failed, you might not have a CUDA gpu.",
    "Failed to initialize NVML: Driver/library version mismatch",
    "RuntimeError: No CUDA GPUs are available",
    "RuntimeError: CUDA error: no CUDA-capable device is detected",
]

ORDINARY = [
    "Learning iteration 17/1500\nMean reward: 3.14\n",
    "Traceback (most recent call last):\nValueError: Expected parameter loc to satisfy the constraint Real()",
    "ModuleNotFoundError: No module named 'isaaclab_tasks'",
    "KeyError: 'memory'",
    "[Info] [carb] vulkan device created, usage: 12 %",
    "AssertionError: out of range",
]


@pytest.mark.parametrize("line", OF_MEMORY)
def test_words_of_memory_are_known(line):
    assert tells_of_memory(f"step 1\n{line}\n")


@pytest.mark.parametrize("line", OF_THE_SIMULATOR)
def test_words_of_the_simulator_are_known(line):
    assert tells_of_simulator(f"loading\n{line}\n")
    assert not tells_of_memory(line)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_output_tells_nothing(text):
    assert not tells_of_memory(text)
    assert not tells_of_simulator(text)
    assert not tells_of_refused_arguments(text, 1)
    assert not tells_of_refused_arguments(text, 2)


HYDRA_TRAINER = """
import hydra
from omegaconf import DictConfig, OmegaConf
from hydra.core.config_store import ConfigStore
from dataclasses import dataclass
@dataclass
class Agent:
    lr: float = 1.0
ConfigStore.instance().store(name="config", node=Agent)
@hydra.main(version_base=None, config_name="config")
def main(config): pass
main()
"""

ARGPARSE_TRAINER = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--mode", choices=["a"])
parser.parse_args()
"""


@pytest.mark.parametrize("full", ["0", "1"])
@pytest.mark.parametrize("word", ["rate=1", "lr=fast", "lr=[", "lr", "~rate", "agent/x=y", "+lr=2"])
def test_whatever_hydra_refuses_is_recognised(word, full, tmp_path):
    ended = _run(HYDRA_TRAINER, word, tmp_path, HYDRA_FULL_ERROR=full)
    assert ended.returncode == 1, ended.stderr
    assert tells_of_refused_arguments(ended.stderr, 1), ended.stderr


@pytest.mark.parametrize("words", [["--lr=x"], ["--momentum=1", "--lr=1"], [], ["--lr=1", "--mode=b"], ["--lr"]])
def test_whatever_argparse_refuses_is_recognised(words, tmp_path):
    ended = _run(ARGPARSE_TRAINER, *words, tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert tells_of_refused_arguments(ended.stderr, 2), ended.stderr


def _run(program, *words_and_folder, **environment):
    *words, folder = words_and_folder
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_last_line_is_the_trainers_and_not_wandbs():
    tail = (
        "Traceback (most recent call last):\nRuntimeError: no GPU\n\n"
        "\x1b[1;34mwandb\x1b[0m: \n\x1b[1;34mwandb\x1b[0m: View run at: http://x\n"
    )
    assert last_line(tail) == "RuntimeError: no GPU"


@pytest.mark.parametrize(("tail", "line"), [("", ""), ("\n \n", ""), ("wandb: offline\n", "wandb: offline")])
def test_without_a_word_of_its_own_the_last_line_is_what_there_is(tail, line):
    assert last_line(tail) == line
