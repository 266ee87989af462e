"""What is particular about a server whose database is PostgreSQL; what both databases do is tested on both."""

from __future__ import annotations

import subprocess
import sys

import pytest

from servers import running_server
from waiting import until

GRID = {"method": "grid", "parameters": {"x": {"values": [1, 2, 3]}}}


@pytest.fixture
def url(postgresql):
    return postgresql.database()


def start_badly(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wandbsweep", "server", "--port", "0", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def test_a_sweep_goes_on_after_a_restart_of_the_server_with_another_data_folder(tmp_path, url, new_lab):
    with running_server(tmp_path / "a", database_url=url) as server:
        lab = new_lab(server)
        sweep = lab.create(GRID)
        agent = lab.agent(sweep)
        run = lab.next_run(agent)
        lab.start(run, sweep)
        lab.log(run, [{"loss": 1.0}])
    with running_server(tmp_path / "b", database_url=url) as server:
        lab.server = server
        assert lab.runs(sweep) == {run: "running"}
        lab.finish(run)
        assert lab.next_run(agent) != run
        assert not list((tmp_path / "b" / "data").glob("*.db"))


def test_a_second_server_on_the_same_database_is_refused(tmp_path, url):
    with running_server(tmp_path / "a", database_url=url):
        done = start_badly("--data-dir", str(tmp_path / "b"), "--database-url", url)
    assert done.returncode == 1
    assert "in use by another server" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_restart_of_the_database_loses_nothing_that_was_acknowledged(tmp_path, postgresql, url, new_lab):
    with running_server(tmp_path, database_url=url) as server:
        lab = new_lab(server)
        sweep = lab.create(GRID)
        run = lab.next_run(lab.agent(sweep))
        lab.start(run, sweep)
        postgresql.restart()
        until(lambda: lab.runs(sweep) == {run: "running"}, "the run is there")
        lab.finish(run)
        assert lab.runs(sweep) == {run: "finished"}
        assert "Traceback" not in server.log


def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path):
    url = "postgresql://lab:very-secret@127.0.0.1:1/none"
    done = start_badly("--data-dir", str(tmp_path), "--database-url", url)
    assert done.returncode == 1
    assert "--database-url postgresql://lab:***@127.0.0.1:1/none cannot be used" in done.stderr
    assert "very-secret" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_the_password_of_the_database_is_never_logged(tmp_path, postgresql, url):
    with running_server(tmp_path, database_url=url) as server:
        postgresql.restart()
        until(lambda: server.post("/graphql", {"query": "{ models { edges { cursor } } }"})[0] == 200, "it answers")
        server.stop()
        assert "unused-password" in url
        assert "unused-password" not in server.log


def test_a_value_that_only_this_database_refuses_is_the_clients_mistake(tmp_path, url, new_lab):
    with running_server(tmp_path, database_url=url) as server:
        query = 'mutation { upsertBucket(input: {modelName: "p", notes: "a\\u0000b"}) { inserted } }'
        status, answer = server.post("/graphql", {"query": query})
        assert status == 400
        assert "database" in answer["errors"][0]["message"]
        assert server.post("/graphql", {"query": "{ viewer { id } }"})[0] == 200
