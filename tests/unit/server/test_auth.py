"""API keys: where they come from, who is let in, and where they must not be seen."""

from __future__ import annotations

import base64
import sqlite3
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from servers import API_KEY, RunningServer, running_server
from wandbsweep.server.auth import open_keys
from wandbsweep.server.errors import KeyRejectedError
from wandbsweep.server.settings import API_KEY_VARIABLE, ServerSettings, SettingsError
from wandbsweep.server.store.database import Database

VIEWER = {"query": "{ viewer { id } }"}
OTHER_KEY = "f" * 40


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"api:{key}".encode()).decode()


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/test.db")
    yield database
    database.close()


def test_a_wrong_key_is_refused_with_the_variables_to_check(server):
    status, answer = server.post("/graphql", VIEWER, api_key=OTHER_KEY)
    assert status == 401
    assert "WANDB_API_KEY" in answer["errors"][0]["message"]


@pytest.mark.parametrize("path", ["/graphql", "/files/wandbsweep/p/r/file_stream", "/files/wandbsweep/p/r/a.txt", "/"])
@pytest.mark.parametrize("header", [None, "Basic !", "Basic Zm9v", "Digest x", "Bearer x"])
def test_nothing_is_told_without_a_key(server, path, header):
    headers = {"Authorization": header} if header else {}
    body = b"{}" if "graphql" in path or "file_stream" in path else None
    request = urllib.request.Request(server.url + path, data=body, headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value as answer:
        assert answer.code == 401


@pytest.mark.parametrize(
    "header", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
@pytest.mark.parametrize("path", ["/graphql", "/files/wandbsweep/p/r/file_stream"])
def test_the_page_of_somebody_else_changes_nothing_with_the_key_that_a_browser_keeps(server, path, header):
    """A browser that has seen our pages sends their password along with every form that is posted here."""
    headers = {"Authorization": basic(server.api_key), "Content-Type": "text/plain", **header}
    request = urllib.request.Request(server.url + path, data=b'{"query": "{ viewer { id } }"}', headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value as answer:
        assert answer.code == 403


def test_health_needs_no_key(server):
    with urllib.request.urlopen(server.url + "/healthz", timeout=10) as answer:
        assert answer.status == 200


def test_a_key_is_stored_as_a_digest_and_never_logged(tmp_path):
    with running_server(tmp_path) as server:
        assert server.post("/graphql", VIEWER)[0] == 200
        server.post("/graphql", VIEWER, api_key=OTHER_KEY)
        server.stop()
        for path in (tmp_path / "data").rglob("*"):
            assert not path.is_file() or API_KEY.encode() not in path.read_bytes()
        assert API_KEY not in server.log
        assert OTHER_KEY not in server.log


def test_without_a_key_one_is_generated_into_a_private_file_once(tmp_path, monkeypatch, database):
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    settings = ServerSettings(data_dir=str(tmp_path / "data"))
    ring, written = open_keys(database, settings, now=0)
    assert written is not None
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    key = written.read_text().strip()
    assert ring.owner(basic(key)).entity == "wandbsweep"
    again, nothing = open_keys(database, settings, now=1)
    assert nothing is None
    assert again.owner(basic(key)).name == "wandbsweep"


def test_a_new_key_replaces_the_former(tmp_path, monkeypatch, database):
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    file = tmp_path / "key"
    settings = ServerSettings(data_dir=str(tmp_path), api_key_file=str(file))
    file.write_text(API_KEY + "\n")
    open_keys(database, settings, now=0)
    file.write_text(OTHER_KEY)
    ring, _ = open_keys(database, settings, now=1)
    assert ring.owner(basic(OTHER_KEY)).entity == "wandbsweep"
    with pytest.raises(KeyRejectedError):
        ring.owner(basic(API_KEY))


@pytest.mark.parametrize(
    ("text", "message"), [("short", "40 or more"), ("ä" * 40, "40 or more"), (None, "cannot be read")]
)
def test_a_key_that_the_sdk_would_refuse_is_refused_at_the_start(tmp_path, monkeypatch, database, text, message):
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    if text is not None:
        (tmp_path / "key").write_text(text)
    settings = ServerSettings(data_dir=str(tmp_path), api_key_file=str(tmp_path / "key"))
    with pytest.raises(SettingsError, match=message):
        open_keys(database, settings, now=0)


def test_the_database_knows_digests_only(tmp_path, database):
    settings = ServerSettings(data_dir=str(tmp_path))
    open_keys(database, settings, now=0)
    with sqlite3.connect(tmp_path / "test.db") as connection:
        ((digest,),) = connection.execute("SELECT digest FROM api_keys").fetchall()
    connection.close()
    assert len(digest) == 64


def start_badly(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wandbsweep", "server", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_second_server_on_the_same_folder_is_refused(server: RunningServer):
    done = start_badly("--data-dir", str(server.folder / "data"), "--port", "0")
    assert done.returncode == 1
    assert "in use by another server" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--database-url", "mysql://x/y"), "use sqlite:///PATH"),
        (("--database-url", "postgresql://x"), "use sqlite:///PATH"),
        (("--database-url", "nonsense"), "use sqlite:///PATH"),
        (("--port", "70000"), "--port"),
        (("--host", "192.0.2.1"), "cannot be listened on"),
        (("--data-dir", "/proc/nothing"), "--data-dir /proc/nothing cannot be used"),
        (("--api-key-file", "/nothing"), "--api-key-file /nothing cannot be read"),
        (("--run-timeout", "0"), "--run-timeout"),
        (("--entity", "a/b"), "entity"),
    ],
)
def test_a_wrong_setting_is_named_with_the_remedy(tmp_path, flags, message):
    done = start_badly("--data-dir", str(tmp_path), "--port", "0", *flags)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
