"""A node is lost with all that ran on it: the pool goes on elsewhere, and the run is counted for what it was."""

from __future__ import annotations

import uuid

import pytest

from nodes import running_node
from operators import running_operator
from places import a_grid, a_place
from servers import running_server
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def test_the_agent_of_a_lost_node_is_replaced_on_another_and_its_run_is_lost_with_the_node(kube, runtime, tmp_path):
    gate = tmp_path / "gate"
    with (
        running_server(tmp_path / "server", run_timeout="10", agent_timeout="10") as server,
        a_place(kube, f"own-{uuid.uuid4().hex[:10]}", server) as place,
        running_operator(tmp_path / "operator", kube.kubeconfig, server.url, place.namespace) as operator,
        running_node(kube, place.namespace, runtime, tmp_path / "first", {"TRAINER_GATE": str(gate)}) as node,
    ):
        place.give_key()
        place.apply(sweep=a_grid(0.1, 0.2))
        until(lambda: place.status().get("runs", {}).get("running"), "a run trains", seconds=60)

        node.lose()
        gate.touch()

        with running_node(kube, place.namespace, runtime, tmp_path / "second", name="other"):
            kube.delete(node.path)  # as whoever runs the cluster does, or its cloud
            place.until_condition("Complete", seconds=150)
        status = place.status()
        assert (status["runs"]["finished"], status["runs"]["crashed"]) == (1, 1)
        assert status["failures"] == {"node-lost": 1}
        assert "Traceback" not in operator.log
