"""`wandbsweep config`: the configuration of a sweep exactly as W&B gets it."""

from __future__ import annotations

import click

from wandbsweep.cli.output import output_option, written
from wandbsweep.cli.sweeps import read_sweep


@click.command()
@click.argument("file")
@output_option()
def config(file: str, form: str) -> None:
    """Print the sweep configuration that W&B gets for FILE.

    FILE is a sweep.yaml or the manifest of a WandbSweep; - reads standard input. For a sweep.yaml it is what the object
    sends that `convert` makes of it. The uid in the last line of the description is known only once the object exists:
    pipe the object itself through, `kubectl get wandbsweep NAME -o yaml | wandbsweep config -`, to see it.
    """
    click.echo(written(read_sweep(file).config, form), nl=False)
