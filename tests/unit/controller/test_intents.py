"""The record of an intent: read back as it was written, and no surprise whatever else stands there."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, UID
from wandbsweep.controller.intents import read_intent, write_intent
from wandbsweep.pool.facts import Intent

ANNOTATION = "wandbsweep.dev/sweep-intent"


def read(text, uid=UID):
    return read_intent({"uid": uid, "annotations": {ANNOTATION: text}})


def test_an_intent_is_read_as_it_was_written():
    creating, leaving = Intent(NOW, "3-0123456789ab"), Intent(NOW, "3-0123456789ab", leaving=True)

    assert read(write_intent(UID, creating)) == creating
    assert read(write_intent(UID, leaving)) == leaving


def test_the_intent_of_another_object_in_a_copied_manifest_is_none():
    assert read(write_intent(UID, Intent(NOW, "1-a")), uid="another") is None
    assert read_intent({"uid": UID}) is None


@given(rest=st.text() | st.datetimes().map(str) | st.datetimes(timezones=st.timezones()).map(datetime.isoformat))
def test_an_intent_that_somebody_wrote_by_hand_is_one_all_the_same(rest):
    intent = read(f"{UID} {rest}")

    assert intent is not None
    assert intent.at + timedelta(days=1) != NOW


def test_a_time_without_a_zone_is_utc():
    assert read(f"{UID} 2026-03-01T12:00:00 1-a") == Intent(NOW, "1-a")
