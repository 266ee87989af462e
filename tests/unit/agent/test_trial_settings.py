"""What a trial is told by its environment; on a workstation it is told nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.agent.drain import drain_budget
from wandbsweep.agent.trial_settings import TrialSettings
from wandbsweep.agent.watch import BadLimitError, Limits


def test_on_a_workstation_nothing_is_limited_and_nobody_hurries():
    settings = TrialSettings.from_environ({})
    assert settings.limits == Limits()
    assert settings.startup_retries == 0
    assert settings.patience(draining=False) is None
    assert settings.patience(draining=True) is None


@given(st.floats(0, 3600), st.floats(0.1, 3600))
def test_a_trainer_is_killed_before_its_launcher_is(grace, kill_delay):
    environ = {"WANDBSWEEP_GRACE_SECONDS": str(grace), "WANDB_AGENT_KILL_DELAY": str(kill_delay)}
    settings = TrialSettings.from_environ(environ)
    assert 0 <= settings.patience(draining=True) < drain_budget(grace).term_timeout
    assert 0 <= settings.patience(draining=False) < kill_delay


def test_a_stopped_run_has_as_long_as_the_wandb_agent_gives_it():
    assert TrialSettings.from_environ({"WANDBSWEEP_GRACE_SECONDS": "600"}).patience(draining=False) == 27


@pytest.mark.parametrize("text", ["-1", "two", "1.5"])
def test_a_number_of_retries_that_cannot_be_read_is_named_with_the_remedy(text):
    with pytest.raises(BadLimitError, match=r"WANDBSWEEP_STARTUP_RETRIES is .*: set it to"):
        TrialSettings.from_environ({"WANDBSWEEP_STARTUP_RETRIES": text})
