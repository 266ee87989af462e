"""A training script of a test for searches: it scores best at a learning rate of 0.01, and costs what it is told.

With TRAINER_GATE set it waits until there is a file of that name. With TRAINER_FAILURES set each file in that folder
makes one training fail. With TRAINER_BAD_LR set trainings of that learning rate fail until the folder TRAINER_MENDED is
there.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--steps", type=float, default=1)
arguments = parser.parse_args()


def fails() -> bool:
    for token in Path(os.environ.get("TRAINER_FAILURES", "/nowhere")).glob("*"):
        with suppress(FileNotFoundError):  # another training took it
            token.unlink()
            return True
    bad, mended = os.environ.get("TRAINER_BAD_LR"), os.environ.get("TRAINER_MENDED", "/nowhere")
    return bad is not None and float(bad) == arguments.lr and not Path(mended).exists()


with wandb.init() as run:
    gate = os.environ.get("TRAINER_GATE")
    while gate and not Path(gate).exists():
        time.sleep(0.05)
    if fails():
        sys.exit(3)
    run.log({"score": -abs(math.log10(arguments.lr) + 2), "price": arguments.steps})
