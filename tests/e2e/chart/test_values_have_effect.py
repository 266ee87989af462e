"""Every value of the chart changes something: one that does not is a promise that nobody keeps."""

import json
from typing import Any

import pytest

from charts import CHART, RefusedValuesError, merged, nested

SCHEMA = CHART / "values.schema.json"

WITH_SERVER = {"server": {"enabled": True, "apiKey": {"existingSecret": "a-key"}}}
GENERATED_KEY = {"server": {"enabled": True}}
RESOURCES = {"requests": {"cpu": "77m"}, "limits": {"memory": "77Mi"}}
PROXY = [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}]
POLICIES = {"networkPolicy": {"enabled": True}}
DATABASE = {"database": {"existingSecret": "lab-database"}}
ADMISSION = {"policy": {"enabled": True}}
AFFINITY = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}

# path -> (another value, what must be set besides for it to matter)
CHANGES: dict[str, tuple[Any, dict[str, Any]]] = {
    "nameOverride": ("other", {}),
    "fullnameOverride": ("other", {}),
    "image.repository": ("registry.example.com/operator", {}),
    "image.tag": ("v9", {}),
    "image.pullPolicy": ("Always", {}),
    "imagePullSecrets": ([{"name": "pull"}], {}),
    "agentRuntimeImage": ("registry.example.com/agent-runtime:1", {}),
    "watchNamespaces": (["lab-a"], {}),
    "wandb.baseURL": ("https://wandb.example.com", {}),
    "wandb.appURL": ("https://app.example.com", {}),
    "wandb.apiKeySecretNames": (["lab-key"], {}),
    "operator.replicas": (2, {}),
    "operator.logLevel": ("debug", {}),
    "operator.logFormat": ("text", {}),
    "operator.resources": (RESOURCES, {}),
    "operator.nodeSelector": ({"pool": "cpu"}, {}),
    "operator.tolerations": ([{"key": "cpu-only"}], {}),
    "operator.affinity": (AFFINITY, {}),
    "operator.topologySpreadConstraints": (
        [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
        {},
    ),
    "operator.priorityClassName": ("system-cluster-critical", {}),
    "operator.podAnnotations": ({"sidecar.istio.io/inject": "false"}, {}),
    "operator.extraEnv": (PROXY, {}),
    "operator.podDisruptionBudget.enabled": (False, {"operator": {"replicas": 2}}),
    "userRoles.enabled": (False, {}),
    "networkPolicy.enabled": (True, {}),
    "networkPolicy.metricsFrom": ([{"namespaceSelector": {}}], POLICIES),
    "networkPolicy.serverFrom": ([{"namespaceSelector": {}}], {**WITH_SERVER, **POLICIES}),
    "networkPolicy.dnsPorts": ([{"port": 5353, "protocol": "UDP"}], POLICIES),
    "networkPolicy.egressPorts": ([443], POLICIES),
    "networkPolicy.databasePorts": ([6432], {"server": {"enabled": True, **DATABASE}, **POLICIES}),
    "policy.enabled": (True, {}),
    "policy.actions": (["Warn", "Audit"], ADMISSION),
    "policy.namespaceSelector": ({"matchLabels": {"lab": "robots"}}, ADMISSION),
    "policy.allowedImages": (["nvcr.io/nvidia/"], ADMISSION),
    "policy.allowedServiceAccounts": (["trainer"], ADMISSION),
    "policy.allowedBaseURLs": (["https://api.wandb.ai"], ADMISSION),
    "policy.forbidHostAccess": (False, ADMISSION),
    "policy.maxAgents": (8, ADMISSION),
    "policy.maxGPUs": (16, ADMISSION),
    "policy.gpuResources": (["amd.com/gpu"], ADMISSION),
    "metrics.service.enabled": (False, {}),
    "metrics.service.port": (9090, {}),
    "metrics.serviceMonitor.enabled": (True, {}),
    "metrics.serviceMonitor.interval": ("1m", nested("metrics.serviceMonitor.enabled", value=True)),
    "metrics.serviceMonitor.labels": ({"release": "p"}, nested("metrics.serviceMonitor.enabled", value=True)),
    "metrics.prometheusRule.enabled": (True, {}),
    "metrics.prometheusRule.labels": ({"release": "p"}, nested("metrics.prometheusRule.enabled", value=True)),
    "metrics.dashboard.enabled": (True, {}),
    "metrics.dashboard.labels": ({"folder": "labs"}, nested("metrics.dashboard.enabled", value=True)),
    "server.enabled": (True, {}),
    "server.apiKey.secretName": ("made-key", GENERATED_KEY),
    "server.apiKey.existingSecret": ("lab-key", GENERATED_KEY),
    "server.entityKeys.existingSecret": ("lab-keys", WITH_SERVER),
    "server.database.existingSecret": ("lab-database", WITH_SERVER),
    "server.database.key": ("uri", {"server": {"enabled": True, **DATABASE}}),
    "server.service.type": ("NodePort", WITH_SERVER),
    "server.service.port": (80, WITH_SERVER),
    "server.persistence.enabled": (False, WITH_SERVER),
    "server.persistence.size": ("77Gi", WITH_SERVER),
    "server.persistence.storageClassName": ("fast", WITH_SERVER),
    "server.persistence.existingClaim": ("runs", WITH_SERVER),
    "server.settings.entity": ("lab", WITH_SERVER),
    "server.settings.publicUrl": ("https://runs.example.com", WITH_SERVER),
    "server.settings.runTimeout": (60, WITH_SERVER),
    "server.settings.agentTimeout": (61, WITH_SERVER),
    "server.settings.stopGrace": (2.5, WITH_SERVER),
    "server.settings.uploadLimitMib": (100, WITH_SERVER),
    "server.settings.localScheduler": (False, WITH_SERVER),
    "server.resources": (RESOURCES, WITH_SERVER),
    "server.nodeSelector": ({"pool": "cpu"}, WITH_SERVER),
    "server.tolerations": ([{"key": "cpu-only"}], WITH_SERVER),
    "server.affinity": (AFFINITY, WITH_SERVER),
    "server.priorityClassName": ("system-cluster-critical", WITH_SERVER),
    "server.podAnnotations": ({"sidecar.istio.io/inject": "false"}, WITH_SERVER),
    "server.extraEnv": (PROXY, WITH_SERVER),
}


def leaves(schema: dict[str, Any], path: str = "") -> set[str]:
    found = set()
    for name, node in schema["properties"].items():
        if "properties" in node and name != "resources":
            found |= leaves(node, f"{path}{name}.")
        else:
            found.add(f"{path}{name}")
    return found


def test_no_value_is_left_out_here() -> None:
    assert set(CHANGES) == leaves(json.loads(SCHEMA.read_text())) - {"global"}


@pytest.mark.parametrize("path", CHANGES)
def test_changing_a_value_changes_what_is_installed(render, path: str) -> None:
    value, besides = CHANGES[path]
    assert without_keys(render(merged(besides, nested(path, value)))) != without_keys(render(besides))


def without_keys(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A generated key is another one at each rendering."""
    return [{**each, "data": None} if each["kind"] == "Secret" else each for each in manifests]


@pytest.mark.parametrize(
    "wrong",
    [
        {"operater": {}},
        {"image": {"tags": "v1"}},
        {"server": {"settings": {"run_timeout": 3}}},
        {"server": {"settings": {"runTimeout": "5m"}}},
        {"watchNamespaces": "lab-a"},
        {"watchNamespaces": ["Lab A"]},
        {"wandb": {"baseURL": "wandb.example.com"}},
        {"operator": {"logLevel": "verbose"}},
        {"image": {"pullPolicy": "Sometimes"}},
        {"policy": {"actions": ["Refuse"]}},
        {"policy": {"maxGPUs": -1}},
        {"policy": {"allowedBaseURLs": ["api.wandb.ai"]}},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_meant_is_refused(render, wrong: dict[str, Any]) -> None:
    with pytest.raises(RefusedValuesError, match="don't meet the specifications of the schema"):
        render(wrong)
