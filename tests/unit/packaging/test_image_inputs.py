import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from image_builder.cache import archive_path, drop_old_archives
from image_builder.catalogue import IMAGES, PACKAGE_SOURCES, PYTHON_VERSION
from image_builder.fingerprint import fingerprint
from image_builder.lock_file import normal_name, with_all_they_need
from image_builder.other_pythons import COMPILED, PYTHONS

ROOT = Path(__file__).resolve().parents[3]
FASTER_ONLY = {"charset-normalizer"}  # these have the same in Python


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the images are made of, free to be changed."""
    sources = {source for image in IMAGES.values() for source in image.sources()} | {"hack/images"}
    for source in sources:
        target = tmp_path / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / source, target)
    return tmp_path


@pytest.mark.parametrize("name", IMAGES)
def test_an_unchanged_checkout_needs_no_build(checkout: Path, name: str) -> None:
    assert fingerprint(IMAGES[name], checkout) == fingerprint(IMAGES[name], checkout)


@pytest.mark.parametrize(("name", "source"), [(image.name, s) for image in IMAGES.values() for s in image.sources()])
def test_a_change_of_any_input_is_a_new_image(checkout: Path, name: str, source: str) -> None:
    before = fingerprint(IMAGES[name], checkout)
    path = checkout / source
    changed = path if path.is_file() else next(each for each in sorted(path.rglob("*")) if each.is_file())
    changed.write_bytes(changed.read_bytes() + b"\n# changed\n")
    assert fingerprint(IMAGES[name], checkout) != before


def test_a_file_made_executable_is_a_new_image(checkout: Path) -> None:
    before = fingerprint(IMAGES["trainer-cpu"], checkout)
    (checkout / "images/trainer-cpu/python.sh").chmod(0o644)
    assert fingerprint(IMAGES["trainer-cpu"], checkout) != before


def test_running_the_package_changes_no_image(checkout: Path) -> None:
    before = fingerprint(IMAGES["operator"], checkout)
    cache = checkout / "operator/wandbsweep/__pycache__"
    cache.mkdir()
    (cache / "module.cpython-311.pyc").write_bytes(b"code")
    assert fingerprint(IMAGES["operator"], checkout) == before


def test_the_operators_source_does_not_concern_the_trainer() -> None:
    assert not set(PACKAGE_SOURCES) & set(IMAGES["trainer-cpu"].sources())


def test_an_image_is_never_looked_for_in_a_registry() -> None:
    assert all(image.reference.startswith("localhost/") for image in IMAGES.values())


def test_the_newest_two_archives_of_an_image_are_kept(tmp_path: Path) -> None:
    image, other = IMAGES["operator"], IMAGES["trainer-cpu"]
    paths = [archive_path(tmp_path, image, f"{age:016d}") for age in range(4)]
    for age, path in enumerate([*paths, archive_path(tmp_path, other, "0" * 16)]):
        path.touch()
        os.utime(path, (1000 + age, 1000 + age))
    drop_old_archives(tmp_path, image)
    assert sorted(tmp_path.iterdir()) == [*paths[2:], archive_path(tmp_path, other, "0" * 16)]


def test_an_image_that_brings_wandb_has_its_compiled_parts_for_the_pythons_of_other_images() -> None:
    """What `import wandb` loads that is compiled for one Python only: nothing else may come to that without a word."""
    lock = (ROOT / IMAGES["agent-runtime"].lock).read_text()
    files = "(m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, wandb; print(*{files})"], capture_output=True, check=True, text=True
    )
    of_this_python = f".cpython-{sys.version_info.major}{sys.version_info.minor}-"
    packages = {
        file.split("/site-packages/")[-1].split("/")[0] for file in done.stdout.split() if of_this_python in file
    }
    compiled = {normal_name(package) for package in packages} & with_all_they_need(lock, ["wandb"])

    assert compiled - FASTER_ONLY == set(COMPILED)
    assert PYTHON_VERSION not in PYTHONS
    for name in ("operator", "agent-runtime"):
        text = (ROOT / IMAGES[name].dockerfile).read_text()
        assert IMAGES[name].brings_wandb
        assert re.search(
            rf"^COPY other-pythons /opt/\w+/lib/python{PYTHON_VERSION}/site-packages/$", text, re.MULTILINE
        )
