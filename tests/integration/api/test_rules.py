"""A real API server takes the CRD, takes sound manifests, and refuses each mistake in the words of the types."""

import copy
import json
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from wandbsweep.api.crd import crd
from wandbsweep.api.labels import GROUP, PLURAL, VERSION
from wandbsweep.sweep.texts.kubernetes import load_manifests

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
SOUND = (HERE / "sound_manifest.yaml").read_text()
EXAMPLES = sorted((HERE.parents[2] / "examples").glob("*/*.yaml"))
REFUSED = yaml.safe_load((HERE / "refused_manifests.yaml").read_text())


class Sweeps:
    """The WandbSweeps of one namespace of its own, through the plain API."""

    def __init__(self, api, namespace):
        self._api = client.CustomObjectsApi(api)
        self._where = {"group": GROUP, "version": VERSION, "namespace": namespace, "plural": PLURAL}

    def create(self, manifest):
        return self._api.create_namespaced_custom_object(**self._where, body=manifest, field_validation="Strict")

    def replace(self, manifest):
        name = manifest["metadata"]["name"]
        return self._api.replace_namespaced_custom_object(**self._where, name=name, body=manifest)

    def scale(self, name):
        return self._api.get_namespaced_custom_object_scale(**self._where, name=name)

    def set_status(self, manifest):
        name = manifest["metadata"]["name"]
        return self._api.replace_namespaced_custom_object_status(**self._where, name=name, body=manifest)


@pytest.fixture
def sweeps(api, installed_crd):
    core = client.CoreV1Api(api)
    namespace = core.create_namespace({"metadata": {"generateName": "rules-"}}).metadata.name
    yield Sweeps(api, namespace)
    core.delete_namespace(namespace)


def sound(**changes):
    (manifest,) = load_manifests(SOUND)
    manifest["spec"].update(changes)
    return {**manifest, "spec": {key: value for key, value in manifest["spec"].items() if value is not None}}


def refusal(call, *arguments):
    with pytest.raises(client.ApiException) as caught:
        call(*arguments)
    assert caught.value.status in (400, 422), caught.value
    return json.loads(caught.value.body)["message"]


def test_the_api_server_finds_nothing_to_say_against_the_definition(installed_crd):
    conditions = {condition.type: condition for condition in installed_crd.status.conditions}

    assert conditions["Established"].status == "True"
    assert "NonStructuralSchema" not in conditions
    assert installed_crd.spec.names.short_names == ["wsweep"]
    assert installed_crd.spec.names.categories == ["wandb"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"agentCount": 0},
        {"agentCount": 1000, "runsPerAgent": 1, "maxRuns": 1},
        {"sweep": None, "sweepID": "nkbj7529"},
        {"sweep": None, "sweepFrom": {"configMapKeyRef": {"name": "anymal", "key": "sweep.yaml"}}},
        {"project": None},
        {"entity": "rsl", "wandb": {"baseURL": "http://wandb.lab:8080/path"}},
        {"deletionPolicy": "Retain"},
        {"isaac": {"acceptEULA": True, "cache": {"claimName": "isaac-cache"}, "logs": {"claimName": "logs"}}},
        {"isaac": {"acceptEULA": True, "profile": "camera", "sharedMemory": "16Gi", "cache": {"hostPath": "/b/c"}}},
    ],
)
def test_sound_manifests_are_taken(sweeps, changes):
    assert sweeps.create(sound(**changes))["metadata"]["generation"] == 1


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_object_of_the_examples_is_taken(sweeps, file):
    for manifest in load_manifests(file.read_text()):
        if manifest["kind"] == "WandbSweep":
            sweeps.create(manifest)


def test_a_name_of_48_characters_is_taken(sweeps):
    sweeps.create({**sound(), "metadata": {"name": "a" * 48}})


def test_defaults_are_filled_in(sweeps):
    spec = sweeps.create(sound(agentCount=None))["spec"]

    assert spec["agentCount"] == 1
    assert "deletionPolicy" not in spec  # what it means to leave it out depends on whether the sweep was joined
    assert spec["wandb"] == {"apiKeySecretRef": {"name": "wandb-api-key", "key": "apiKey"}}


def test_the_definition_and_the_template_are_kept_as_written(sweeps):
    definition = {"method": "random", "unheard_of": {"a": [1, 2.5, None, {"b": True}]}, "parameters": {}}
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "x", "tty": True}], "hostIPC": True},
    }

    spec = sweeps.create(sound(sweep=definition, template=template))["spec"]

    assert spec["sweep"] == definition
    assert spec["template"] == template


def in_the_servers_words(row):
    return row["lint"].replace(": ", " ", 1) if row["server"] == "the same" else row["server"]


@pytest.mark.parametrize("row", [row for row in REFUSED if "server" in row], ids=lambda row: row["lint"])
def test_a_mistake_is_refused_with_the_field_and_the_remedy(sweeps, row):
    old, new = row["change"]
    (manifest,) = load_manifests(SOUND.replace(old, new))

    assert in_the_servers_words(row) in refusal(sweeps.create, manifest)


@pytest.mark.parametrize("row", [row for row in REFUSED if "server" not in row][1:], ids=lambda row: row["lint"])
def test_what_only_the_operator_can_judge_is_taken(sweeps, row):
    old, new = row["change"]
    (manifest,) = load_manifests(SOUND.replace(old, new))

    sweeps.create(manifest)


JOINED = {"sweep": None, "sweepID": "nkbj7529"}
FROM = {"sweep": None, "sweepFrom": {"configMapKeyRef": {"name": "anymal", "key": "sweep.yaml"}}}


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ({"entity": "rsl"}, {"entity": "other"}, "spec.entity"),
        ({"entity": "rsl"}, {"entity": None}, "spec.entity"),
        ({}, {"entity": "rsl"}, "spec.entity"),
        ({}, {"project": "other"}, "spec.project"),
        ({}, {"project": None}, "spec.project"),
        ({}, JOINED, "spec.sweepID"),
        (JOINED, FROM | {"sweepID": None}, "spec.sweepID"),
        (JOINED, {"sweepID": "other"}, "spec.sweepID"),
        ({}, {"managedBy": "example.com/another"}, "spec.managedBy"),
        ({}, {"wandb": {"baseURL": "https://wandb.lab"}}, "spec.wandb.baseURL"),
        ({"wandb": {"baseURL": "https://a.lab"}}, {"wandb": {"baseURL": "https://b.lab"}}, "spec.wandb.baseURL"),
        ({"wandb": {"baseURL": "https://a.lab"}}, {"wandb": {}}, "spec.wandb.baseURL"),
        ({"wandb": {"baseURL": "https://a.lab"}}, {"wandb": None}, "spec.wandb.baseURL"),
    ],
)
def test_where_the_sweep_is_cannot_be_changed(sweeps, before, after, field):
    created = sweeps.create(sound(**before))
    changed = {**sound(**{**before, **after}), "metadata": created["metadata"]}

    said = refusal(sweeps.replace, changed)
    assert f"{field} cannot be changed, because " in said
    assert "delete the object and apply the new one" in said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"sweep": {"method": "grid"}}),
        ({}, FROM),
        (FROM, {"sweepFrom": {"configMapKeyRef": {"name": "anymal", "key": "other.yaml"}}}),
        ({"maxRuns": 5}, {"maxRuns": 6}),
        ({"maxRuns": 5}, {"maxRuns": None}),
    ],
)
def test_the_definition_and_its_budget_can_be_changed(sweeps, before, after):
    created = sweeps.create(sound(**before))

    sweeps.replace({**sound(**{**before, **after}), "metadata": created["metadata"]})


def test_the_rest_can_be_changed(sweeps):
    created = sweeps.create(sound())
    wanted = sound(agentCount=3, runsPerAgent=5, deletionPolicy="Cancel")
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "newer"
    wanted["spec"]["wandb"] = {"apiKeySecretRef": {"name": "other"}}

    changed = sweeps.replace({**wanted, "metadata": created["metadata"]})

    assert changed["metadata"]["generation"] == 2


def test_applying_the_same_again_changes_nothing(sweeps):
    created = sweeps.create(sound())

    assert sweeps.replace({**sound(), "metadata": created["metadata"]})["metadata"]["generation"] == 1


def test_the_scale_subresource_shows_the_pool(sweeps):
    created = sweeps.create(sound())
    status = {"agents": {"desired": 8, "active": 7, "ready": 6, "summary": "6/8"}, "selector": "wandbsweep.dev/sweep=x"}

    sweeps.set_status({**created, "status": status})
    scale = sweeps.scale("anymal")

    assert scale["spec"]["replicas"] == 8
    assert scale["status"] == {"replicas": 7, "selector": "wandbsweep.dev/sweep=x"}


def test_a_full_status_is_kept_as_written(sweeps, full_status):
    created = sweeps.create(sound())

    assert sweeps.set_status({**created, "status": copy.deepcopy(full_status)})["status"] == full_status


def test_the_file_in_crds_is_what_was_tested():
    assert yaml.safe_load((HERE.parents[2] / "crds" / f"{PLURAL}.{GROUP}.yaml").read_text()) == crd()
