"""The command `wandbsweep`. A subcommand is loaded when it is called, because most machines need only one."""

from __future__ import annotations

import importlib
from typing import Final

import click

from wandbsweep import __version__

_COMMANDS: Final = {
    "agent": "Run as PID 1 of an agent container.",
    "config": "Print the sweep configuration that W&B gets.",
    "convert": "Make a WandbSweep manifest of a sweep definition.",
    "crd": "Print the CustomResourceDefinition of WandbSweep.",
    "install": "Copy the agent runtime into a folder, for an init container.",
    "lint": "Check sweep definitions and WandbSweep manifests.",
    "operator": "Run the operator.",
    "preview": "Show the trials of a sweep before anything runs.",
    "render": "Show one trial of a sweep with given values.",
    "search": "Search a sweep beside W&B's server: scan, protein, stages, Optuna, Ax.",
    "server": "Run the embedded W&B-compatible server.",
    "trial": "Run one trial: render the command of a sweep and start it.",
}
_HOMES: Final = {"trial": "agent", "install": "agent"}  # commands that live in a module of another name


class _LazyGroup(click.Group):
    """Knows its commands by name and loads them when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click names the argument
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"wandbsweep.cli.{_HOMES.get(name, name)}")
        command = getattr(module, name)
        assert isinstance(command, click.Command)  # noqa: S101 - a mistake in this table, found by its test
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="wandbsweep %(version)s")
def main() -> None:
    """W&B sweeps on Kubernetes: `kubectl apply -f sweep.yaml`, and watch one object."""
