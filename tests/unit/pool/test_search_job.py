"""The Job of a search: the operator's own image under the user's template."""

from __future__ import annotations

import copy
import json

from hypothesis import given
from hypothesis import strategies as st

from builders import OWNER, PATH, RUNTIME, a_spec
from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.pool.jobs import agent_job
from wandbsweep.pool.search_job import READY_FILE, search_digest, search_job, search_job_name
from wandbsweep.sweep.search_order import SearchOrder, read_order
from wandbsweep.sweep.searching import Engine

ORDER = SearchOrder(Engine.PROTEIN, "anymal", {"method": "protein", "parameters": {"lr": {"value": "$(HOME)"}}}, 50)


def a_job_for(template=None, **fields):
    spec = a_spec(search={"template": template} if template else None, **fields)
    return search_job(OWNER, spec, RUNTIME, PATH, order=ORDER, attempt=3, agent_count=8)


def pod(job):
    return job["spec"]["template"]["spec"]


def container(job):
    return pod(job)["containers"][0]


def environment(job):
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in container(job)["env"]}


def test_without_a_template_it_is_the_operators_image_within_modest_bounds():
    search = container(a_job_for())

    assert (search["name"], search["image"], search["imagePullPolicy"]) == ("search", RUNTIME.image, "IfNotPresent")
    assert search["command"] == ["wandbsweep", "search", f"--ready-file={READY_FILE}"]
    assert search["resources"]["requests"] == {"cpu": "100m", "memory": "512Mi"}
    assert search["resources"]["limits"] == {"memory": "2Gi"}


def test_it_is_the_objects_and_told_from_agents_by_its_component():
    job = a_job_for()

    metadata = job["metadata"]
    assert metadata["name"] == "anymal-search-3"
    assert metadata["labels"]["app.kubernetes.io/component"] == "search"
    assert "wandbsweep.dev/slot" not in metadata["labels"]
    assert metadata["labels"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    agent = agent_job(OWNER, a_spec(), RUNTIME, PATH, slot=0, attempt=0)
    assert metadata["ownerReferences"] == agent["metadata"]["ownerReferences"]
    assert metadata["annotations"] == {
        "wandbsweep.dev/template-digest": search_digest(a_spec(), ORDER),
        "wandbsweep.dev/sweep-path": "lab/anymal/nkbj7529",
    }


def test_it_is_told_its_order_as_it_was_written_and_the_key_by_reference_only():
    told = environment(a_job_for(wandb={"apiKeySecretRef": {"name": "team-key", "key": "token"}}))

    assert read_order(told["WANDBSWEEP_SEARCH_ORDER"].replace("$$", "$")) == ORDER  # the kubelet reads $$ as one $
    assert told["WANDBSWEEP_SWEEP"] == "lab/anymal/nkbj7529"
    assert (told["WANDB_BASE_URL"], told["WANDB_PROJECT"]) == ("http://wandb.test", "anymal")
    assert told["WANDB_API_KEY"] == {"secretKeyRef": {"name": "team-key", "key": "token"}}


def test_the_number_of_agents_comes_by_a_file_that_shows_an_annotation():
    job = a_job_for()

    assert job["spec"]["template"]["metadata"]["annotations"]["wandbsweep.dev/agent-count"] == "8"
    assert environment(job)["WANDBSWEEP_AGENT_COUNT_FILE"] == "/wandbsweep-pod/agent-count"
    (shown,) = (volume for volume in pod(job)["volumes"] if "downwardAPI" in volume)
    field = {"fieldPath": "metadata.annotations['wandbsweep.dev/agent-count']"}
    assert shown["downwardAPI"]["items"] == [{"path": "agent-count", "fieldRef": field}]
    assert {"name": shown["name"], "mountPath": "/wandbsweep-pod", "readOnly": True} in container(job)["volumeMounts"]


def test_it_meets_the_restricted_pod_security_standard_and_writes_to_tmp_only():
    job = a_job_for()

    context = container(job)["securityContext"]
    assert context["runAsNonRoot"]
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(job)["automountServiceAccountToken"] is False
    assert environment(job)["HOME"] == environment(job)["WANDB_DIR"] == container(job)["workingDir"] == "/tmp"
    assert "/tmp" in {mount["mountPath"] for mount in container(job)["volumeMounts"]}


def test_it_is_ready_when_it_says_so():
    assert container(a_job_for())["readinessProbe"]["exec"]["command"] == ["test", "-f", READY_FILE]


def test_what_the_template_says_stays_but_for_what_makes_it_the_search():
    template = {
        "metadata": {"labels": {"team": "legged"}, "annotations": {"note": "mine"}},
        "spec": {
            "nodeSelector": {"cpu": "yes"},
            "restartPolicy": "OnFailure",
            "serviceAccountName": "mine",
            "automountServiceAccountToken": True,
            "volumes": [{"name": "code", "configMap": {"name": "optimizer"}}],
            "containers": [
                {
                    "name": "optuna",
                    "image": "lab/search:1",
                    "command": ["sleep"],
                    "args": ["1000"],
                    "workingDir": "/code",
                    "resources": {"requests": {"cpu": "4"}},
                    "securityContext": {"runAsUser": 1000},
                    "terminationMessagePath": "/tmp/last-words",
                    "env": [{"name": "HOME", "value": "/code"}, {"name": "WANDB_PROJECT", "value": "other"}],
                    "volumeMounts": [{"name": "code", "mountPath": "/code"}],
                },
                {"name": "log", "image": "lab/log:1"},
            ],
        },
    }

    job = a_job_for(template)

    metadata, search, told = job["spec"]["template"]["metadata"], container(job), environment(job)
    assert metadata["labels"]["team"] == "legged"
    assert metadata["annotations"]["note"] == "mine"
    assert (pod(job)["nodeSelector"], pod(job)["serviceAccountName"]) == ({"cpu": "yes"}, "mine")
    assert pod(job)["automountServiceAccountToken"] is True
    assert (search["name"], search["image"], search["workingDir"]) == ("optuna", "lab/search:1", "/code")
    assert "imagePullPolicy" not in search
    assert search["resources"] == {"requests": {"cpu": "4"}}
    assert search["securityContext"]["runAsUser"] == 1000
    assert search["securityContext"]["runAsNonRoot"]
    assert (told["HOME"], told["WANDBSWEEP_TERMINATION_LOG"]) == ("/code", "/tmp/last-words")
    assert {"name": "code", "mountPath": "/code"} in search["volumeMounts"]
    assert pod(job)["containers"][1] == {"name": "log", "image": "lab/log:1"}
    assert pod(job)["restartPolicy"] == "Never"
    assert search["command"][:2] == ["wandbsweep", "search"]
    assert "args" not in search
    assert told["WANDB_PROJECT"] == "anymal"


def test_a_template_may_leave_its_containers_out():
    job = a_job_for({"spec": {"tolerations": [{"operator": "Exists"}]}})

    assert container(job)["image"] == RUNTIME.image
    assert pod(job)["tolerations"] == [{"operator": "Exists"}]


def test_a_disrupted_or_drained_pod_costs_nothing_and_every_other_end_is_the_operators_to_judge():
    spec = a_job_for()["spec"]

    disrupted, drained, failed = spec["podFailurePolicy"]["rules"]
    assert disrupted["action"] == drained["action"] == "Ignore"
    assert drained["onExitCodes"] == {"containerName": "search", "operator": "In", "values": [SearchExit.DRAINED]}
    assert failed["action"] == "FailJob"
    assert {SearchExit.DONE, SearchExit.DRAINED, *failed["onExitCodes"]["values"]} == set(SearchExit)
    assert (spec["backoffLimit"], spec["podReplacementPolicy"]) == (0, "Failed")


def test_building_a_job_leaves_the_users_template_as_it_was():
    template = {"spec": {"containers": [{"env": [{"name": "A", "value": "1"}]}]}}
    spec = a_spec(search={"template": template})
    before = copy.deepcopy(spec.search.template)

    search_job(OWNER, spec, RUNTIME, PATH, order=ORDER, attempt=0, agent_count=1)

    assert spec.search.template == before


def test_the_number_of_agents_makes_no_other_search():
    assert search_digest(a_spec(agentCount=3), ORDER) == search_digest(a_spec(agentCount=9), ORDER)


@given(st.integers(0, 1_000_000))
def test_every_name_of_the_longest_object_name_fits_a_label(attempt):
    assert len(search_job_name("x" * 48, attempt)) <= 63


plain = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
anything = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(st.dictionaries(st.sampled_from(["affinity", "tolerations", "hostAliases", "anyField"]), anything))
def test_whatever_else_the_template_says_reaches_the_api_server(fields):
    job = a_job_for({"spec": fields})

    assert fields.items() <= pod(job).items()
    json.dumps(job)
