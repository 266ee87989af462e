"""What can be set on the server: one row per knob, from which flags, environment variables and documentation derive."""

from __future__ import annotations

import re
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

ENVIRONMENT_PREFIX = "WANDBSWEEP_SERVER_"
API_KEY_VARIABLE = ENVIRONMENT_PREFIX + "API_KEY"


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LARGEST_PORT = 65535


class SettingsError(Exception):
    """A knob with a value that the server cannot start with; the text names it and the remedy."""


def _knob(default: Any, text: str, *, unit: str = "") -> Any:
    return field(default=default, metadata={"help": text, "unit": unit})


@dataclass(frozen=True)
class ServerSettings:
    """The knobs of `wandbsweep server`; silence counts from the server's own start at the earliest."""

    host: str = _knob("127.0.0.1", "Address to listen on; 0.0.0.0 for all.")
    port: int = _knob(8080, "Port to listen on; 0 lets the system choose one, which is then printed.")
    data_dir: str = _knob("~/.wandbsweep", "Folder for the database, uploaded files and a generated API key.")
    database_url: str = _knob(
        "",
        "URL of the database: sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/NAME. "
        "Empty: SQLite in the data folder.",
    )
    files_dir: str = _knob("", "Folder for files that runs upload. Empty: `files` in the data folder.")
    public_url: str = _knob("", "URL in the links to files that clients get. Empty: the URL that each client used.")
    entity: str = _knob("wandbsweep", "Entity (and user) that the server's own API key belongs to.")
    api_key_file: str = _knob(
        "",
        f"File with the API key (40 or more letters, digits, _ or -). {API_KEY_VARIABLE} may hold the key itself.",
    )
    keys_dir: str = _knob(
        "",
        "Folder with a file for each further entity: the file's name is the entity, each line one API key of it. "
        "Read again every few seconds. Empty: there is one entity only.",
    )
    run_timeout: float = _knob(300.0, "A run without a sign of life for so long has crashed.", unit="seconds")
    agent_timeout: float = _knob(60.0, "An agent without a heartbeat for so long is gone.", unit="seconds")
    stop_grace: float = _knob(
        20.0,
        "Time between asking a run to stop through its own stream and having its agent send SIGTERM.",
        unit="seconds",
    )
    local_scheduler: bool = _knob(
        True, "Whether clients may search sweeps themselves and enqueue runs (W&B's local scheduler)."
    )
    upload_limit_mib: int = _knob(4096, "Largest file that a run may upload.", unit="MiB")

    def __post_init__(self) -> None:
        self._require(0 <= self.port <= _LARGEST_PORT, "port", f"a number from 0 to {_LARGEST_PORT}")
        for name in ("run_timeout", "agent_timeout", "upload_limit_mib"):
            self._require(getattr(self, name) > 0, name, "more than 0")
        self._require(self.stop_grace >= 0, "stop_grace", "0 or more")
        self._require(NAME.fullmatch(self.entity) is not None, "entity", "letters, digits, - _ and . only")
        is_url = self.public_url.startswith(("http://", "https://"))
        self._require(is_url or not self.public_url, "public_url", "a URL that begins with http:// or https://")

    def _require(self, met: bool, name: str, needed: str) -> None:
        if not met:
            knob = next(each for each in knobs() if each.name == name)
            raise SettingsError(f"{knob.flag} ({knob.variable}) is {getattr(self, name)!r}: it must be {needed}")

    @property
    def data_path(self) -> Path:
        return Path(self.data_dir).expanduser()

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_path / 'wandbsweep.db'}"

    @property
    def files_path(self) -> Path:
        return Path(self.files_dir).expanduser() if self.files_dir else self.data_path / "files"

    @property
    def keys_path(self) -> Path | None:
        return Path(self.keys_dir).expanduser() if self.keys_dir else None


@dataclass(frozen=True)
class Knob:
    """One row: what it is called in each place, and what it means."""

    name: str
    default: str | int | float | bool
    unit: str
    help: str

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()


def knobs() -> tuple[Knob, ...]:
    """All rows, in the order in which they are documented."""
    return tuple(_row(each) for each in fields(ServerSettings))


def _row(each: Field[Any]) -> Knob:
    return Knob(each.name, getattr(ServerSettings, each.name), each.metadata["unit"], each.metadata["help"])
