"""One warm-up fills the caches before the pool starts, and the pool waits no longer for it than it was told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, OWNER, PATH, RUNTIME, a_job, a_live_object, a_pod, a_spec, a_template
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import WandbSweepStatus
from wandbsweep.pool import isaac_warm_up
from wandbsweep.pool.actions import RemoveWarmUp, StartAgent, StartWarmUp
from wandbsweep.pool.facts import JobPhase, Problem, WarmUpJob
from wandbsweep.pool.isaac_warm_up_job import warm_up_digest, warm_up_job
from wandbsweep.pool.jobs import agent_job, template_digest
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.status import next_status

CACHE = {"claimName": "isaac-cache", "warmUp": {"timeoutSeconds": 600}}
ISAAC = {"acceptEULA": True, "cache": CACHE}
LIMIT = timedelta(seconds=600) + isaac_warm_up.SLACK


def a_warm_up(phase=JobPhase.ACTIVE, *, attempt=0, spec=None, **fields):
    made_from = warm_up_digest(spec or a_spec(isaac=ISAAC))
    job = WarmUpJob(f"anymal-warm-up-{attempt}", attempt, phase, created_at=NOW, digest=made_from)
    return replace(job, **fields)


def facts(*warm_ups, spec=None, **fields):
    return a_live_object(spec=a_spec(**{"isaac": ISAAC, **(spec or {})}), warm_ups=warm_ups, **fields)


def planned(snapshot, *kinds):
    return [action for action in make_plan(snapshot).actions if isinstance(action, kinds)]


def test_it_starts_before_any_agent():
    assert planned(facts(), StartWarmUp, StartAgent) == [StartWarmUp(0, PATH)]


def test_agents_wait_while_it_is_at_work():
    assert planned(facts(a_warm_up()), StartWarmUp, StartAgent) == []


@pytest.mark.parametrize("phase", [JobPhase.SUCCEEDED, JobPhase.FAILED])
def test_agents_start_after_it_however_it_ended(phase):
    assert len(planned(facts(a_warm_up(phase)), StartAgent)) == 2


def test_a_pool_starts_without_one_that_takes_too_long():
    assert planned(facts(a_warm_up(), now=NOW + LIMIT - timedelta(seconds=1)), StartAgent) == []
    assert len(planned(facts(a_warm_up(), now=NOW + LIMIT), StartAgent)) == 2


def test_the_next_look_is_no_later_than_that_moment():
    snapshot = facts(a_warm_up(), now=NOW + LIMIT - timedelta(seconds=2))

    assert make_plan(snapshot).look_again <= timedelta(seconds=2)


def test_one_that_was_deleted_by_hand_is_not_made_again_once_there_are_agents():
    spec = a_spec(isaac=ISAAC)
    agents = (a_job(0, digest=template_digest(spec)), a_job(1, digest=template_digest(spec)))

    assert planned(facts(jobs=agents), StartWarmUp) == []
    assert planned(facts(jobs=agents[:1]), StartWarmUp) == []
    assert len(planned(facts(jobs=agents[:1]), StartAgent)) == 1


def test_another_template_gets_a_warm_up_of_its_own_and_the_old_agents_go_on_meanwhile():
    before = a_warm_up(JobPhase.SUCCEEDED)
    old = template_digest(a_spec(isaac=ISAAC))
    jobs = tuple(a_job(slot, digest=old) for slot in (0, 1))
    pods = tuple(a_pod(job) for job in jobs)
    edited = facts(before, jobs=jobs, pods=pods, spec={"template": a_template(image="lab/trainer:2")})

    plan = make_plan(edited)

    assert [action for action in plan.actions if isinstance(action, StartWarmUp | RemoveWarmUp)] == [
        RemoveWarmUp(before.name, running=False, why="the template or the profile changed"),
        StartWarmUp(1, PATH),
    ]
    assert len(plan.actions) == 2


def test_a_warm_up_without_room_does_not_keep_the_old_agents_in_their_places():
    old = template_digest(a_spec(isaac=ISAAC))
    jobs = tuple(a_job(slot, digest=old) for slot in (0, 1))
    template = a_template(image="lab/trainer:2")
    new = a_warm_up(spec=a_spec(isaac=ISAAC, template=template), unschedulable=True)

    assert not isaac_warm_up.keeps_agents_waiting(facts(new, jobs=jobs, spec={"template": template}))
    assert isaac_warm_up.keeps_agents_waiting(facts(new, spec={"template": template}))


def test_of_two_templates_warm_ups_never_hold_gpus_at_the_same_time():
    edited = facts(a_warm_up(), spec={"template": a_template(image="lab/trainer:2")})

    (removal,) = planned(edited, RemoveWarmUp, StartWarmUp)
    assert removal.running


@pytest.mark.parametrize(
    "isaac",
    [None, {"acceptEULA": True}, {"acceptEULA": True, "cache": {"claimName": "a", "warmUp": {"timeoutSeconds": 0}}}],
)
def test_without_a_cache_or_with_a_timeout_of_0_agents_start_at_once(isaac):
    snapshot = facts(spec={"isaac": isaac})

    assert planned(snapshot, StartWarmUp) == []
    assert len(planned(snapshot, StartAgent)) == 2


def test_a_profile_that_wants_none_any_more_removes_it():
    (removal,) = planned(facts(a_warm_up(), spec={"isaac": {"acceptEULA": True}}), RemoveWarmUp)

    assert removal.why == "no warm-up is wanted"


def test_a_pool_of_none_needs_none():
    assert planned(facts(spec={"agentCount": 0}), StartWarmUp) == []


def test_none_starts_while_wandb_is_away():
    away = Problem(Reason.SERVER_UNREACHABLE, "no answer")

    assert planned(facts(wandb_problem=away), StartWarmUp) == []


REFUSED = Problem(Reason.LICENCE_NOT_ACCEPTED, "spec.isaac.acceptEULA: must be true")


def test_without_the_licence_neither_a_sweep_nor_a_pod_comes_to_be():
    spec = {"isaac": {**ISAAC, "acceptEULA": False}}
    live = facts(spec=spec, definition_problem=REFUSED)
    new = replace(live, status=WandbSweepStatus(), reading=None)

    assert make_plan(live).actions == ()
    assert make_plan(new).actions == ()
    status = next_status(new, Outcome(), None)
    assert status.condition(ConditionType.SWEEP_VALID).reason is Reason.LICENCE_NOT_ACCEPTED
    assert status.condition(ConditionType.READY).reason is Reason.LICENCE_NOT_ACCEPTED
    assert status.condition(ConditionType.SWEEP_CREATED).reason is Reason.NOT_VALID


def test_a_suspended_sweep_has_none_at_work_and_keeps_the_note_of_one_that_ended():
    ended = a_warm_up(JobPhase.SUCCEEDED)
    running = a_warm_up(attempt=1)
    paused = facts(ended, running, spec={"suspend": True})
    first = next_status(paused, Outcome(), None)  # the condition comes before the pause

    assert [action.job_name for action in planned(replace(paused, status=first), RemoveWarmUp)] == [running.name]


def test_a_sweep_that_is_over_has_none():
    jobs = (a_warm_up(JobPhase.SUCCEEDED), a_warm_up(attempt=1))
    snapshot = facts(*jobs)
    over = replace(snapshot, status=snapshot.status.model_copy(update={"completion_time": NOW}))

    assert [action.job_name for action in planned(over, RemoveWarmUp)] == [job.name for job in jobs]


def test_what_agents_wait_for_is_said_with_the_latest_moment():
    status = next_status(facts(a_warm_up(waiting="ImagePullBackOff: isaac-lab")), Outcome(), None)

    agents = status.condition(ConditionType.AGENTS_READY)
    assert agents.reason is Reason.WARMING_UP
    assert agents.message == (
        "Job anymal-warm-up-0 warms up the caches of Isaac Sim; agents start after it, or at 12:10:30 UTC. "
        "ImagePullBackOff: isaac-lab"
    )


@given(
    st.lists(st.sampled_from(list(JobPhase)), max_size=3),
    st.booleans(),
    st.integers(0, 2000),
    st.integers(0, 3),
)
def test_whatever_there_is_one_starts_at_most_and_agents_never_wait_for_ever(phases, is_edited, seconds, count):
    jobs = [a_warm_up(phase, attempt=number) for number, phase in enumerate(phases)]
    template = a_template(image="lab/trainer:2") if is_edited else a_template()
    snapshot = facts(*jobs, spec={"template": template, "agentCount": count}, now=NOW + timedelta(seconds=seconds))
    actions = make_plan(snapshot).actions
    starts = [action for action in actions if isinstance(action, StartWarmUp)]
    agents = [action for action in actions if isinstance(action, StartAgent)]

    assert len(starts) <= 1
    assert not (starts and agents)
    assert not starts or starts[0].attempt == len(jobs)
    active = [job for job in jobs if job.phase is JobPhase.ACTIVE]
    if count and not starts and not (active and (is_edited or timedelta(seconds=seconds) < LIMIT)):
        assert len(agents) == count


class TestJob:
    def job(self, template=None, **cache):
        spec = a_spec(isaac={**ISAAC, "cache": {**CACHE, **cache}}, template=template or a_template())
        return warm_up_job(OWNER, spec, RUNTIME, PATH, attempt=2), spec

    def test_is_the_agents_pod_with_another_command(self):
        template = a_template(resources={"limits": {"nvidia.com/gpu": 1}}, livenessProbe={"exec": {"command": ["x"]}})
        template["spec"]["nodeSelector"] = {"gpu": "l40s"}
        job, spec = self.job(template)
        pod = job["spec"]["template"]["spec"]
        agent = agent_job(OWNER, spec, RUNTIME, PATH, slot=0, attempt=0)["spec"]["template"]["spec"]

        assert pod["containers"][0].pop("command") == ["/wandbsweep/bin/wandbsweep", "warm-up"]
        assert agent["containers"][0].pop("command") == ["/wandbsweep/bin/wandbsweep-agent"]
        del agent["containers"][0]["livenessProbe"]
        assert pod == agent

    def test_runs_no_containers_that_would_not_end(self):
        template = a_template()
        template["spec"]["containers"].append({"name": "sidecar", "image": "x"})

        assert [container["name"] for container in self.job(template)[0]["spec"]["template"]["spec"]["containers"]] == [
            "trainer"
        ]

    def test_is_ended_by_kubernetes_after_its_pod_could_say_so_and_before_the_pool_waits_no_longer(self):
        deadline = timedelta(seconds=self.job()[0]["spec"]["activeDeadlineSeconds"])

        assert timedelta(seconds=600) < deadline < LIMIT

    def test_has_a_name_and_labels_that_tell_it_from_agents(self):
        metadata = self.job()[0]["metadata"]

        assert metadata["name"] == "anymal-warm-up-2"
        assert metadata["labels"]["app.kubernetes.io/component"] == "warm-up"
        assert "wandbsweep.dev/slot" not in metadata["labels"]

    def test_joins_the_queue_of_the_agents(self):
        template = a_template()
        template["metadata"] = {"labels": {"kueue.x-k8s.io/queue-name": "gpus"}}

        job = self.job(template)[0]
        assert job["spec"]["suspend"] is True
        assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"


@pytest.mark.parametrize(
    ("profile", "gpu", "told"),
    [
        ("camera", "NVIDIA H100 80GB HBM3", ("NVIDIA H100 80GB HBM3",)),
        ("camera", "NVIDIA L40S", ()),
        ("camera", None, ()),
        ("headless", "NVIDIA H100 80GB HBM3", ()),
    ],
)
def test_cameras_on_a_gpu_that_cannot_trace_rays_are_noticed(profile, gpu, told):
    isaac = {**ISAAC, "profile": profile}
    warm_up = a_warm_up(JobPhase.SUCCEEDED, gpu=gpu)

    assert isaac_warm_up.gpus_without_ray_tracing(facts(warm_up, spec={"isaac": isaac})) == told
    assert (
        isaac_warm_up.gpus_without_ray_tracing(facts(pods=(a_pod(a_job(0), gpu=gpu),), spec={"isaac": isaac})) == told
    )
