"""docs/cluster.md says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from local_cluster import versions
from local_cluster.cli import _parser

PAGE = (Path(__file__).parents[3] / "docs/cluster.md").read_text()


def test_every_command_and_no_other_is_documented() -> None:
    documented = re.findall(r"^\| `([a-z-]+)", PAGE, re.MULTILINE)
    offered = re.findall(r"\{([a-z,-]+)\}", _parser().format_usage())[0].split(",")
    assert sorted(documented) == sorted(offered)


def test_the_page_names_the_versions_that_are_used() -> None:
    for name in ("KUBERNETES", "ETCD", "COREDNS", "HELM", "KUEUE"):
        assert re.search(rf"\b{re.escape(getattr(versions, name))}\b", PAGE), name
