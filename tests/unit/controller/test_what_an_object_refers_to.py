"""Secrets, ConfigMaps and the pod template: what is read, and what a user is told when it is not as it should be."""

from __future__ import annotations

import base64
import json

import pytest

from builders import OWNER, RUNTIME, a_spec, a_sweep
from unit.controller.api_server import failure
from wandbsweep.api.reasons import Reason
from wandbsweep.controller.accounts import read_account
from wandbsweep.controller.definitions import check_templates, licence_problem, read_sweep
from wandbsweep.controller.kube_api import KubeError, RefusedError
from wandbsweep.pool.facts import Problem
from wandbsweep.sweep.definition import SweepDefinition, read_definition
from wandbsweep.tracking.protocol import Account

KEY = "k" * 40
SECRET = "/api/v1/namespaces/robots/secrets/wandb-api-key"
CONFIG_MAP = "/api/v1/namespaces/robots/configmaps/sweeps"
FROM_CONFIG_MAP = a_spec(sweep=None, sweepFrom={"configMapKeyRef": {"name": "sweeps", "key": "sweep.yaml"}})
SWEEP_YAML = "program: train.py\nmethod: random\nproject: from-yaml\nparameters: {lr: {values: [1.0e-5, 0.1]}}\n"


def encoded(text):
    return base64.b64encode(text).decode()


async def account(kube, **spec):
    return await read_account(kube, RUNTIME, "robots", a_spec(**spec))


async def test_the_key_is_read_from_the_secret_and_shown_nowhere(api, kube):
    api.objects[SECRET] = {"data": {"apiKey": encoded(f"{KEY}\n".encode())}}

    found = await account(kube)

    assert found == Account("http://wandb.test", KEY)
    assert KEY not in repr(found)


async def test_the_server_of_the_object_wins_over_that_of_the_installation(api, kube):
    api.objects[SECRET] = {"data": {"apiKey": encoded(KEY.encode())}}

    assert await account(kube, wandb={"baseURL": "https://wandb.lab/"}) == Account("https://wandb.lab", KEY)


async def test_a_missing_secret_is_named_with_the_command_that_makes_it(kube):
    problem = await account(kube)

    assert problem.reason is Reason.SECRET_NOT_FOUND
    assert "there is no Secret 'wandb-api-key' in namespace 'robots'" in problem.message
    assert (
        "kubectl -n robots create secret generic wandb-api-key --from-literal=apiKey=<W&B API key>" in problem.message
    )


async def test_a_secret_that_may_not_be_read_is_told_apart_from_one_that_is_missing(api, kube):
    api.trouble = failure(403, "secrets is forbidden")

    problem = await account(kube)

    assert problem.reason is Reason.SECRET_NOT_FOUND
    assert "may not read Secret 'wandb-api-key'" in problem.message
    assert "secrets is forbidden" in problem.message


@pytest.mark.parametrize("data", [{}, {"apiKey": ""}, {"other": encoded(b"x")}, {"apiKey": encoded(b"\xff\xfe")}])
async def test_a_secret_without_a_key_in_it_is_named(data, api, kube):
    api.objects[SECRET] = {"data": data}

    problem = await account(kube)

    assert problem.reason is Reason.SECRET_KEY_NOT_FOUND
    assert "Secret 'wandb-api-key' has no text under key 'apiKey'" in problem.message


async def test_an_api_server_that_fails_is_no_mistake_of_the_user(api, kube):
    api.trouble = failure(500, "etcd is away")

    with pytest.raises(KubeError, match="etcd is away"):
        await account(kube)


async def test_a_definition_in_the_object_or_in_a_config_map_is_read_the_same(api, kube):
    api.objects[CONFIG_MAP] = {"data": {"sweep.yaml": SWEEP_YAML}}

    inline = await read_sweep(kube, "robots", a_spec())
    elsewhere = await read_sweep(kube, "robots", FROM_CONFIG_MAP)

    assert isinstance(inline, SweepDefinition)
    assert elsewhere.project == "from-yaml"


async def test_a_project_may_stand_in_the_definition_and_has_to_stand_somewhere(kube):
    assert isinstance(
        await read_sweep(kube, "robots", a_spec(project=None, sweep=a_sweep(project="here"))), SweepDefinition
    )

    problem = await read_sweep(kube, "robots", a_spec(project=None))

    assert problem.reason is Reason.PROJECT_MISSING
    assert problem.message.startswith("spec.project: no W&B project is named; write `project:` into")


async def test_a_missing_config_map_is_named_with_the_command_that_makes_it(kube):
    problem = await read_sweep(kube, "robots", FROM_CONFIG_MAP)

    assert problem.reason is Reason.CONFIG_MAP_NOT_FOUND
    assert problem.message.startswith("spec.sweepFrom.configMapKeyRef.name: there is no ConfigMap 'sweeps'")
    assert "kubectl -n robots create configmap sweeps --from-file=sweep.yaml=sweep.yaml" in problem.message


@pytest.mark.parametrize(("found", "keys"), [({}, "none"), ({"data": {"b.yaml": "", "a.yaml": ""}}, "a.yaml, b.yaml")])
async def test_a_missing_key_is_named_beside_those_that_are_there(found, keys, api, kube):
    api.objects[CONFIG_MAP] = found

    problem = await read_sweep(kube, "robots", FROM_CONFIG_MAP)

    assert problem.reason is Reason.CONFIG_MAP_KEY_NOT_FOUND
    assert f"has no key 'sweep.yaml' (it has: {keys})" in problem.message


@pytest.mark.parametrize("text", ["", "- a\n- list\n", "method: [", "just words"])
async def test_text_that_is_no_sweep_is_named_by_its_place(text, api, kube):
    api.objects[CONFIG_MAP] = {"data": {"sweep.yaml": text}}

    problem = await read_sweep(kube, "robots", FROM_CONFIG_MAP)

    assert problem.reason is Reason.SWEEP_INVALID
    assert "ConfigMap sweeps/sweep.yaml" in problem.message


BASE = '{"experiment": {"name": "bc"}, "train": {"L2": 0.0}}'
BASE_CONFIG_MAP = "/api/v1/namespaces/robots/configmaps/bases"
SCAN = {
    "method": "scan",
    "base_config": {"configMapKeyRef": {"name": "bases", "key": "base.json"}},
    "command": ["train.py", "${config_json_file}"],
    "parameters": {"train.L2": {"values": [0.5, 1.5]}},
}


async def test_a_base_configuration_is_read_from_its_config_map(api, kube):
    api.objects[BASE_CONFIG_MAP] = {"data": {"base.json": BASE}}
    api.objects[CONFIG_MAP] = {"data": {"sweep.yaml": json.dumps({**SCAN, "project": "p"})}}

    inline = await read_sweep(kube, "robots", a_spec(sweep=SCAN))
    elsewhere = await read_sweep(kube, "robots", FROM_CONFIG_MAP)

    assert [trial.name for trial in inline.trials] == ["bc_L2_0.5", "bc_L2_1.5"]
    assert elsewhere.trials == inline.trials


@pytest.mark.parametrize(
    ("found", "reason", "message"),
    [
        (
            None,
            Reason.CONFIG_MAP_NOT_FOUND,
            (
                "spec.sweep.base_config.configMapKeyRef.name: there is no ConfigMap 'bases' in namespace 'robots'; "
                "create it with `kubectl -n robots create configmap bases --from-file=base.json=base.json`"
            ),
        ),
        (
            {"data": {"other.json": BASE}},
            Reason.CONFIG_MAP_KEY_NOT_FOUND,
            "spec.sweep.base_config.configMapKeyRef.key: ConfigMap 'bases' has no key 'base.json' (it has: other.json)",
        ),
        (
            {"data": {"base.json": "{}"}},
            Reason.SWEEP_INVALID,
            "ConfigMap bases/base.json: is empty; write the sections that the parameters' keys lead through",
        ),
    ],
)
async def test_a_base_configuration_that_is_not_there_is_a_problem_of_the_object(found, reason, message, api, kube):
    if found:
        api.objects[BASE_CONFIG_MAP] = found

    problem = await read_sweep(kube, "robots", a_spec(sweep=SCAN))

    assert problem.reason is reason
    assert problem.message.startswith(message)


async def test_the_api_server_judges_the_job_of_an_agent_as_a_whole_and_stores_nothing(api, kube):
    assert await check_templates(kube, RUNTIME, OWNER, a_spec(), None) is None

    ((_, path, job),) = api.requests
    assert "dryRun=All" in path
    assert job["kind"] == "Job"
    assert job["metadata"]["name"] == "anymal-dry-run"


async def test_a_template_that_is_refused_is_a_problem_in_the_words_of_the_api_server(api, kube):
    api.trouble = failure(422, 'Job "anymal-dry-run" is invalid: spec.template.spec.containers[0].image: Required')

    problem = await check_templates(kube, RUNTIME, OWNER, a_spec(), None)

    assert problem == Problem(
        Reason.TEMPLATE_REJECTED,
        "spec.template: the API server refuses the agent's Job: "
        'Job "anymal-dry-run" is invalid: spec.template.spec.containers[0].image: Required',
    )


SCANNED = read_definition({**SCAN, "base_config": {"experiment": {"name": "bc"}, "train": {}}}, field="spec.sweep")


async def test_the_job_of_a_search_is_judged_beside_that_of_an_agent(api, kube):
    template = {"spec": {"containers": [{"resources": {"limits": {"memory": "8Gi"}}}]}}

    assert await check_templates(kube, RUNTIME, OWNER, a_spec(search={"template": template}), SCANNED) is None

    jobs = [job for _, path, job in api.requests if "dryRun=All" in path]
    assert [job["metadata"]["name"] for job in jobs] == ["anymal-dry-run", "anymal-search-dry-run"]
    assert jobs[1]["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": {"memory": "8Gi"}}


async def test_a_template_of_a_search_that_is_refused_is_named_by_its_field(kube, monkeypatch):
    async def refuse_searches(path, body, *, dry_run):
        if "search" in body["metadata"]["name"]:
            raise RefusedError("containers[0].image: Required")

    monkeypatch.setattr(kube, "create", refuse_searches)

    problem = await check_templates(kube, RUNTIME, OWNER, a_spec(), SCANNED)

    assert problem == Problem(
        Reason.TEMPLATE_REJECTED,
        "spec.search.template: the API server refuses the search's Job: containers[0].image: Required",
    )


async def test_a_definition_that_no_search_can_be_told_is_a_mistake_of_the_definition(kube):
    values = [f"{number:060}" for number in range(2000)]
    definition = read_definition(
        {
            "method": "protein",
            "program": "t.py",
            "metric": {"name": "reward", "goal": "maximize"},
            "parameters": {"lr": {"values": values}},
        },
        field="spec.sweep",
    )

    problem = await check_templates(kube, RUNTIME, OWNER, a_spec(), definition)

    assert problem.reason is Reason.SWEEP_INVALID
    assert "and a search takes 102400" in problem.message


@pytest.mark.parametrize("isaac", [{"acceptEULA": False}, {}])
def test_a_licence_that_is_not_accepted_is_named_also_where_an_old_crd_lets_that_in(isaac):
    problem = licence_problem(a_spec(isaac=isaac))

    assert problem.reason is Reason.LICENCE_NOT_ACCEPTED
    assert problem.message.startswith("spec.isaac.acceptEULA: must be true: read NVIDIA's licence at https://")
    assert licence_problem(a_spec(isaac={"acceptEULA": True})) is None
    assert licence_problem(a_spec()) is None
