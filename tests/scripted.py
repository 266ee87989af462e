"""Sweeps whose trainer is a script in a ConfigMap, in the strictest pod there is: for tests of life and death."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waiting import until

if TYPE_CHECKING:
    from installed import Installed

    Object = dict[str, Any]

PROGRAM = "/train/train.py"
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def give_trainer(installed: Installed, namespace: str, name: str, text: str) -> None:
    """The training script, in a ConfigMap of this name."""
    installed.cluster.kubectl("-n", namespace, "create", "configmap", name, f"--from-literal=train.py={text}")


def a_sweep(namespace: str, name: str, trainer: str, *, memory: str = "1Gi", grace: int = 20, **spec: Any) -> Object:
    """A grid over `cell`, its trainer the script in this ConfigMap; one cell and one agent unless said otherwise."""
    container = {
        "name": "trainer",
        "image": "localhost/wandbsweep/trainer-cpu:dev",
        "securityContext": _RESTRICTED,
        "resources": {"limits": {"memory": memory}, "requests": {"cpu": "50m"}},
        "volumeMounts": [{"name": "train", "mountPath": "/train"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    volumes = [{"name": "train", "configMap": {"name": trainer}}, {"name": "tmp", "emptyDir": {}}]
    pod = {"terminationGracePeriodSeconds": grace, "containers": [container], "volumes": volumes}
    sound = {
        "project": namespace,
        "sweep": a_grid(0),
        "template": {"spec": pod},
    }
    metadata = {"name": name, "namespace": namespace}
    whole = {**sound, **spec}
    return {"apiVersion": "wandbsweep.dev/v1alpha1", "kind": "WandbSweep", "metadata": metadata, "spec": whole}


def a_grid(*cells: int) -> Object:
    """One run for each cell; the smallest loss is the best."""
    return {
        "method": "grid",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"cell": {"values": list(cells)}},
        "command": ["python", PROGRAM, "${args}"],
    }


def until_over(installed: Installed, namespace: str, name: str, *, seconds: float = 300) -> Object:
    """The status once there is a verdict."""
    until(lambda: installed.sweep(namespace, name).get("completionTime"), f"{name} is over", seconds=seconds, every=1)
    return installed.sweep(namespace, name)


def until_running(installed: Installed, namespace: str, name: str, runs: int, *, seconds: float = 240) -> None:
    """So many runs train."""
    until(
        lambda: installed.sweep(namespace, name).get("runs", {}).get("running", 0) >= runs,
        f"{runs} runs of {name} train",
        seconds=seconds,
        every=1,
    )
