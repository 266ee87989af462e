"""Findings in one message, for conditions and Events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.problems import Finding, Place, summary
from wandbsweep.sweep.rules import Rule

FINDINGS = [Finding(Rule.EMPTY, Place("spec.sweep") / f"p{index}", "is empty", "fill it") for index in range(100)]


def test_each_finding_is_told_with_its_rule():
    assert summary(FINDINGS[:2]) == (
        "spec.sweep.p0: is empty; fill it [empty]; spec.sweep.p1: is empty; fill it [empty]"
    )


def test_those_that_are_too_many_are_counted():
    assert summary(FINDINGS, longest=100) == f"{summary(FINDINGS[:2])}; and 98 more"


def test_one_that_is_too_long_is_cut():
    assert summary([Finding(Rule.EMPTY, Place("x"), "a" * 200)], longest=10) == "x: aaaaaa…"


@given(st.lists(st.text(max_size=300), max_size=20), st.integers(50, 1000))
def test_the_message_is_never_too_long_and_tells_how_many_there_are(texts, longest):
    message = summary([Finding(Rule.EMPTY, Place("x"), text) for text in texts], longest)

    assert len(message) <= longest
    if "…" not in message and "and " not in "".join(texts):
        told, _, rest = message.partition("; and ")
        assert told.count("[empty]") + int(rest.split()[0] if rest else 0) >= len(texts)


def test_a_place_at_the_top_has_no_joint():
    top = Place("", joint=": ")
    assert [(top / "a" / "b").path, (top / "a.b").path, (top / 0).path] == ["a.b", "[a.b]", "[0]"]
    assert str(Finding(Rule.EMPTY, top, "is empty")) == "is empty"
