"""`wandbsweep agent`, `trial` and `install`: the runtime of training containers, from an installed package.

Their arguments go to the runtime as they are: `trial` carries a whole command line, its two dashes included, which
click would take apart.
"""

from __future__ import annotations

import sys

import click

from wandbsweep.agent.main import main


class _RuntimeCommand(click.Command):
    """A subcommand whose arguments click does not look at."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.args = list(args)
        return ctx.args

    def invoke(self, ctx: click.Context) -> None:
        sys.exit(main([str(self.name), *ctx.args]))


agent = _RuntimeCommand("agent", help="Run one agent of a sweep as the main process of a container.")
trial = _RuntimeCommand("trial", help="Run the trainer of one W&B run; the sweep's command calls this.")
install = _RuntimeCommand("install", help="Write the runtime into a folder, for containers of any image.")
