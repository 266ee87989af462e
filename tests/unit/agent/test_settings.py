"""A variable that is missing or malformed is named, with the remedy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.agent.drain import drain_budget
from wandbsweep.agent.settings import AgentSettings, BadEnvironmentError

GOOD = {"WANDBSWEEP_SWEEP": "team/lab/abc12345"}


def test_the_sweep_alone_is_enough():
    settings = AgentSettings.from_environ(GOOD)
    assert settings.sweep == "team/lab/abc12345"
    assert settings.runs_per_agent is None
    assert settings.grace_seconds == 30.0
    assert settings.server == "https://api.wandb.ai"
    assert settings.termination_log == "/dev/termination-log"


def test_every_variable_is_read():
    settings = AgentSettings.from_environ(
        {
            **GOOD,
            "WANDBSWEEP_RUNS_PER_AGENT": "3",
            "WANDBSWEEP_GRACE_SECONDS": "90",
            "WANDBSWEEP_LEAVE_FILE": "/pod/leave",
            "WANDBSWEEP_PYTHON": "/opt/python",
            "WANDB_BASE_URL": "http://wandb:8080",
            "WANDBSWEEP_TERMINATION_LOG": "/tmp/last-words",
        }
    )
    assert settings == AgentSettings(
        "team/lab/abc12345", 3, 90.0, "http://wandb:8080", "/pod/leave", "/opt/python", "/tmp/last-words"
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WANDBSWEEP_SWEEP", ""),
        ("WANDBSWEEP_SWEEP", "abc12345"),
        ("WANDBSWEEP_SWEEP", "lab/abc12345"),
        ("WANDBSWEEP_SWEEP", "team//abc12345"),
        ("WANDBSWEEP_RUNS_PER_AGENT", "0"),
        ("WANDBSWEEP_RUNS_PER_AGENT", "many"),
        ("WANDBSWEEP_RUNS_PER_AGENT", "-1"),
        ("WANDBSWEEP_GRACE_SECONDS", "soon"),
        ("WANDBSWEEP_GRACE_SECONDS", "-1"),
        ("WANDBSWEEP_GRACE_SECONDS", "nan"),
        ("WANDBSWEEP_GRACE_SECONDS", "inf"),
    ],
)
def test_a_bad_variable_is_named_with_the_remedy(variable, value):
    with pytest.raises(BadEnvironmentError, match=rf"{variable} is .*: set it to "):
        AgentSettings.from_environ({**GOOD, variable: value})


@given(st.floats(min_value=0, max_value=86_400))
def test_everything_has_ended_before_kubernetes_would_kill_it(grace):
    budget = drain_budget(grace)
    assert budget.kill_after <= max(grace - 2, grace / 2)
    assert budget.term_timeout >= 1
    assert budget.trainer_seconds < budget.term_timeout


@given(st.floats(min_value=10, max_value=86_400))
def test_the_trainer_has_nearly_all_of_a_long_grace_period(grace):
    budget = drain_budget(grace)
    assert grace - 4 <= budget.term_timeout <= budget.kill_after - 1
    assert grace - 7 <= budget.trainer_seconds <= budget.term_timeout - 3
