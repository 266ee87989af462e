"""JSON as this server reads and writes it.

The SDK sends bare `NaN` and `Infinity`, which are not JSON; its own Go half refuses them in answers. So they are read
as null at the door, and nothing that leaves this server can contain them.
"""

from __future__ import annotations

import json
from typing import Any

from wandbsweep.server.errors import BadRequestError


def read_json(text: str | bytes, what: str) -> Any:
    """The value of a JSON text in which NaN and the infinities count as null; `what` names it in the error."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise BadRequestError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise BadRequestError(f"{what} is not JSON: {error}") from None


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
    """The same JSON text, rewritten only where it holds what JSON does not know."""
    value = read_json(text, what)
    return write_json(value) if ("NaN" in text or "Infinity" in text) else text


def _no_number(_: str) -> None:
    return None
