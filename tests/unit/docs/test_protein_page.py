"""The page on Protein names every setting with its default, and its example runs."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from wandbsweep.sweep.protein.settings import ProteinSettings

PAGE = (Path(__file__).parents[3] / "docs/search/protein.md").read_text()


def test_the_page_lists_every_setting_with_its_default():
    rows = dict(re.findall(r"^\| `(\w+)` \| `(\S+)` \|", PAGE, flags=re.MULTILINE))

    assert rows == {setting.name: str(setting.default) for setting in dataclasses.fields(ProteinSettings)}


def test_the_example_of_the_page_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)

    exec(example.replace("range(50)", "range(10)"), {"train": lambda **values: (values["lr"], 60.0)})

    assert "'lr': 0.01" in capsys.readouterr().out  # the best score there is
