"""Fixtures that several kinds of tests share come from modules of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ("clusters",)

# How long an example takes says something about the machine; what code costs is measured by `make bench`.
# A change is judged by the same examples everywhere; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("any machine", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("any machine")


@pytest.fixture
def say(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Tells the reader of the tests' output something, also when the test passes, and in whichever process it ran."""
    return lambda text: record_property(f"said by {request.node.name}", text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, [])]
    for report in reports:
        for name, text in getattr(report, "user_properties", []):
            if name.startswith("said by "):
                terminalreporter.section(name)
                terminalreporter.line(text)
