"""The one-node cluster as its users need it: real containers, Services, DNS, GPUs that are counted, nothing left."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters import hack_cluster
from local_cluster import cgroups, processes
from local_cluster.progress import wait_until
from local_cluster.record import Folder
from local_cluster.subnets import Block
from shell_image import NAME as SHELL

if TYPE_CHECKING:
    from clusters import Cluster
    from conftest import OwnCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

_HELLO = "syswrite C, qq(hello\\n)"
_LISTEN = (
    "perl -e 'socket(S,2,1,0); bind(S,pack(q(Sna4x8),2,8080,qq(\\0\\0\\0\\0))) or die; listen(S,9); "
    f"while(accept(C,S)){{{_HELLO}; close C}}'"
)


def pod(name: str, script: str, *, gpus: int = 0, **spec: object) -> str:
    container = {"name": "main", "image": SHELL, "args": [script]}
    if gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container], **spec},
        }
    )


def ready(cluster: Cluster, *names: str) -> None:
    """Wait for pods; a failure tells what Kubernetes says about them."""
    pods = [f"pod/{name}" for name in names]
    answer = cluster.try_kubectl("wait", "--for=condition=Ready", *pods, "--timeout=60s")
    assert answer.returncode == 0, answer.stderr + cluster.kubectl("describe", *pods)


def ends_with(cluster: Cluster, name: str, script: str, **spec: object) -> str:
    """Run a script in a pod to its end, and return what it printed."""
    cluster.kubectl("apply", "-f", "-", input=pod(name, script, **spec))
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", "--timeout=60s")
    return cluster.kubectl("logs", name)


def test_two_clusters_are_up_side_by_side(one_node_cluster: Cluster, second: OwnCluster) -> None:
    assert one_node_cluster.url != second.client.url
    for cluster in (one_node_cluster, second.client):
        assert "True" in cluster.kubectl("get", "nodes", '-o=jsonpath={..conditions[?(@.type=="Ready")].status}')
    states = {line.split()[0]: line.split()[2] for line in hack_cluster("status").stdout.splitlines()}
    assert states[one_node_cluster.name] == states[second.name] == "healthy"


def test_a_job_runs_a_real_container_under_the_restricted_profile(second: OwnCluster) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "count"},
        "spec": {
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 1000,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": "main",
                            "image": SHELL,
                            "args": ['echo "uid $UID"; echo kept > /data/file && cat /data/file'],
                            "securityContext": {
                                "readOnlyRootFilesystem": True,
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"]},
                            },
                            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                        }
                    ],
                    "volumes": [{"name": "data", "emptyDir": {"medium": "Memory"}}],
                }
            }
        },
    }
    second.client.kubectl("apply", "-f", "-", input=json.dumps(job))
    second.client.kubectl("wait", "--for=condition=Complete", "job/count", "--timeout=60s")
    assert second.client.kubectl("logs", "job/count") == "uid 1000\nkept\n"


def test_pods_find_services_by_name_and_reach_them(second: OwnCluster) -> None:
    kubectl = second.client.kubectl
    kubectl("apply", "-f", "-", input=pod("greeter", _LISTEN))
    kubectl("expose", "pod", "greeter", "--port=80", "--target-port=8080")
    ready(second.client, "greeter")
    script = """
    getent hosts greeter.default.svc.cluster.local
    for i in 1 2 3 4 5 6 7 8 9 10; do exec 3<>/dev/tcp/greeter/80 && break; sleep 1; done
    cat <&3
    exec 4<>/dev/tcp/kubernetes.default/443 && echo api
    """
    address = kubectl("get", "service", "greeter", "-o=jsonpath={.spec.clusterIP}")
    told = ends_with(second.client, "caller", script)
    assert re.fullmatch(rf"{re.escape(address)}\s+greeter\.default\.svc\.cluster\.local\nhello\napi\n", told)


def test_logs_exec_and_port_forward_work_from_the_machine(second: OwnCluster) -> None:
    kubectl = second.client.kubectl
    kubectl("apply", "-f", "-", input=pod("talker", f"echo started; {_LISTEN}"))
    ready(second.client, "talker")
    assert kubectl("logs", "talker") == "started\n"
    assert kubectl("exec", "talker", "--", "/bin/bash", "-c", "echo $((6 * 7))") == "42\n"
    forward = subprocess.Popen(
        [second.client.kubectl_path, "--kubeconfig", second.client.kubeconfig, "port-forward", "pod/talker", ":8080"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert forward.stdout is not None
        port = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
        assert port is not None
        with socket.create_connection(("127.0.0.1", int(port[1])), timeout=10) as connection:
            assert connection.makefile().readline() == "hello\n"
    finally:
        forward.terminate()
        forward.communicate()


def test_pods_reach_a_server_on_the_machine(second: OwnCluster) -> None:
    with socket.create_server((second.client.host_address, 0)) as server:
        port = server.getsockname()[1]

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"from the machine\n")

        thread = threading.Thread(target=greet)
        thread.start()
        script = f"exec 3<>/dev/tcp/{second.client.host_address}/{port} && cat <&3"
        assert ends_with(second.client, "visitor", script) == "from the machine\n"
        thread.join(timeout=10)


def test_pods_cannot_command_kubelet(second: OwnCluster) -> None:
    node = second.client.kubectl("get", "nodes", "-o=jsonpath={..addresses[?(@.type=='InternalIP')].address}")
    script = f"(exec 3<>/dev/tcp/{node}/10250; echo reached) & sleep 3; echo over; kill %1"
    assert ends_with(second.client, f"intruder-{uuid.uuid4().hex[:6]}", script) == "over\n"


def test_gpus_are_counted_and_a_pod_that_finds_none_stays_pending(second: OwnCluster) -> None:
    kubectl = second.client.kubectl
    for name in ("first", "next", "surplus"):
        kubectl("apply", "-f", "-", input=pod(name, "sleep 600", gpus=1))
    ready(second.client, "first", "next")
    kubectl("wait", "--for=condition=PodScheduled=False", "pod/surplus", "--timeout=30s")
    assert "Insufficient nvidia.com/gpu" in kubectl("get", "pod", "surplus", "-o=jsonpath={.status.conditions}")
    kubectl("delete", "pod", "first", "--wait=false")
    ready(second.client, "surplus")
    kubectl("delete", "pod", "next", "surplus", "--wait=false")


def test_up_again_keeps_the_cluster_and_changes_the_gpus(second: OwnCluster) -> None:
    second.client.kubectl("create", "namespace", "kept")
    second.up("--gpus=3")
    second.client.kubectl("get", "namespace", "kept")
    assert second.client.kubectl("get", "nodes", r"-o=jsonpath={..allocatable.nvidia\.com/gpu}") == "3"
    second.up("--gpus=2")


def test_up_starts_anew_after_everything_was_killed(passing: OwnCluster) -> None:
    cluster = passing.up("--gpus=1")
    cluster.kubectl("apply", "-f", "-", input=pod("sleeper", "sleep 600"))
    ready(cluster, "sleeper")
    for member in processes.members(passing.folder):
        os.kill(member.pid, signal.SIGKILL)
    assert passing.name in hack_cluster("status").stdout

    cluster = passing.up("--gpus=1")
    assert cluster.kubectl("get", "pods", "--output=name") == ""
    assert ends_with(cluster, "works", "echo works") == "works\n"


def test_down_leaves_nothing(passing: OwnCluster) -> None:
    cluster = passing.up()
    cluster.kubectl("apply", "-f", "-", input=pod("sleeper", "sleep 600"))
    ready(cluster, "sleeper")
    folder = Folder(passing.name, passing.folder)
    record = folder.read()
    assert record is not None
    card = Path("/sys/class/net") / Block(record.block).card
    group = cgroups.group_of(folder)
    assert card.exists()
    assert _groups(group)

    passing.run("down")
    assert not folder.path.exists()
    assert processes.members(folder.path) == []
    assert not card.exists()
    assert _groups(group) == []
    assert str(folder.path) not in Path("/proc/self/mountinfo").read_text()
    assert str(Block(record.block).node) not in _printed("ip", "route")
    # Ended processes that still hold the namespaces would hold the network in them, too.
    assert wait_until(lambda: str(folder.path) not in _printed("ps", "-eo", "args"), within_seconds=10)


def _groups(group: str) -> list[Path]:
    trees = cgroups.hierarchies(Path("/proc/self/mountinfo").read_text())
    return [tree / group for tree in trees if (tree / group).exists()]


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
