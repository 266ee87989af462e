"""Manifests are read as written, and status is written as Kubernetes spells it."""

from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from wandbsweep.api.reasons import ConditionType, Phase, Reason
from wandbsweep.api.spec import DeletionPolicy, WandbSweepSpec
from wandbsweep.api.status import Agents, BestRun, Condition, ConditionStatus, Runs, WandbSweepStatus

TEMPLATE = {"spec": {"containers": [{"name": "train", "image": "isaac-lab"}]}}


def test_a_short_manifest_gets_the_defaults():
    spec = WandbSweepSpec.model_validate({"sweepID": "nkbj7529", "project": "anymal", "template": TEMPLATE})

    assert spec.agent_count == 1
    assert spec.wandb.base_url is None
    assert (spec.wandb.api_key_secret_ref.name, spec.wandb.api_key_secret_ref.key) == ("wandb-api-key", "apiKey")
    assert spec.runs_per_agent is spec.max_runs is spec.sweep is spec.sweep_from is spec.deletion_policy is None


def test_a_full_manifest_is_read_field_by_field():
    spec = WandbSweepSpec.model_validate(
        {
            "entity": "rsl", "project": "anymal", "agentCount": 8, "runsPerAgent": 10, "maxRuns": 200,
            "sweepFrom": {"configMapKeyRef": {"name": "anymal", "key": "sweep.yaml"}},
            "deletionPolicy": "Cancel",
            "wandb": {"baseURL": "https://wandb.lab", "apiKeySecretRef": {"name": "keys", "key": "mine"}},
            "template": TEMPLATE,
            "fieldOfANewerVersion": True,
        }
    )  # fmt: skip

    assert spec.sweep_from is not None
    assert spec.sweep_from.config_map_key_ref.key == "sweep.yaml"
    assert spec.wandb.base_url == "https://wandb.lab"
    assert spec.wandb.api_key_secret_ref.name == "keys"
    assert spec.deletion_policy is DeletionPolicy.CANCEL
    assert spec.template == TEMPLATE
    assert (spec.agent_count, spec.runs_per_agent, spec.max_runs) == (8, 10, 200)


def test_a_sweep_keeps_every_key_and_number_as_written():
    sweep = {"method": "random", "parameters": {"lr": {"min": 1e-4, "max": 1e-3}}, "any_key": [1, 2.5, None]}

    assert WandbSweepSpec.model_validate({"sweep": sweep, "template": TEMPLATE}).sweep == sweep


def test_status_is_written_in_camel_case_and_read_back_equal():
    status = WandbSweepStatus(
        observed_generation=3,
        phase=Phase.RUNNING,
        conditions=[
            Condition(
                type=ConditionType.READY,
                status=ConditionStatus.TRUE,
                observed_generation=3,
                last_transition_time=datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2))),
                reason=Reason.AGENTS_RUNNING,
                message="8 of 8 agents are ready",
            )
        ],
        sweep_id="nkbj7529",
        sweep_url="https://wandb.ai/rsl/anymal/sweeps/nkbj7529",
        agents=Agents(desired=8, active=8, ready=7),
        runs=Runs(total=40, running=5, finished=33, failed=2, cap=200),
        best=BestRun(run_id="x", metric="reward", value=0.8131, parameters={"lr": 1e-05}),
    )

    written = status.model_dump(by_alias=True, exclude_none=True, mode="json")

    assert written["conditions"][0]["lastTransitionTime"] == "2026-03-01T10:00:00Z"
    assert written["conditions"][0]["type"] == "Ready"
    assert written["sweepID"] == "nkbj7529"
    assert written["sweepURL"].endswith("nkbj7529")
    assert written["agents"]["summary"] == "7/8"
    assert written["runs"]["summary"] == "35/200"
    assert written["best"]["runID"] == "x"
    assert "completionTime" not in written
    assert WandbSweepStatus.model_validate(written) == status
    assert status.condition(ConditionType.READY) is status.conditions[0]
    assert status.condition(ConditionType.COMPLETE) is None


def test_runs_without_a_cap_show_how_many_ended():
    assert Runs(total=9, running=2, finished=4, crashed=1, killed=1, preempted=1).summary == "6"


def test_a_condition_that_a_newer_operator_wrote_is_left_out():
    newer = {"type": "Suspended", "status": "True", "lastTransitionTime": "2026-03-01T10:00:00Z", "reason": "Asked"}

    assert WandbSweepStatus.model_validate({"conditions": [newer]}).conditions == []


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValidationError, match="timezone"):
        WandbSweepStatus(start_time=datetime(2026, 3, 1))  # noqa: DTZ001 that is the mistake
