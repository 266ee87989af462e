"""Engines of W&B's own scheduler run on the pool; what cannot be searched holds nothing and says why."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from operators import running_operator
from places import a_place
from searched_sweeps import a_search, by_optuna, by_protein, runs, searches
from servers import running_server
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

QUICK = Path(__file__).parents[2] / "systems" / "metta" / "quick.yaml"


def test_optuna_makes_exactly_as_many_good_runs_as_were_asked_for_beside_those_that_fail(operated, node_for, tmp_path):
    failures = tmp_path / "failures"
    failures.mkdir()
    for token in ("first", "second"):
        (failures / token).touch()
    node_for(operated, TRAINER_FAILURES=str(failures))
    operated.apply(sweep=by_optuna(), agentCount=2, maxRuns=5, search=a_search())

    operated.until_condition("Complete", seconds=240)

    assert len(runs(operated, "finished")) == 5
    assert len(runs(operated, "failed")) == 2
    assert len(runs(operated)) == 7
    status = operated.status()
    assert (status["method"], status["phase"]) == ("custom", "Succeeded")
    assert set(status["best"]["parameters"]) == {"lr"}


def test_a_server_without_the_scheduler_feature_gets_no_sweep_and_no_pod_starts(kube, tmp_path):
    with (
        running_server(tmp_path / "server", local_scheduler="false") as server,
        a_place(kube, f"own-{uuid.uuid4().hex[:10]}", server) as place,
        running_operator(tmp_path / "operator", kube.kubeconfig, server.url, place.namespace),
    ):
        place.give_key()
        place.apply(sweep=by_protein(), maxRuns=8)

        condition = place.until_condition("SweepCreated", "False", reason="SchedulerUnsupported")

        assert "lacks the feature SWEEPS_LOCAL_SCHEDULER" in condition["message"]
        assert place.condition("Ready")["reason"] == "SchedulerUnsupported"
        assert place.condition("SweepValid")["reason"] == "Valid"
        until(lambda: "SchedulerUnsupported" in place.event_reasons(), "an Event tells of it")
        assert (place.jobs(), place.sweeps()) == ([], [])


def test_a_template_of_the_search_that_the_api_server_refuses_is_named_by_its_field(operated):
    template = {"spec": {"containers": [{"resources": {"limits": {"memory": "much"}}}]}}
    operated.apply(sweep=by_protein(), maxRuns=8, search={"template": template})

    condition = operated.until_condition("SweepValid", "False", reason="TemplateRejected")

    assert condition["message"].startswith("spec.search.template: the API server refuses the search's Job: ")
    assert (operated.jobs(), operated.sweeps()) == ([], [])


def test_mettas_own_sweep_waits_for_its_search_before_it_holds_an_agent(operated):
    operated.give_config_map("metta", **{"quick.yaml": QUICK.read_text()})
    operated.apply(
        sweepFrom={"configMapKeyRef": {"name": "metta", "key": "quick.yaml"}},
        agentCount=3,
        maxRuns=16,
        search=a_search(),
    )

    operated.until_condition("SearchReady", "False", reason="SearchStarting")

    until(lambda: operated.job_names() == ["anymal-search-0"], "the search is there")
    assert operated.status()["agents"] == {"desired": 3, "active": 0, "ready": 0, "summary": "0/3"}
    (row,) = operated.kubectl("get", "wandbsweep", "--no-headers").splitlines()
    assert row.split()[:3] == ["anymal", "Running", "protein"]
    (sweep,) = operated.sweeps()
    assert "method: custom" in sweep["config"]

    operated.give_config_map("metta", **{"quick.yaml": QUICK.read_text().replace("max: 0.001", "max: 0.002")})
    operated.kubectl("delete", "job", "anymal-search-0")

    condition = operated.until_condition("SearchReady", "False", reason="SearchInvalid")
    assert "ConfigMap metta/quick.yaml is another definition by now" in condition["message"]
    assert (searches(operated), len(operated.sweeps())) == ([], 1)


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
