"""Every example in the repository is taken by a real API server, and those for a CPU train."""

from __future__ import annotations

import pytest
import yaml

from clusters import ROOT
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

EXAMPLES = sorted((ROOT / "examples").glob("*/sweep.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_api_server_takes_it_with_every_check_that_it_has(installed, robots, path):
    strictly = ("apply", "--dry-run=server", "--validate=strict")
    said = installed.cluster.kubectl("-n", robots, *strictly, "-f", str(path))
    assert "(server dry run)" in said
    assert "Warning" not in said


def test_the_search_in_stages_trains_from_the_first_to_the_last(installed, robots):
    path = ROOT / "examples/stages/sweep.yaml"
    name = yaml.safe_load(path.read_text())["metadata"]["name"]
    installed.cluster.kubectl("-n", robots, "apply", "-f", str(path))

    wait = ("wait", "--for=condition=Complete", f"wandbsweep/{name}", "--timeout=800s")
    installed.cluster.kubectl("-n", robots, *wait)

    status = installed.sweep(robots, name)
    assert status["runs"]["finished"] == status["runs"]["total"] > 0
    until(lambda: not installed.pods_of(robots), "no pod is left", seconds=60)
