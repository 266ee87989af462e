"""The machine-readable forms of a command's output: `-o yaml` and `-o json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from wandbsweep.sweep.texts.writing import yaml_text

if TYPE_CHECKING:
    from collections.abc import Callable


def output_option(*, default: str | None = "yaml") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option -o; without a default the command prints for people."""
    text = "Output format." if default else "Output format; without it, text for people."
    choice = click.Choice(["yaml", "json"])
    return click.option("-o", "--output", "form", type=choice, default=default, show_default=bool(default), help=text)


def written(document: Any, form: str) -> str:
    """The document in one of the two forms."""
    return yaml_text(document) if form == "yaml" else json.dumps(document, indent=2, ensure_ascii=False) + "\n"
