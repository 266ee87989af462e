"""Lines of the log say which object, sweep and run they are about, in text and in JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import re

import pytest

from builders import a_live_object
from wandbsweep.api.reasons import Reason
from wandbsweep.controller import logs
from wandbsweep.controller.events import Event
from wandbsweep.controller.object_loops import ObjectKey, ObjectLoops, PassResult
from wandbsweep.controller.recorder import Recorder

log = logging.getLogger("wandbsweep.test")


def _lines_of(capfd):
    def written():
        return capfd.readouterr().err.splitlines()

    return written


@pytest.fixture
def lines(capfd):
    """Configures the log; gives what was written since. The log is as before when the test ends."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in ("kopf", "aiohttp", "asyncio", "urllib3", "wandb")}

    def written(form):
        logs.configure("info", form)
        return _lines_of(capfd)

    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)


def test_a_line_of_json_has_the_fields_of_the_schema(lines):
    written = lines("json")

    with logs.about(object="robots/anymal", sweep="lab/anymal/nkbj7529"):
        log.warning("Run %s ended badly", "bold-1", extra={"run": "k2f8", "reason": "RunFailed"})

    (line,) = map(json.loads, written())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "WARNING",
        "logger": "wandbsweep.test",
        "message": "Run bold-1 ended badly",
        "object": "robots/anymal",
        "sweep": "lab/anymal/nkbj7529",
        "run": "k2f8",
        "reason": "RunFailed",
    }


def test_a_line_of_text_has_the_same_fields_at_its_end(lines):
    written = lines("text")

    with logs.about(object="robots/anymal", sweep=None):
        log.info("Removed a search", extra={"run": "k2f8"})
    log.info("Watching")

    first, second = written()
    assert first.endswith("INFO    wandbsweep.test: Removed a search object=robots/anymal run=k2f8")
    assert second.endswith("wandbsweep.test: Watching")


def test_what_a_line_says_itself_counts_before_what_is_around_it(lines):
    written = lines("json")

    with logs.about(object="robots/anymal", sweep="lab/anymal/old"):
        log.info("The sweep is on W&B", extra={"sweep": "lab/anymal/new"})

    assert json.loads(written()[0])["sweep"] == "lab/anymal/new"


async def test_passes_over_several_objects_at_once_do_not_mix_their_lines(lines):
    written, both, done = lines("json"), asyncio.Barrier(2), asyncio.Barrier(3)

    async def reconcile(key):
        with logs.about(sweep=f"lab/p/{key.name}"):
            await both.wait()
            log.info("pass %s", key.name)
        await done.wait()
        return PassResult(gone=True)

    loops = ObjectLoops(reconcile, at_once=2)
    for name in ("one", "two"):
        loops.wake(ObjectKey("robots", name))
    await done.wait()
    await loops.close()

    told = {line["message"]: (line["object"], line["sweep"]) for line in map(json.loads, written())}
    assert told == {"pass one": ("robots/one", "lab/p/one"), "pass two": ("robots/two", "lab/p/two")}


async def test_every_event_is_a_line_too_with_its_reason_and_run(lines, kube):
    written = lines("json")
    event = Event(Reason.RUN_FAILED, "Run bold-1 ended badly", "k2f8/stalled", warning=True, run="k2f8")

    recorder = Recorder(kube)
    for _ in range(2):
        await recorder.send(a_live_object(), [event])

    (line,) = map(json.loads, written())
    assert (line["level"], line["reason"], line["run"]) == ("WARNING", "RunFailed", "k2f8")
    assert line["message"] == "Run bold-1 ended badly"
