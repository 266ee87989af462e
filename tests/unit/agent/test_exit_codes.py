"""Exit codes are an interface: distinct, documented, and never mistaken for a signal."""

from __future__ import annotations

from pathlib import Path

import pytest

from wandbsweep.agent.exit_codes import SIGNAL_BASE, AgentExit, TrialExit
from wandbsweep.agent.reference_pages import pages

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_says_what_the_code_says(name):
    assert (DOCS / name).read_text() == pages()[name], "regenerate it: python -m wandbsweep.agent.reference_pages docs"


def test_the_codes_that_the_operator_reads_never_change():
    assert {code.name: code.value for code in AgentExit} == {
        "DONE": 0,
        "DRAINED": 20,
        "RUNS_FAILED": 21,
        "SWEEP_GONE": 22,
        "WANDB_UNREACHABLE": 23,
        "API_KEY_REJECTED": 24,
        "WANDB_MISSING": 25,
        "BAD_ENVIRONMENT": 26,
        "AGENT_CRASHED": 27,
    }


def test_no_code_means_two_things_or_looks_like_a_signal():
    codes = [*AgentExit, *TrialExit]
    assert len({int(code) for code in codes}) == len(codes)
    assert all(int(code) < SIGNAL_BASE for code in codes)


def test_every_code_has_a_reason_and_a_reader():
    assert all(code.reason and code.when.endswith(".") and code.reader.endswith(".") for code in AgentExit)
    assert all(code.when.endswith(".") and code.reader.endswith(".") for code in TrialExit)
