"""Pages that can be wrong are held to what they speak of."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wandbsweep", "lint", str(path)]
    return subprocess.run(command, check=False, text=True, capture_output=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)", page.read_text())
    missing = [t for t in targets if not t.startswith("http") and not (page.parent / t).exists()]
    assert missing == []


def test_every_page_is_listed_in_the_table_of_contents():
    contents = (ROOT / "docs/README.md").read_text()
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert [page for page in pages if f"({page})" not in contents] == []


def test_every_make_target_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"\bmake (?:-s )?([a-z0-9-]+)\b", _code_of(page))}
    assert named - targets == set()


def test_the_manifest_of_the_readme_passes_lint(tmp_path):
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    manifest = tmp_path / "sweep.yaml"
    manifest.write_text(block)

    checked = lint(manifest)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*/sweep.yaml")), ids=lambda path: path.parent.name)
def test_every_example_passes_lint(path):
    checked = lint(path)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def _code_of(page: Path) -> str:
    """What stands in code on a page: indented, fenced or between back-quotes."""
    text = page.read_text()
    return "\n".join([*re.findall(r"^    .*$", text, flags=re.MULTILINE), *re.findall(r"`([^`\n]+)`", text)])
