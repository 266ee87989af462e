"""Joins a cluster's network namespace to the machine: one pair of virtual cards, two routes, one packet filter rule."""

from __future__ import annotations

import json
import subprocess
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_cluster.failures import ClusterError
from local_cluster.progress import wait_until
from local_cluster.subnets import Block, free_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_cluster.namespaces import Namespaces

_INNER_CARD: Final = "uplink"
_GONE_WITHIN_SECONDS: Final = 10.0
# kubelet answers whoever asks: only the API server, which shares the namespace, may.
_FILTER: Final = """
table inet wandbsweep {
  chain input {
    type filter hook input priority filter; policy accept;
    iifname != "lo" tcp dport { 10250, 10255 } drop
  }
}
"""


def connect(namespaces: Namespaces) -> Block:
    """Take a free block of addresses and join the namespace to the machine with it."""
    for block in free_blocks(occupied_networks()):
        if _make_pair(block, namespaces):
            _set_up(block, namespaces)
            return block
    raise ClusterError(
        "no block of private addresses is free on this machine",
        remedy="Look at `ip route`: every network from 10.130.0.0/16 to 10.199.0.0/16 and from 172.20.0.0/16 to "
        "172.31.0.0/16 overlaps with a route. Remove a route or a cluster (`status`).",
    )


def occupied_networks() -> list[IPv4Network]:
    """All networks that the machine has a route to, in any of its tables."""
    routes = json.loads(_run(["ip", "-j", "-4", "route", "show", "table", "all"]) or "[]")
    return [IPv4Network(route["dst"], strict=False) for route in routes if route["dst"] != "default"]


def _make_pair(block: Block, namespaces: Namespaces) -> bool:
    """False if another cluster was quicker: the name of a card can be given once."""
    command = ["ip", "link", "add", block.card, "type", "veth", "peer", "name", _INNER_CARD]
    answer = subprocess.run([*command, "netns", str(namespaces.pid)], capture_output=True, text=True, check=False)
    if answer.returncode != 0 and "File exists" not in answer.stderr:
        raise ClusterError(
            f"a pair of virtual network cards could not be made: {answer.stderr.strip()}",
            remedy="The machine must allow root to add network cards (CAP_NET_ADMIN, kernel module veth).",
        )
    return answer.returncode == 0


def _set_up(block: Block, namespaces: Namespaces) -> None:
    prefix = block.link.prefixlen
    _run(["ip", "address", "add", f"{block.host}/{prefix}", "dev", block.card])
    _run(["ip", "link", "set", block.card, "up"])
    inner = [*namespaces.enter, "ip"]
    _run([*inner, "address", "add", f"{block.node}/{prefix}", "dev", _INNER_CARD])
    _run([*inner, "link", "set", _INNER_CARD, "up"])
    _run([*inner, "route", "add", "default", "via", str(block.host)])
    # So that the machine reaches pods and Services by their addresses, and pods get answers from the machine.
    for network in (block.pods, block.services):
        _run(["ip", "route", "add", str(network), "via", str(block.node)])
    _run([*namespaces.enter, "nft", "-f", "-"], text=_FILTER)


def disconnect(block: Block) -> None:
    """The cards go with the namespace; this waits for it, and lends a hand if they do not."""
    card = Path("/sys/class/net") / block.card
    if not wait_until(lambda: not card.exists(), within_seconds=_GONE_WITHIN_SECONDS):
        _run(["ip", "link", "delete", block.card])


def _run(command: Sequence[str], *, text: str | None = None) -> str:
    answer = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ClusterError(
            f"{' '.join(command)}: {answer.stderr.strip()}",
            remedy="The machine's network could not be set up for the node; see the message above.",
        )
    return answer.stdout
