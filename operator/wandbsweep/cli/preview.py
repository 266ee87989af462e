"""`wandbsweep preview`: the trials of a sweep before anything runs, with the exact argv of each."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from wandbsweep.cli.messages import CommandError
from wandbsweep.cli.output import output_option, written
from wandbsweep.cli.sweeps import read_sweep
from wandbsweep.cli.trials import as_data, as_lines, rendered
from wandbsweep.sweep.protein.settings import PROTEIN
from wandbsweep.sweep.trials.trials import known_beforehand
from wandbsweep.sweep.wandb_config import grid_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wandbsweep.cli.sweeps import Sweep
    from wandbsweep.sweep.rendering.launch import Rendered

_ALL: Final = "all"
_MOST: Final = 100_000
"""Trials that are shown at a time, since all of them are checked before the first is printed."""


class _Count(click.ParamType[int | None]):
    name = "COUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value == _ALL:
            return None
        count = click.IntRange(min=1).convert(value, param, ctx)
        return int(count)


@click.command()
@click.argument("file")
@click.option("-n", "count", type=_Count(), default="5", show_default=True, help="How many trials, or `all`.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the sample where values are drawn.")
@output_option(default=None)
def preview(file: str, count: int | None, seed: int, form: str | None) -> None:
    """Show the trials that FILE will run, with the exact argv of each.

    FILE is a sweep.yaml or the manifest of a WandbSweep; - reads standard input. The trials of a grid or a scan are
    those that will run, in their order. Of a random search a sample is drawn: the same for the same seed, and others
    when it runs. Of a search by stages the first one is shown. ${envvar:X} stays as it is, because its value is the
    pod's.
    """
    sweep = read_sweep(file)
    runs = _runs(sweep, count, seed)
    trials = [rendered(sweep, values) for values in runs]
    if form:
        click.echo(written([as_data(trial) for trial in trials], form), nl=False)
    else:
        click.echo("\n".join(_listing(sweep, trials)))


def _runs(sweep: Sweep, count: int | None, seed: int) -> Sequence[Mapping[str, Any]]:
    known = known_beforehand(sweep.definition)
    if stages := sweep.definition.stages:
        told = (
            f"{len(stages)} stages follow each other; this is the first one, and the next narrows around its best runs"
        )
        click.echo(f"note: {told}", err=True)
    wanted = count if count is not None else _size(sweep)
    if wanted is None:
        method = sweep.definition.method
        raise CommandError(f"-n all is for a grid or a scan, and method {method} draws its values; say -n 20 or so")
    if wanted > _MOST:
        raise CommandError(f"{wanted} trials are too many to show; give a number up to {_MOST} with -n")
    if known is not None:
        return list(islice(known, min(wanted, _size(sweep) or 0)))
    from wandbsweep.cli.sampling import drawn  # noqa: PLC0415 - a grid needs no engine

    if sweep.definition.method in ("bayes", PROTEIN):
        told = "learns from the runs of the sweep; this is what its first suggestions look like"
        click.echo(f"note: method {sweep.definition.method} {told}", err=True)
    return drawn(sweep, wanted, seed)


def _size(sweep: Sweep) -> int | None:
    """How many trials will run, as far as that is known: a budget ends a grid before its last point."""
    definition, cap = sweep.definition, sweep.config.get("run_cap")
    size = grid_size(definition)
    if definition.stages and definition.stages[0].cells:
        size = definition.stages[0].most_runs
    return size if size is None or cap is None else min(size, cap)


def _listing(sweep: Sweep, trials: Sequence[Rendered]) -> Iterator[str]:
    size = _size(sweep)
    if size is None:
        yield f"A sample of {len(trials)}:"
    else:
        yield f"{len(trials)} of {size} trials{' of the first stage' if sweep.definition.stages else ''}:"
    for number, trial in enumerate(trials, start=1):
        yield ""
        yield f"{number}  {trial.name}" if trial.name else f"{number}"
        yield from (f"   {line}" for line in as_lines(sweep.definition, trial))
