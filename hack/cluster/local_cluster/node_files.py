"""The configuration files of the node's programs: pure functions of names, folders and addresses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.record import Folder
    from local_cluster.subnets import Block

PAUSE_IMAGE: Final = "wandbsweep.dev/pause:1"
CONTAINERD_SOCKET: Final = "/run/containerd/containerd.sock"


def containerd(folder: Folder, *, cni: Path, snapshotter: str) -> str:
    """/run is the node's own, see the namespaces."""
    return f"""version = 2
root = "{folder.path}/containerd"
state = "/run/containerd"
# "opt" would make a folder on the machine; the others need file systems that only some machines have.
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  stream_server_address = "127.0.0.1"
  # Without CAP_SYS_RESOURCE, as in most containers, a lower score than one's own cannot be given.
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni}"
    conf_dir = "{folder.path}/node/net.d"
"""


def pod_network(block: Block) -> str:
    """Each pod on a pair of cards of its own: all traffic is routed, so Services work without bridge filters."""
    return _json(
        {
            "cniVersion": "0.4.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "ptp",
                    "ipam": {
                        "type": "host-local",
                        "subnet": str(block.pods),
                        "routes": [{"dst": "0.0.0.0/0"}],
                        "dataDir": "/run/cni",
                    },
                }
            ],
        }
    )


def kubelet(folder: Folder, block: Block, *, cgroup: str) -> str:
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "0.0.0.0",  # noqa: S104 - inside the node's own network namespace, behind its filter
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "clusterDNS": [str(block.dns)],
            "clusterDomain": "cluster.local",
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "featureGates": {"KubeletInUserNamespace": True},  # what must not be set here is logged, not fatal
            "resolvConf": f"{folder.path}/node/resolv.conf",
            "volumePluginDir": f"{folder.path}/volume-plugins",
            # The disk's other contents are not kubelet's: it must not delete the loaded images because of them.
            "imageGCHighThresholdPercent": 100,
            "imageMinimumGCAge": "24h",
            "evictionHard": {
                "memory.available": "50Mi",
                "nodefs.available": "0%",
                "nodefs.inodesFree": "0%",
                "imagefs.available": "0%",
            },
        }
    )


def kube_proxy(folder: Folder, block: Block) -> str:
    return _json(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clusterCIDR": str(block.pods),
            "clientConnection": {"kubeconfig": str(folder.kubeconfig)},
            # These are settings of the whole machine.
            "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }
    )


def resolv_conf(block: Block) -> str:
    return f"nameserver {block.node}\n"


def corefile(folder: Folder, block: Block) -> str:
    return f""".:53 {{
    bind {block.node}
    errors
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {folder.kubeconfig}
        pods insecure
        ttl 5
    }}
    cache 5
}}
"""


def dns_service(block: Block) -> str:
    """CoreDNS runs beside the pods, not in one, so its Service has no selector."""
    name, namespace = "kube-dns", "kube-system"
    ports = [{"name": "dns", "protocol": "UDP", "port": 53}, {"name": "dns-tcp", "protocol": "TCP", "port": 53}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIP": str(block.dns), "ports": ports},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [str(block.node)], "conditions": {"ready": True}}],
        "ports": ports,
    }
    return _json({"apiVersion": "v1", "kind": "List", "items": [service, endpoints]})


def audit_policy() -> str:
    """Who asked for what and whether it was allowed, of the pods' accounts; those of Kubernetes itself are left out."""
    ours = {"level": "Metadata", "userGroups": ["system:serviceaccounts"]}
    kubernetes = {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]}
    everybody_else = {"level": "None"}
    return _json(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [kubernetes, ours, everybody_else],
        }
    )


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"
