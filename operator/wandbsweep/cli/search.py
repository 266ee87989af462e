"""`wandbsweep search`: search a sweep beside W&B's server, in the operator's search Job or on a workstation."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path

import click

from wandbsweep.agent.variables import TERMINATION_LOG


@click.command()
@click.argument("sweep", required=False, metavar="[ENTITY/PROJECT/SWEEP]")
@click.option("--file", metavar="FILE", help="The sweep's definition, where no operator gives the order.")
@click.option(
    "--agents",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="How many agents work on the sweep; as many runs are kept in flight.",
)
@click.option(
    "--retry-failed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="How often a failed trial of a scan is run again; with --file.",
)
@click.option(
    "--ready-file",
    metavar="FILE",
    help="A file that is there while this search leads and knows all runs of the sweep.",
)
def search(sweep: str | None, file: str | None, agents: int, retry_failed: int, ready_file: str | None) -> None:
    """Hand out the runs of a sweep of method scan, protein or stages, or of one with a scheduler, until it is over.

    Several may run at once: one leads, the others wait. All it knows it reads from the runs on W&B, so that it can be
    stopped and started at any time.
    """
    if sys.version_info < (3, 11):
        raise click.ClickException("a search needs Python 3.11 or newer")
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("wandbsweep.search").setLevel(logging.INFO)
    scratch = _settled_in()
    try:
        code = _searched(sweep, file, agents, retry_failed, ready_file)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(code)


def _settled_in() -> Path:
    from wandbsweep.search.surroundings import settle_in, short_lived_folder  # noqa: PLC0415 - as below

    scratch = Path(short_lived_folder())
    settle_in(os.environ, scratch)
    return scratch


def _searched(sweep: str | None, file: str | None, agents: int, retry_failed: int, ready_file: str | None) -> int:
    try:
        from wandbsweep.search.ending import EndedError, write_last_words  # noqa: PLC0415 - wandb reads its environment as it loads
        from wandbsweep.search.orders import told  # noqa: PLC0415 - see above
        from wandbsweep.search.session import SearchSession  # noqa: PLC0415 - see above
    except ImportError as error:
        raise click.ClickException(f"{error}; install what a search needs: pip install 'wandbsweep[search]'") from None
    last_words = os.environ.get(TERMINATION_LOG.name) or "/dev/termination-log"
    try:
        ending = SearchSession(told(sweep, file, agents, retry_failed, os.environ), ready_file, last_words).run()
    except EndedError as error:
        ending = error.ending
        write_last_words(last_words, ending, os.environ)
    click.echo(ending.message, err=True)
    return int(ending.code)
