"""The container's last words are JSON that is whole, however much there is to say, and hold no secret."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.ending import Ending
from wandbsweep.agent.exit_codes import AgentExit
from wandbsweep.agent.ledger import seconds_of_life
from wandbsweep.agent.outcomes import Tally
from wandbsweep.agent.termination import without_secrets, write_termination_message

KUBERNETES_KEEPS = 4096


def test_runs_causes_and_seconds_are_told(tmp_path):
    path = tmp_path / "log"
    runs = Tally(finished=1, preempted=1, causes={"finished": 1, "preempted": 1})
    write_termination_message(str(path), Ending(AgentExit.DRAINED, "Ended."), runs, seconds_of_life({"finished": 1}, 3))
    assert json.loads(path.read_text()) == {
        "reason": "Drained",
        "message": "Ended.",
        "runs": {"finished": 1, "failed": 0, "stopped": 0, "preempted": 1},
        "causes": {"finished": 1, "preempted": 1},
        "seconds": {"startup": 0, "finished": 1, "failed": 0, "preempted": 0, "idle": 2},
    }


@given(st.text(max_size=5000))
def test_they_fit_into_what_kubernetes_keeps(tmp_path_factory, message):
    path = tmp_path_factory.mktemp("words") / "log"
    every = Tally(finished=10**9, failed=10**9, causes={cause.value: 10**9 for cause in Cause})
    seconds = dict.fromkeys(seconds_of_life({}, 1), 123456789.123)
    write_termination_message(str(path), Ending(AgentExit.RUNS_FAILED, message), every, seconds)
    assert len(path.read_bytes()) <= KUBERNETES_KEEPS
    assert message.startswith(json.loads(path.read_text())["message"])


def test_a_key_in_the_output_of_a_trainer_is_not_told():
    assert without_secrets("no account for abc", {"WANDB_API_KEY": "abc\n"}) == "no account for <WANDB_API_KEY>"
