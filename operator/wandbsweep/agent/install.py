"""`wandbsweep install DIR [--with-wandb]`: writes the runtime where the training container will find it.

Run by an init container from the operator's image; the training container may run as another user, so everything is
readable by all.
"""

from __future__ import annotations

import sys
from pathlib import Path

from wandbsweep.agent.atomic_file import write_atomically
from wandbsweep.agent.bundle import BUNDLE_NAME, bundle, launchers
from wandbsweep.agent.wandb_tree import NoWandbError, write_tree

_EVERYBODY_READS = 0o644
_EVERYBODY_RUNS = 0o755


def run_install(folder: str, *, with_wandb: bool = False) -> int:
    """Writes DIR/wandbsweep.pyz, DIR/bin and DIR/wandb if asked to; the exit code is 1 when that cannot be done."""
    try:
        install(Path(folder))
        if with_wandb:
            write_tree(Path(folder))
    except NoWandbError as error:
        sys.stderr.write(f"wandbsweep install: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"wandbsweep install: {folder} cannot be written: {error}\n")
        return 1
    return 0


def install(folder: Path) -> None:
    """Each file is complete when it appears under its name, so that doing it twice, or at once, is harmless."""
    commands = folder / "bin"
    commands.mkdir(parents=True, exist_ok=True)
    commands.chmod(_EVERYBODY_RUNS)
    write_atomically(folder / BUNDLE_NAME, bundle(), _EVERYBODY_READS)
    for name, script in launchers().items():
        write_atomically(commands / name, script, _EVERYBODY_RUNS)
