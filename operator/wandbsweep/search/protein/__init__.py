"""Protein, Metta's and PufferLib's cost-aware search, as a plain library: ask for a trial, tell what came of it.

It proposes the trials that promise most for the front of scores over costs: Gaussian processes tell what to expect,
failures and trials in flight are taken into account, and nothing is suggested that is predicted to be too dear. It
knows the parameters of a sweep file, and neither W&B nor Kubernetes; the search of a sweep calls it, and so can any
script. Read the class `Protein` first, and then how a trial is proposed.
"""

from wandbsweep.search.protein.optimizer import Protein
from wandbsweep.search.protein.proposals import BeyondCostError
from wandbsweep.search.protein.trials import Observation, Suggestion, TrialError

__all__ = ["BeyondCostError", "Observation", "Protein", "Suggestion", "TrialError"]
