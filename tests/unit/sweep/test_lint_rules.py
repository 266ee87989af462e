"""Each rule finds what it is there for, and keeps quiet where nothing is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from wandbsweep.sweep.checks.files import File, lint
from wandbsweep.sweep.rules import Rule, Severity
from wandbsweep.sweep.rules_page import NAME, page

ROWS = yaml.safe_load(Path(__file__).with_name("lint_rules.yaml").read_text())


def rules_in(text):
    return [each.finding.rule for each in lint([File("sweep.yaml", text)])]


def test_every_rule_has_its_examples():
    assert sorted(ROWS) == sorted(map(str, Rule))


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_finds_what_it_is_there_for(name):
    assert rules_in(ROWS[name]["found"]) == [Rule(name)]


@pytest.mark.parametrize("name", ROWS)
def test_nothing_is_found_where_nothing_is_wrong(name):
    assert rules_in(ROWS[name]["fine"]) == []


@pytest.mark.parametrize("rule", Rule, ids=str)
def test_a_rule_says_in_a_sentence_what_breaks_it(rule):
    assert rule.when.endswith(".")
    assert rule.severity in Severity


def test_the_page_says_what_the_rules_say():
    written = (Path(__file__).parents[3] / "docs" / NAME).read_text()
    assert written == page(), f"docs/{NAME} is stale: run `make crds`"
