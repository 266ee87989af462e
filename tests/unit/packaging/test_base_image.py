"""The Debian base that is made where none can be pulled: the same packages, the same image, on any machine."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from image_builder import base_image
from image_builder.base_image import LOCAL_BASE, ensure_base
from image_builder.catalogue import EPOCH
from image_builder.engines import choose_engine
from image_builder.steps import Steps

if TYPE_CHECKING:
    from pathlib import Path

DEBOOTSTRAP = """\
root="$3"
echo "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" > {told}
mkdir -p "$root/etc/apt/apt.conf.d" "$root/etc/dpkg/dpkg.cfg.d" "$root/var/log" "$root/var/cache/ldconfig"
mkdir -p "$root/usr/share/doc/bash" "$root/usr/share/man"
echo nameserver 10.9.8.7 > "$root/etc/resolv.conf"
echo this-machine > "$root/etc/hostname"
date > "$root/var/log/bootstrap.log"
date > "$root/var/cache/ldconfig/aux-cache"
echo text > "$root/usr/share/doc/bash/README"
echo text > "$root/usr/share/doc/bash/copyright"
"""

BUILDAH = """\
case "$*" in
    *' inspect '*|*' pull '*) exit 1;;
    *' build '*) for context in "$@"; do :; done; cp "$context/rootfs.tar" {kept};;
esac
"""


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def rootfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive that the builder was given, with programs that only pretend to make and build it."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program(programs, "debootstrap", DEBOOTSTRAP.format(told=tmp_path / "told"))
    program(programs, "apt-get", "echo 'http://mirror.example/debian/|bookworm|main|Debian|Debian'")
    kept = tmp_path / "rootfs.tar"
    program(
        programs,
        "buildah",
        BUILDAH.format(kept=kept),
    )
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(base_image.os, "geteuid", lambda: 0)
    monkeypatch.setattr(base_image, "find_program", lambda name: str(programs / name))
    steps = Steps(log=tmp_path / "log")
    engine = choose_engine("buildah", tmp_path / "cache", steps)
    assert ensure_base(engine, tmp_path / "cache", steps) == LOCAL_BASE
    return kept


def test_nothing_of_the_machine_that_made_it_is_in_it(rootfs: Path, tmp_path: Path) -> None:
    with tarfile.open(rootfs) as archive:
        names = [member.name for member in archive if member.isfile()]
        times = {member.mtime for member in archive}
    assert times == {EPOCH}
    assert names == sorted(names)
    assert not {"./etc/resolv.conf", "./etc/hostname", "./var/cache/ldconfig/aux-cache"} & set(names)
    assert not [name for name in names if name.startswith("./var/log/")]
    assert (tmp_path / "told").read_text() == f"SOURCE_DATE_EPOCH={EPOCH}\n"


def test_documentation_goes_and_copyrights_stay(rootfs: Path) -> None:
    with tarfile.open(rootfs) as archive:
        assert [name for name in archive.getnames() if "/doc/bash/" in name] == ["./usr/share/doc/bash/copyright"]
