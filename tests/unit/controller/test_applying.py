"""Plans are carried out in their order; trouble with W&B keeps nobody who has to go, and lets nobody in."""

from __future__ import annotations

import asyncio
import base64

import pytest

from builders import NOW, PATH, RUNTIME, a_live_object
from unit.controller.api_server import failure
from wandbsweep.agent.causes import Cause
from wandbsweep.api.reasons import Reason
from wandbsweep.controller import applying
from wandbsweep.controller.applying import Applier
from wandbsweep.controller.observing import Observation
from wandbsweep.pool.actions import (
    AskToLeave,
    DeleteObject,
    MarkRun,
    Plan,
    ReleaseObject,
    RemoveAgent,
    RemoveSearch,
    SetSweepState,
    StartAgent,
    StartSearch,
    TellSearch,
    UpdateSweep,
)
from wandbsweep.sweep.search_order import SearchOrder
from wandbsweep.sweep.searching import Engine
from wandbsweep.tracking.errors import ConfigRejected, SweepMissing, Unreachable
from wandbsweep.tracking.protocol import Account

ACCOUNT = Account("http://wandb.test", "k" * 40)
OBJECT = "/apis/wandbsweep.dev/v1alpha1/namespaces/robots/wandbsweeps/anymal"
JOBS = "/apis/batch/v1/namespaces/robots/jobs"
POD = "/api/v1/namespaces/robots/pods/anymal-1-0-x"
SECRET = "/api/v1/namespaces/robots/secrets/wandb-api-key"
SNAPSHOT = a_live_object()
PAUSE = SetSweepState(PATH, "PAUSED")
REMOVAL = RemoveAgent("anymal-0-0", running=True, why="it is suspended")
START = StartAgent(2, 0, PATH)
SEARCH = StartSearch(1, PATH, SearchOrder(Engine.SCAN, "anymal", {}, max_runs=6), agent_count=3)
UPDATE = UpdateSweep(PATH, {"run_cap": 40})


class Tracker:
    """Writes down what it is asked to do, or fails."""

    def __init__(self):
        self.calls = []
        self.keys = set()
        self.failure = None
        self.hold = None

    async def set_state(self, account, path, state, *, revive=False):
        await self._do(account, ("set_state", path, state, *(("revive",) if revive else ())))

    async def update(self, account, path, config):
        await self._do(account, ("update", path, dict(config)))

    async def tag_current_run(self, account, path, host, tags, *, ended_before):
        await self._do(account, ("tag", path, host, tuple(tags), ended_before))
        return "r1"

    async def _do(self, account, call):
        self.calls.append(call)
        self.keys.add(account.api_key)
        if self.hold:
            await self.hold.wait()
        if self.failure:
            raise self.failure


@pytest.fixture
def tracker():
    return Tracker()


@pytest.fixture
def apply(kube, tracker):
    async def carry_out(*actions, account=ACCOUNT):
        body = {"metadata": {"finalizers": ["wandbsweep.dev/cleanup"], "resourceVersion": "7"}}
        outcome, _ = await Applier(kube, tracker, RUNTIME).apply(Observation(body, SNAPSHOT, account), Plan(actions))
        return outcome

    return carry_out


def sent(api, method):
    return [path for asked, path, _ in api.requests if asked == method]


async def test_the_sweep_is_paused_before_its_agents_go(api, tracker, apply):
    outcome = await apply(PAUSE, REMOVAL)

    assert tracker.calls == [("set_state", PATH, "PAUSED")]
    assert (outcome.on_wandb, outcome.removed) == ((PAUSE,), (REMOVAL,))
    assert sent(api, "DELETE") == [f"{JOBS}/anymal-0-0"]


async def test_a_job_with_an_agent_stays_until_its_pod_is_gone_and_one_that_ended_goes_at_once(api, apply):
    await apply(REMOVAL, RemoveAgent("anymal-1-0", running=False, why="it ended"))

    policies = {path: body["propagationPolicy"] for _, path, body in api.requests}
    assert policies == {f"{JOBS}/anymal-0-0": "Foreground", f"{JOBS}/anymal-1-0": "Background"}


async def test_agents_go_although_wandb_cannot_be_told(api, tracker, apply):
    tracker.failure = Unreachable("W&B is away")

    outcome = await apply(PAUSE, UPDATE, REMOVAL)

    assert outcome.wandb_problem.reason is Reason.SERVER_UNREACHABLE
    assert (outcome.on_wandb, outcome.removed) == ((), (REMOVAL,))
    assert len(tracker.calls) == 1
    assert sent(api, "DELETE") == [f"{JOBS}/anymal-0-0"]


async def test_agents_do_not_wait_long_for_a_wandb_server_that_does_not_answer(api, tracker, apply, monkeypatch):
    monkeypatch.setattr(applying, "PATIENCE_SECONDS", 0.01)
    tracker.hold = asyncio.Event()

    under_way = asyncio.create_task(apply(PAUSE, REMOVAL))
    async with asyncio.timeout(5):
        while not sent(api, "DELETE"):  # noqa: ASYNC110 - a list announces nothing
            await asyncio.sleep(0.01)

    assert not under_way.done()
    tracker.hold.set()
    assert (await under_way).on_wandb == (PAUSE,)


async def test_no_agent_starts_on_a_sweep_that_could_not_be_resumed(api, tracker, apply):
    tracker.failure = Unreachable("W&B is away")

    outcome = await apply(SetSweepState(PATH, "RUNNING"), START)

    assert outcome.started == ()
    assert sent(api, "POST") == []


async def test_an_object_is_not_let_go_before_its_sweep_was_stopped(api, tracker, apply):
    tracker.failure = Unreachable("W&B is away")

    await apply(SetSweepState(PATH, "FINISHED"), ReleaseObject())

    assert sent(api, "PATCH") == []


async def test_a_sweep_that_is_gone_needs_no_more_changes(tracker, apply):
    tracker.failure = SweepMissing("no such sweep")

    outcome = await apply(PAUSE, UPDATE, MarkRun(PATH, "h", None, Cause.OUT_OF_MEMORY, NOW))

    assert outcome.wandb_problem is None
    assert len(tracker.calls) == 3


async def test_an_update_that_wandb_refuses_is_told_and_holds_up_no_agent(tracker, apply):
    tracker.failure = ConfigRejected("run_cap is too large")

    outcome = await apply(UPDATE, START)

    assert (outcome.create_problem.reason, outcome.on_wandb) == (Reason.SWEEP_REJECTED, ())
    assert outcome.started == ("anymal-2-0",)


async def test_the_key_is_read_when_a_pass_that_did_not_look_at_wandb_has_to_write_there(api, tracker, apply):
    api.objects[SECRET] = {"data": {"apiKey": base64.b64encode(b"n" * 40).decode()}}

    await apply(PAUSE, account=None)

    assert tracker.keys == {"n" * 40}


async def test_without_the_key_the_user_is_told_and_agents_go(api, tracker, apply):
    outcome = await apply(PAUSE, REMOVAL, account=None)

    assert outcome.wandb_problem.reason is Reason.SECRET_NOT_FOUND
    assert tracker.calls == []
    assert sent(api, "DELETE") == [f"{JOBS}/anymal-0-0"]


async def test_an_agent_is_asked_to_leave_by_an_annotation_and_may_have_left_already(api, apply):
    api.objects[POD] = {}

    await apply(AskToLeave("anymal-1-0-x", "agentCount was lowered"), AskToLeave("gone", "agentCount was lowered"))

    note = {"metadata": {"annotations": {"wandbsweep.dev/leave": "after-run"}}}
    assert ("PATCH", POD, note) in api.requests
    assert len(api.requests) == 2


async def test_the_run_of_a_container_that_was_killed_is_marked_for_it(tracker, apply):
    await apply(
        MarkRun(PATH, "anymal-0-0-x", "gpu-7", Cause.OUT_OF_MEMORY, NOW),
        MarkRun(PATH, "anymal-1-0-x", None, Cause.OUT_OF_MEMORY, NOW),
    )

    assert tracker.calls == [
        ("tag", PATH, "anymal-0-0-x", ("wandbsweep:out-of-memory", "wandbsweep.node:gpu-7"), NOW),
        ("tag", PATH, "anymal-1-0-x", ("wandbsweep:out-of-memory",), NOW),
    ]


async def test_only_the_object_that_is_meant_is_deleted(api, apply):
    await apply(DeleteObject())

    ((method, path, options),) = api.requests
    assert (method, path) == ("DELETE", OBJECT)
    assert options["preconditions"] == {"uid": SNAPSHOT.uid}


async def test_a_search_starts_before_the_agents_that_wait_for_it(api, apply):
    outcome = await apply(START, SEARCH)

    names = [body["metadata"]["name"] for _, _, body in api.requests]
    assert names == ["anymal-search-1", "anymal-2-0"]
    assert (outcome.started_search, outcome.search_problem) == ("anymal-search-1", None)
    assert outcome.started == ("anymal-2-0",)


async def test_a_search_that_is_there_already_is_no_second_one(api, apply):
    api.trouble = failure(409, "already exists")

    outcome = await apply(SEARCH)

    assert (outcome.started_search, outcome.search_problem) == (None, None)


async def test_a_search_that_the_api_server_refuses_is_told_in_its_words(api, apply):
    api.trouble = failure(403, "exceeded quota: cpu")

    outcome = await apply(SEARCH)

    assert outcome.search_problem.reason is Reason.SEARCH_REJECTED
    assert outcome.search_problem.message == "The API server refuses the search's Job: exceeded quota: cpu"


async def test_a_search_goes_whatever_wandb_says_and_none_starts(api, tracker, apply):
    tracker.failure = Unreachable("W&B is away")
    removal = RemoveSearch("anymal-search-0", running=True, why="the sweep is suspended")

    outcome = await apply(PAUSE, removal, SEARCH)

    assert outcome.removed_search == (removal,)
    assert [(method, path) for method, path, _ in api.requests] == [("DELETE", f"{JOBS}/anymal-search-0")]


async def test_a_search_stays_until_its_pod_is_gone_and_one_that_ended_goes_at_once(api, apply):
    await apply(
        RemoveSearch("anymal-search-1", running=True, why="w"), RemoveSearch("anymal-search-0", running=False, why="w")
    )

    policies = {path: body["propagationPolicy"] for _, path, body in api.requests}
    assert policies == {f"{JOBS}/anymal-search-1": "Foreground", f"{JOBS}/anymal-search-0": "Background"}


async def test_a_search_is_told_the_number_of_agents_by_an_annotation_and_may_be_gone(api, apply):
    pod = "/api/v1/namespaces/robots/pods/anymal-search-1-x"
    api.objects[pod] = {}

    await apply(TellSearch("anymal-search-1-x", 4), TellSearch("gone", 4))

    assert ("PATCH", pod, {"metadata": {"annotations": {"wandbsweep.dev/agent-count": "4"}}}) in api.requests
    assert len(api.requests) == 2


async def test_a_sweep_that_is_over_is_taken_up_again_only_where_that_is_meant(tracker, apply):
    await apply(SetSweepState(PATH, "RUNNING"), SetSweepState(PATH, "RUNNING", revive=True))

    assert tracker.calls == [("set_state", PATH, "RUNNING"), ("set_state", PATH, "RUNNING", "revive")]
