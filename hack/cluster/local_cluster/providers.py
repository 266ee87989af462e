"""Chooses between the ways of running a cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from local_cluster import kind
from local_cluster.bare_control_plane import BareControlPlane
from local_cluster.kind import KindCluster
from local_cluster.one_node import OneNode
from local_cluster.record import Kind
from local_cluster.versions import binaries_folder

if TYPE_CHECKING:
    from pathlib import Path

    from local_cluster.provider import Provider


class ProviderChoice(StrEnum):
    """What `--provider` takes: a node of our own, kind, or the one of them that suits the machine."""

    AUTO = "auto"
    ONE_NODE = "onenode"
    KIND = "kind"


def chosen_kind(choice: ProviderChoice, *, control_plane_only: bool) -> Kind:
    """Where Docker and kind work they are what people expect; a control plane alone needs neither."""
    if control_plane_only:
        return Kind.CONTROL_PLANE
    if choice is ProviderChoice.KIND:
        kind.require()
        return Kind.KIND
    if choice is ProviderChoice.AUTO and kind.is_available():
        return Kind.KIND
    return Kind.ONE_NODE


def provider_for(wanted: Kind, binaries: Path | None = None) -> Provider:
    """The provider that runs clusters of a kind."""
    folder = binaries or binaries_folder()
    match wanted:
        case Kind.CONTROL_PLANE:
            return BareControlPlane(folder)
        case Kind.KIND:
            return KindCluster(folder)
        case Kind.ONE_NODE:
            return OneNode(folder)
