"""Where a run's policy lies between its training and its evaluation."""

from __future__ import annotations

import os
from pathlib import Path


def policy_file(run_id: str) -> Path:
    """Below $DATA_DIR, which has to be writable; both stages of a run share it."""
    return Path(os.environ.get("DATA_DIR", "train_dir"), run_id, "checkpoints", "policy.pt")
