"""docs/scan.md is held to what it says: its definitions are read, and its names are those of the trials."""

from __future__ import annotations

import re
from pathlib import Path

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.scan.reading import MOST_TRIALS, PARAMETER_KEYS

PAGE = (Path(__file__).parents[3] / "docs" / "scan.md").read_text()
SCAN, RANDOM = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_scan_has_the_names_that_the_page_shows():
    definition = read_definition(SCAN, field="scan.yaml")
    assert [trial.name for trial in definition.trials] == re.findall(r"^    (bc_rnn_\S+)$", PAGE, flags=re.MULTILINE)
    assert definition.warnings == ()


def test_the_base_configuration_fits_its_definition():
    definition = read_definition(RANDOM, field="sweep.yaml")
    assert definition.base_config.content["train"] == {"seed": 1, "L2": 0.0}
    assert definition.warnings == ()


def test_every_key_of_a_parameter_is_in_the_table():
    assert re.findall(r"^\| `(\w+)` \| ", PAGE.partition("## A JSON")[0], flags=re.MULTILINE) == [
        "key", *PARAMETER_KEYS,
    ]  # fmt: skip
    assert f"more than {MOST_TRIALS} trials" in PAGE
