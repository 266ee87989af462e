"""Which images there are, and of which files of the repository each is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# The base that the Dockerfiles name. Its Debian release decides the Python that the lock files are made for.
BASE_IMAGE = "debian:bookworm-slim"
BASE_SUITE = "bookworm"
PYTHON_VERSION = "3.11"

# A prefix that is no registry: a node never tries to pull what was only ever built on this machine.
PREFIX = "localhost/wandbsweep"
TAG = "dev"

# Of every file in a layer, and of the image itself: the same files, the same image.
EPOCH = 1577836800

# The Python distribution of this repository, as its wheel is built from it.
PACKAGE_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "operator/wandbsweep")


@dataclass(frozen=True)
class Image:
    """One image: its Dockerfile is images/<name>/Dockerfile.

    It gets the Python packages of its lock, or those that `only` names with all they need, as wheels, and a list of
    them. `holds_package` is for this repository's own. `brings_wandb`: to containers with other Pythons, too.
    """

    name: str
    repository: str
    lock: str
    only: tuple[str, ...] = ()
    holds_package: bool = False
    brings_wandb: bool = False
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        return f"{PREFIX}/{self.repository}:{TAG}"

    @property
    def dockerfile(self) -> str:
        return f"images/{self.name}/Dockerfile"

    def sources(self) -> tuple[str, ...]:
        """The files and folders of the repository that decide what is in the image."""
        package = PACKAGE_SOURCES if self.holds_package else ()
        return (self.dockerfile, self.lock, *package, *self.files.values())


IMAGES: Mapping[str, Image] = {
    image.name: image
    for image in (
        Image(
            name="operator",
            repository="operator",
            lock="requirements/operator-image.lock",
            holds_package=True,
            brings_wandb=True,
        ),
        Image(
            name="agent-runtime",
            repository="agent-runtime",
            lock="requirements/operator-image.lock",
            only=("wandb",),
            holds_package=True,
            brings_wandb=True,
            files={"install.sh": "images/agent-runtime/install.sh"},
        ),
        Image(
            name="trainer-cpu",
            repository="trainer-cpu",
            lock="requirements/trainer-image.lock",
            files={"python.sh": "images/trainer-cpu/python.sh", "examples": "examples"},
        ),
    )
}


def files_under(root: Path, source: str) -> Iterator[Path]:
    """Every file of a source in a fixed order, without what Python leaves behind when it runs."""
    start = root / source
    if start.is_file():
        yield start
        return
    for path in sorted(start.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path
