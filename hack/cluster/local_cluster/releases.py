"""Downloads the official release binaries, each checked against the SHA-256 that its project publishes."""

from __future__ import annotations

import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local_cluster.failures import ClusterError
from local_cluster.versions import COREDNS, ETCD, HELM, KUBE_PROGRAMS, KUBERNETES, architecture

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.progress import Progress

_PROBE_SECONDS: Final = 5.0
_STALL_SECONDS: Final = 20.0
_BLOCK_BYTES: Final = 1 << 20


class ReleasesUnreachableError(ClusterError):
    """No answer, an error, or an answer that does not match its checksum: another source may do."""

    def __init__(self, what: str) -> None:
        super().__init__(what, remedy="Check the network, or use `--source modules` to build the programs.")


@dataclass(frozen=True)
class Release:
    """A published file. `member` is the program's path inside an archive, None if the file is the program."""

    program: str
    url: str
    checksum_url: str
    member: str | None = None

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]


def releases(arch: str) -> list[Release]:
    """Every program that has an official release."""
    kubernetes = f"https://dl.k8s.io/release/v{KUBERNETES}/bin/linux/{arch}"
    etcd = f"https://github.com/etcd-io/etcd/releases/download/v{ETCD}"
    coredns = f"https://github.com/coredns/coredns/releases/download/v{COREDNS}/coredns_{COREDNS}_linux_{arch}.tgz"
    helm = f"https://get.helm.sh/helm-v{HELM}-linux-{arch}.tar.gz"
    etcd_name = f"etcd-v{ETCD}-linux-{arch}"
    return [
        *(Release(name, f"{kubernetes}/{name}", f"{kubernetes}/{name}.sha256") for name in KUBE_PROGRAMS),
        Release("etcd", f"{etcd}/{etcd_name}.tar.gz", f"{etcd}/SHA256SUMS", f"{etcd_name}/etcd"),
        Release("coredns", coredns, f"{coredns}.sha256", "coredns"),
        Release("helm", helm, f"{helm}.sha256sum", f"linux-{arch}/helm"),
    ]


def download_all(folder: Path, progress: Progress) -> None:
    """Put every released program into the folder, or say that there is no way to."""
    wanted = releases(architecture())
    if not _answers(wanted[0].checksum_url):
        raise ReleasesUnreachableError("the official releases are out of reach")
    sums = {release.program: checksum_of(_fetch(release.checksum_url).decode(), release) for release in wanted}
    for release in wanted:
        progress.say(f"download {release.file_name}")
        content = _fetch(release.url)
        if hashlib.sha256(content).hexdigest() != sums[release.program]:
            raise ReleasesUnreachableError(f"{release.url} does not have its published SHA-256")
        program = folder / release.program
        program.write_bytes(content if release.member is None else extract(content, release))
        program.chmod(0o755)


def _answers(url: str) -> bool:
    """Ask in a thread: a name server that is silent holds a look-up longer than any time-out of the socket."""
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        pool.submit(_fetch, url).result(timeout=_PROBE_SECONDS)
    except (FutureTimeoutError, ReleasesUnreachableError):
        return False
    else:
        return True
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def checksum_of(published: str, release: Release) -> str:
    """Read `<sum>` or the line `<sum>  <file>` of a checksum file."""
    for line in published.splitlines():
        words = line.split()
        if len(words) == 1 or (words and words[-1].lstrip("*") == release.file_name):
            return words[0].lower()
    raise ReleasesUnreachableError(f"{release.checksum_url} does not name {release.file_name}")


def extract(archive: bytes, release: Release) -> bytes:
    """The program inside a release's archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        try:
            member = content.extractfile(str(release.member))
        except KeyError:
            member = None
        if member is None:
            raise ReleasesUnreachableError(f"{release.file_name} does not contain {release.member}")
        return member.read()


def _fetch(url: str) -> bytes:
    blocks = []
    try:
        with urllib.request.urlopen(url, timeout=_STALL_SECONDS) as answer:  # noqa: S310 - the table above is https only
            while block := answer.read(_BLOCK_BYTES):
                blocks.append(block)
    except (OSError, urllib.error.URLError) as error:
        raise ReleasesUnreachableError(f"no download from {url} ({error})") from error
    return b"".join(blocks)
