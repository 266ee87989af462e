"""Whoever may edit a namespace can do there all that the README shows, and nothing beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid

import pytest
import yaml

from installed import a_short_cartpole_sweep
from readme_commands import kubectl_commands
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ANNA = ("--as=anna", "--as-group=system:authenticated")
PLACE, OBJECT = "robots", "anymal-terrain"


@pytest.fixture
def annas(installed):
    """A namespace of the strictest pod security in which Anna has the role `edit`, and nothing else anywhere."""
    kubectl, name = installed.cluster.kubectl, f"robots-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    kubectl("-n", name, "create", "rolebinding", "anna", "--clusterrole=edit", "--user=anna")
    yield name
    kubectl("-n", name, "delete", "wandbsweeps", "--all", "--wait=true", "--timeout=120s")
    kubectl("delete", "namespace", name, "--wait=false")


def as_anna(installed, namespace, arguments, **options):
    given = [namespace if word == PLACE else word for word in arguments]
    place = [] if namespace in given else ["-n", namespace]
    return installed.cluster.try_kubectl(*ANNA, *place, *given, **options)


def a_sweep_called(name):
    manifest = a_short_cartpole_sweep(agentCount=1, maxRuns=1)
    manifest["metadata"]["name"] = name
    return manifest


def test_an_editor_can_do_everything_in_the_readme(installed, annas, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(a_sweep_called(OBJECT)))
    done = as_anna(installed, annas, ["apply", "-f", "-"], input=json.dumps(a_sweep_called("cartpole")))
    assert done.returncode == 0, done.stderr

    for command in kubectl_commands():
        arguments = [word.replace("PLACEHOLDER", installed.api_key) for word in command]
        # The test cannot watch for ever, nor wait for a day.
        if "--watch" in arguments:
            arguments.remove("--watch")
            assert as_anna(installed, annas, ["auth", "can-i", "watch", "wandbsweeps"]).stdout.strip() == "yes"
        arguments = ["--timeout=400s" if word.startswith("--timeout") else word for word in arguments]

        done = as_anna(installed, annas, arguments, input=json.dumps(a_sweep_called(OBJECT)))

        assert done.returncode == 0, f"kubectl {' '.join(command)}: {done.stderr}"


def test_an_editor_follows_an_agent_and_hears_why_it_ended(installed, annas):
    secret = ["create", "secret", "generic", "wandb-api-key", f"--from-literal=apiKey={installed.api_key}"]
    assert as_anna(installed, annas, secret).returncode == 0
    done = as_anna(installed, annas, ["apply", "-f", "-"], input=json.dumps(a_sweep_called("cartpole")))
    assert done.returncode == 0, done.stderr
    until(lambda: installed.pods_of(annas), "an agent is there", seconds=120)
    for command in (["get", "jobs"], ["get", "events"], ["explain", "wandbsweep.spec.limits"]):
        assert as_anna(installed, annas, command).returncode == 0

    wait = ["wait", "--for=condition=Complete", "wandbsweep/cartpole", "--timeout=400s"]
    assert as_anna(installed, annas, wait).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["get", "wandbsweeps", "--all-namespaces"],
        ["-n", "wandbsweep", "get", "wandbsweeps"],
        ["-n", "wandbsweep", "get", "secrets"],
        ["patch", "wandbsweep", "cartpole", "--subresource=status", "--type=merge", "-p", '{"status": {}}'],
    ],
    ids=["all namespaces", "another namespace", "the operator's Secrets", "the status"],
)
def test_an_editor_reaches_nothing_else(installed, annas, arguments):
    as_anna(installed, annas, ["apply", "-f", "-"], input=json.dumps(a_sweep_called("cartpole")))
    done = installed.cluster.try_kubectl(*ANNA, *([] if "-n" in arguments else ["-n", annas]), *arguments)
    assert done.returncode != 0
    assert "cannot" in done.stderr


def test_a_viewer_sees_sweeps_and_changes_none(installed, annas):
    kubectl = installed.cluster.kubectl
    kubectl("-n", annas, "create", "rolebinding", "ben", "--clusterrole=view", "--user=ben")
    as_anna(installed, annas, ["apply", "-f", "-"], input=json.dumps(a_sweep_called("cartpole")))
    as_ben = ("--as=ben", "--as-group=system:authenticated", "-n", annas)
    assert "cartpole" in kubectl(*as_ben, "get", "wandbsweeps")
    for verb in ("create", "patch", "delete"):
        assert installed.cluster.try_kubectl(*as_ben, "auth", "can-i", verb, "wandbsweeps").stdout.strip() == "no"
    done = installed.cluster.try_kubectl(*as_ben, "scale", "wandbsweep/cartpole", "--replicas=2")
    assert done.returncode != 0


def test_what_convert_prints_can_be_applied_by_an_editor(installed, annas):
    converted = subprocess.run(
        [
            sys.executable,
            "-m",
            "wandbsweep",
            "convert",
            "-",
            "--name=anymal",
            "--project=anymal",
            "--image=lab/isaac:2.3",
        ],
        input="method: grid\nprogram: train.py\nparameters: {lr: {values: [1, 2]}}\n",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    done = as_anna(installed, annas, ["apply", "--validate=strict", "-f", "-"], input=converted)
    assert done.returncode == 0, done.stderr
