"""Chooses addresses for a cluster so that they collide with nothing that the machine can reach now."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Private ranges that home routers, Docker, VPNs and cloud networks seldom use come first.
_CANDIDATES: Final = (
    *(IPv4Network(f"10.{second}.0.0/16") for second in range(130, 200)),
    *(IPv4Network(f"172.{second}.0.0/16") for second in range(20, 32)),
)


@dataclass(frozen=True)
class Block:
    """The addresses of one cluster: a /16, of which Services and pods get a quarter each."""

    number: int

    @property
    def network(self) -> IPv4Network:
        return _CANDIDATES[self.number]

    @property
    def services(self) -> IPv4Network:
        return self._quarter(0)

    @property
    def pods(self) -> IPv4Network:
        return self._quarter(1)

    @property
    def dns(self) -> IPv4Address:
        return self.services[10]

    @property
    def link(self) -> IPv4Network:
        """The two ends of the pair of network cards that joins the cluster to the machine."""
        return next(self._quarter(2).subnets(new_prefix=30))

    @property
    def host(self) -> IPv4Address:
        return self.link[1]

    @property
    def node(self) -> IPv4Address:
        return self.link[2]

    @property
    def card(self) -> str:
        """The machine's end of the pair: who succeeds in creating it owns the block."""
        return f"wsweep{self.number}"

    def _quarter(self, index: int) -> IPv4Network:
        return list(self.network.subnets(prefixlen_diff=2))[index]


def free_blocks(occupied: Iterable[IPv4Network]) -> Iterator[Block]:
    """The blocks that overlap none of these networks, in order of preference."""
    taken = [network for network in occupied if network.prefixlen > 0]
    for number, candidate in enumerate(_CANDIDATES):
        if not any(candidate.overlaps(network) for network in taken):
            yield Block(number)
