"""One hash over everything that decides what is in an image: the same hash, the same image."""

from __future__ import annotations

import hashlib
import platform
from typing import TYPE_CHECKING

from image_builder.catalogue import BASE_IMAGE, files_under
from image_builder.origin import version_of

if TYPE_CHECKING:
    from pathlib import Path

    from image_builder.catalogue import Image

_LENGTH = 16


def fingerprint(image: Image, root: Path) -> str:
    """Hash the image's sources, the base's name, the version, this machine's architecture and the builder itself."""
    digest = hashlib.sha256()
    for fact in (image.reference, BASE_IMAGE, version_of(root), platform.machine()):
        digest.update(fact.encode() + b"\0")
    for source in (*image.sources(), "hack/images/image_builder"):
        for path in files_under(root, source):
            content = path.read_bytes()
            executable = bool(path.stat().st_mode & 0o100)
            digest.update(f"{path.relative_to(root)}\0{executable}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:_LENGTH]
