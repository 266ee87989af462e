"""What a run that goes on is given, and what one that begins is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wandbsweep.agent.checkpoint import CheckpointError, prepare_run
from wandbsweep.agent.wandb_run import RunLook

RESUME = json.dumps(["--resume", "--from=${checkpoint_dir}/last.pt"])
BEGUN = RunLook(exists=True, begun=True, state="pending")
HANDED_OUT = RunLook(exists=True, begun=False, state="pending")


class OnWandb:
    """A run of which W&B says this."""

    def __init__(self, look):
        self._look = look

    def look(self, _budget):
        return self._look


def prepared(look, **variables):
    environ = {"WANDB_SWEEP_ID": "s1", **variables}
    return prepare_run(environ, "r1", OnWandb(look))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "checkpoints"


def test_a_run_has_a_folder_of_its_own_before_its_trainer_starts(root):
    run = prepared(HANDED_OUT, WANDBSWEEP_CHECKPOINTS=str(root))
    assert run.checkpoint_dir == str(root / "s1" / "r1")
    assert Path(run.checkpoint_dir).is_dir()
    assert run.environment["WANDBSWEEP_CHECKPOINT_DIR"] == run.checkpoint_dir


def test_a_run_that_begins_gets_no_words_for_going_on(root):
    run = prepared(HANDED_OUT, WANDBSWEEP_CHECKPOINTS=str(root), WANDBSWEEP_RESUME_ARGS=RESUME)
    assert run.complete(["train"]) == ["train"]
    assert run.environment["WANDBSWEEP_RESUMED"] == "false"
    assert run.environment["WANDB_RESUME"] == "allow"


@pytest.mark.parametrize("look", [BEGUN, HANDED_OUT, None])
def test_a_run_with_something_in_its_folder_goes_on_from_there(root, look):
    (root / "s1" / "r1").mkdir(parents=True)
    (root / "s1" / "r1" / "last.pt").touch()
    run = prepared(look, WANDBSWEEP_CHECKPOINTS=str(root), WANDBSWEEP_RESUME_ARGS=RESUME)
    assert run.complete(["train"]) == ["train", "--resume", f"--from={root}/s1/r1/last.pt"]
    assert run.environment["WANDBSWEEP_RESUMED"] == "true"


def test_a_run_that_was_interrupted_before_its_first_checkpoint_is_not_told_to_load_one(root):
    run = prepared(BEGUN, WANDBSWEEP_CHECKPOINTS=str(root), WANDBSWEEP_RESUME_ARGS=RESUME)
    assert run.complete(["train"]) == ["train"]
    assert run.environment["WANDBSWEEP_RESUMED"] == "true"


def test_without_a_place_for_checkpoints_wandb_knows_whether_a_run_goes_on():
    words = json.dumps(["--resume"])
    assert prepared(BEGUN, WANDBSWEEP_RESUME_ARGS=words).complete(["train"]) == ["train", "--resume"]
    assert prepared(HANDED_OUT, WANDBSWEEP_RESUME_ARGS=words).complete(["train"]) == ["train"]
    assert prepared(None, WANDBSWEEP_RESUME_ARGS=words).complete(["train"]) == ["train"]


def test_what_a_user_says_about_resuming_stays():
    assert prepared(None, WANDB_RESUME="never").environment["WANDB_RESUME"] == "never"


def test_on_a_workstation_without_anything_a_trainer_just_starts():
    assert prepare_run({}, "process-1", None).complete(["train"]) == ["train"]


@pytest.mark.parametrize("word", ["${checkpoint_dir}", "--dir=${checkpoint_dir}/x"])
def test_a_command_that_asks_for_a_folder_in_vain_is_told_the_remedy(word):
    with pytest.raises(CheckpointError, match=r"spec\.checkpoint .* WANDBSWEEP_CHECKPOINTS"):
        prepared(None).complete(["train", word])


@pytest.mark.parametrize("words", ["--resume", '"--resume"', "[1]", "{}"])
def test_words_that_are_no_list_are_told(words):
    with pytest.raises(CheckpointError, match="WANDBSWEEP_RESUME_ARGS must be a JSON list"):
        prepared(None, WANDBSWEEP_RESUME_ARGS=words)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="WANDBSWEEP_CHECKPOINTS must name a folder"):
        prepared(None, WANDBSWEEP_CHECKPOINTS=str(tmp_path / "file"))


def test_a_name_from_outside_leads_nowhere_else(root):
    run = prepare_run({"WANDBSWEEP_CHECKPOINTS": str(root), "WANDB_SWEEP_ID": "../.."}, "../r1", None)
    assert Path(run.checkpoint_dir).resolve().is_relative_to(root.resolve())
