"""Sweeps whose agents wait in a queue, and what tests want to know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from places import NAME, a_template
from waiting import until
from wandbsweep.controller.kube_api import sweeps_path

if TYPE_CHECKING:
    from places import Place
    from proxies import Proxy

    Object = dict[str, Any]

QUEUE: Final = "gpu-research"
LABELS: Final = {"kueue.x-k8s.io/queue-name": QUEUE, "kueue.x-k8s.io/priority-class": "sweeps"}
GPU: Final = {"name": "trainer", "image": "lab/trainer:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
OPERATORS_OWN_NODES: Final = {"lab/room": "north"}


def apply_queued(place: Place, name: str = NAME, labels: dict[str, str] | None = None, **spec: Any) -> None:
    """A sweep of agents with a GPU each, in the queue if its labels are not said."""
    template = a_template(containers=[GPU], nodeSelector=OPERATORS_OWN_NODES)
    manifest = place.manifest(name, **{"template": template, **spec})
    manifest["metadata"]["labels"] = LABELS if labels is None else labels
    place.kube.create(sweeps_path(place.namespace, "").rstrip("/"), manifest)


def running_jobs(place: Place, name: str = NAME) -> list[str]:
    return [job["metadata"]["name"] for job in place.jobs(name) if not job["spec"].get("suspend")]


def running_pods(place: Place, name: str = NAME) -> list[Object]:
    return [pod for pod in place.pods(name) if pod["status"].get("phase") not in {"Succeeded", "Failed"}]


def until_training(place: Place, runs: int, name: str = NAME) -> None:
    until(lambda: place.status(name).get("runs", {}).get("running") == runs, f"{runs} runs train", seconds=90)


def until_queued(place: Place, agents: int, name: str = NAME) -> None:
    until(lambda: place.status(name).get("agents", {}).get("queued") == agents, f"{agents} wait", seconds=60)


def changes_to_jobs(proxy: Proxy) -> list[str]:
    """What the operator wrote to Jobs that were there: nothing but their end is its own to write."""
    return [call.method for call in proxy.writes if "/jobs/" in call.path and call.method != "DELETE"]
