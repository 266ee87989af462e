import re
import subprocess
from pathlib import Path

import pytest

from image_builder.catalogue import BASE_IMAGE, IMAGES, Image

ROOT = Path(__file__).resolve().parents[3]
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / lock).read_text()))


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_what_is_shipped_is_what_was_tested(image: Image) -> None:
    tested = pins("requirements/dev.lock")
    assert {name: version for name, version in pins(image.lock).items() if tested.get(name) != version} == {}


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_every_package_of_an_image_is_checked_by_hash(image: Image) -> None:
    for entry in re.split(r"\n(?=[a-z])", (ROOT / image.lock).read_text().strip()):
        assert "--hash=sha256:" in entry


def test_agents_and_searches_use_the_sdk_that_the_server_is_held_to() -> None:
    assert pins(IMAGES["trainer-cpu"].lock)["wandb"] == "0.31.0"
    assert pins(IMAGES["operator"].lock)["wandb"] == "0.31.0"


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
class TestDockerfile:
    def text(self, image: Image) -> str:
        return (ROOT / image.dockerfile).read_text()

    def test_stands_on_a_base_that_can_be_replaced(self, image: Image) -> None:
        text = self.text(image)
        assert f"ARG BASE_IMAGE={BASE_IMAGE}\n" in text
        assert "FROM ${BASE_IMAGE}" in text

    def test_runs_as_a_number_that_is_not_root(self, image: Image) -> None:
        users = re.findall(r"^USER (\d+):(\d+)$", self.text(image), re.MULTILINE)
        assert len(users) == 1
        assert "0" not in users[0]

    def test_installs_nothing_that_is_only_recommended(self, image: Image) -> None:
        text = self.text(image).replace("\\\n", " ")
        assert text.count("apt-get install") == text.count("--no-install-recommends")

    def test_takes_python_packages_from_the_context_only(self, image: Image) -> None:
        text = self.text(image).replace("\\\n", " ")
        assert re.findall(r"pip [^&]*install", text)
        assert text.count(" install --no-index") == len(re.findall(r"pip --python \S+ install", text))

    def test_no_step_fetches_anything_but_packages_of_debian(self, image: Image) -> None:
        assert not re.search(r"\b(curl|wget|git clone|https?://)", self.text(image))
        assert "ADD " not in self.text(image)

    def test_says_what_it_is_and_where_it_comes_from(self, image: Image) -> None:
        labels = dict(re.findall(r'org\.opencontainers\.image\.([a-z.]+)="([^"]*)"', self.text(image)))
        assert set(labels) == {"title", "description", "licenses", "base.name", "version", "revision", "created"}
        assert (labels["licenses"], labels["base.name"]) == ("Apache-2.0", BASE_IMAGE)
        for argument in ("VERSION", "REVISION", "CREATED"):
            assert labels[argument.lower()] == f"${{{argument}}}"
            assert f"\nARG {argument}=\n" in self.text(image)

    def test_what_changes_with_each_commit_makes_no_layer_anew(self, image: Image) -> None:
        last_stage = self.text(image).rpartition("\nFROM ")[2]
        _, arguments, after = last_stage.partition("ARG VERSION=")
        assert arguments
        assert not re.search(r"^(RUN|COPY|WORKDIR) ", after, re.MULTILINE)

    def test_holds_the_list_of_its_packages(self, image: Image) -> None:
        assert re.search(r"^COPY sbom\.cdx\.json /usr/share/sbom/\S+\.cdx\.json$", self.text(image), re.MULTILINE)

    def test_byte_code_is_the_same_in_every_build(self, image: Image) -> None:
        text = self.text(image).replace("\\\n", " ")
        assert len(re.findall(r"pip --python \S+ install", text)) == text.count("--no-compile")
        for step in re.findall(r"[^&\n]*-m compileall[^&\n]*", text):
            assert "PYTHONHASHSEED=0 " in step
            # -f: what pip's own Python wrote has the time in it.
            assert "-q -f --invalidation-mode unchecked-hash" in step


def test_the_launcher_of_isaac_runs_python_as_a_child_and_tells_failures_as_1(tmp_path: Path) -> None:
    home = tmp_path / "isaac-sim"
    python = home / "kit/python/bin/python3"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "child of $PPID got $*"\nexit 7\n')
    python.chmod(0o755)
    launcher = home / "python.sh"
    launcher.write_bytes((ROOT / "images/trainer-cpu/python.sh").read_bytes())
    launcher.chmod(0o755)
    with subprocess.Popen([launcher, "train.py", "--a=b c"], stdout=subprocess.PIPE, text=True) as process:
        out, _ = process.communicate(timeout=20)
    assert f"child of {process.pid} got train.py --a=b c" in out
    assert process.returncode == 1
