"""A database that an older server left behind."""

from __future__ import annotations

import sqlite3

from servers import running_server

GRID = {"method": "grid", "parameters": {"x": {"values": [1, 2]}}}
CUSTOM = {"method": "custom", "metric": {"name": "loss"}, "parameters": {"x": {"min": 0.0, "max": 1.0}}}
FACTS = "query($p: String, $s: String!) { project(name: $p) { sweep(sweepName: $s) { controllerRunName } } }"


def test_sweeps_of_an_older_server_get_what_they_lack_and_go_on(tmp_path, new_lab):
    with running_server(tmp_path) as server:
        lab = new_lab(server)
        sweeps = {name: lab.create(each) for name, each in {"grid": GRID, "custom": CUSTOM}.items()}
        agents = {name: lab.agent(sweep) for name, sweep in sweeps.items()}
        server.stop()
        database = sqlite3.connect(tmp_path / "data" / "wandbsweep.db")
        for column in ("controller_run", "searched_elsewhere"):
            database.execute(f"ALTER TABLE sweeps DROP COLUMN {column}")
        database.close()
        server.start()

        def controller(sweep: str) -> str:
            return server.graphql(FACTS, {"p": lab.project, "s": sweep})["project"]["sweep"]["controllerRunName"]

        found = {name: controller(sweep) for name, sweep in sweeps.items()}
        assert len(set(found.values()) - {""}) == 2
        assert lab.heartbeat(agents["grid"])[0]["type"] == "run"
        assert lab.heartbeat(agents["custom"]) == []
        run = lab.enqueue(sweeps["custom"], {"x": {"value": 0.5}})
        assert lab.next_run(agents["custom"]) == run
        server.restart()
        assert {name: controller(sweep) for name, sweep in sweeps.items()} == found
