"""The operator's log: one line per message, as text or as JSON."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def configure(level: str, form: str) -> None:
    """Send the log to stderr. `level` is a name such as info, `form` is text or json."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        fields = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=fields))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        # What these say of each request is said again by the passes, where it matters.
        for name in ("kopf", "aiohttp", "asyncio", "urllib3", "wandb"):
            logging.getLogger(name).setLevel(logging.WARNING)
