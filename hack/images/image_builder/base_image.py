"""The Debian that the images stand on: pulled where a registry can be reached, made by debootstrap where not."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from image_builder.apt_sources import debian_mirror
from image_builder.catalogue import BASE_IMAGE, BASE_SUITE, EPOCH, PREFIX
from image_builder.failures import BuildError
from image_builder.host_packages import ensure_programs, find_program

if TYPE_CHECKING:
    from pathlib import Path

    from image_builder.engines import Engine
    from image_builder.steps import Steps

LOCAL_BASE = f"{PREFIX}/base:{BASE_SUITE}-slim"

# As in Debian's own slim image: what nobody reads in a container is never unpacked, and nothing is synced twice.
_DPKG_SETTINGS = """\
force-unsafe-io
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/groff/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
"""
_UNREAD = ("doc", "groff", "info", "lintian", "locale", "man")
# What differs from machine to machine, or from one run of debootstrap to the next.
_OF_THIS_MACHINE = ("etc/hostname", "etc/resolv.conf", "var/cache/ldconfig/aux-cache")
_SAME_TAR = ("--sort=name", "--numeric-owner", f"--mtime=@{EPOCH}")
_DOCKERFILE = 'FROM scratch\nADD rootfs.tar /\nCMD ["bash"]\n'


def ensure_base(engine: Engine, cache: Path, steps: Steps) -> str:
    """The reference to build on. What an earlier build pulled or made is taken again."""
    for reference in (LOCAL_BASE, BASE_IMAGE):
        if engine.has_image(reference):
            return reference
    try:
        engine.pull(BASE_IMAGE, steps)
    except BuildError:
        steps.say(f"{BASE_IMAGE} cannot be pulled here: making it from Debian's packages")
    else:
        return BASE_IMAGE
    _make_base(engine, cache / "base", steps)
    return LOCAL_BASE


def _make_base(engine: Engine, folder: Path, steps: Steps) -> None:
    if os.geteuid() != 0:
        raise BuildError(
            f"{BASE_IMAGE} cannot be pulled, and only root can make it with debootstrap",
            remedy=f"Run the command as root, or give {engine.name} access to a registry.",
        )
    ensure_programs(["debootstrap"], why=f"make {BASE_IMAGE}", steps=steps)
    mirror = debian_mirror(steps)
    _remove(folder)
    rootfs, context = folder / "rootfs", folder / "context"
    context.mkdir(parents=True)
    steps.run(
        [find_program("debootstrap") or "debootstrap", "--variant=minbase", BASE_SUITE, rootfs, mirror.archive],
        what=f"make Debian {BASE_SUITE} with debootstrap",
        remedy=f"Check that the Debian mirror of this machine's apt sources has {BASE_SUITE}.",
        env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)},
    )
    _slim(rootfs)
    (rootfs / "etc/apt/sources.list").write_text(mirror.sources_list(BASE_SUITE))
    (context / "Dockerfile").write_text(_DOCKERFILE)
    steps.run(
        ["tar", "-C", rootfs, *_SAME_TAR, "--exclude=./dev/*", "-cf", context / "rootfs.tar", "."],
        what="pack the base",
        remedy="Check the free disk space, then run the command again.",
    )
    engine.build(context, LOCAL_BASE, {}, steps)
    _remove(folder)


def _slim(rootfs: Path) -> None:
    """Drop what only fills the image, and what would make another one of the same packages."""
    (rootfs / "etc/dpkg/dpkg.cfg.d/slim").write_text(_DPKG_SETTINGS)
    (rootfs / "etc/apt/apt.conf.d/slim").write_text(
        'APT::Keep-Downloaded-Packages "false";\nDir::Cache::pkgcache "";\n'
    )
    for name in _UNREAD:
        for path in (rootfs / "usr/share" / name).rglob("*"):
            if not path.is_dir() and path.name != "copyright":
                path.unlink()
    for name in _OF_THIS_MACHINE:
        (rootfs / name).unlink(missing_ok=True)
    for folder in ("var/cache/apt", "var/lib/apt/lists", "var/log"):
        for path in (rootfs / folder).rglob("*"):
            if path.is_file():
                path.unlink()


def _remove(folder: Path) -> None:
    """Remove the work folder; a debootstrap that was killed may have left /proc mounted in it."""
    for name in ("proc", "sys"):
        point = folder / "rootfs" / name
        if os.path.ismount(point):
            subprocess.run(["umount", point], check=True)
    if folder.exists():
        shutil.rmtree(folder)
