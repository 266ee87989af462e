"""The operator that the e2e tests run has the rights of the chart and no others: what passes, passes with these."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml

from charts import of_kind, rules

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def rights_of(installed, account, namespace) -> set[tuple[str, str, str]]:
    """What the API server itself says that a service account may do in a namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    user = f"--as=system:serviceaccount:{installed.namespace}:{account}"
    created = installed.cluster.kubectl("create", "-f", "-", "-o", "json", user, input=json.dumps(review))
    status = json.loads(created)["status"]
    assert not status.get("incomplete")
    return rules({"rules": [{"apiGroups": [""], **rule} for rule in status["resourceRules"]]})


def granted_by_the_chart(installed, kind) -> set[tuple[str, str, str]]:
    manifests: list[dict[str, Any]] = list(yaml.safe_load_all(helm(installed, "get", "manifest", "wandbsweep")))
    bound = [
        binding["roleRef"]["name"]
        for binding in of_kind([each for each in manifests if each], f"{kind}Binding")
        if any(subject["kind"] == "ServiceAccount" for subject in binding["subjects"])
    ]
    roles = [role for role in of_kind([each for each in manifests if each], kind) if role["metadata"]["name"] in bound]
    return set().union(*(rules(role) for role in roles))


def helm(installed, *arguments) -> str:
    command = [*installed.helm, *arguments, "--namespace", installed.namespace]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_operator_of_these_tests_acts_under_the_charts_account(installed):
    (pod,) = installed.pods_with("operator")
    assert pod["spec"]["serviceAccountName"] == "wandbsweep"
    mounts = {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
    assert "/var/run/secrets/kubernetes.io/serviceaccount" in mounts
    assert not [each for each in pod["spec"]["containers"][0].get("env", []) if each["name"] == "KUBECONFIG"]


def test_in_a_namespace_of_sweeps_it_may_do_what_the_cluster_role_says_and_no_more(installed, robots):
    everybody = rights_of(installed, "nobody-in-particular", robots)
    own = rights_of(installed, "wandbsweep", robots)
    assert own - everybody == granted_by_the_chart(installed, "ClusterRole")


def test_in_its_own_namespace_it_holds_its_lease_besides(installed):
    here = rights_of(installed, "wandbsweep", installed.namespace)
    elsewhere = rights_of(installed, "wandbsweep", "default")
    assert here - elsewhere == granted_by_the_chart(installed, "Role")


@pytest.mark.parametrize(
    "asked",
    [
        ("list", "secrets"),
        ("get", "secrets/another-secret"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("create", "serviceaccounts/token"),
        ("update", "configmaps"),
        ("create", "clusterrolebindings"),
        ("impersonate", "users"),
        ("get", "nodes"),
    ],
    ids=" ".join,
)
def test_it_may_not(installed, robots, asked):
    user = f"--as=system:serviceaccount:{installed.namespace}:wandbsweep"
    answer = installed.cluster.try_kubectl("-n", robots, "auth", "can-i", *asked, user)
    assert answer.stdout.strip().startswith("no"), answer.stdout
