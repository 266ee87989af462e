"""The pages on methods: their examples pass lint, and their pictures are what is drawn."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from plots import protein
from plots.pictures import PICTURES
from wandbsweep.sweep.definition import METHODS, read_definition

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs/search"
SVG = "{http://www.w3.org/2000/svg}"
SAME_ANYWHERE = ("grid", "random", "scan")  # nothing is fitted for them
WITH_EXAMPLES = [*(FOLDER / f"{method}.md" for method in METHODS), ROOT / "docs/coming-from/gymnasium-solver.md"]


def examples(page: Path) -> list[str]:
    """The definitions of a page; of an object what stands under spec.sweep."""
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(), flags=re.DOTALL)
    return [
        yaml.safe_dump(written["spec"]["sweep"]) if "spec" in (written := yaml.safe_load(block)) else block
        for block in blocks
    ]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_pass_lint_without_a_warning(page, tmp_path):
    for number, example in enumerate(examples(page)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(example)
        command = [sys.executable, "-m", "wandbsweep", "lint", str(path)]
        checked = subprocess.run(command, check=False, text=True, capture_output=True)
        assert (checked.returncode, checked.stdout) == (0, f"{path}: ok\n")


@pytest.mark.parametrize("method", ["grid", "random", "bayes", "scan", "stages"])
def test_the_first_example_of_a_page_is_of_its_method(method):
    assert read_definition(examples(FOLDER / f"{method}.md")[0], field="").method == method


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_stands_on_a_page(name):
    pages = "".join(page.read_text() for page in FOLDER.glob("*.md"))

    assert f"]({name}.svg)" in pages


@pytest.mark.parametrize("name", SAME_ANYWHERE)
def test_a_picture_is_what_is_drawn(name):
    assert PICTURES[name]() == (FOLDER / f"{name}.svg").read_text()


@pytest.mark.parametrize("name", [name for name in PICTURES if name not in SAME_ANYWHERE])
def test_a_picture_that_hangs_on_arithmetic_is_drawn_alike(name, monkeypatch):
    """Where a model is fitted, other processors may come to other last digits, and to other trials."""
    monkeypatch.setattr(protein, "TRIALS", 12)
    drawn, kept = (ET.fromstring(text) for text in (PICTURES[name](), (FOLDER / f"{name}.svg").read_text()))

    assert words_in(drawn) == [words.replace("40 trials", "12 trials") for words in words_in(kept)]
    assert all(len(list(each.iter(f"{SVG}circle"))) >= 20 for each in (drawn, kept))


def words_in(picture: ET.Element) -> list[str]:
    return [str(each.text) for each in picture.iter(f"{SVG}text")]
