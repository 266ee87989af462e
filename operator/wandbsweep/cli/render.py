"""`wandbsweep render`: one trial with given values, as the trial launcher would start it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from wandbsweep.cli.messages import CommandError
from wandbsweep.cli.output import output_option, written
from wandbsweep.cli.sources import STANDARD_INPUT, InputError, name_of, read_text
from wandbsweep.cli.sweeps import read_sweep
from wandbsweep.cli.trials import as_data, as_lines, rendered
from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.sweep.trials.choosing import ChoiceError, chosen_cell, chosen_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.sweep.definition import SweepDefinition


@click.command()
@click.argument("file")
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="Value of a parameter; can be repeated.")
@click.option("--values", "values_file", metavar="FILE", help="JSON file with values by parameter; - standard input.")
@click.option("--name", help="Of a scan: the trial of this name.")
@output_option(default=None)
def render(file: str, settings: tuple[str, ...], values_file: str | None, name: str | None, form: str | None) -> None:
    """Show the trial of FILE with these values: its argv and files.

    A VALUE is read as JSON, and as text if it is none: --set lr=1e-4 --set optimizer=adam --set layers=[64,64].
    Constants are filled in. Of a scan the values choose a trial.
    """
    if file == values_file == STANDARD_INPUT:
        raise click.UsageError("FILE and --values cannot both be standard input.")
    given = {**_from_file(values_file), **dict(map(_setting, settings))}
    sweep = read_sweep(file)
    trial = rendered(sweep, _recorded(sweep.definition, given, name))
    if form:
        click.echo(written(as_data(trial), form), nl=False)
    else:
        click.echo("\n".join([*([trial.name] if trial.name else []), *as_lines(sweep.definition, trial)]))


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--set takes NAME=VALUE, not {text!r}.")
    try:
        return name, _json(value)
    except ValueError:
        return name, value


def _from_file(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        values = _json(read_text(file))
    except InputError as error:
        raise CommandError(str(error)) from None
    except ValueError as error:
        raise CommandError(f"{name_of(file)}: is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise CommandError(f"{name_of(file)}: must be a JSON object, parameter by parameter")
    return values


def _json(text: str) -> Any:
    """Raises ValueError also for NaN and Infinity, which no other reader of JSON takes."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is none of its numbers")


def _recorded(definition: SweepDefinition, given: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    if name is not None and definition.method != SCAN:
        raise CommandError(f"--name chooses a trial of a scan, and the method is {definition.method}; use --set")
    try:
        return chosen_cell(definition, given, name) if definition.method == SCAN else chosen_values(definition, given)
    except ChoiceError as error:
        raise CommandError(*error.messages) from None
