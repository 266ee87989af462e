"""The demo from end to end: cluster, images, chart, sweep, result."""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.progress import follow
from demo.runs import forwarded, read_runs, table
from demo.steps import StepFailed, ask, fail, run, step

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]
RELEASE = NAMESPACE = "wandbsweep"
SERVER = "wandbsweep-server"
SECRET = "wandb-api-key"  # noqa: S105 - the name of a Secret
SWEEP, MANIFEST = "cartpole", ROOT / "examples/cartpole/sweep.yaml"
STAND_IN_GPUS = "4"


def main(arguments: Sequence[str]) -> int:
    """`up` or `down`; exit code 0 if all went well."""
    parser = argparse.ArgumentParser(prog="python hack/demo", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--cluster", required=True, help="name of the demo's cluster")
    options = parser.parse_args(arguments)
    try:
        if options.command == "down":
            run([*_cluster(), "down", "--name", options.cluster], "Look at the lines above.")
            return 0
        return _up(options.cluster)
    except StepFailed as error:
        return fail(error)
    except KeyboardInterrupt:
        print("\nInterrupted. `make demo` goes on from here; `make demo-down` removes everything.", file=sys.stderr)
        return 130


def _up(cluster: str) -> int:
    started = time.monotonic()
    with step("A one-node Kubernetes (the first time it is built from source: about 10 minutes)"):
        run([*_cluster(), "up", "--name", cluster, "--gpus", STAND_IN_GPUS], "The lines above say what is missing.")
    kubectl = _kubectl(cluster)
    with step("The images (the first time: about 4 minutes)"):
        _images(cluster)
    with step("The chart: operator, CRD and a W&B-compatible server of its own"):
        _install(cluster, kubectl)
    with step("The API key, where the sweep finds it"):
        key = _share_key(kubectl)
    with step(f"kubectl apply -f {MANIFEST.relative_to(ROOT)}"):
        _apply(kubectl)
    with step("The sweep, as `kubectl get wandbsweep` shows it"):
        sweep = follow(kubectl, SWEEP)
    _show(kubectl, key, sweep)
    print(f"\nAll of it took {time.monotonic() - started:.0f} s.")
    return 0 if sweep["status"]["phase"] == "Succeeded" else 1


def _python(folder: str) -> list[str]:
    return [sys.executable, str(ROOT / "hack" / folder)]


def _cluster() -> list[str]:
    return _python("cluster")


def _kubectl(cluster: str) -> list[str]:
    binary = ask([*_cluster(), "path", "kubectl"], "Run `make demo` again.")
    kubeconfig = ask([*_cluster(), "kubeconfig", "--name", cluster], "Run `make demo` again.")
    return [binary, "--kubeconfig", kubeconfig]


def _images(cluster: str) -> None:
    remedy = "The lines above say which step failed and where its log is."
    built = ask([*_python("images"), "build"], remedy, show_progress=True)
    archives = [line.split(" ", 2)[2] for line in built.splitlines()]
    run([*_cluster(), "load", "--name", cluster, *archives], "Is the disk full? `df -h` tells.")


def _install(cluster: str, kubectl: list[str]) -> None:
    helm = ask([*_cluster(), "path", "helm"], "Run `make demo` again.")
    kubeconfig = kubectl[-1]
    repository, _, tag = ask([*_python("images"), "reference", "operator"], "Run `make images`.").rpartition(":")
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "server.enabled": "true",
        "server.persistence.enabled": "false",  # a cluster of one throw-away node has no volumes to give
    }
    sets = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    chart = str(ROOT / "charts/wandbsweep")
    command = [helm, "upgrade", "--install", RELEASE, chart, "--namespace", NAMESPACE, "--create-namespace", *sets]
    remedy = f"Look at the pods of cluster {cluster}: {' '.join(kubectl)} -n {NAMESPACE} get pods"
    _end_interrupted_install([helm, "--kubeconfig", kubeconfig, "--namespace", NAMESPACE], remedy)
    was_there = ask(
        [*kubectl, "-n", NAMESPACE, "get", "deployment", RELEASE, "--ignore-not-found", "-o", "name"], remedy
    )
    run([*command, "--kubeconfig", kubeconfig, "--wait", "--timeout", "5m", "--hide-notes"], remedy)
    if was_there:
        # The image keeps its tag when it is built anew.
        run([*kubectl, "-n", NAMESPACE, "rollout", "restart", was_there], remedy)
        run([*kubectl, "-n", NAMESPACE, "rollout", "status", was_there, "--timeout", "5m"], remedy)


def _end_interrupted_install(helm: list[str], remedy: str) -> None:
    """Helm refuses to go on from an install that was killed; it has to be taken back first."""
    releases = json.loads(ask([*helm, "list", "--all", "--output", "json"], remedy))
    status = next((release["status"] for release in releases if release["name"] == RELEASE), "")
    if status == "pending-install":
        run([*helm, "uninstall", RELEASE, "--wait"], remedy)
    elif status.startswith("pending"):
        run([*helm, "rollback", RELEASE], remedy)


def _share_key(kubectl: list[str]) -> str:
    remedy = f"Look at the Secrets: {' '.join(kubectl)} -n {NAMESPACE} get secrets"
    select = "jsonpath={.data.apiKey}"
    encoded = ask([*kubectl, "-n", NAMESPACE, "get", "secret", SECRET, "-o", select], remedy)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": {"apiKey": encoded}}
    run([*kubectl, "apply", "-f", "-"], remedy, text=json.dumps(secret))
    return base64.b64decode(encoded).decode()


def _apply(kubectl: list[str]) -> None:
    remedy = f"Look at it: {' '.join(kubectl)} get wandbsweeps"
    # A second demo is a second sweep: the first one's object goes, its runs stay on the server.
    run([*kubectl, "delete", "wandbsweep", SWEEP, "--ignore-not-found"], remedy)
    run([*kubectl, "apply", "-f", str(MANIFEST)], remedy)


def _show(kubectl: list[str], key: str, sweep: dict[str, Any]) -> None:
    status = sweep["status"]
    metric = sweep["spec"]["sweep"]["metric"]["name"]
    parameters = list(sweep["spec"]["sweep"]["parameters"])
    best = status.get("best", {})
    with forwarded(kubectl, NAMESPACE, SERVER) as url:
        runs = read_runs(url, key, status["sweepPath"])
    print(f"\nThe runs of {status['sweepPath']}:\n")
    print(table(runs, metric, parameters, best.get("runID")))
    if best:
        print(f"\nThe best run is {best['name']} with {metric} = {best['value']:.6g}:")
        for name, value in best.get("parameters", {}).items():
            print(f"   {name}={value}")
    print(f"\nPhase {status['phase']}. Look further with:")
    print(f"   export KUBECONFIG={kubectl[-1]}")
    print(f"   {kubectl[0]} get wandbsweeps")
    print(f"   {kubectl[0]} describe wandbsweep {SWEEP}")
    print(f"   {kubectl[0]} -n {NAMESPACE} port-forward service/{SERVER} 8080")
    print(f"      then http://127.0.0.1:8080, user api, password: the apiKey of Secret {SECRET}")
    print("   make demo-down    removes all of it")
