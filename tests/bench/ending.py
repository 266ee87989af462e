"""From the end of a sweep on W&B to the last of its agents' pods being gone, and its GPUs with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tables import percentile, row
from watching import watched

from places import a_grid
from waiting import until
from wandbsweep.controller.kube_api import core_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from surroundings import Surroundings

    from places import Place

SWEEPS = 10
AGENTS = 8

_NODE_ID = """
query Sweep($entity: String!, $project: String!, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { id } }
}
"""
_FINISH = """
mutation UpsertSweep($id: ID!, $entityName: String, $projectName: String) {
    upsertSweep(input: { id: $id, state: "FINISHED", entityName: $entityName, projectName: $projectName }) {
        sweep { name }
    }
}
"""


def measure_ending(around: Surroundings) -> Iterator[str]:
    """One sweep after the other is finished by hand, as on its page. The pods are pending: no container has to end."""
    with (
        around.operated("ending") as (place, _operator),
        watched(around.kube, core_path(place.namespace, "pods")) as pods,
    ):
        seconds = []
        for number in range(SWEEPS):
            name = f"ending-{number}"
            place.apply(name, sweep=a_grid(*range(1, 99)), agentCount=AGENTS)
            until(lambda name=name: len(place.pods(name)) == AGENTS, f"{name} has its pods", seconds=60)
            until(lambda name=name: place.status(name).get("runs"), f"{name} was read", seconds=60)
            names = [pod["metadata"]["name"] for pod in place.pods(name)]
            finished_at = _finish(place, name)
            seconds.append(max(pods.wait_for_deleted(*names)) - finished_at)

    yield f"From the sweep's end on W&B to the last pod gone, {SWEEPS} sweeps of {AGENTS} agents"
    yield row("", "p50", "worst")
    yield row("operator", *(f"{percentile(seconds, percent):.1f} s" for percent in (50, 100)))


def _finish(place: Place, name: str) -> float:
    entity, project, sweep = place.status(name)["sweepPath"].split("/")
    found = place.server.graphql(_NODE_ID, {"entity": entity, "project": project, "sweep": sweep})
    node_id = found["project"]["sweep"]["id"]
    place.server.graphql(_FINISH, {"id": node_id, "entityName": entity, "projectName": project})
    return time.monotonic()
