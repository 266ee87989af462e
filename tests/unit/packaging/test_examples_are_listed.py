"""Whoever looks into examples/ finds out what each is, and what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FOLDERS = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())
MANIFESTS = sorted(EXAMPLES.glob("*/*.yaml"))
WANTED = {
    "isaaclab",
    "agile",
    "interactive-navigation",
    "robomimic",
    "metta",
    "gymnasium-solver",
    "multi-gpu",
    "kueue",
}


def test_each_system_and_each_way_to_run_has_its_example() -> None:
    assert set(FOLDERS) >= WANTED


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_overview_has_a_row_for_it(folder: str) -> None:
    rows = [line for line in (EXAMPLES / "README.md").read_text().splitlines() if line.startswith(f"| [{folder}](")]

    assert len(rows) == 1


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_manifest_says_first_what_it_is(path: Path) -> None:
    first, *_ = path.read_text().splitlines()

    assert first.startswith("# ")
    assert len(first) > len("# What it is")
