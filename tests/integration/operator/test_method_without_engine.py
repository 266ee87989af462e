"""A search by Protein is checked, and nothing is started for it while no engine can carry it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

QUICK = Path(__file__).parents[2] / "systems" / "metta" / "quick.yaml"


def test_mettas_own_sweep_is_valid_and_holds_no_agent(proxied_operator, place, kubernetes_between, wandb_between):
    wandb_between.go_down()  # it is not even asked
    place.give_config_map("metta", **{"quick.yaml": QUICK.read_text()})
    place.apply(sweepFrom={"configMapKeyRef": {"name": "metta", "key": "quick.yaml"}}, agentCount=3, maxRuns=16)

    condition = place.until_condition("SweepCreated", "False", reason="SearchEngineMissing")

    assert "wandbsweep preview" in condition["message"]
    assert place.condition("SweepValid")["reason"] == "Valid"
    assert place.condition("Ready")["reason"] == "SearchEngineMissing"
    assert place.condition("WandbReachable") == {}
    (row,) = place.kubectl("get", "wandbsweep", "--no-headers").splitlines()
    assert row.split()[:3] == ["anymal", "Pending", "protein"]
    until(lambda: place.event_reasons() == ["SearchEngineMissing"], "an Event tells of it")
    assert place.jobs() == []
    assert [call.path for call in kubernetes_between.writes] == [f"{place.path()}/status"]
    assert "Traceback" not in proxied_operator.log


def test_a_definition_that_protein_cannot_search_is_refused_like_any_other(operated):
    sweep = {
        "method": "protein",
        "metric": {"name": "reward", "goal": "maximize"},
        "parameters": {"trainer": {"gamma": {"distribution": "logit_normal", "min": 0.9, "max": 1}}},
    }
    operated.apply(sweep=sweep)

    condition = operated.until_condition("SweepValid", "False", reason="SweepInvalid")

    assert "spec.sweep.parameters.trainer.gamma.max: must lie between 0 and 1 for logit_norm" in condition["message"]
    assert "write 0.999999" in condition["message"]
    assert operated.condition("SweepCreated")["reason"] == "NotValid"
