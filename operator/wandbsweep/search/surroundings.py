"""What wandb needs around it to run anywhere: as any user, with a read-only root, without a home. Nothing that the user
set is overruled, except a folder that cannot be written.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_DEFAULTS: Final = {
    "WANDB_SILENT": "true",  # the search has a log of its own
    "WANDB_CONSOLE": "off",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_DISABLE_META": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
    # Models are small: threads on all cores of a large node would mostly wait for each other.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_FOLDERS: Final = ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR")
_FOREIGN: Final = ("WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH", "WANDB_SERVICE", "WANDB_MODE")
"""What belongs to a run or to another process; the search's own log run would take them for its."""


def settle_in(environ: MutableMapping[str, str], scratch: Path) -> None:
    """Change the environment of this process, before wandb and numpy are imported.

    wandb's files go into the scratch folder.
    """
    for name in _FOREIGN:
        environ.pop(name, None)
    for name, value in _DEFAULTS.items():
        environ.setdefault(name, value)
    for name in _FOLDERS:
        environ[name] = str(scratch)
    if not _writable(environ.get("HOME")):
        environ["HOME"] = str(scratch)
    for name in ("USER", "LOGNAME"):
        environ.setdefault(name, "search")
    if key := environ.get("WANDB_API_KEY"):
        environ["WANDB_API_KEY"] = key.strip()  # a Secret made from a file often ends in a newline


def _writable(folder: str | None) -> bool:
    if not folder or folder == "/" or not Path(folder).is_dir():
        return False
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def short_lived_folder() -> str:
    """Where wandb's files go; removed at the end."""
    return tempfile.mkdtemp(prefix="wandbsweep-search-", dir=os.environ.get("TMPDIR"))
