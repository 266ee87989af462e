"""What an agent's pod gets for Isaac Sim, and what of the user's template stays."""

from __future__ import annotations

import json

import pytest

from builders import OWNER, PATH, RUNTIME, a_spec, a_template
from wandbsweep.pool.jobs import agent_job, template_digest

ACCEPTED = {"acceptEULA": True}


def a_pod(isaac=None, *, pod=None, **container):
    template = a_template(**container)
    template["spec"].update(pod or {})
    spec = a_spec(template=template, isaac={**ACCEPTED, **(isaac or {})})
    return agent_job(OWNER, spec, RUNTIME, PATH, slot=0, attempt=0)["spec"]["template"]["spec"]


def environment(pod):
    names = [variable["name"] for variable in pod["containers"][0]["env"]]
    assert len(names) == len(set(names))
    return {variable["name"]: variable.get("value") for variable in pod["containers"][0]["env"]}


def mounted(pod):
    """Where the trainer sees what: path by path, the volume without its name."""
    volumes = {volume["name"]: {k: v for k, v in volume.items() if k != "name"} for volume in pod["volumes"]}
    return {mount["mountPath"]: volumes[mount["name"]] for mount in pod["containers"][0]["volumeMounts"]}


def test_the_licence_is_accepted_for_sim_and_kit_and_no_data_is_sent():
    env = environment(a_pod())

    assert (env["ACCEPT_EULA"], env["OMNI_KIT_ACCEPT_EULA"]) == ("Y", "YES")
    assert "PRIVACY_CONSENT" not in env
    assert environment(a_pod({"privacyConsent": True}))["PRIVACY_CONSENT"] == "Y"


def test_root_images_rendering_and_a_hub_that_is_not_there_are_thought_of():
    env = environment(a_pod())

    assert env["OMNI_KIT_ALLOW_ROOT"] == "1"
    assert env["NVIDIA_DRIVER_CAPABILITIES"] == "all"
    assert env["HUB__ARGS__DETECT_ONLY"] == "false"


@pytest.mark.parametrize(("profile", "cameras"), [("headless", "0"), ("camera", "1")])
def test_the_profile_tells_isaac_lab_what_to_render(profile, cameras):
    env = environment(a_pod({"profile": profile}))

    assert (env["HEADLESS"], env["ENABLE_CAMERAS"]) == ("1", cameras)


def test_a_variable_of_the_users_wins_but_for_the_licence():
    env = environment(
        a_pod(
            env=[
                {"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "compute"},
                {"name": "HEADLESS", "value": "0"},
                {"name": "ACCEPT_EULA", "value": "N"},
            ]
        )
    )

    assert (env["NVIDIA_DRIVER_CAPABILITIES"], env["HEADLESS"], env["ACCEPT_EULA"]) == ("compute", "0", "Y")


def test_shared_memory_is_as_large_as_is_said():
    assert mounted(a_pod())["/dev/shm"] == {"emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}
    assert mounted(a_pod({"sharedMemory": "16Gi"}))["/dev/shm"]["emptyDir"]["sizeLimit"] == "16Gi"


def test_shared_memory_of_the_users_own_stays():
    own = {"name": "shm", "emptyDir": {"medium": "Memory"}}
    pod = a_pod(pod={"volumes": [own]}, volumeMounts=[{"name": "shm", "mountPath": "/dev/shm/"}])

    assert mounted(pod)["/dev/shm/"] == {"emptyDir": {"medium": "Memory"}}
    assert "/dev/shm" not in mounted(pod)


def test_volumes_can_be_written_by_the_user_of_nvidias_images():
    assert a_pod()["securityContext"] == {"fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch"}
    own = a_pod(pod={"securityContext": {"fsGroup": 7, "runAsUser": 7}})["securityContext"]
    assert (own["fsGroup"], own["runAsUser"]) == (7, 7)


@pytest.mark.parametrize(
    ("cache", "source"),
    [
        ({"claimName": "isaac"}, {"persistentVolumeClaim": {"claimName": "isaac"}}),
        ({"hostPath": "/var/isaac"}, {"hostPath": {"path": "/var/isaac", "type": "Directory"}}),
    ],
)
def test_the_agent_is_told_where_caches_are_kept_and_for_which_image(cache, source):
    pod = a_pod({"cache": cache})
    env = environment(pod)

    assert mounted(pod)[env["WANDBSWEEP_ISAAC_CACHE"]] == source
    assert env["WANDBSWEEP_IMAGE"] == "lab/trainer:1"
    assert env["WANDBSWEEP_WARM_UP_SECONDS"] == "1800"
    assert "WANDBSWEEP_WARM_UP" not in env


def test_a_warm_up_of_the_users_own_reaches_the_container_as_it_is():
    command = ["./isaaclab.sh", "-p", "train.py", "--note=$(HOME) ${x}"]

    env = environment(a_pod({"cache": {"claimName": "a", "warmUp": {"command": command, "timeoutSeconds": 60}}}))

    assert json.loads(env["WANDBSWEEP_WARM_UP"].replace("$$", "$")) == command
    assert env["WANDBSWEEP_WARM_UP_SECONDS"] == "60"


def test_each_agent_has_a_log_folder_of_its_own():
    pod = a_pod({"logs": {"claimName": "logs"}})

    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == "/workspace/isaaclab/logs"]
    assert mount["subPathExpr"] == "anymal/$(WANDBSWEEP_POD)"
    (name,) = [v for v in pod["containers"][0]["env"] if v["name"] == "WANDBSWEEP_POD"]
    assert name["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert mounted(pod)["/workspace/isaaclab/logs"] == {"persistentVolumeClaim": {"claimName": "logs"}}


def test_the_runtime_brings_wandb_along():
    assert a_pod()["initContainers"][0]["command"] == ["wandbsweep", "install", "/wandbsweep", "--with-wandb"]


def test_other_trainers_get_nothing_of_it():
    spec = a_spec()
    pod = agent_job(OWNER, spec, RUNTIME, PATH, slot=0, attempt=0)["spec"]["template"]["spec"]

    assert pod["initContainers"][0]["command"] == ["wandbsweep", "install", "/wandbsweep"]
    assert "securityContext" not in pod
    assert set(mounted(pod)) == {"/wandbsweep", "/wandbsweep-pod"}


def test_an_edit_of_the_profile_replaces_agents_and_an_object_without_one_is_as_before():
    plain = a_spec()

    assert template_digest(plain) != template_digest(a_spec(isaac=ACCEPTED))
    assert template_digest(a_spec(isaac=ACCEPTED)) == template_digest(a_spec(isaac={**ACCEPTED, "profile": "headless"}))
    assert template_digest(plain) == "a05119c32d5a"
