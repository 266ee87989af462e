"""helm install, upgrade, rollback and uninstall: it works in a strict namespace, and leaves what the page says."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from charts import CHART
from installed import a_cartpole_sweep
from releases import everything
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SYSTEM, LAB, OTHER = "sweep-system", "lab-a", "lab-b"
CRD = "CustomResourceDefinition /wandbsweeps.wandbsweep.dev"
SERVER = {"server": {"enabled": True, "persistence": {"enabled": False}}}
IN_ONE_NAMESPACE = {"watchNamespaces": [LAB]}
WAYS: dict[str, dict[str, Any]] = {
    "everywhere": {},
    "in one namespace": IN_ONE_NAMESPACE,
    "everywhere, with a server": SERVER,
    "in one namespace, with a server": {**SERVER, **IN_ONE_NAMESPACE},
}


def apply(cluster, namespace, **spec):
    manifest = a_cartpole_sweep(agentCount=1, **spec)
    cluster.kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(manifest))


def status(cluster, namespace):
    return cluster.get("wandbsweep", "cartpole", "-n", namespace).get("status", {})


def key_of_the_server(cluster):
    return base64.b64decode(cluster.get("secret", "wandb-api-key", "-n", SYSTEM)["data"]["apiKey"]).decode()


def give_key(cluster, namespace, key):
    secret = ("create", "secret", "generic", "wandb-api-key", f"--from-literal=apiKey={key}")
    cluster.kubectl("-n", namespace, *secret)


def look_at(cluster, namespace):
    return until(lambda: status(cluster, namespace).get("conditions"), f"{namespace} was looked at", seconds=120)


def restricted(cluster):
    """The pods of the release, which the namespace would not have admitted otherwise."""
    labels = cluster.get("namespace", SYSTEM)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    return cluster.get("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/instance=wandbsweep")["items"]


@pytest.mark.parametrize("values", WAYS.values(), ids=WAYS)
def test_what_came_with_the_release_goes_with_it(own_cluster, a_namespace, a_release, values):
    for name in (SYSTEM, LAB, OTHER):
        a_namespace(name)
    before = everything(own_cluster)

    with a_release(SYSTEM) as release:
        release.install(values)
        assert restricted(own_cluster)
        release.test()
        for namespace in (LAB, OTHER):
            apply(own_cluster, namespace, maxRuns=1)
        look_at(own_cluster, LAB)
        if "watchNamespaces" in values:
            assert status(own_cluster, OTHER) == {}
        else:
            look_at(own_cluster, OTHER)

        release.upgrade({**values, "operator": {"logLevel": "debug"}})
        release.test()
        release.rollback(1)
        release.test()

        own_cluster.kubectl("-n", LAB, "delete", "wandbsweep", "cartpole", "--timeout=120s")
        # Nobody serves this one if its namespace is not watched; it then has no finalizer, either.
        own_cluster.kubectl("-n", OTHER, "delete", "wandbsweep", "cartpole", "--timeout=120s")
        release.uninstall()

        until(lambda: everything(own_cluster) - before <= {CRD}, "only the CRD is left", seconds=120)
        assert before - everything(own_cluster) == set()


def test_a_sweep_trains_on_a_server_that_was_just_installed_and_its_data_outlives_the_release(
    own_cluster, a_namespace, a_release, a_volume
):
    for name in (SYSTEM, LAB):
        a_namespace(name)
    a_volume(SYSTEM)
    before = everything(own_cluster)
    values = {"server": {"enabled": True, "persistence": {"size": "1Gi"}}}

    with a_release(SYSTEM) as release:
        release.install(values)
        give_key(own_cluster, LAB, key_of_the_server(own_cluster))
        apply(own_cluster, LAB, maxRuns=2)
        own_cluster.kubectl("-n", LAB, "wait", "--for=condition=Complete", "wandbsweep/cartpole", "--timeout=400s")
        finished = status(own_cluster, LAB)

        release.uninstall()

        users = {f"Secret {LAB}/wandb-api-key", f"WandbSweep {LAB}/cartpole"}
        documented = {CRD, f"PersistentVolumeClaim {SYSTEM}/data-wandbsweep-server-0"}
        until(lambda: everything(own_cluster) - before == users | documented, "the rest is gone", seconds=120)

        release.install(values)  # over the CRD, the sweep and the claim that stayed
        own_cluster.kubectl("-n", LAB, "delete", "secret", "wandb-api-key")
        give_key(own_cluster, LAB, key_of_the_server(own_cluster))
        again = status(own_cluster, LAB)
        assert (again["sweepID"], again["runs"]) == (finished["sweepID"], finished["runs"])
        own_cluster.kubectl("-n", LAB, "delete", "wandbsweep", "cartpole", "--timeout=120s")


def test_two_releases_side_by_side_each_serve_their_own_namespace(own_cluster, a_namespace, a_release):
    for name in ("system-a", "system-b", LAB, OTHER):
        a_namespace(name)
    with a_release("system-a") as first, a_release("system-b") as second:
        first.install({"watchNamespaces": [LAB], "fullnameOverride": "first"})
        second.install({"watchNamespaces": [OTHER], "fullnameOverride": "second"})
        for namespace in (LAB, OTHER):
            apply(own_cluster, namespace, maxRuns=1)
            look_at(own_cluster, namespace)


def test_the_chart_can_be_installed_without_its_crd_being_touched(own_cluster, a_namespace, a_release):
    """As where a platform team keeps the definitions of all operators by itself."""
    a_namespace(SYSTEM)
    crds = CHART / "crds"
    with a_release(SYSTEM) as release:
        own_cluster.kubectl("apply", "-f", str(crds))
        generation = own_cluster.get("crd", "wandbsweeps.wandbsweep.dev")["metadata"]["generation"]
        release.helm("install", release.name, str(CHART), "--wait", "--skip-crds", values={})
        release.test()
        assert own_cluster.get("crd", "wandbsweeps.wandbsweep.dev")["metadata"]["generation"] == generation
