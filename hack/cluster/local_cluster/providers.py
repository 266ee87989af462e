"""Chooses between the ways of running a cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from local_cluster.bare_control_plane import BareControlPlane
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
    return Kind.CONTROL_PLANE


def provider_for(kind: Kind, binaries: Path | None = None) -> Provider:
    """The provider that runs clusters of a kind."""
    return BareControlPlane(binaries or binaries_folder())
