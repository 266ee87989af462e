"""The manifests in examples/, as they are."""

from __future__ import annotations

import pytest

from trainings import EXAMPLES
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SYSTEMS = ("interactive-navigation", "agile", "robomimic", "gymnasium-solver", "metta")


def test_the_example_of_each_system_is_applied_and_found_valid_without_a_warning(installed, robots):
    files = [part for system in SYSTEMS for part in ("-f", str(EXAMPLES / system / "sweep.yaml"))]
    installed.cluster.kubectl("-n", robots, "apply", *files)

    for system in SYSTEMS:
        valid = until(lambda name=system: _condition(installed, robots, name), f"{system} was looked at", seconds=60)
        assert valid["reason"] == "Valid", valid["message"]


def _condition(installed, namespace, name):
    conditions = installed.sweep(namespace, name).get("conditions", [])
    return next((each for each in conditions if each["type"] == "SweepValid"), None)
