"""Evaluates the policy that train.py saved, and logs its score as `reward` to the same run, as Metta's script does.

    WANDB_RUN_ID=pole DATA_DIR=/tmp/metta tools/train.py run=my_experiment.r.0
    WANDB_RUN_ID=pole DATA_DIR=/tmp/metta WANDB_RESUME=allow tools/sweep_eval.py

Which run that is, its environment says: in a sweep by the agent, by hand as above. What the run cost is not recorded
here: the seconds of both stages are noted by who starts them.
"""

from __future__ import annotations

import sys

import torch
import wandb
from policies import policy_file
from ppo import ActorCritic
from scores import examine
from settings import EnvCfg, PolicyCfg


def main() -> None:
    """Evaluate once."""
    with wandb.init() as run:
        file = policy_file(run.id)
        if not file.exists():
            sys.exit(f"sweep_eval.py: run {run.id} has no policy in {file.parent}: train it first")
        policy = ActorCritic(PolicyCfg())
        policy.load_state_dict(torch.load(file, weights_only=True))
        torch.set_num_threads(1)
        run.log({"reward": examine(policy, EnvCfg())})


if __name__ == "__main__":
    main()
