"""`wandbsweep server`: the embedded tracking server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wandbsweep.server.settings import API_KEY_VARIABLE, ServerSettings, SettingsError, knobs

if TYPE_CHECKING:
    from collections.abc import Callable


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for knob in reversed(knobs()):
        text = f"{knob.help} [{knob.unit}]" if knob.unit else knob.help
        option = click.option(
            knob.flag,
            knob.name,
            default=knob.default,
            envvar=knob.variable,
            show_default=True,
            show_envvar=True,
            help=text,
        )
        command = option(command)
    return command


@click.command(
    epilog=f"The API key comes from --api-key-file or {API_KEY_VARIABLE}; without either, one is generated and kept."
)
@_options
def server(**values: Any) -> None:
    """Run the embedded tracking server: a W&B-compatible server for sweeps, on SQLite or PostgreSQL."""
    from wandbsweep.server.main import run  # noqa: PLC0415 - `--help` need not import a web server

    try:
        run(ServerSettings(**values))
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    server()
