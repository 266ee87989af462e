"""Labels tell where an image comes from, and builders are asked for the same image each time."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from image_builder.catalogue import EPOCH
from image_builder.engines import choose_engine
from image_builder.origin import Origin
from image_builder.steps import Steps

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = "FROM base\nARG VERSION=\nARG REVISION=\nARG CREATED=\nARG OTHER=\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    package = root / "operator/wandbsweep"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""Docs."""\n\n__version__ = "1.2.3"\n')
    return root


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com")
    command = ["git", *identity, "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_an_image_of_a_commit_names_it_and_its_date(checkout: Path) -> None:
    git(checkout, "init", "--quiet")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "one", "--date", "2026-01-02T03:04:05Z")
    origin = Origin.of(checkout)
    assert (origin.version, origin.revision) == ("1.2.3", git(checkout, "rev-parse", "HEAD"))
    assert origin.as_defaults_of(DOCKERFILE).splitlines() == [
        "FROM base",
        "ARG VERSION=1.2.3",
        f"ARG REVISION={origin.revision}",
        f"ARG CREATED={origin.created}",
        "ARG OTHER=",
    ]


def test_an_image_of_changed_files_does_not_pass_for_its_commit(checkout: Path) -> None:
    git(checkout, "init", "--quiet")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "one")
    (checkout / "new.txt").touch()
    assert Origin.of(checkout).revision == f"{git(checkout, 'rev-parse', 'HEAD')}-changed"


def test_an_unpacked_archive_has_a_version_only(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(checkout.parent))
    assert Origin.of(checkout) == Origin(version="1.2.3", revision="", created="")


@pytest.mark.parametrize("name", ["docker", "podman", "buildah"])
def test_every_builder_is_told_the_time_that_all_files_get(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_program = tmp_path / name
    engine_program.write_text(f'#!/bin/sh\necho "$SOURCE_DATE_EPOCH $*" >> {tmp_path}/called\n')
    engine_program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    steps = Steps(log=tmp_path / "log")

    engine = choose_engine(name, tmp_path / "cache", steps)
    engine.build(tmp_path, "localhost/an-image:dev", {"BASE_IMAGE": "base"}, steps)
    engine.build(tmp_path, "localhost/an-image:dev", {"BASE_IMAGE": "base"}, steps, from_cache=False)

    first, second = (tmp_path / "called").read_text().splitlines()[-2:]
    assert first.startswith(f"{EPOCH} ")
    assert (f"--timestamp={EPOCH}" in first) == (name != "docker")
    assert ("--no-cache" in first, "--no-cache" in second) == (False, True)
