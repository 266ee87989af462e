"""Where a person looks at sweeps and runs: the addresses of W&B's web pages.

The API and the pages of one server may have different hosts; the rules here give the pages that the SDK of the agents
prints for the same base URL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from wandbsweep.sweep.path import SweepPath

_FORGE_HOSTS = {
    "api.wandb.ai": "forge.coreweave.com",
    "api.forge.coreweave.com": "forge.coreweave.com",
    "forge.coreweave.com": "forge.coreweave.com",
}
"""Hosts of W&B's own cloud API, and the host that serves its pages under /wandb."""


def app_url(base_url: str) -> str:
    """Return the address of the web pages of the server whose API is at `base_url`, without a slash at its end."""
    host = urlsplit(base_url).hostname or ""
    if host in _FORGE_HOSTS:
        return f"https://{_FORGE_HOSTS[host]}/wandb"
    if host.startswith("api.wandb."):
        return base_url.replace("://api.", "://", 1).rstrip("/")
    if host.startswith("api."):
        return base_url.replace("://api.", "://app.", 1).rstrip("/")
    return base_url.rstrip("/")


def sweep_url(app: str, path: SweepPath) -> str:
    return f"{app}/{_segment(path.entity)}/{_segment(path.project)}/sweeps/{_segment(path.sweep_id)}"


def run_url(app: str, path: SweepPath, run_id: str) -> str:
    return f"{app}/{_segment(path.entity)}/{_segment(path.project)}/runs/{_segment(run_id)}"


def _segment(name: str) -> str:
    return quote(name, safe="")
