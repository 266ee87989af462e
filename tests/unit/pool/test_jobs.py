from __future__ import annotations

import copy
import json

from hypothesis import given
from hypothesis import strategies as st

from builders import OWNER, PATH, RUNTIME, a_spec, a_template
from wandbsweep.pool.jobs import agent_job, job_name


def a_job_for(**fields):
    return agent_job(OWNER, a_spec(**fields), RUNTIME, PATH, slot=2, attempt=5)


def environment(job):
    trainer = job["spec"]["template"]["spec"]["containers"][0]
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in trainer["env"]}


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
    mounts = job["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert [mount["mountPath"] for mount in mounts] == ["/cache", "/wandbsweep", "/wandbsweep-pod"]


def test_the_agent_leaves_its_last_words_where_the_template_has_them_read():
    job = a_job_for(template=a_template(terminationMessagePath="/tmp/last-words"))

    assert environment(job)["WANDBSWEEP_TERMINATION_LOG"] == "/tmp/last-words"


def test_a_disrupted_pod_costs_nothing_and_a_failed_one_is_not_retried_by_the_job():
    spec = a_job_for()["spec"]

    assert spec["backoffLimit"] == 0
    assert spec["podFailurePolicy"]["rules"][0]["action"] == "Ignore"
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_the_init_container_meets_the_restricted_pod_security_standard():
    (runtime,) = a_job_for()["spec"]["template"]["spec"]["initContainers"]

    context = runtime["securityContext"]
    assert context["runAsNonRoot"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


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
