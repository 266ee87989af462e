"""What an object has beside its definition, and that a manifest that was made is sound."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.api.crd import LONGEST_NAME
from wandbsweep.sweep.checks.manifest import check_manifest
from wandbsweep.sweep.conversion import (
    ConversionError,
    Wishes,
    completed_manifest,
    manifest_yaml,
    new_manifest,
    valid_name,
)
from wandbsweep.sweep.texts.kubernetes import load_manifests

DEFINITION = {"method": "grid", "program": "train.py", "parameters": {"lr": {"values": [0.5, 0.25]}}}


def made(definition=DEFINITION, **wishes):
    return new_manifest(definition, Wishes(**{"image": "lab/isaac:1", "project": "anymal", **wishes}), name="anymal")


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"agents": 8, "runs_per_agent": 5, "max_runs": 200, "entity": "team", "namespace": "robots", "gpus": 0},
        {"sweep_id": "nkbj7529"},
    ],
    ids=["least", "all", "join"],
)
def test_what_is_made_passes_the_checks(wishes):
    (manifest,) = load_manifests(manifest_yaml(made(**wishes)))

    assert check_manifest(manifest, {}).findings == []


def test_the_definition_stays_as_it_is_and_in_its_own_words():
    text = manifest_yaml(made(), "# mine\nmethod: grid\n\nprogram: train.py\n")

    assert "\n  sweep:\n    # mine\n    method: grid\n\n    program: train.py\n  template:\n" in text
    assert made()["spec"]["sweep"] == DEFINITION


@pytest.mark.parametrize(
    ("wishes", "count"),
    [
        ({}, 1),
        ({"agents": 3}, 3),
        ({"max_runs": 50, "runs_per_agent": 5}, 10),
        ({"max_runs": 12, "runs_per_agent": 5}, 3),
        ({"max_runs": 50, "runs_per_agent": 5, "agents": 2}, 2),
        ({"max_runs": 50}, 1),
        ({"runs_per_agent": 5}, 1),
    ],
)
def test_the_agents_share_the_budget(wishes, count):
    assert made(**wishes)["spec"]["agentCount"] == count


def test_more_agents_than_an_object_can_have_are_refused():
    with pytest.raises(ConversionError, match=r"5000 agents.*--agents"):
        made(max_runs=5000, runs_per_agent=1)


@pytest.mark.parametrize(("missing", "remedy"), [("image", "--image"), ("project", "WANDB_PROJECT")])
def test_what_only_the_user_can_know_is_asked_for(missing, remedy):
    with pytest.raises(ConversionError, match=remedy):
        made(**{missing: None})


def test_the_files_own_project_is_enough_and_stays_where_it_is():
    spec = made({**DEFINITION, "project": "CartPole-v1"}, project=None)["spec"]

    assert "project" not in spec
    assert spec["sweep"]["project"] == "CartPole-v1"


def test_of_a_file_with_a_sweep_that_exists_only_entity_and_project_are_taken():
    spec = made({**DEFINITION, "project": "CartPole-v1", "entity": "team"}, project=None, sweep_id="abc")["spec"]

    assert (spec["sweepID"], spec["project"], spec["entity"]) == ("abc", "CartPole-v1", "team")
    assert "sweep" not in spec


def test_the_pod_is_one_that_the_restricted_standard_admits():
    pod = made()["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 1}


def manifest(**spec):
    return {
        "apiVersion": "wandbsweep.dev/v1alpha1",
        "kind": "WandbSweep",
        "metadata": {"name": "mine", "labels": {"team": "legs"}},
        "spec": {"project": "anymal", "sweep": DEFINITION, **spec},
    }


def test_a_manifest_without_a_template_gets_one_and_keeps_the_rest():
    found = completed_manifest(manifest(deletionPolicy="Retain"), Wishes(image="lab/isaac:1", max_runs=7))

    assert found["metadata"] == {"name": "mine", "labels": {"team": "legs"}}
    assert {key: found["spec"][key] for key in ("project", "deletionPolicy", "maxRuns", "sweep")} == {
        "project": "anymal", "deletionPolicy": "Retain", "maxRuns": 7, "sweep": DEFINITION,
    }  # fmt: skip
    assert found["spec"]["template"] == made()["spec"]["template"]


def test_a_template_without_an_image_gets_it_and_keeps_the_rest():
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"nodeName": "n", "containers": [{"name": "train", "env": []}, {"name": "side", "image": "x"}]},
    }

    found = completed_manifest(manifest(template=template), Wishes(image="lab/isaac:1", gpus=2))["spec"]["template"]

    assert found["metadata"] == {"labels": {"a": "b"}}
    assert found["spec"] == {
        "nodeName": "n",
        "containers": [
            {
                "name": "train",
                "env": [],
                "image": "lab/isaac:1",
                "resources": {"limits": {"nvidia.com/gpu": 2}},
            },
            {"name": "side", "image": "x"},
        ],
    }


def test_a_template_that_is_none_is_left_to_the_checks():
    for template in ("text", {"spec": {}}, {"spec": {"containers": [1]}}):
        assert completed_manifest(manifest(template=template), Wishes(image="x"))["spec"]["template"] == template


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("quick-ppo-grid", "quick-ppo-grid"),
        ("CartPole_v1 (PPO)", "cartpole-v1-ppo"),
        ("2d-nav", "sweep-2d-nav"),
        ("-x-", "x"),
        ("x" * 60, "x" * 48),
        ("a" * 47 + "-b", "a" * 47),
        ("___", ""),
    ],
)
def test_any_text_becomes_a_valid_name(text, name):
    assert valid_name(text) == name


@given(st.text(max_size=80))
def test_a_name_that_is_made_is_one_that_the_api_server_takes(text):
    name = valid_name(text)

    assert len(name) <= LONGEST_NAME
    if name:
        body = {**made(), "metadata": {"name": name}}
        assert check_manifest(yaml.safe_load(manifest_yaml(body)), {}).findings == []
