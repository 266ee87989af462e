"""The Job that fills caches is created, refused and removed as those of agents are."""

from __future__ import annotations

import pytest

from builders import PATH, RUNTIME, a_live_object, a_spec
from unit.controller.api_server import failure
from wandbsweep.api.reasons import Reason
from wandbsweep.controller.applying import Applier
from wandbsweep.controller.observing import Observation
from wandbsweep.pool.actions import Plan, RemoveWarmUp, StartWarmUp

JOBS = "/apis/batch/v1/namespaces/robots/jobs"
SNAPSHOT = a_live_object(spec=a_spec(isaac={"acceptEULA": True, "cache": {"claimName": "isaac-cache"}}))


@pytest.fixture
def apply(kube):
    async def carry_out(*actions):
        outcome, _ = await Applier(kube, None, RUNTIME).apply(Observation({}, SNAPSHOT, None), Plan(actions))
        return outcome

    return carry_out


async def test_it_is_created_with_its_volume(api, apply):
    outcome = await apply(StartWarmUp(3, PATH))

    ((method, path, body),) = api.requests
    assert (method, path, outcome.started_warm_up) == ("POST", JOBS, "anymal-warm-up-3")
    volumes = [volume.get("persistentVolumeClaim") for volume in body["spec"]["template"]["spec"]["volumes"]]
    assert {"claimName": "isaac-cache"} in volumes


async def test_one_that_is_there_already_is_no_trouble(api, apply):
    api.trouble = failure(409, "already exists")

    outcome = await apply(StartWarmUp(0, PATH))

    assert (outcome.started_warm_up, outcome.agents_problem) == (None, None)


async def test_one_that_is_refused_is_told_where_agents_are(api, apply):
    api.trouble = failure(403, "exceeded quota: gpus")

    problem = (await apply(StartWarmUp(0, PATH))).agents_problem

    assert problem.reason is Reason.AGENT_REJECTED
    assert problem.message.startswith("The API server refuses the warm-up's Job: ")
    assert "exceeded quota: gpus" in problem.message


async def test_one_at_work_stays_until_its_gpu_is_free(api, apply):
    await apply(RemoveWarmUp("anymal-warm-up-0", running=True, why="x"), RemoveWarmUp("a", running=False, why="x"))

    policies = {path: body["propagationPolicy"] for _, path, body in api.requests}
    assert policies == {f"{JOBS}/anymal-warm-up-0": "Foreground", f"{JOBS}/a": "Background"}
