"""The Dockerfile on NVIDIA's image, which cannot be built here: what must stay true of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from image_builder.catalogue import IMAGES

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "images/isaac-lab/Dockerfile").read_text()
LINES = TEXT.replace("\\\n", " ").splitlines()


def test_its_base_is_the_image_of_the_example_and_can_be_replaced() -> None:
    example = yaml.safe_load((ROOT / "examples/isaaclab/sweep.yaml").read_text())
    (container,) = example["spec"]["template"]["spec"]["containers"]

    assert f"ARG BASE_IMAGE={container['image']}" in LINES
    assert "FROM ${BASE_IMAGE}" in LINES


def test_wandb_is_the_one_that_the_server_is_held_to() -> None:
    pinned = (ROOT / "images/isaac-lab/wandb.lock").read_text()

    assert re.match(r"wandb==\S+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+$", pinned)
    assert f"\n{pinned}    # via" in (ROOT / IMAGES["trainer-cpu"].lock).read_text(), "copy its entry into wandb.lock"
    (install,) = [line for line in LINES if "pip install" in line]
    assert re.search(r"pip install \S+ \S+ --no-deps --require-hashes\s+-r /tmp/wandb.lock", install)


def test_its_base_is_pinned_to_a_release() -> None:
    (base,) = re.findall(r"^ARG BASE_IMAGE=(\S+)$", TEXT, re.MULTILINE)

    assert re.fullmatch(r"nvcr\.io/nvidia/isaac-lab:\d+\.\d+\.\d+", base)
    assert "latest" not in TEXT


def test_it_holds_no_secret_and_runs_what_the_pod_says() -> None:
    assert not re.search(r"API_KEY|TOKEN|PASSWORD|SECRET", TEXT, re.IGNORECASE)
    assert re.findall(r"^ARG (\w+)", TEXT, re.MULTILINE) == ["BASE_IMAGE"]
    assert "ENTRYPOINT []" in LINES


def test_no_package_of_nvidias_is_replaced() -> None:
    (install,) = [line for line in LINES if "pip install" in line]

    assert install.index("pip list --format=freeze ") < install.index("pip install")
    assert "--constraint /tmp/constraints.txt" in install
    assert not re.search(r"--upgrade|\s-U\s", install)


def test_packages_go_into_isaac_sims_own_python_and_are_tried_there() -> None:
    assert len(re.findall(r"(?<!/isaac-sim/python\.sh -m )\bpip (?:install|list)", TEXT)) == 0
    assert '/isaac-sim/python.sh -c "import wandb"' in TEXT


def test_it_ends_as_the_user_of_nvidias_newer_images_and_not_as_root() -> None:
    users = [line for line in LINES if line.startswith("USER ")]

    assert users == ["USER root", "USER 1000:1000"]
    assert LINES.index("USER 1000:1000") > max(number for number, line in enumerate(LINES) if line.startswith("RUN "))


@pytest.mark.parametrize(
    "folder", ["/isaac-sim/kit/cache", "/isaac-sim/kit/data", "/isaac-sim/kit/logs", "/home/trainer"]
)
def test_that_user_may_write_where_kit_does(folder: str) -> None:
    (owned,) = [line for line in LINES if "chown -R 1000:1000" in line]

    assert owned.count(folder) == 2


def test_the_licence_is_not_accepted_by_whoever_builds_it() -> None:
    assert not re.search(r"^ENV .*(ACCEPT_EULA|PRIVACY_CONSENT)", TEXT, re.MULTILINE)


def test_nothing_is_fetched_but_packages() -> None:
    assert not re.search(r"\b(curl|wget|git clone|apt-get)\b|^ADD ", TEXT, re.MULTILINE)
