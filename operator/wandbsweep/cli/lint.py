"""`wandbsweep lint`: checks sweep definitions and WandbSweep manifests before anything is applied."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import click

from wandbsweep.cli.sources import InputError, name_of, read_text
from wandbsweep.sweep.checks.files import File, FileFinding
from wandbsweep.sweep.checks.files import lint as lint_files
from wandbsweep.sweep.problems import Finding, Place
from wandbsweep.sweep.rules import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="text: a line for each finding. json: one list of them. github: annotations of a pull request.",
)
def lint(files: tuple[str, ...], form: str) -> None:
    """Check sweep definitions (sweep.yaml) and WandbSweep manifests.

    Tells each finding with its file, line and column, the field it is about, the remedy, and the rule. ConfigMaps that
    a manifest refers to are looked for in all files of the call; - reads standard input.

    The exit status is 1 when there is an error. Warnings do not change it.
    """
    names = list(dict.fromkeys(name_of(file) for file in files))
    found = _findings(list(dict.fromkeys(files)))
    for line in _FORMATS[form](names, found):
        click.echo(line)
    sys.exit(1 if any(each.finding.severity is Severity.ERROR for each in found) else 0)


def _findings(files: Sequence[str]) -> list[FileFinding]:
    read = [_read(file) for file in files]
    unread = [each for each in read if isinstance(each, FileFinding)]
    return [*lint_files(each for each in read if isinstance(each, File)), *unread]


def _read(file: str) -> File | FileFinding:
    try:
        return File(name_of(file), read_text(file))
    except InputError as error:
        return FileFinding(name_of(file), Finding(Rule.UNREADABLE, Place(""), error.reason))


def _as_text(names: Sequence[str], found: Sequence[FileFinding]) -> Iterator[str]:
    for name in names:
        own = [each.finding for each in found if each.file == name]
        for finding in own:
            where = "".join(f":{number}" for number in finding.position or ())
            yield _in_one_line(f"{name}{where}: {finding.severity}: {finding} [{finding.rule}]")
        if not own:
            yield _in_one_line(f"{name}: ok")


def _in_one_line(text: str) -> str:
    """Names and values are the user's and may hold anything."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _as_json(_names: Sequence[str], found: Sequence[FileFinding]) -> Iterator[str]:
    rows = [
        {
            "file": file,
            "rule": str(finding.rule),
            "severity": str(finding.severity),
            "field": finding.field,
            "line": finding.position.line if finding.position else None,
            "column": finding.position.column if finding.position else None,
            "message": finding.message,
            "remedy": finding.remedy,
        }
        for file, finding in ((each.file, each.finding) for each in found)
    ]
    yield json.dumps(rows, indent=2)


def _for_github(_names: Sequence[str], found: Sequence[FileFinding]) -> Iterator[str]:
    """Workflow commands, see https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    for each in found:
        finding = each.finding
        properties = {"file": each.file}
        if finding.position:
            properties |= {"line": str(finding.position.line), "col": str(finding.position.column)}
        properties["title"] = str(finding.rule)
        told = ",".join(f"{key}={_escaped(value, _IN_PROPERTIES)}" for key, value in properties.items())
        yield f"::{finding.severity} {told}::{_escaped(_in_one_line(str(finding)), _IN_MESSAGES)}"


_IN_MESSAGES: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES: Final = {**_IN_MESSAGES, ":": "%3A", ",": "%2C"}


def _escaped(text: str, codes: Mapping[str, str]) -> str:
    return "".join(codes.get(char, char) for char in text)


_FORMATS: Final[Mapping[str, Callable[[Sequence[str], Sequence[FileFinding]], Iterator[str]]]] = {
    "text": _as_text,
    "json": _as_json,
    "github": _for_github,
}
