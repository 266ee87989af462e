"""The page about lint, from the rules: `python -m wandbsweep.sweep.rules_page docs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from wandbsweep.sweep.rules import Rule, Severity

NAME: Final = "lint-rules.md"

_HEAD: Final = """\
# Lint

Generated from `wandbsweep/sweep/rules.py`; a test compares the two.

`wandbsweep lint FILE...` checks sweep definitions and manifests before anything is applied. A file holds

* a sweep definition: W&B's (`sweep.yaml`, or the same as JSON), AGILE's, Metta's, or a scan;
* or manifests: WandbSweeps, and the ConfigMaps that they refer to, as documents or as items of a List.

Several files are checked together, so that a ConfigMap may be in another file than the WandbSweep. `-` is standard
input. The operator checks every object by the same rules: errors are in condition SweepValid and nothing is created,
warnings are one Event of an object's generation.

The exit status is 1 when there is an error, 0 when there is none, whether or not there are warnings, and 2 when the
command line cannot be read.

## Formats

`--format text` (the default) prints a line for each finding, and `FILE: ok` for a file without any:

    sweep.yaml:2:1: error: method: 'rendom' is no search method; did you mean 'random'? [invalid-value]
    FILE:LINE:COLUMN: SEVERITY: FIELD: MESSAGE; REMEDY [RULE]

`--format json` prints one list over all files and nothing else:

| key | value |
|---|---|
| `file` | the file in which the finding is to be mended |
| `rule` | one of the names below |
| `severity` | `error` or `warning` |
| `field` | the field, as its user wrote it: `spec.sweep.parameters[agent.lr].min`; in a bare definition `method`; \
empty for the file as a whole |
| `line`, `column` | counted from 1, as editors do; `null` where they are not known. A key that is missing has the \
place of the nearest one above it |
| `message` | what is wrong |
| `remedy` | what to do about it; may be empty |

`--format github` prints workflow commands, by which GitHub shows the findings in a pull request:

    ::error file=sweep.yaml,line=8,col=3,title=empty::parameters.lr.values: is empty; give at least one value
"""

_SECTIONS: Final = {
    Severity.ERROR: "\n## Errors\n\nIt cannot run, or would not run what was written.\n",
    Severity.WARNING: "\n## Warnings\n\nIt runs, and looks unintended.\n",
}


def page() -> str:
    """The whole page as Markdown."""
    return _HEAD + "".join(head + _table(severity) for severity, head in _SECTIONS.items())


def _table(severity: Severity) -> str:
    rows = (f"| `{rule}` | {_in_a_cell(rule.when)} |\n" for rule in Rule if rule.severity is severity)
    return "\n| rule | when |\n|---|---|\n" + "".join(rows)


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    (Path(sys.argv[1]) / NAME).write_text(page(), encoding="utf-8")
