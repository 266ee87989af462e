"""Reads one JSON file as robomimic's training script does, and trains with what stands in it.

    train.py --config bc_rnn_hyper_plr_0.001_gmm_t_rnnd_400_mlp_1024.json

The task is to balance a pole on a cart (../cartpole) and needs no data set. The run on W&B has the name of the
experiment, each swept value under its short name, what was read under `parsed`, and the file among its files.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb
from learning import learn, new_trainer, shorten
from settings import TrainCfg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def main(arguments: Sequence[str]) -> None:
    """Train once."""
    parser = argparse.ArgumentParser(description="Train a policy with the settings in a JSON file.")
    parser.add_argument("--config", type=Path, required=True, help="the JSON file")
    file = parser.parse_args(arguments).config
    config = json.loads(file.read_text())
    logging = config["experiment"].get("logging", {})
    with wandb.init(
        project=logging.get("wandb_proj_name"),
        name=config["experiment"]["name"],
        config=swept_values(config),
        mode=None if logging.get("log_wandb", True) else "disabled",
    ) as run:
        run.save(file, base_path=file.parent, policy="now")
        cfg = shorten(balancing(config["algo"], seed=config["train"]["seed"]))
        for progress in learn(new_trainer(cfg)):
            if progress.balance is not None:
                run.log({"Rollout/Success_Rate/cartpole": progress.balance})


def swept_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into the run's config: the meta section says which values are swept, and how they are called."""
    meta = config.get("meta", {})
    swept = dict(zip(meta.get("hp_keys", ()), meta.get("hp_values", ()), strict=True))
    return {**swept, "algo": config["algo_name"], "parsed": config}


def balancing(algo: Mapping[str, Any], seed: int) -> TrainCfg:
    """The settings of the cart-pole's training that stand for those of the file."""
    cfg = TrainCfg()
    cfg.agent.seed = seed
    cfg.agent.policy.layer_dim = algo["rnn"]["hidden_dim"] // 25
    cfg.agent.policy.init_noise_std = 1.0 if algo["gmm"]["enabled"] else 0.5
    cfg.agent.algorithm.num_learning_epochs = 4 + len(algo["actor_layer_dims"])
    cfg.agent.algorithm.learning_rate = algo["optim_params"]["policy"]["learning_rate"]["initial"]
    return cfg


if __name__ == "__main__":
    main(sys.argv[1:])
