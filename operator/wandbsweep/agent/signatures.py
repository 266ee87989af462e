"""Words in a trainer's last output that tell why it ended, as Python, Hydra, PyTorch, CUDA and Isaac Sim say them."""

from __future__ import annotations

import re
from typing import Final

_OUT_OF_MEMORY: Final = re.compile(
    r"\btorch\.(?:cuda\.)?OutOfMemoryError"
    r"|\bCUDA out of memory"
    r"|\bCUDA error: out of memory"
    r"|\bCUDA_ERROR_OUT_OF_MEMORY"
    r"|\bcudaErrorMemoryAllocation"
    r"|\bCU(?:BLAS|DNN)_STATUS_ALLOC_FAILED"
    r"|\bERROR_OUT_OF_(?:DEVICE|HOST)_MEMORY"
    r"|\bRESOURCE_EXHAUSTED: Out of memory"
    r"|^(?:\w+\.)*_?(?:Array)?MemoryError\b"
    r"|\bstd::bad_alloc"
    r"|\bOSError: \[Errno 12\] Cannot allocate memory",
    re.MULTILINE,
)
"""A GPU crash of Isaac Sim names memory among other guesses, in lower case; that is no proof."""

_KILLED_CHILD: Final = re.compile(r"\bkilled by signal: Killed|\bSIGKILL\b|^Killed$", re.MULTILINE)
"""As PyTorch's DataLoader, torchrun and shells report it of a process of theirs."""

_REFUSED_BY_ARGPARSE: Final = re.compile(
    r"^usage: "
    r"|\berror: (?:unrecognized arguments|the following arguments are required|ambiguous option)"
    r"|\berror: argument \S+.*: (?:invalid|expected)"
    r"|^Error: No such option"
    r"|^Error: (?:Invalid value|Missing (?:option|argument|parameter)|Got unexpected extra argument)",
    re.MULTILINE,
)

_REFUSED_BY_HYDRA: Final = re.compile(
    r"\bhydra\.errors\.(?:OverrideParseException|ConfigCompositionException|MissingConfigException)"
    r"|\bLexerNoViableAltException"
    r"|^Error parsing override '"
    r"|^(?:mismatched input|no viable alternative at input|missing EQUAL at) "
    r"|^Could not (?:override '|append to config|delete from config)"
    r"|^Error merging override "
    r"|\bSee https://hydra\.cc/docs/\S*/override_grammar"
    r"|\[Config\]: (?:Key not found|Incorrect (?:type|length)) under namespace",
    re.MULTILINE,
)
"""The last is Isaac Lab's, which puts the values into its classes after Hydra."""

_NOT_FOUND_BEHIND_A_SCRIPT: Final = re.compile(r": (?:command )?not found$|: No such file or directory$", re.MULTILINE)

_SIMULATOR: Final = re.compile(
    r"\bvkCreateInstance failed"
    r"|\bvkCreateDevice failed"
    r"|\bVkResult: ERROR_(?:INITIALIZATION_FAILED|INCOMPATIBLE_DRIVER|DEVICE_LOST)"
    r"|\bcarb::graphics::create(?:Instance|Device) failed"
    r"|\bgpu[._]foundation\S*\] (?:No device could be created|A GPU crash occurred|Skipping NVIDIA GPU due CUDA)"
    r"|\bFailed to create (?:any GPU devices|GPU foundation devices|a swapchain)"
    r"|\b[Nn]o (?:compatible|suitable|Vulkan-compatible) (?:GPU|device|graphics)"
    r"|\bErrorIncompatibleDriver"
    r"|\bCUDA driver initialization failed"
    r"|\b(?:Failed to initialize|Can't initialize) NVML"
    r"|\b[Dd]river/library version mismatch"
    r"|\bNo CUDA GPUs are available"
    r"|\bno CUDA-capable device is detected"
    r"|\bCUDA (?:driver )?error: (?:initialization error|unknown error|all CUDA-capable devices are busy)"
    r"|\bCUDA_ERROR_(?:NOT_INITIALIZED|NO_DEVICE|UNKNOWN|SYSTEM_NOT_READY|SYSTEM_DRIVER_MISMATCH|DEVICE_UNAVAILABLE)"
    r"|\bcudaError(?:NoDevice|InitializationError|DevicesUnavailable|SystemNotReady|SystemDriverMismatch)"
    r"|\bsystem not yet initialized \(error 802\)"
    r"|\bFailed to (?:startup|load) plugin \S*(?:gpu[._]foundation|carb\.graphics|omni\.hydra|rtx\.)"
    r"|\[Fatal\] \[(?:carb|omni)\.",
)


_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_OF_WANDB: Final = re.compile(r"^wandb:(?: |$)")


def last_line(tail: str) -> str:
    """What the trainer itself said last; wandb takes its leave after that."""
    lines = [line.strip() for line in _COLOUR.sub("", tail).splitlines() if line.strip()]
    own = [line for line in lines if not _OF_WANDB.match(line)]
    return (own or lines or [""])[-1]


def tells_of_exception(tail: str) -> bool:
    """A Python program, or a thread of it, ended by an exception that nobody caught."""
    return "Traceback (most recent call last):" in tail


def tells_of_memory(tail: str) -> bool:
    """Memory was used up, of the machine or of the GPU."""
    return bool(_OUT_OF_MEMORY.search(tail))


def tells_of_killed_child(tail: str) -> bool:
    """A process of the trainer's died by SIGKILL, and the trainer of that."""
    return bool(_KILLED_CHILD.search(tail))


def tells_of_refused_arguments(tail: str, exit_code: int, argparse_code: int = 2) -> bool:
    """The trainer could not make sense of what it was given; argparse and click end with a code of their own then."""
    return bool(_REFUSED_BY_HYDRA.search(tail) or (exit_code == argparse_code and _REFUSED_BY_ARGPARSE.search(tail)))


def tells_of_missing_program(tail: str, exit_code: int) -> bool:
    """A shell or `env` before the trainer did not find it, or could not execute it."""
    return exit_code in {126, 127} and bool(_NOT_FOUND_BEHIND_A_SCRIPT.search(tail))


def tells_of_simulator(tail: str) -> bool:
    """The simulator, its GPU or its driver did not come up."""
    return bool(_SIMULATOR.search(tail))
