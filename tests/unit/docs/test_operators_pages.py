"""The pages for those who look after an installation name everything that it can say to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.exit_codes import AgentExit, SearchExit, TrialExit, WarmUpExit
from wandbsweep.api.reasons import ConditionType, Phase, Reason

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
TROUBLE = (DOCS / "troubleshooting.md").read_text()
OPERATING = (DOCS / "operating.md").read_text()
ALERTS = ROOT / "charts/wandbsweep/templates/operator-prometheusrule.yaml"

SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TROUBLE, flags=re.MULTILINE | re.DOTALL))
CONTAINER_EXITS = [*AgentExit, *SearchExit, *WarmUpExit]


def anchor(title: str) -> str:
    """As a page's reader jumps to a heading."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def test_every_reason_can_be_found_by_what_one_sees():
    assert [str(reason) for reason in Reason if f"`{reason}`" not in TROUBLE] == []


def test_no_reason_is_told_of_that_does_not_exist():
    """In tables by reason the first cell holds nothing else."""
    tables = re.findall(r"^\| reason[^\n]*\n\|[-|: ]+\n((?:\|[^\n]*\n)+)", TROUBLE, flags=re.MULTILINE)
    told = {
        name for table in tables for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert told - {str(reason) for reason in Reason} == set()


@pytest.mark.parametrize(
    ("condition", "section"),
    [
        (ConditionType.AGENTS_READY, "Agents are missing"),
        (ConditionType.SEARCH_READY, "No runs come"),
        (ConditionType.SUSPENDED, "It is paused"),
        (ConditionType.COMPLETE, "It is over"),
        (ConditionType.FAILED, "It is over"),
    ],
    ids=str,
)
def test_what_a_condition_says_is_explained_where_its_symptom_is(condition, section):
    """What several conditions say stands once: a pause, an end, a sweep that is not there yet."""
    shared = ("Agents are missing", "It is paused", "It stays Pending", "What only informs")
    text = "".join(SECTIONS[title] for title in {section, *shared})
    assert [str(each) for each in condition.reasons if f"`{each}`" not in text] == []


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_leads_to_a_section(phase):
    symptoms = TROUBLE.partition("\n## ")[0]
    assert f"`{phase}`" in symptoms


def test_every_symptom_leads_to_a_section_of_the_page_and_every_section_is_led_to():
    symptoms = TROUBLE.partition("\n## ")[0]
    led_to = set(re.findall(r"\]\(#([a-z0-9-]+)\)", symptoms))
    assert led_to == {anchor(title) for title in SECTIONS} - {anchor("The operator itself")}


@pytest.mark.parametrize("end", CONTAINER_EXITS, ids=lambda end: f"{type(end).__name__} {int(end)}")
def test_every_exit_code_of_a_container_has_a_row_that_says_what_to_do(end):
    rows = re.findall(r"^\| ([\d, ]+) \| `(\w+)` \| (.+) \|$", SECTIONS["Agents end"], flags=re.MULTILINE)
    (told,) = [what for codes, reason, what in rows if str(int(end)) in codes.split(", ") and reason == end.reason]
    assert told


@pytest.mark.parametrize("end", TrialExit, ids=lambda end: str(int(end)))
def test_every_exit_code_of_a_trial_is_told_with_its_cause(end):
    assert re.search(rf"\b{int(end)}\b", SECTIONS["Runs fail"])


def test_every_cause_that_is_a_failure_has_a_first_thing_to_try():
    told = set(re.findall(r"`([a-z-]+)`", SECTIONS["Runs fail"]))
    harmless = {Cause.FINISHED, Cause.PREEMPTED, Cause.STOPPED, Cause.NODE_LOST}
    assert {str(cause) for cause in Cause if cause not in harmless} - told == set()


def test_every_alert_of_the_chart_says_what_to_do():
    alerts = set(re.findall(r"- alert: (\w+)", ALERTS.read_text()))
    assert alerts
    assert set(re.findall(r"^\| `(\w+)` \| .+ \|$", OPERATING, flags=re.MULTILINE)) == alerts


@pytest.mark.parametrize("page", ["install.md", "operating.md", "troubleshooting.md", "faq.md"])
def test_every_link_into_a_page_finds_its_heading(page):
    for target, name in re.findall(r"\]\(([^)#]*)#([^)]+)\)", (DOCS / page).read_text()):
        headings = re.findall(r"^#+ (.+)$", (DOCS / (target or page)).read_text(), flags=re.MULTILINE)
        assert name in {anchor(heading) for heading in headings}, f"{target}#{name}"


@pytest.mark.parametrize("page", ["install.md", "operating.md", "troubleshooting.md", "faq.md"])
def test_every_value_of_the_chart_that_a_page_names_exists(page):
    values = yaml.safe_load((ROOT / "charts/wandbsweep/values.yaml").read_text())
    text = (DOCS / page).read_text()
    named = set(re.findall(r"`((?:operator|server|metrics|networkPolicy|wandb|userRoles)\.\w[\w.]*)", text))
    for path in named - {"wandb.init"}:
        inner = values
        for part in path.rstrip(".").split("."):
            assert part in inner, path
            inner = inner[part]
