"""Where W&B is and with which key, read as the SDK reads it: from variables, from its settings file, and from netrc."""

from __future__ import annotations

import configparser
import netrc
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

WANDB_CLOUD: Final = "https://api.wandb.ai"


@dataclass(frozen=True)
class Account:
    """Whom to ask, and as whom; the key is in no text about it."""

    server: str
    key: str = field(repr=False)


def find_account(environ: Mapping[str, str]) -> Account | None:
    """The account that a trainer in this environment would use; None without a key that can be sent."""
    server = (environ.get("WANDB_BASE_URL") or _stored_server(environ) or WANDB_CLOUD).strip().rstrip("/")
    if urlsplit(server).scheme not in {"http", "https"}:
        return None
    key = (environ.get("WANDB_API_KEY") or "").strip() or _netrc_key(environ, urlsplit(server).hostname or "")
    return Account(server, key) if key and key.isascii() and key.isprintable() else None


def _stored_server(environ: Mapping[str, str]) -> str | None:
    """What `wandb login --host` wrote, for this user or for this folder."""
    home = Path(environ.get("HOME") or "~")
    folder = Path(environ.get("WANDB_CONFIG_DIR") or home / ".config" / "wandb")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read([folder / "settings", Path(environ.get("WANDB_DIR") or ".") / "wandb" / "settings"])
        return parser.get("default", "base_url", fallback=None)
    except (configparser.Error, OSError, ValueError):
        return None


def _netrc_key(environ: Mapping[str, str], host: str) -> str:
    home = Path(environ.get("HOME") or "~")
    for file in [Path(told)] if (told := environ.get("NETRC")) else [home / ".netrc", home / "_netrc"]:
        try:
            login = netrc.netrc(file).authenticators(host)
        except (netrc.NetrcParseError, OSError, ValueError):
            continue
        if login and login[2]:
            return login[2]
    return ""
