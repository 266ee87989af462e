from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import OWNER, PATH, RUNTIME, a_spec, a_template
from wandbsweep.agent.exit_codes import AgentExit
from wandbsweep.pool.jobs import agent_job, job_name, template_digest


def a_job_for(*, runtime=RUNTIME, **fields):
    return agent_job(OWNER, a_spec(**fields), runtime, PATH, slot=2, attempt=5)


def trainer(job):
    return job["spec"]["template"]["spec"]["containers"][0]


def environment(job):
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in trainer(job)["env"]}


def test_the_api_key_reaches_the_agent_by_reference_only():
    job = a_job_for(wandb={"apiKeySecretRef": {"name": "team-key", "key": "token"}})

    assert environment(job)["WANDB_API_KEY"] == {"secretKeyRef": {"name": "team-key", "key": "token"}}


def test_the_agent_is_told_its_sweep_its_server_and_its_grace_period():
    template = a_template()
    template["spec"]["terminationGracePeriodSeconds"] = 120

    told = environment(a_job_for(template=template, runsPerAgent=10, wandb={"baseURL": "http://mine.test/"}))

    assert told["WANDBSWEEP_SWEEP"] == "lab/anymal/nkbj7529"
    assert told["WANDBSWEEP_GRACE_SECONDS"] == "120"
    assert told["WANDBSWEEP_RUNS_PER_AGENT"] == "10"
    assert told["WANDB_BASE_URL"] == "http://mine.test"


def test_the_users_environment_and_volumes_stay():
    template = a_template(
        env=[{"name": "OMNI_KIT_ACCEPT_EULA", "value": "YES"}, {"name": "WANDB_ENTITY", "value": "someone-else"}],
        volumeMounts=[{"name": "cache", "mountPath": "/cache"}],
    )

    job = a_job_for(template=template)

    assert environment(job)["OMNI_KIT_ACCEPT_EULA"] == "YES"
    assert environment(job)["WANDB_ENTITY"] == "lab"
    mounts = trainer(job)["volumeMounts"]
    assert [mount["mountPath"] for mount in mounts] == ["/cache", "/wandbsweep", "/wandbsweep-pod"]


def test_the_agent_leaves_its_last_words_where_the_template_has_them_read():
    job = a_job_for(template=a_template(terminationMessagePath="/tmp/last-words"))

    assert environment(job)["WANDBSWEEP_TERMINATION_LOG"] == "/tmp/last-words"


def test_a_disrupted_or_drained_pod_costs_nothing_and_a_failed_one_is_not_retried_by_the_job():
    spec = a_job_for()["spec"]

    disrupted, drained, failed = spec["podFailurePolicy"]["rules"]
    assert disrupted == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert drained == {
        "action": "Ignore",
        "onExitCodes": {"containerName": "trainer", "operator": "In", "values": [AgentExit.DRAINED]},
    }
    assert failed["action"] == "FailJob"
    assert {AgentExit.DONE, AgentExit.DRAINED, *failed["onExitCodes"]["values"]} == set(AgentExit)
    assert spec["backoffLimit"] == 0
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_the_launcher_is_told_how_long_a_trial_may_take():
    told = environment(a_job_for(trial={"startupTimeoutSeconds": 600, "stallTimeoutSeconds": 0}))

    assert told["WANDBSWEEP_STARTUP_TIMEOUT_SECONDS"] == "600"
    assert told["WANDBSWEEP_STALL_TIMEOUT_SECONDS"] == "0"
    assert told["WANDBSWEEP_STARTUP_RETRIES"] == "1"
    assert "WANDBSWEEP_TIMEOUT_SECONDS" not in told


def test_the_agent_knows_its_node_and_the_metric_and_where_to_see_that_it_is_to_leave():
    job = agent_job(OWNER, a_spec(), RUNTIME, PATH, slot=0, attempt=0, metric="cost/$(x)")

    told = environment(job)
    assert told["WANDBSWEEP_NODE"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert told["WANDBSWEEP_METRIC"] == "cost/$$(x)"
    assert told["WANDBSWEEP_LEAVE_FILE"] == "/wandbsweep-pod/leave"
    (shown,) = (volume for volume in job["spec"]["template"]["spec"]["volumes"] if "downwardAPI" in volume)
    field = {"fieldPath": "metadata.annotations['wandbsweep.dev/leave']"}
    assert shown["downwardAPI"]["items"] == [{"path": "leave", "fieldRef": field}]
    assert {"name": shown["name"], "mountPath": "/wandbsweep-pod", "readOnly": True} in trainer(job)["volumeMounts"]


def test_checkpoints_are_kept_on_the_claim_and_resume_arguments_arrive_as_they_were_written():
    arguments = ["--checkpoint=${checkpoint_dir}/last.pt", '--note=$(HOME) "quoted"']
    job = a_job_for(checkpoint={"claimName": "runs", "mountPath": "/keep", "resumeArgs": arguments})

    volumes = job["spec"]["template"]["spec"]["volumes"]
    (claim,) = (volume for volume in volumes if "persistentVolumeClaim" in volume)
    assert claim["persistentVolumeClaim"] == {"claimName": "runs"}
    assert {"name": claim["name"], "mountPath": "/keep"} in trainer(job)["volumeMounts"]
    assert environment(job)["WANDBSWEEP_CHECKPOINTS"] == "/keep"
    # The kubelet reads $$ as one $.
    assert json.loads(environment(job)["WANDBSWEEP_RESUME_ARGS"].replace("$$", "$")) == arguments


def test_a_job_says_what_it_was_made_from_and_for_which_sweep():
    notes = a_job_for()["metadata"]["annotations"]

    assert notes == {
        "wandbsweep.dev/template-digest": template_digest(a_spec()),
        "wandbsweep.dev/sweep-path": "lab/anymal/nkbj7529",
    }


def affinity(**affinity_and_nodes):
    template = a_template()
    template["spec"].update(affinity_and_nodes.pop("pod", {}))
    job = agent_job(OWNER, a_spec(template=template), RUNTIME, PATH, slot=0, attempt=0, **affinity_and_nodes)
    return job["spec"]["template"]["spec"].get("affinity")


NOT_ON_BAD = {"key": "metadata.name", "operator": "NotIn", "values": ["bad"]}
ON_A_GPU = {"key": "gpu", "operator": "In", "values": ["a", "b"]}


def test_a_pod_never_goes_where_it_must_not_and_rather_not_where_it_is_unwelcome():
    assert affinity() is None
    assert affinity(avoid=["bad"], unwelcome=["odd"]) == {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [NOT_ON_BAD]}]},
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 100, "preference": {"matchFields": [{**NOT_ON_BAD, "values": ["odd"]}]}}
            ],
        }
    }


def test_what_the_template_says_about_nodes_holds_besides():
    terms = [{"matchExpressions": [ON_A_GPU]}, {"matchFields": [{**NOT_ON_BAD, "values": ["own"]}]}, {}]
    wish = {"weight": 1, "preference": {"matchExpressions": [ON_A_GPU]}}
    own = {
        "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []},
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
            "preferredDuringSchedulingIgnoredDuringExecution": [wish],
        },
    }

    merged = affinity(pod={"affinity": own}, avoid=["bad"], unwelcome=["odd"])

    by_node = merged["nodeAffinity"]
    assert by_node["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] == [
        {"matchExpressions": [ON_A_GPU], "matchFields": [NOT_ON_BAD]},
        {"matchFields": [{**NOT_ON_BAD, "values": ["own"]}, NOT_ON_BAD]},
        {},  # matches no node, and goes on to
    ]
    assert by_node["preferredDuringSchedulingIgnoredDuringExecution"][0] == wish
    assert merged["podAntiAffinity"] == own["podAntiAffinity"]


def test_a_pod_whose_template_names_its_node_goes_there():
    assert affinity(pod={"nodeName": "bad"}, avoid=["bad"]) is None


def test_the_init_container_meets_the_restricted_pod_security_standard():
    (runtime,) = a_job_for()["spec"]["template"]["spec"]["initContainers"]

    context = runtime["securityContext"]
    assert context["runAsNonRoot"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize(
    ("agent_image", "used"), [(None, RUNTIME.image), ("lab/agent-runtime:1", "lab/agent-runtime:1")]
)
def test_the_agent_comes_from_its_own_small_image_where_there_is_one(agent_image, used):
    job = a_job_for(runtime=replace(RUNTIME, agent_image=agent_image))
    (runtime,) = job["spec"]["template"]["spec"]["initContainers"]
    assert (runtime["image"], runtime["command"][:2]) == (used, ["wandbsweep", "install"])


def test_building_a_job_leaves_the_users_template_as_it_was():
    spec = a_spec(template=a_template(env=[{"name": "A", "value": "1"}]))
    before = copy.deepcopy(spec.template)

    agent_job(OWNER, spec, RUNTIME, PATH, slot=0, attempt=0)

    assert spec.template == before


@given(st.integers(0, 1000), st.integers(0, 10_000))
def test_every_name_of_the_longest_object_name_fits_a_label(slot, attempt):
    assert len(job_name("x" * 48, slot, attempt)) <= 63


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=3))
def test_whatever_else_the_template_says_reaches_the_api_server(annotations):
    template = a_template()
    template["metadata"] = {"annotations": annotations, "labels": {"team": "legged"}}

    job = a_job_for(template=template)

    metadata = job["spec"]["template"]["metadata"]
    assert metadata["annotations"] == annotations
    assert metadata["labels"]["team"] == "legged"
    json.dumps(job)
