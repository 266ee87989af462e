from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from local_cluster.subnets import free_blocks

networks = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False),
    st.one_of(
        st.integers(0x0A000000, 0x0AFFFFFF),  # 10.0.0.0/8
        st.integers(0xAC100000, 0xAC1FFFFF),  # 172.16.0.0/12
        st.integers(0, 2**32 - 1),
    ),
    st.integers(0, 32),
)


@given(st.lists(networks, max_size=20))
def test_a_cluster_takes_no_address_that_the_machine_has_a_route_to(occupied: list[IPv4Network]) -> None:
    for block in free_blocks(occupied):
        assert not any(block.network.overlaps(network) for network in occupied if network.prefixlen > 0)


@given(st.lists(networks, max_size=20))
def test_services_pods_and_the_link_share_no_address(occupied: list[IPv4Network]) -> None:
    for block in free_blocks(occupied):
        parts = (block.services, block.pods, block.link)
        assert not any(one.overlaps(other) for one, other in combinations(parts, 2))
        assert all(part.subnet_of(block.network) for part in parts)
        assert block.dns in block.services
        assert {block.host, block.node} == set(block.link.hosts())
        assert len(block.card) <= 15  # the kernel's limit for the name of a network card


def test_a_second_cluster_gets_other_addresses_than_the_first() -> None:
    first = next(free_blocks([]))
    second = next(free_blocks([first.services, first.pods, first.link]))
    assert not first.network.overlaps(second.network)


def test_a_default_route_occupies_nothing() -> None:
    assert next(free_blocks([IPv4Network("0.0.0.0/0")])).number == 0


def test_a_machine_that_routes_all_private_networks_has_no_free_block() -> None:
    assert list(free_blocks([IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12")])) == []
