"""What an image's Python packages are, as a CycloneDX document: from the lock and the wheels that were made from it.

The lock says who needs whom, the wheels say name, version, licence and hash of what really goes in. The document has
no time and no random number in it: the same lock, the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from email.parser import HeaderParser
from typing import TYPE_CHECKING, Any

from image_builder.lock_file import asked_for, normal_name, users_of_packages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from pathlib import Path

FILE_NAME = "sbom.cdx.json"
_SPECIFICATION = "1.6"
_LONGEST_LICENCE_NAME = 80  # some packages put the whole text where the name belongs
_LICENCE_CLASSIFIER = "License :: OSI Approved :: "


def write_bill_of_materials(path: Path, *, name: str, version: str, lock: Path, wheels: Path) -> None:
    """Describe what the image `name` gets: the wheels of its lock, and this repository's own in the same folder."""
    components = sorted((_component(wheel) for wheel in wheels.glob("*.whl")), key=lambda each: str(each["name"]))
    root = {"type": "container", "bom-ref": name, "name": name, "version": version}
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{_SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": _SPECIFICATION,
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": list(_dependencies(name, components, lock.read_text(encoding="utf-8"))),
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _component(wheel: Path) -> dict[str, Any]:
    metadata = _metadata(wheel)
    name, version = normal_name(metadata["Name"]), metadata["Version"]
    component = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{version}",
        "name": name,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}],
        "purl": f"pkg:pypi/{name}@{version}",
    }
    licences = _licences(metadata)
    return {**component, "licenses": licences} if licences else component


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        return HeaderParser().parsestr(archive.read(entry).decode("utf-8"))


def _licences(metadata: Message) -> list[dict[str, Any]]:
    """As the package declares it: an SPDX expression, else the name that it gives, else its classifiers."""
    if expression := metadata["License-Expression"]:
        return [{"expression": expression}]
    given = (metadata["License"] or "").strip()
    if given and "\n" not in given and len(given) <= _LONGEST_LICENCE_NAME:
        return [{"license": {"name": given}}]
    classifiers = [text for text in metadata.get_all("Classifier", []) if text.startswith(_LICENCE_CLASSIFIER)]
    return [{"license": {"name": text.removeprefix(_LICENCE_CLASSIFIER)}} for text in classifiers]


def _dependencies(root: str, components: list[dict[str, Any]], lock: str) -> Iterator[dict[str, Any]]:
    references = {str(each["name"]): str(each["bom-ref"]) for each in components}
    users, ours = users_of_packages(lock), asked_for(lock)
    yield {"ref": root, "dependsOn": sorted(ref for name, ref in references.items() if name in ours)}
    for name, reference in references.items():
        needed = {references[each] for each, its_users in users.items() if name in its_users and each in references}
        yield {"ref": reference, "dependsOn": sorted(needed)}
