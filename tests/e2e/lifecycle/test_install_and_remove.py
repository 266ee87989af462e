"""helm install, upgrade, rollback and uninstall: it works in a strict namespace, and leaves what the page says."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from audits import refused_to
from charts import CHART, merged
from installed import a_short_cartpole_sweep, as_installed
from releases import everything
from servers import running_server
from trainings import runs_of
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SYSTEM, LAB, OTHER = "sweep-system", "lab-a", "lab-b"
CRD = "wandbsweeps.wandbsweep.dev"
# Helm never deletes a definition; the API server keeps an entry for the group of each.
THE_DEFINITION = {f"CustomResourceDefinition /{CRD}", "APIService /v1alpha1.wandbsweep.dev"}
SERVER = {"server": {"enabled": True, "persistence": {"enabled": False}}}
IN_ONE_NAMESPACE = {"watchNamespaces": [LAB]}
# All that the chart can bring, but for what needs the definitions of the Prometheus operator.
EVERYTHING = {
    "operator": {"replicas": 2},
    "metrics": {"dashboard": {"enabled": True}},
    "networkPolicy": {"enabled": True},
    "policy": {"enabled": True, "maxAgents": 8},
}
WAYS: dict[str, dict[str, Any]] = {
    "everywhere": {},
    "in one namespace": IN_ONE_NAMESPACE,
    "everywhere, with a server": {**SERVER, **EVERYTHING},
    "in one namespace, with a server": {**SERVER, **IN_ONE_NAMESPACE},
}


@pytest.fixture(scope="module")
def elsewhere(own_cluster, tmp_path_factory):
    """A W&B server that came with no release, as api.wandb.ai is one."""
    with running_server(tmp_path_factory.mktemp("elsewhere"), host="0.0.0.0") as server:
        yield f"http://{own_cluster.host_address}:{server.port}", server.api_key


def apply(cluster, namespace, **spec):
    manifest = a_short_cartpole_sweep(agentCount=1, **spec)
    cluster.kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(manifest))


def status(cluster, namespace):
    return cluster.get("wandbsweep", "cartpole", "-n", namespace).get("status", {})


def until_complete(cluster, namespace):
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Complete", "wandbsweep/cartpole", "--timeout=400s")


def key_of_the_server(cluster):
    return base64.b64decode(cluster.get("secret", "wandb-api-key", "-n", SYSTEM)["data"]["apiKey"]).decode()


def give_key(cluster, namespace, key):
    secret = ("create", "secret", "generic", "wandb-api-key", f"--from-literal=apiKey={key}")
    cluster.kubectl("-n", namespace, *secret)


def looked_at(cluster, namespace):
    return until(lambda: status(cluster, namespace).get("conditions"), f"{namespace} was looked at", seconds=120)


def pods_admitted_as_restricted(cluster):
    labels = cluster.get("namespace", SYSTEM)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    return cluster.get("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/instance=wandbsweep")["items"]


@pytest.mark.parametrize("values", WAYS.values(), ids=WAYS)
def test_what_came_with_the_release_goes_with_it(own_cluster, a_namespace, a_release, elsewhere, values):
    for name in (SYSTEM, LAB, OTHER):
        a_namespace(name)
    before = everything(own_cluster)
    url, key = elsewhere
    values = values if "server" in values else {**values, "wandb": {"baseURL": url}}

    with a_release(SYSTEM) as release:
        release.install(values)
        assert pods_admitted_as_restricted(own_cluster)
        release.test()
        give_key(own_cluster, LAB, key_of_the_server(own_cluster) if "server" in values else key)
        apply(own_cluster, LAB, maxRuns=2)
        apply(own_cluster, OTHER, maxRuns=1)
        looked_at(own_cluster, LAB)

        release.upgrade(merged(values, {"operator": {"logLevel": "debug"}}))
        release.test()
        release.rollback(1)
        release.test()

        until_complete(own_cluster, LAB)
        if "watchNamespaces" in values:
            assert status(own_cluster, OTHER) == {}
        else:
            looked_at(own_cluster, OTHER)
        since = own_cluster.get("deployment", "wandbsweep", "-n", SYSTEM)["metadata"]["creationTimestamp"]
        assert refused_to(own_cluster, SYSTEM, since=since) == set()
        # Nobody serves that of the other namespace if it is not watched; it then has no finalizer, either.
        own_cluster.kubectl("-n", OTHER, "delete", "wandbsweep", "cartpole", "--timeout=120s")

        release.uninstall()

        left = THE_DEFINITION | {f"Secret {LAB}/wandb-api-key", f"WandbSweep {LAB}/cartpole"}
        until(lambda: everything(own_cluster) - before == left, "what the user made is left, and the CRD", seconds=120)
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
        apply(own_cluster, LAB, maxRuns=1)
        until_complete(own_cluster, LAB)
        finished = status(own_cluster, LAB)

        release.uninstall()

        users = {f"Secret {LAB}/wandb-api-key", f"WandbSweep {LAB}/cartpole"}
        documented = THE_DEFINITION | {f"PersistentVolumeClaim {SYSTEM}/data-wandbsweep-server-0"}
        until(lambda: everything(own_cluster) - before == users | documented, "the rest is gone", seconds=120)

        release.install(values)  # over the CRD, the sweep and the claim that stayed
        own_cluster.kubectl("-n", LAB, "delete", "secret", "wandb-api-key")
        give_key(own_cluster, LAB, key_of_the_server(own_cluster))
        again = status(own_cluster, LAB)
        assert (again["sweepID"], again["runs"]) == (finished["sweepID"], finished["runs"])
        (run,) = runs_of(as_installed(own_cluster, SYSTEM), again)
        assert run.state == "finished"
        own_cluster.kubectl("-n", LAB, "delete", "wandbsweep", "cartpole", "--timeout=120s")
    # As docs/operating.md says how to: then nothing is left at all.
    own_cluster.kubectl("-n", SYSTEM, "delete", "pvc", "data-wandbsweep-server-0", "--timeout=60s")
    own_cluster.kubectl("-n", LAB, "delete", "secret", "wandb-api-key")
    until(lambda: everything(own_cluster) == before, "nothing is left", seconds=120)


def test_two_releases_each_serve_their_own_namespace_with_a_definition_that_was_there(
    own_cluster, a_namespace, a_release
):
    """As where a platform team keeps the definitions of all operators by itself."""
    for name in ("system-a", "system-b", LAB, OTHER):
        a_namespace(name)
    with a_release("system-a") as first, a_release("system-b") as second:
        own_cluster.kubectl("apply", "-f", str(CHART / "crds"))
        generation = own_cluster.get("crd", CRD)["metadata"]["generation"]
        for release, name, namespace in ((first, "first", LAB), (second, "second", OTHER)):
            own = {"watchNamespaces": [namespace], "fullnameOverride": name}
            release.helm("install", release.name, str(CHART), "--wait", "--skip-crds", values=own)
            release.test()
        for namespace in (LAB, OTHER):
            apply(own_cluster, namespace, maxRuns=1)
            looked_at(own_cluster, namespace)
        assert own_cluster.get("crd", CRD)["metadata"]["generation"] == generation
