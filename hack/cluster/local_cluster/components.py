"""The command lines of etcd and of the Kubernetes components: pure functions of where things are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.record import Folder

Command = list[str]


@dataclass(frozen=True)
class Endpoints:
    """Where the control plane listens and which addresses Services get."""

    bind: str  # the address the API server listens on
    advertise: str  # the address by which others reach it
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    services: str  # CIDR

    @property
    def server(self) -> str:
        return f"https://{self.advertise}:{self.api_port}"


def etcd(binaries: Path, folder: Folder, endpoints: Endpoints) -> Command:
    client = f"http://127.0.0.1:{endpoints.etcd_port}"
    peer = f"http://127.0.0.1:{endpoints.etcd_peer_port}"
    return [
        f"{binaries}/etcd",
        f"--data-dir={folder.path}/etcd",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # the data need not outlive the machine
        "--log-level=warn",
    ]


def kube_apiserver(binaries: Path, folder: Folder, endpoints: Endpoints, *, with_node: bool) -> Command:
    credentials = folder.credentials
    key = credentials.service_account_key
    command = [
        f"{binaries}/kube-apiserver",
        f"--bind-address={endpoints.bind}",
        f"--advertise-address={endpoints.advertise}",
        f"--secure-port={endpoints.api_port}",
        f"--cert-dir={credentials.certificates}",
        f"--etcd-servers=http://127.0.0.1:{endpoints.etcd_port}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--token-auth-file={credentials.tokens}",
        "--authorization-mode=Node,RBAC",
        f"--service-cluster-ip-range={endpoints.services}",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        "--profiling=false",
        "--shutdown-delay-duration=0s",
    ]
    if with_node:
        command += [
            f"--audit-policy-file={folder.path}/node/audit-policy.json",
            f"--audit-log-path={folder.log('audit')}",
        ]
    else:
        # No pod asks for the Service `kubernetes`, and a loopback address must not be an endpoint of it.
        command.append("--endpoint-reconciler-type=none")
    return command


def kube_controller_manager(binaries: Path, folder: Folder) -> Command:
    credentials = folder.credentials
    return [
        f"{binaries}/kube-controller-manager",
        f"--kubeconfig={folder.kubeconfig}",
        f"--service-account-private-key-file={credentials.service_account_key}",
        f"--root-ca-file={credentials.certificate_authority}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--secure-port=0",
        f"--flex-volume-plugin-dir={folder.path}/volume-plugins",
        # The stock limits are for clusters with other tenants; here they would only make tests wait.
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--concurrent-gc-syncs=40",
        "--concurrent-job-syncs=20",
        "--profiling=false",
    ]


def kube_scheduler(binaries: Path, folder: Folder) -> Command:
    return [
        f"{binaries}/kube-scheduler",
        f"--kubeconfig={folder.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--profiling=false",
    ]


def kubelet(binaries: Path, folder: Folder, *, node_address: str, configuration: Path) -> Command:
    return [
        f"{binaries}/kubelet",
        f"--config={configuration}",
        f"--kubeconfig={folder.kubeconfig}",
        f"--hostname-override={folder.name}",
        f"--node-ip={node_address}",
    ]


def kube_proxy(binaries: Path, folder: Folder, *, configuration: Path) -> Command:
    return [f"{binaries}/kube-proxy", f"--config={configuration}", f"--hostname-override={folder.name}"]


def coredns(binaries: Path, corefile: Path) -> Command:
    return [f"{binaries}/coredns", "-conf", str(corefile)]


def containerd(configuration: Path) -> Command:
    return ["containerd", "--config", str(configuration)]
