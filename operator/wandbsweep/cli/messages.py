"""What a command tells its user beside its output: errors and warnings, on standard error, in kubectl's form."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from wandbsweep.sweep.rules import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.sweep.problems import Finding


class CommandError(click.ClickException):
    """The command cannot do what was asked; it ends with exit status 1."""

    def __init__(self, *messages: str) -> None:
        super().__init__("\n".join(messages))
        self.messages = messages

    def show(self, file: IO[Any] | None = None) -> None:
        for message in self.messages:
            click.echo(f"error: {message}", file=file, err=True)


def tell_findings(findings: Iterable[Finding], where: str = "") -> None:
    """Warnings are told; errors are raised, all of them in one CommandError. `where` stands before each field."""
    errors = []
    for finding in findings:
        if finding.severity is Severity.ERROR:
            errors.append(f"{where}{finding}")
        else:
            click.echo(f"warning: {where}{finding}", err=True)
    if errors:
        raise CommandError(*errors)
