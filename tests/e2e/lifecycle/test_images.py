"""What `make images` builds: the same image twice, from which a pod of the strictest kind runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from clusters import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

NAMES = ("agent-runtime", "operator")


def configuration(archive) -> tuple[str, dict]:
    """The ID of the image, which is a digest over its configuration and layers, and that configuration."""
    with tarfile.open(archive) as opened:
        (manifest,) = json.load(opened.extractfile("manifest.json"))
        return manifest["Config"], json.load(opened.extractfile(manifest["Config"]))


def packages_in(archive) -> list[str]:
    with tarfile.open(archive) as opened:
        (manifest,) = json.load(opened.extractfile("manifest.json"))
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=opened.extractfile(layer)) as files:
                for member in files:
                    if member.name.startswith("usr/share/sbom/") and member.isfile():
                        document = json.load(files.extractfile(member))
                        return sorted(each["name"] for each in document["components"])
    raise AssertionError(f"no list of packages in {archive}")


def build(*options) -> dict[str, str]:
    command = [sys.executable, "hack/images", "build", *NAMES, *options]
    built = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    return {line.split(" ", 2)[0]: line.split(" ", 2)[2] for line in built.stdout.splitlines()}


@pytest.fixture(scope="module")
def anew(tmp_path_factory) -> dict[str, str]:
    """The images, of which nothing was taken from an earlier build."""
    return build("--no-cache", "--output", str(tmp_path_factory.mktemp("anew")))


def test_two_builds_give_the_same_image(anew, tmp_path):
    there = build()
    if any(configuration(there[name]) != configuration(anew[name]) for name in NAMES):
        # Layers that were kept may be of an older Debian, or of another commit: two that are made now cannot.
        there = build("--no-cache", "--output", str(tmp_path))
    for name in NAMES:
        (one, facts), (other, others) = configuration(there[name]), configuration(anew[name])
        assert facts == others
        assert one == other, name


@pytest.mark.parametrize("name", NAMES)
def test_an_image_says_what_it_is_and_lists_its_packages(anew, name):
    archive = Path(anew[name])
    _, facts = configuration(archive)
    labels = facts["config"]["Labels"]
    assert labels["org.opencontainers.image.title"].startswith("WandbSweep")
    assert labels["org.opencontainers.image.version"]
    assert labels["org.opencontainers.image.revision"]
    assert facts["config"]["User"] == "65532:65532"
    beside = json.loads(archive.with_suffix(".cdx.json").read_text())
    assert packages_in(archive) == sorted(each["name"] for each in beside["components"])
    assert "wandb" in packages_in(archive)
