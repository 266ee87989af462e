"""The list of an image's Python packages: what scanners and lawyers read instead of the image."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from image_builder.bill_of_materials import write_bill_of_materials
from image_builder.lock_file import with_all_they_need

if TYPE_CHECKING:
    from pathlib import Path

LOCK = """\
click==8.5.1 \\
    --hash=sha256:aa
    # via wandb
httpx==0.28.1 \\
    --hash=sha256:bb
    # via
    #   -c requirements/dev.lock
    #   wandbsweep (pyproject.toml)
typing-extensions==4.16.0 \\
    --hash=sha256:cc
    # via
    #   httpx
    #   wandb
wandb==0.31.0 \\
    --hash=sha256:dd
    # via wandbsweep (pyproject.toml)
"""
METADATA = {
    "click-8.5.1": "Name: click\nVersion: 8.5.1\nLicense-Expression: BSD-3-Clause\n\n",
    "httpx-0.28.1": "Name: httpx\nVersion: 0.28.1\nLicense: BSD-3-Clause\n\n",
    "typing_extensions-4.16.0": "Name: typing_extensions\nVersion: 4.16.0\n"
    "Classifier: License :: OSI Approved :: Python Software Foundation License\n\n",
    "wandb-0.31.0": "Name: wandb\nVersion: 0.31.0\nLicense: MIT License\n\n",
}


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, metadata in METADATA.items():
        with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{name}.dist-info/METADATA", f"Metadata-Version: 2.4\n{metadata}")
    return folder


def written(folder: Path, wheels: Path, name: str = "sbom.json") -> Path:
    lock = folder / "image.lock"
    lock.write_text(LOCK)
    path = folder / name
    write_bill_of_materials(path, name="operator", version="1.2.3", lock=lock, wheels=wheels)
    return path


def test_each_package_is_listed_with_its_version_licence_and_hash(tmp_path: Path, wheels: Path) -> None:
    document = json.loads(written(tmp_path, wheels).read_text())
    told = {each["name"]: (each["version"], each["licenses"]) for each in document["components"]}
    assert told == {
        "click": ("8.5.1", [{"expression": "BSD-3-Clause"}]),
        "httpx": ("0.28.1", [{"license": {"name": "BSD-3-Clause"}}]),
        "typing-extensions": ("4.16.0", [{"license": {"name": "Python Software Foundation License"}}]),
        "wandb": ("0.31.0", [{"license": {"name": "MIT License"}}]),
    }
    assert all(len(each["hashes"][0]["content"]) == 64 for each in document["components"])


def test_who_needs_whom_is_what_the_lock_says(tmp_path: Path, wheels: Path) -> None:
    document = json.loads(written(tmp_path, wheels).read_text())
    graph = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert graph["operator"] == ["pkg:pypi/httpx@0.28.1", "pkg:pypi/wandb@0.31.0"]
    assert graph["pkg:pypi/wandb@0.31.0"] == ["pkg:pypi/click@8.5.1", "pkg:pypi/typing-extensions@4.16.0"]
    assert graph["pkg:pypi/click@8.5.1"] == []


def test_the_same_packages_make_the_same_bytes(tmp_path: Path, wheels: Path) -> None:
    assert written(tmp_path, wheels, "a").read_bytes() == written(tmp_path, wheels, "b").read_bytes()


def test_the_document_is_what_cyclonedx_says_it_has_to_be(tmp_path: Path, wheels: Path) -> None:
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - of this test alone
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - as above

    text = written(tmp_path, wheels).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_an_image_that_wants_one_package_gets_all_that_this_needs_and_no_more() -> None:
    assert with_all_they_need(LOCK, ["wandb"]) == {"wandb", "click", "typing-extensions"}
    assert with_all_they_need(LOCK, ["httpx"]) == {"httpx", "typing-extensions"}
