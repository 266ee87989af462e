"""The rules that a sweep definition is held to: one list, behind `lint`, the conditions and docs/lint-rules.md.

The names are API: people write them into the settings of their CI.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class Severity(str, Enum):
    """What a finding means for the sweep."""

    ERROR = "error"
    """It cannot run, or would not run what was written: nothing is created."""
    WARNING = "warning"
    """It runs, and looks unintended."""

    def __str__(self) -> str:
        return str(self.value)


class Rule(str, Enum):
    """One rule: its name, its severity and, in a sentence, what breaks it."""

    severity: Severity
    when: str

    def __new__(cls, value: str, severity: Severity, when: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.severity = severity
        member.when = when
        return member

    def __str__(self) -> str:
        return str(self.value)

    # The text as a whole
    UNREADABLE = (
        "unreadable",
        Severity.ERROR,
        "The file cannot be read, is no YAML, or is too deep or too large to be a definition.",
    )
    DUPLICATE_KEY = (
        "duplicate-key",
        Severity.ERROR,
        "A key stands twice in one mapping: W&B and kubectl keep the last one in silence.",
    )
    EMPTY = ("empty", Severity.ERROR, "There is nothing where a definition, a list or a name has to be.")

    # Keys and kinds
    MISSING_KEY = ("missing-key", Severity.ERROR, "A key is missing without which the definition says too little.")
    UNKNOWN_KEY = ("unknown-key", Severity.ERROR, "A key that nobody reads: most often a misspelling.")
    WRONG_KIND = (
        "wrong-kind",
        Severity.ERROR,
        "A value is of another kind than its key takes, such as text for a list.",
    )
    INVALID_VALUE = ("invalid-value", Severity.ERROR, "A value is of the right kind but not among those its key takes.")
    FOREIGN_KEY = (
        "foreign-key",
        Severity.ERROR,
        "A key of another sweep system's file that would change what runs, and has no counterpart here.",
    )
    WITHOUT_EFFECT = (
        "without-effect",
        Severity.WARNING,
        "A key of another sweep system's file that has nothing to act on here, and is left out.",
    )
    UNSUPPORTED = ("unsupported", Severity.ERROR, "W&B knows this, but it cannot work in a pool of agents.")

    # Parameters
    PARAMETER_NAME = ("parameter-name", Severity.ERROR, "A parameter has a name that its reader could not read.")
    NOT_A_NUMBER = (
        "not-a-number",
        Severity.ERROR,
        "Text, or something that is not finite, stands where a number must.",
    )
    MIN_ABOVE_MAX = ("min-above-max", Severity.ERROR, "A range has no inside, because min is not below max.")
    BOUND_NOT_TAKEN = ("bound-not-taken", Severity.ERROR, "A distribution cannot take one of its bounds.")
    GRID_OVER_RANGE = (
        "grid-over-range",
        Severity.ERROR,
        "A grid goes through points, and this has none to go through.",
    )
    BAYES_OVER_PROBABILITIES = (
        "bayes-over-probabilities",
        Severity.ERROR,
        "Bayes cannot propose values that have probabilities: W&B's engine fails at the first run.",
    )
    NUMBER_AS_TEXT = (
        "number-as-text",
        Severity.WARNING,
        "A value looks like a number but is text to YAML 1.1, as 1e-5 is; Kubernetes would read a number.",
    )
    TWO_READINGS = (
        "two-readings",
        Severity.WARNING,
        "W&B and Kubernetes read a plain word differently: 1:30 in a file, y or n in a manifest.",
    )
    LOG_UNIFORM_EXPONENTS = (
        "log-uniform-exponents",
        Severity.WARNING,
        "log_uniform takes exponents of e, and these bounds look like the values themselves.",
    )
    WHOLE_NUMBER_BOUNDS = (
        "whole-number-bounds",
        Severity.WARNING,
        "min and max are whole numbers and no distribution is named, so only whole numbers are drawn.",
    )

    # Scans and the configuration files of trials
    TRIAL_NAMES_COLLIDE = ("trial-names-collide", Severity.ERROR, "Two trials of a scan have one name.")
    TRIAL_NAME_UNFIT = ("trial-name-unfit", Severity.ERROR, "A trial of a scan has a name that no file can have.")
    UNEQUAL_LENGTHS = (
        "unequal-lengths",
        Severity.ERROR,
        "Values that belong together are not equally many: those of one group, or value_names and values.",
    )
    KEY_TWICE = ("key-twice", Severity.ERROR, "Two parameters of a scan have one key, be it with / or with dots.")
    ORDER_LOST = (
        "order-lost",
        Severity.WARNING,
        "The order of keys decides on trials and their names, and Kubernetes keeps mappings in alphabetical order.",
    )
    SCAN_TOO_LARGE = ("scan-too-large", Severity.ERROR, "A scan has more trials than W&B can hand out as a grid.")
    KEY_NOT_IN_BASE_CONFIG = (
        "key-not-in-base-config",
        Severity.ERROR,
        "A key leads through a section that base_config does not have.",
    )
    UNUSED_BASE_CONFIG = ("unused-base-config", Severity.ERROR, "A base_config is given and reaches no program.")

    # What reaches the program
    UNRENDERABLE = ("unrenderable", Severity.ERROR, "No argument can carry this value to its reader unchanged.")
    SAME_SETTING = ("same-setting", Severity.ERROR, "Two parameters set the same thing in the program.")
    UNKNOWN_MACRO = ("unknown-macro", Severity.WARNING, "The command holds a macro that W&B does not know and drops.")
    MACRO_IN_WORD = (
        "macro-in-word",
        Severity.WARNING,
        "The command holds a macro as a part of a word, and W&B fills in only those that are a whole one.",
    )
    NO_ARGUMENT_MACRO = (
        "no-argument-macro",
        Severity.WARNING,
        "The command passes no parameters on. A word with wandb_sweep in it tells that the program reads wandb.config.",
    )
    PARAMETER_OVERRIDDEN = (
        "parameter-overridden",
        Severity.ERROR,
        "The command fixes the setting of a parameter, so that the fixed one wins, or Hydra refuses both.",
    )
    REPLACED_ARGUMENT = (
        "replaced-argument",
        Severity.WARNING,
        "The command fixes the setting of a parameter, and the parameter comes later and wins.",
    )
    FLAG_WINS = (
        "flag-wins",
        Severity.WARNING,
        "A flag such as --num_envs wins over the parameter env.scene.num_envs in the training scripts of Isaac Lab.",
    )
    NESTED_FOR_HYDRA = (
        "nested-for-hydra",
        Severity.WARNING,
        "Nested parameters reach Hydra as one mapping, where dotted names would reach each setting.",
    )

    # What the definition is after
    GOAL_MISSING = (
        "goal-missing",
        Severity.WARNING,
        "The metric sounds like one to maximize, and without a goal W&B minimizes.",
    )

    # What only the object around the definition tells
    NO_END = (
        "no-end",
        Severity.WARNING,
        "The method never ends by itself, and neither maxRuns nor run_cap nor runsPerAgent ends the sweep.",
    )
    TARGET_WITHOUT_METRIC = (
        "target-without-metric",
        Severity.WARNING,
        "limits.target ends the sweep at a value of its metric, and the definition names no metric.",
    )
    FOREIGN_INTERPRETER = (
        "foreign-interpreter",
        Severity.WARNING,
        "The command begins with plain python, and the image is Isaac Sim's, whose Python is /isaac-sim/python.sh.",
    )
    LICENCE_MISSING = (
        "licence-missing",
        Severity.WARNING,
        "The image is NVIDIA's own of Isaac Sim or Isaac Lab, and its licence is not accepted.",
    )
    NO_RAY_TRACING = (
        "no-ray-tracing",
        Severity.WARNING,
        "Cameras are to render, and the template asks for a GPU without ray-tracing cores.",
    )
