"""The operator's log: one line per message, as text or as JSON, with the same fields in either.

Whoever logs need not say about which object: its loop has said so once, for all that happens in it.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pythonjsonlogger.json import JsonFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FIELDS: Final = MappingProxyType(
    {
        "object": "namespace/name of the WandbSweep that the line is about",
        "sweep": "entity/project/id of its sweep on W&B, once there is one",
        "run": "ID of the run on W&B",
        "reason": "reason of the Event that was sent to the object; the message is the Event's",
    }
)
"""What a line may have besides its time, level, logger and message; absent where it does not apply."""

_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**fields: str | None) -> Iterator[None]:
    """Whatever is logged meanwhile, in this task and in those it starts, is about this."""
    known = {name: text for name, text in fields.items() if text is not None}
    token = _ABOUT.set({**_ABOUT.get(), **known})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def configure(level: str, form: str) -> None:
    """Send the log to stderr. `level` is a name such as info, `form` is text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_fields)
    handler.setFormatter(formatter(form))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        # What these say of each request is said again by the passes, where it matters.
        for name in ("kopf", "aiohttp", "asyncio", "urllib3", "wandb"):
            logging.getLogger(name).setLevel(logging.WARNING)


def formatter(form: str) -> logging.Formatter:
    """How lines look; times are UTC."""
    made: logging.Formatter
    if form == "json":
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        made = JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)
    else:
        made = _TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    made.converter = time.gmtime
    made.default_time_format, made.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    return made


class _TextFormatter(logging.Formatter):
    """Appends the fields to the message, `name=value` each."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        fields = "".join(f" {name}={getattr(record, name)}" for name in FIELDS if hasattr(record, name))
        return super().formatMessage(record) + fields


def _add_fields(record: logging.LogRecord) -> bool:
    """Says of a line what it is about, where it does not say so itself."""
    for name, text in _ABOUT.get().items():
        if not hasattr(record, name):
            setattr(record, name, text)
    return True
