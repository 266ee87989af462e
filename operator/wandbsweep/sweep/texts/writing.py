"""Writes YAML that Python and Kubernetes read as the same data, in the layout that people use by hand.

The two disagree on some plain words (`1e-5`, `y`, `08`): texts that either of them could take for something else are
quoted. Lists of numbers and short words stand in one line, texts of several lines as a block.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

_LIKE_A_NUMBER: Final = re.compile(r"[-+.]*[0-9]")
_OTHER_WORDS: Final = frozenset({"y", "n"})  # booleans to some readers of YAML 1.1
_SHORT_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,15}")
_LONGEST_ROW: Final = 80
_WIDTH: Final = 120


def yaml_text(document: Any) -> str:
    """The document as YAML, keys in their order."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return text


class _Dumper(yaml.SafeDumper):
    """PyYAML's, with the choices above."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Anchors would be hard to read."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's names
        """Items of a list stand further in than its key, as in the examples of Kubernetes and W&B."""
        super().increase_indent(flow, indentless=False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif _LIKE_A_NUMBER.match(text) or text.lower() in _OTHER_WORDS:
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _list(dumper: _Dumper, items: list[Any]) -> yaml.SequenceNode:
    in_one_row = _is_short(items) and len(repr(items)) <= _LONGEST_ROW
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=in_one_row)


def _is_short(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_short, value))
    return _SHORT_WORD.fullmatch(value) is not None if isinstance(value, str) else not isinstance(value, dict)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
