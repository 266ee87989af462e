"""A training script of a test: it logs one loss, which is its learning rate, after as many seconds as it is told."""

from __future__ import annotations

import argparse
import time

import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--seconds", type=float, default=0)
arguments = parser.parse_args()

with wandb.init() as run:
    time.sleep(arguments.seconds)
    run.log({"loss": arguments.lr})
