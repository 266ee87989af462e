"""The real Kueue beside a control plane: its manager as a process, and the CRDs, webhooks and settings of its release.

Nothing is left out of the installation but what a cluster runs it with: the Deployment, and the rights of its account,
since the manager has the administrator's. The API server calls the webhooks by their Service, which stands for this
machine. Certificates are Kueue's own: what a kubelet would mount into the pod is written where the manager looks.
"""

from __future__ import annotations

import base64
import json
import socket
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from clusters import hack_cluster
from local_cluster import processes
from local_cluster.record import Folder
from local_cluster.versions import KUEUE_MANAGER, KUEUE_OBJECTS
from waiting import until

if TYPE_CHECKING:
    import subprocess

    from clusters import Cluster

    Object = dict[str, Any]

ROLE: Final = "kueue"
_NAMESPACE: Final = "kueue-system"
_SERVICE: Final = "kueue-webhook-service"
_SECRET: Final = "kueue-webhook-server-cert"
_STARTS_WITHIN_SECONDS: Final = 120
_held: list[subprocess.Popen[bytes]] = []  # a process that nobody holds is told of as a leak; it ends with the cluster
_APPLIED: Final = {
    "CustomResourceDefinition",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Secret",
    "ValidatingWebhookConfiguration",
}


def log_of(cluster: Cluster) -> Path:
    """What Kueue says."""
    return Folder.of(cluster.name).log(ROLE)


def start_kueue(cluster: Cluster, **configured: Any) -> None:
    """Installs Kueue and returns once it works. Fields of its configuration may be chosen. It ends with the cluster."""
    folder = Folder.of(cluster.name)
    processes.stop(folder.path, [ROLE], grace_seconds=5)
    home = _home()
    objects = list(yaml.load_all((home / KUEUE_OBJECTS).read_text(), Loader=yaml.CSafeLoader))
    webhooks, health = _free_ports()
    _apply(cluster, _installed(objects, webhooks))

    certificates = folder.path / "kueue-certificates"
    certificates.mkdir(exist_ok=True)
    configuration = {**_configuration(objects, webhooks, health, certificates), **configured}
    written = folder.path / "kueue-configuration.yaml"
    written.write_text(yaml.safe_dump(configuration))
    command = [home / KUEUE_MANAGER, f"--config={written}", f"--kubeconfig={cluster.kubeconfig}", "--zap-log-level=2"]
    process = processes.start(folder.path, ROLE, command, log=log_of(cluster))
    _held.append(process)

    def works() -> bool:
        assert process.poll() is None, f"Kueue ended: {log_of(cluster).read_text()[-4000:]}"
        _mount(cluster, certificates)
        return _is_ready(health)

    until(works, f"Kueue works, see {log_of(cluster)}", seconds=_STARTS_WITHIN_SECONDS)


def _apply(cluster: Cluster, objects: list[Object]) -> None:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=manifest)


def _home() -> Path:
    answer = hack_cluster("kueue")
    assert answer.returncode == 0, answer.stderr
    return Path(answer.stdout.strip())


def _installed(objects: list[Object], webhooks: int) -> list[Object]:
    """What is applied of an installation. Namespaces come first in it, and so do CRDs."""
    chosen = [each for each in objects if each["kind"] in _APPLIED]
    for each in chosen:
        for client in _clients(each):
            client["service"]["port"] = webhooks
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _SERVICE, "namespace": _NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }
    return [*chosen, service]


def _clients(applied: Object) -> list[Object]:
    """How the API server reaches the webhooks of an object."""
    conversion = applied.get("spec", {}).get("conversion", {}).get("webhook")
    return [each["clientConfig"] for each in [*applied.get("webhooks", []), *([conversion] if conversion else [])]]


def _configuration(objects: list[Object], webhooks: int, health: int, certificates: Path) -> Object:
    """The configuration of the release, for a process that is alone and listens on the loopback interface."""
    (written,) = [each for each in objects if each["kind"] == "ConfigMap"]
    return {
        **yaml.safe_load(written["data"]["controller_manager_config.yaml"]),
        "namespace": _NAMESPACE,
        "health": {"healthProbeBindAddress": f"127.0.0.1:{health}"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": "127.0.0.1", "port": webhooks, "certDir": str(certificates)},
        "leaderElection": {"leaderElect": False},
        "featureGates": {"VisibilityOnDemand": False},
    }


def _mount(cluster: Cluster, certificates: Path) -> None:
    """What a kubelet does with the Secret of a volume."""
    secret = cluster.get("secret", _SECRET, f"--namespace={_NAMESPACE}")
    for name, data in (secret.get("data") or {}).items():
        content = base64.b64decode(data)
        path = certificates / name
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def _is_ready(health: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{health}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _free_ports() -> tuple[int, int]:
    with ExitStack() as held:
        first, second = (held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2))
        return first.getsockname()[1], second.getsockname()[1]
