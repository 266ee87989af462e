"""A shell image out of the machine's own files, for tests that look at a cluster from inside a pod."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from local_cluster.image_archive import image_archive
from local_cluster.versions import architecture

NAME = "wandbsweep.dev/shell:1"
_PROGRAMS = ("bash", "cat", "getent", "perl", "sleep")


def write_shell_image(archive: Path) -> None:
    """bash connects by itself (/dev/tcp), perl listens, getent asks the resolver: enough to see Services and DNS."""
    paths = {str(shutil.which(program)) for program in _PROGRAMS}
    for path in tuple(paths):
        paths.update(_libraries(path))
    # /usr/bin and /bin are one folder on most machines, two in an image without links.
    files = {
        f"bin/{Path(path).name}" if "/bin/" in path else path.lstrip("/"): Path(path).read_bytes() for path in paths
    }
    files["etc/nsswitch.conf"] = b"hosts: files dns\n"
    content = image_archive(files, name=NAME, architecture=architecture(), entrypoint=["/bin/bash", "-c"])
    archive.write_bytes(content)


def _libraries(program: str) -> set[str]:
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(/\S+\.so\S*) \(", listing))
