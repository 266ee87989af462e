"""Servers on both databases, with one entity that has something of each kind."""

from __future__ import annotations

import pytest

from postgresql import is_installed, running_postgresql
from servers import running_server
from tenants import ALPHA_KEY, Client, furnish


@pytest.fixture(scope="module")
def postgresql():
    if not is_installed():
        pytest.skip("the `dev` extra of this environment is out of date: PostgreSQL or its driver is missing")
    with running_postgresql() as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def alpha(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "keys").mkdir()
    (folder / "keys" / "alpha").write_text(ALPHA_KEY)
    options = {"keys_dir": str(folder / "keys"), "run_timeout": "2", "agent_timeout": "2"}
    if request.param == "postgresql":
        options["database_url"] = request.getfixturevalue("postgresql").database()
    with running_server(folder / "server", **options) as server:
        yield Client(server, "alpha", ALPHA_KEY)
        assert server.post("/graphql", {"query": "{ viewer { id } }"})[0] == 200
        server.stop()
        assert "Traceback" not in server.log, server.log[server.log.index("Traceback") :][:6000]


@pytest.fixture(scope="module")
def belongings(alpha):
    return furnish(alpha)
