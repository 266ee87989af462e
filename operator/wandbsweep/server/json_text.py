"""JSON as this server reads and writes it.

The SDK sends bare `NaN` and `Infinity`, which are not JSON; its own Go half refuses them in answers. So they are read
as null at the door, and nothing that leaves this server can contain them. What is nested deeper than anybody writes is
refused. In JSON that is kept, halves of characters and the character 0 are replaced, which one of the databases could
not look into; a name with such a character is nobody's, and is left as it is for whoever refuses it.
"""

from __future__ import annotations

import json
import math
from typing import Any

from wandbsweep.server.errors import BadRequestError

_DEEPEST = 100


def read_json(text: str | bytes, what: str) -> Any:
    """The value of a JSON text in which NaN and the infinities count as null; `what` names it in the error."""
    return _Reading(text, what).value


def read_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Like `read_json`, for texts that must be an object."""
    value = read_json(text, what)
    if not isinstance(value, dict):
        raise BadRequestError(f"{what} must be a JSON object, not {type(value).__name__}")
    return value


def write_json(value: Any) -> str:
    """Strict JSON; a NaN that got past the doors is an error here rather than in the client."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def strict_json(text: str, what: str) -> str:
    """The same JSON text, rewritten only where it holds what JSON, or a database, does not know."""
    reading = _Reading(text, what)
    reading.clean()
    return write_json(reading.value) if reading.changed else text


def object_text(text: str, what: str) -> str:
    """Like `strict_json`, for texts that must be an object."""
    read_object(text, what)
    return strict_json(text, what)


def clean_text(text: str) -> str:
    """A text without what no database and no page could hold: halves of characters, and the character 0."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Reading:
    """A JSON text, read; and whether it said something that had to be changed."""

    def __init__(self, text: str | bytes, what: str) -> None:
        self.changed = False
        try:
            value = json.loads(text, parse_constant=self._no_number, parse_float=self._number)
        except RecursionError:
            raise BadRequestError(f"{what} is nested too deeply") from None
        except ValueError as error:
            raise BadRequestError(f"{what} is not JSON: {error}") from None
        written = text if isinstance(text, str) else text.decode("utf-8", "replace")
        if written.count("[") + written.count("{") > _DEEPEST and _depth(value) > _DEEPEST:
            raise BadRequestError(f"{what} is nested more than {_DEEPEST} levels deep")
        self.value = value
        self._may_be_unclean = "\\u" in written

    def clean(self) -> None:
        """Replaces what could not be kept."""
        if self._may_be_unclean:
            self.value = self._cleaned(self.value)

    def _no_number(self, _: str) -> float | None:
        self.changed = True
        return None

    def _number(self, digits: str) -> float | None:
        """Digits may stand for more than the largest number, which is Infinity in other letters."""
        number = float(digits)
        return number if math.isfinite(number) else self._no_number(digits)

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            clean = clean_text(value)
            self.changed |= clean != value
            return clean
        if isinstance(value, list):
            return [self._cleaned(each) for each in value]
        if isinstance(value, dict):
            return {self._cleaned(name): self._cleaned(each) for name, each in value.items()}
        return value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return depth
