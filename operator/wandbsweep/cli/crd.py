"""`wandbsweep crd`: the CustomResourceDefinition, for `kubectl apply -f -` and for the file in crds/."""

from __future__ import annotations

import click

from wandbsweep.api.crd import crd_yaml


@click.command()
def crd() -> None:
    """Print the CustomResourceDefinition of WandbSweep as YAML.

    For example: wandbsweep crd | kubectl apply -f -
    """
    click.echo(crd_yaml(), nl=False)
