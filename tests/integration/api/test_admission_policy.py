"""The chart's bounds of WandbSweeps on a real API server: what is let in, and in which words the rest is refused.

The rows are what a user of a shared cluster would try. Whoever may write WandbSweeps gets pods by the operator's
rights; nothing here needs the operator, since the API server itself refuses.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from charts import rendered
from waiting import until
from wandbsweep.api.labels import GROUP, PLURAL, VERSION

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
POLICY = {
    "enabled": True,
    "namespaceSelector": {"matchLabels": {"bounded": "yes"}},
    "allowedImages": ["nvcr.io/nvidia/", "registry.lab/"],
    "allowedServiceAccounts": ["default", "trainer"],
    "allowedBaseURLs": ["https://api.wandb.ai", "http://wandb.lab:8080/path"],
    "maxAgents": 8,
    "maxGPUs": 8,
}
CONTAINER = {"name": "trainer", "image": "nvcr.io/nvidia/isaac-lab:2.3.0"}


def gpus(number: Any) -> dict[str, Any]:
    return {"resources": {"limits": {"nvidia.com/gpu": number}}}


def a_sweep(
    *, container: dict[str, Any] | None = None, pod: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    containers = [{**CONTAINER, **(container or {})}]
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "WandbSweep",
        "metadata": {"generateName": "anymal-"},
        "spec": {
            "project": "p",
            "sweep": {"method": "random", "parameters": {"lr": {"values": [1, 2]}}},
            "template": {"spec": {"containers": containers, **(pod or {})}},
            **spec,
        },
    }


ALLOWED = {
    "as usual": a_sweep(),
    "eight agents": a_sweep(agentCount=8),
    "all GPUs": a_sweep(container=gpus(2), agentCount=4),
    "GPUs as text": a_sweep(container=gpus("8")),
    "a listed account": a_sweep(pod={"serviceAccountName": "trainer"}),
    "a listed server": a_sweep(wandb={"baseURL": "https://api.wandb.ai"}),
    "below a listed server": a_sweep(wandb={"baseURL": "http://wandb.lab:8080/path/a"}),
    "volumes of the namespace": a_sweep(pod={"volumes": [{"name": "a", "emptyDir": {}}]}),
    "resources of another vendor": a_sweep(container={"resources": {"limits": {"rdma/hca": 1, "memory": "1Gi"}}}),
    "data of a listed image": a_sweep(pod={"volumes": [{"name": "a", "image": {"reference": "registry.lab/data:1"}}]}),
    "a search": a_sweep(search={"template": {"spec": {"containers": [{"name": "search"}]}}}),
    "a restricted container": a_sweep(
        container={"securityContext": {"privileged": False, "capabilities": {"drop": ["ALL"]}}}
    ),
    "false is false": a_sweep(pod={"hostNetwork": False}),
}
REFUSED = {
    "an image": (a_sweep(container={"image": "docker.io/x"}), "images of a WandbSweep must begin with"),
    "an image that only contains": (a_sweep(container={"image": "evil/nvcr.io/nvidia/x"}), "must begin with"),
    "an image of an init container": (
        a_sweep(pod={"initContainers": [{"name": "i", "image": "x"}]}),
        "must begin with",
    ),
    "an image of a second container": (
        a_sweep(pod={"containers": [CONTAINER, {"name": "b", "image": "x"}]}),
        "must begin with",
    ),
    "an image of the search": (
        a_sweep(search={"template": {"spec": {"containers": [{"name": "search", "image": "x"}]}}}),
        "must begin with",
    ),
    "an image as a volume": (
        a_sweep(pod={"volumes": [{"name": "a", "image": {"reference": "docker.io/x"}}]}),
        "must begin with",
    ),
    "hostProcess": (
        a_sweep(pod={"securityContext": {"windowsOptions": {"hostProcess": True}}}),
        "the node's own",
    ),
    "hostProcess of a container": (
        a_sweep(container={"securityContext": {"windowsOptions": {"hostProcess": True}}}),
        "hostProcess",
    ),
    "a slice of a GPU": (
        a_sweep(container={"resources": {"limits": {"nvidia.com/mig-1g.10gb": 7}}}, agentCount=8),
        "must be asked for as one of: nvidia.com/gpu",
    ),
    "hostPath": (a_sweep(pod={"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}), "the node's own"),
    "hostNetwork": (a_sweep(pod={"hostNetwork": True}), "the node's own"),
    "hostPID": (a_sweep(pod={"hostPID": True}), "the node's own"),
    "hostIPC": (a_sweep(pod={"hostIPC": True}), "the node's own"),
    "nodeName": (a_sweep(pod={"nodeName": "control-plane"}), "the node's own"),
    "hostPath of the search": (
        a_sweep(search={"template": {"spec": {"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}}}),
        "the node's own",
    ),
    "privileged": (a_sweep(container={"securityContext": {"privileged": True}}), "must not be privileged"),
    "capabilities": (a_sweep(container={"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}), "privileged"),
    "hostPort": (a_sweep(container={"ports": [{"containerPort": 1, "hostPort": 1}]}), "hostPort"),
    "procMount": (a_sweep(container={"securityContext": {"procMount": "Unmasked"}}), "procMount"),
    "an account": (a_sweep(pod={"serviceAccountName": "cluster-admin"}), "service account of a WandbSweep"),
    "an account by its old name": (a_sweep(pod={"serviceAccount": "cluster-admin"}), "service account of a WandbSweep"),
    "a server": (a_sweep(wandb={"baseURL": "https://evil.example"}), "spec.wandb.baseURL must be one of"),
    "a server that begins alike": (a_sweep(wandb={"baseURL": "https://api.wandb.ai.evil.example"}), "must be one of"),
    "nine agents": (a_sweep(agentCount=9), "spec.agentCount must be 8 at most"),
    "too many GPUs": (a_sweep(container=gpus(2), agentCount=5), "may hold 8 GPUs at most: 5 agents of 2 are more"),
    "too many GPUs as text": (a_sweep(container=gpus("9")), "may hold 8 GPUs at most"),
    "GPUs of two containers": (
        a_sweep(pod={"containers": [{**CONTAINER, **gpus(5)}, {**CONTAINER, "name": "b", **gpus(5)}]}),
        "may hold 8 GPUs at most",
    ),
    "GPUs that are not counted": (
        a_sweep(pod={"resourceClaims": [{"name": "gpu", "resourceClaimName": "x"}]}),
        "no resourceClaims",
    ),
    "GPUs of the search": (
        a_sweep(search={"template": {"spec": {"containers": [{"name": "search", **gpus(1)}]}}}),
        "spec.search.template must not ask for GPUs",
    ),
    "the cache of Isaac Sim on the node": (
        a_sweep(isaac={"acceptEULA": True, "cache": {"hostPath": "/var/cache/isaac"}}),
        "spec.isaac.cache.hostPath is not allowed here",
    ),
}


class Sweeps:
    """The WandbSweeps of one namespace."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._api = client.CustomObjectsApi(api)
        self._where = {"group": GROUP, "version": VERSION, "namespace": namespace, "plural": PLURAL}

    def create(self, manifest: dict[str, Any], *, dry_run: bool = True) -> dict[str, Any]:
        more = {"dry_run": "All"} if dry_run else {}
        made: dict[str, Any] = self._api.create_namespaced_custom_object(**self._where, body=manifest, **more)
        return made

    def replace(self, manifest: dict[str, Any]) -> dict[str, Any]:
        name = manifest["metadata"]["name"]
        made: dict[str, Any] = self._api.replace_namespaced_custom_object(**self._where, name=name, body=manifest)
        return made

    def scale(self, name: str, replicas: int) -> Any:
        body = {"spec": {"replicas": replicas}}
        return self._api.patch_namespaced_custom_object_scale(**self._where, name=name, body=body)


@pytest.fixture(scope="module")
def policies(api, installed_crd):
    """The chart's policies on the API server."""
    helm = subprocess.run(
        [sys.executable, ROOT / "hack/cluster", "path", "helm"], capture_output=True, text=True, check=True
    ).stdout.strip()
    admission = client.AdmissionregistrationV1Api(api)
    manifests = rendered(helm, {"policy": POLICY}, release="bounds")
    wanted = [each for each in manifests if each["kind"].startswith("ValidatingAdmissionPolicy")]
    for each in wanted:
        if each["kind"] == "ValidatingAdmissionPolicy":
            made = admission.create_validating_admission_policy(each)
            until(lambda name=made.metadata.name: _checked(admission, name), "the API server has checked the policy")
        else:
            admission.create_validating_admission_policy_binding(each)
    yield wanted
    for each in wanted:
        name = each["metadata"]["name"]
        if each["kind"] == "ValidatingAdmissionPolicy":
            admission.delete_validating_admission_policy(name)
        else:
            admission.delete_validating_admission_policy_binding(name)


def _checked(admission: client.AdmissionregistrationV1Api, name: str) -> bool:
    status = admission.read_validating_admission_policy(name).status
    return status is not None and status.observed_generation is not None


def _namespace(api, labels):
    core = client.CoreV1Api(api)
    return core.create_namespace({"metadata": {"generateName": "policy-", "labels": labels}}).metadata.name


@pytest.fixture(scope="module")
def bounded(api, policies):
    name = _namespace(api, {"bounded": "yes"})
    sweeps = Sweeps(api, name)
    until(lambda: _is_refused(sweeps, a_sweep(agentCount=9)), "the policy is in force", seconds=60)
    yield sweeps
    client.CoreV1Api(api).delete_namespace(name)


def _is_refused(sweeps: Sweeps, manifest: dict[str, Any]) -> bool:
    try:
        sweeps.create(manifest)
    except client.ApiException as error:
        return error.status == 403
    return False


@pytest.mark.parametrize("what", ALLOWED)
def test_what_is_within_bounds_is_let_in(bounded, what):
    assert bounded.create(ALLOWED[what])["kind"] == "WandbSweep"


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_beyond_bounds_is_refused_with_the_bound(bounded, what):
    manifest, words = REFUSED[what]
    with pytest.raises(client.ApiException) as refused:
        bounded.create(manifest)
    assert refused.value.status == 403
    assert words in refused.value.body


def test_a_sweep_cannot_grow_out_of_its_bounds_by_an_edit_or_through_scale(bounded):
    made = bounded.create(a_sweep(container=gpus(2), agentCount=2), dry_run=False)
    grown = copy.deepcopy(made)
    grown["spec"]["agentCount"] = 5
    with pytest.raises(client.ApiException, match="may hold 8 GPUs at most"):
        bounded.replace(grown)
    with pytest.raises(client.ApiException, match=r"scaled up by spec\.agentCount"):
        bounded.scale(made["metadata"]["name"], 3)
    bounded.scale(made["metadata"]["name"], 1)


def test_a_sweep_from_before_the_policy_can_be_looked_after(api, bounded):
    """Its finalizer can come and go: else it could never be deleted."""
    core = client.CoreV1Api(api)
    name = _namespace(api, {})
    before = Sweeps(api, name).create(a_sweep(agentCount=9), dry_run=False)
    core.patch_namespace(name, {"metadata": {"labels": {"bounded": "yes"}}})
    sweeps = Sweeps(api, name)
    until(lambda: _is_refused(sweeps, a_sweep(agentCount=9)), "the policy is in force there")
    before["metadata"]["finalizers"] = ["wandbsweep.dev/test"]
    marked = sweeps.replace(before)
    marked["metadata"]["finalizers"] = []
    sweeps.replace(marked)
    core.delete_namespace(name)


def test_other_namespaces_are_not_bounded(api, bounded):
    name = _namespace(api, {})
    assert Sweeps(api, name).create(REFUSED["hostPath"][0])
    client.CoreV1Api(api).delete_namespace(name)
