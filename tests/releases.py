"""A Helm release in a cluster, and all that a cluster holds: what came with the release, and what stayed behind."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from charts import CHART, merged
from clusters import hack_cluster

if TYPE_CHECKING:
    from pathlib import Path

    from charts import Values
    from clusters import Cluster

_HELM_SECONDS = 400
# They come and go by themselves: what was said, and requests for certificates, which are collected after an hour.
_FLEETING = ("events", "events.events.k8s.io", "certificatesigningrequests.certificates.k8s.io")


@dataclass(frozen=True)
class Release:
    """`wandbsweep` in one namespace of a cluster."""

    cluster: Cluster
    namespace: str
    image: str
    name: str = "wandbsweep"

    def install(self, values: Values, *, chart: Path = CHART) -> str:
        return self.helm("install", self.name, str(chart), "--wait", values=values)

    def upgrade(self, values: Values, *, chart: Path = CHART) -> str:
        return self.helm("upgrade", self.name, str(chart), "--wait", values=values)

    def rollback(self, revision: int) -> str:
        return self.helm("rollback", self.name, str(revision), "--wait")

    def uninstall(self) -> str:
        return self.helm("uninstall", self.name, "--wait")

    def test(self) -> str:
        """What `helm test` says, which fails if a test does."""
        return self.helm("test", self.name)

    def helm(self, *arguments: str, values: Values | None = None) -> str:
        """What Helm prints; a failure shows what it said, and the pods."""
        given = [] if values is None else ["--values=-"]
        command = [_helm(), *arguments, *given, "--namespace", self.namespace, "--timeout=5m"]
        repository, _, tag = self.image.rpartition(":")
        own: Values = {"image": {"repository": repository, "tag": tag}}
        done = subprocess.run(
            command if arguments[0] != "uninstall" else [*command, "--ignore-not-found"],
            input=yaml.safe_dump(merged(own, values or {})),
            env={**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig), "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            timeout=_HELM_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}\n{self._pods()}"
        return done.stdout

    def _pods(self) -> str:
        return self.cluster.try_kubectl("-n", self.namespace, "get", "pods,events").stdout


def _helm() -> str:
    return hack_cluster("path", "helm").stdout.strip()


def everything(cluster: Cluster) -> set[str]:
    """Every object that can be deleted, as `kind namespace/name`."""
    names = cluster.kubectl("api-resources", "--verbs=list,delete", "--output=name").split()
    kinds = ",".join(name for name in names if name not in _FLEETING)
    found = cluster.get(kinds, "--all-namespaces")["items"]
    return {f"{each['kind']} {each['metadata'].get('namespace', '')}/{each['metadata']['name']}" for each in found}
