"""What the pods of a one-node cluster asked its API server for, and what it refused them: from its audit log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters import Cluster

Right = tuple[str, str, str]
_DECISION = "authorization.k8s.io/decision"  # a 403 may be admission's, as in a namespace that goes


@dataclass(frozen=True)
class Asked:
    """One request of a service account, as far as rights are about it."""

    group: str
    resource: str  # with its subresource, as a rule spells it
    verb: str
    namespace: str
    name: str
    allowed: bool

    def needs(self, right: Right) -> bool:
        """Whether this is what a right allows, which may be for one name only, as charts.rules gives it."""
        group, resource, verb = right
        resource, _, name = resource.partition(":")
        same = (group, resource, verb) == (self.group, self.resource, self.verb)
        return same and name in {"", self.name}


def asked_by(cluster: Cluster, namespace: str, account: str = "wandbsweep", *, since: str = "") -> Iterator[Asked]:
    """All requests of a service account, from a time on as Kubernetes writes it, in no order."""
    user = f"system:serviceaccount:{namespace}:{account}"
    for path in sorted((cluster.kubeconfig.parent / "logs").glob("audit*.log")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if user not in line or not line.endswith("\n"):  # the last one is being written
                    continue
                event = json.loads(line)
                if event["user"]["username"] == user and event["requestReceivedTimestamp"] >= since:
                    yield _asked(event)


def refused_to(cluster: Cluster, namespace: str, account: str = "wandbsweep", *, since: str = "") -> set[Asked]:
    """What the account asked for and was not allowed; none at all is what it should be."""
    return {each for each in asked_by(cluster, namespace, account, since=since) if not each.allowed}


def is_kept(cluster: Cluster) -> bool:
    """Whether this cluster writes down who asked for what; those of kind do not."""
    return (cluster.kubeconfig.parent / "logs/audit.log").exists()


def _asked(event: dict[str, Any]) -> Asked:
    of = event.get("objectRef", {})
    resource = "/".join(part for part in (of.get("resource", ""), of.get("subresource", "")) if part)
    allowed = event.get("annotations", {}).get(_DECISION) == "allow"
    return Asked(of.get("apiGroup", ""), resource, event["verb"], of.get("namespace", ""), of.get("name", ""), allowed)
