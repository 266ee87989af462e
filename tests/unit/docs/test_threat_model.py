"""The threat model names its proofs: each is there, and each bound of the chart is in its table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
PROOFS = sorted(set(re.findall(r"`((?:unit|fuzz|e2e|integration)/[\w/]+\.py(?:::\w+)?)`", PAGE)))


@pytest.mark.parametrize("proof", PROOFS)
def test_a_defence_that_is_claimed_has_its_test(proof):
    file, _, name = proof.partition("::")
    text = (ROOT / "tests" / file).read_text()
    assert not name or re.search(rf"def {name}\(", text)


def test_the_page_has_proofs():
    assert len(PROOFS) > 25


def test_every_bound_of_the_chart_is_told_of():
    policy = yaml.safe_load((ROOT / "charts" / "wandbsweep" / "values.yaml").read_text())["policy"]
    bounds = set(policy) - {"enabled", "actions", "namespaceSelector", "gpuResources"}
    assert {name for name in bounds if f"`policy.{name}`" in PAGE} == bounds
