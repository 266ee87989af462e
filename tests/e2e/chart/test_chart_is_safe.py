"""What the chart asks of a cluster: pods that `restricted` admits, and rights as small as the operator's work."""

import subprocess
from typing import Any

import pytest

from charts import CHART, container, of_kind, pod_specs, rules, the_one

SERVER = {"server": {"enabled": True}}
NAMESPACED = {"watchNamespaces": ["lab-a", "lab-b"]}
EVERYWHERE: dict[str, Any] = {}

WORK_IN_A_NAMESPACE = {
    ("wandbsweep.dev", "wandbsweeps", "get"),
    ("wandbsweep.dev", "wandbsweeps", "list"),
    ("wandbsweep.dev", "wandbsweeps", "watch"),
    ("wandbsweep.dev", "wandbsweeps", "patch"),
    ("wandbsweep.dev", "wandbsweeps", "delete"),
    ("wandbsweep.dev", "wandbsweeps/status", "patch"),
    ("wandbsweep.dev", "wandbsweeps/finalizers", "update"),
    ("batch", "jobs", "list"),
    ("batch", "jobs", "watch"),
    ("batch", "jobs", "create"),
    ("batch", "jobs", "delete"),
    ("", "pods", "list"),
    ("", "pods", "watch"),
    ("", "pods", "patch"),
    ("", "configmaps", "get"),
    ("", "secrets:wandb-api-key", "get"),
    ("", "events", "create"),
}
DISCOVERY = {
    ("apiextensions.k8s.io", "customresourcedefinitions", "list"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "watch"),
}
NAMESPACES = {("", "namespaces", "list"), ("", "namespaces", "watch")}
ITS_LEASE = {
    ("coordination.k8s.io", "leases:wandbsweep", "get"),
    ("coordination.k8s.io", "leases:wandbsweep", "update"),
    ("coordination.k8s.io", "leases", "create"),
}


@pytest.mark.parametrize("values", [EVERYWHERE, NAMESPACED, SERVER], ids=["everywhere", "namespaced", "server"])
def test_helm_lints_the_chart(helm: str, values: dict[str, Any]) -> None:
    flags = [f"--set-json={name}={value}".replace("'", '"').replace("True", "true") for name, value in values.items()]
    done = subprocess.run([helm, "lint", "--strict", CHART, *flags], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_pod_is_admitted_under_restricted(render) -> None:
    specs = pod_specs(render(SERVER))
    assert len(specs) == 2
    for spec in specs:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {key for volume in spec["volumes"] for key in volume} <= {"name", "emptyDir", "secret"}
        for each in spec["containers"]:
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert each["resources"]["requests"]
            assert each["resources"]["limits"]["memory"]


def test_an_operator_for_all_namespaces_may_do_its_work_and_no_more(render) -> None:
    manifests = render(EVERYWHERE)
    assert rules(the_one(manifests, "ClusterRole", "wandbsweep")) == WORK_IN_A_NAMESPACE | DISCOVERY
    role = the_one(manifests, "Role")
    assert (role["metadata"]["namespace"], rules(role)) == ("sweeps", ITS_LEASE)


def test_an_operator_for_some_namespaces_has_rights_in_these_only(render) -> None:
    manifests = render(NAMESPACED)
    assert rules(the_one(manifests, "ClusterRole", "wandbsweep")) == DISCOVERY | NAMESPACES
    lease, *roles = of_kind(manifests, "Role")
    assert (lease["metadata"]["namespace"], rules(lease)) == ("sweeps", ITS_LEASE)
    assert [role["metadata"]["namespace"] for role in roles] == ["lab-a", "lab-b"]
    assert all(rules(role) == WORK_IN_A_NAMESPACE for role in roles)


@pytest.mark.parametrize("names", [["lab-key", "other-key"], []], ids=["two", "none"])
def test_secrets_are_read_by_name_only(render, names: list[str]) -> None:
    role = the_one(render({"wandb": {"apiKeySecretNames": names}}), "ClusterRole", "wandbsweep")
    readable = {resource for _, resource, _ in rules(role) if resource.startswith("secrets")}
    assert readable == {f"secrets:{name}" for name in names}


def test_only_the_operator_has_a_token_of_the_cluster(render) -> None:
    manifests = render(SERVER)
    assert the_one(manifests, "StatefulSet")["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    assert the_one(manifests, "ServiceAccount")["automountServiceAccountToken"] is False
    operator = the_one(manifests, "Deployment")["spec"]["template"]["spec"]
    assert operator["automountServiceAccountToken"] is True
    assert operator["serviceAccountName"] == the_one(manifests, "ServiceAccount")["metadata"]["name"]


def test_of_several_operators_only_the_holder_of_the_lease_acts(render) -> None:
    manifests = render({"operator": {"replicas": 2}})
    spec = the_one(manifests, "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (2, {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    assert "--lease=sweeps/wandbsweep" in container(manifests, "Deployment")["args"]


def test_no_key_appears_outside_its_secret(render) -> None:
    manifests = render(SERVER)
    key = the_one(manifests, "Secret")["data"]["apiKey"]
    assert all(key not in str(manifest) for manifest in manifests if manifest["kind"] != "Secret")
    assert "env" not in container(manifests, "StatefulSet")
