"""docker, podman and buildah, as far as this tool needs them, behind one face."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from image_builder.catalogue import EPOCH
from image_builder.failures import BuildError
from image_builder.host_packages import ensure_programs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from image_builder.steps import Steps

ENGINES = ("docker", "podman", "buildah")
_ANSWER_SECONDS = 20
_PULL_SECONDS = 60
_SAME_TIMES = f"--timestamp={EPOCH}"


@dataclass(frozen=True)
class Engine:
    """One builder: how it is called, and how its commands are spelt where the three differ."""

    name: str
    command: tuple[str, ...]
    inspect: tuple[str, ...]
    build_options: tuple[str, ...] = ()

    def works(self) -> bool:
        """Whether it is installed and answers; docker without its engine does not."""
        if shutil.which(self.command[0]) is None:
            return False
        try:
            return _succeeds([*self.command, "info"])
        except subprocess.TimeoutExpired:
            return False

    def has_image(self, reference: str) -> bool:
        return _succeeds([*self.command, *self.inspect, reference])

    def pull(self, reference: str, steps: Steps) -> None:
        steps.run(
            [*self.command, "pull", reference],
            what=f"pull {reference}",
            remedy="The base is made from Debian's packages instead where that is possible.",
            timeout_seconds=_PULL_SECONDS,
        )

    def build(
        self, context: Path, reference: str, arguments: Mapping[str, str], steps: Steps, *, from_cache: bool = True
    ) -> None:
        """Build an image whose files and whose own time are fixed, as far as the engine can do that."""
        options = [*self.build_options, *(f"--build-arg={name}={value}" for name, value in arguments.items())]
        if not from_cache:
            options.append("--no-cache")
        steps.run(
            [*self.command, "build", *options, "--tag", reference, context],
            what=f"build {reference} with {self.name}",
            remedy="The log shows the line of the Dockerfile that failed; mend its cause and run the command again.",
            env={**os.environ, "DOCKER_BUILDKIT": "1", "SOURCE_DATE_EPOCH": str(EPOCH)},
        )

    def save(self, reference: str, path: Path, steps: Steps) -> None:
        """Write the image as a tarball that containerd, docker and podman can load."""
        if self.name == "buildah":
            arguments = ["push", reference, f"docker-archive:{path}:{reference}"]
        else:
            arguments = ["save", "--output", str(path), reference]
        steps.run(
            [*self.command, *arguments],
            what=f"write {path.name}",
            remedy="Check the free disk space, then run the command again.",
        )


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=_ANSWER_SECONDS).returncode == 0


def _buildah(cache: Path) -> Engine:
    """Call buildah with a storage of its own, so that nothing that the machine holds is touched."""
    storage = cache / "buildah"

    def with_driver(driver: str) -> Engine:
        return Engine(
            name="buildah",
            command=(
                "buildah",
                f"--root={storage / driver}",
                f"--runroot={storage / 'run'}",
                f"--storage-driver={driver}",
            ),
            inspect=("inspect", "--type=image"),
            # chroot needs neither namespaces nor cgroups, so it works where containers are nested. In OCI's format an
            # image does not name the container that made it, which is another one each time.
            build_options=("--isolation=chroot", "--layers", "--force-rm", "--format=oci", _SAME_TIMES),
        )

    overlay = with_driver("overlay")
    return overlay if overlay.works() else with_driver("vfs")


def _engine(name: str, cache: Path) -> Engine:
    if name == "buildah":
        return _buildah(cache)
    # docker takes the time from the environment.
    options = (_SAME_TIMES,) if name == "podman" else ()
    return Engine(name=name, command=(name,), inspect=("image", "inspect"), build_options=options)


def choose_engine(wanted: str | None, cache: Path, steps: Steps) -> Engine:
    """The engine asked for, or the first that works; buildah is installed where there is none."""
    for name in (wanted,) if wanted else ENGINES:
        engine = _engine(name, cache)
        if engine.works():
            return engine
    if wanted in {"docker", "podman"}:
        raise BuildError(
            f"{wanted} does not answer on this machine",
            remedy=f"Start {wanted}, or leave --engine out to take another builder.",
        )
    ensure_programs(["buildah"], why="build images", steps=steps)
    engine = _engine("buildah", cache)
    if not engine.works():
        raise BuildError(
            "buildah is installed but does not run here",
            remedy=f"Look at the answer of `{' '.join(engine.command)} info`.",
        )
    return engine
