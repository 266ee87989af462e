"""A training script of a test: it logs one loss, which is its learning rate, after as many seconds as it is told.

With TRAINER_GATE set it waits until there is a file of that name, so that a test says when trainings end.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--seconds", type=float, default=0)
arguments = parser.parse_args()

with wandb.init() as run:
    time.sleep(arguments.seconds)
    gate = os.environ.get("TRAINER_GATE")
    while gate and not Path(gate).exists():
        time.sleep(0.05)
    run.log({"loss": arguments.lr})
