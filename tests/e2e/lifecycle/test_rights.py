"""The operator that the e2e tests run has the rights of the chart and no others: what passes, passes with these."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml

from audits import asked_by, is_kept
from charts import of_kind, rules
from installed import a_cartpole_sweep
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(700)]

# Asked for by no request: the API server wants it of whoever makes Jobs that block the deletion of their sweep, where
# the admission plugin OwnerReferencesPermissionEnforcement is on, as in OpenShift.
NOT_SEEN = {("wandbsweep.dev", "wandbsweeps/finalizers", "update")}


def rights_of(installed, account, namespace) -> set[tuple[str, str, str]]:
    """What the API server itself says that a service account may do in a namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    user = f"--as=system:serviceaccount:{installed.namespace}:{account}"
    # Without the client's own validation, which lists CRDs as that account.
    create = ("create", "--validate=false", "-f", "-", "-o", "json", user)
    created = installed.cluster.kubectl(*create, input=json.dumps(review))
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


def test_the_account_is_bound_to_the_charts_roles_and_to_nothing_else(installed):
    account = {"kind": "ServiceAccount", "name": "wandbsweep", "namespace": installed.namespace}
    kinds = "clusterrolebindings,rolebindings"
    bindings = installed.cluster.get(kinds, "--all-namespaces")["items"]
    own = {each["metadata"]["name"] for each in bindings if account in each.get("subjects", [])}
    assert own == {"wandbsweep", "wandbsweep-lease"}
    # Groups that every service account is in give it what Kubernetes gives to all, and not more.
    groups = {"system:serviceaccounts", f"system:serviceaccounts:{installed.namespace}"}
    given = {
        each["roleRef"]["name"]
        for each in bindings
        if any(subject["name"] in groups for subject in each.get("subjects", []))
    }
    assert given <= {"system:service-account-issuer-discovery"}


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


def test_every_rule_of_the_chart_is_needed_by_the_life_of_a_sweep(installed, robots):
    if not is_kept(installed.cluster):
        pytest.skip("this cluster keeps no audit log: who runs its node decides that")
    definition = a_cartpole_sweep()["spec"]["sweep"]
    kubectl = installed.cluster.kubectl
    literal = f"--from-literal=sweep.yaml={json.dumps(definition)}"
    kubectl("-n", robots, "create", "configmap", "definition", literal)
    manifest = a_cartpole_sweep(agentCount=2, maxRuns=2, ttlSecondsAfterFinished=1)
    del manifest["spec"]["sweep"]
    manifest["spec"]["sweepFrom"] = {"configMapKeyRef": {"name": "definition", "key": "sweep.yaml"}}
    installed.apply(robots, manifest)
    until(lambda: installed.sweep(robots).get("runs", {}).get("running") == 2, "both agents train", seconds=200)
    another_template = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 20}}}}
    patch = ("patch", "wandbsweep", "cartpole", "--type=merge", "-p", json.dumps(another_template))
    kubectl("-n", robots, *patch)
    gone = ("wait", "--for=delete", "wandbsweep/cartpole", "--timeout=400s")
    kubectl("-n", robots, *gone)

    granted = granted_by_the_chart(installed, "ClusterRole") | granted_by_the_chart(installed, "Role")
    asked = set(asked_by(installed.cluster, installed.namespace, since=installed.since))
    assert {right for right in granted if not any(each.needs(right) for each in asked)} == NOT_SEEN
    assert all(each.allowed for each in asked)
