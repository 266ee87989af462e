"""A definition may be YAML or JSON; each is read as its writer means it, and keys that stand twice are told."""

from __future__ import annotations

import json

import pytest

from wandbsweep.sweep.problems import InvalidSweepError, Place, Report
from wandbsweep.sweep.texts.document import read_data, read_document

PLACE = Place("", joint=": ")


def read(text):
    report = Report()
    return read_document(text, PLACE, report), list(map(str, report.findings))


def test_numbers_of_json_are_numbers():
    assert read('{"a": [1e-05, 1E5, 1.0, 3, -0.5e-3]}') == ({"a": [1e-05, 1e5, 1.0, 3, -0.0005]}, [])
    assert read("a: [1e-05, 1.0]") == ({"a": ["1e-05", 1.0]}, [])
    assert read("{a: [1e-05, 1.0]}") == ({"a": ["1e-05", 1.0]}, [])


@pytest.mark.parametrize("text", [json.dumps({"a": "x", "k" * 2000: 1}), '{"a": "x",\n\t"b": "\\ud83d\\ude00 \x7f"}'])
def test_json_is_read_where_yaml_would_not_take_it(text):
    assert read(text) == (json.loads(text), [])


def test_what_looks_like_json_and_is_none_is_yaml():
    assert read("{a: NaN, 'b': .5, c: [x]}") == ({"a": "NaN", "b": 0.5, "c": ["x"]}, [])
    assert read('{"a": NaN}') == ({"a": "NaN"}, [])


@pytest.mark.parametrize("text", ['{"a": 1,\n\t"b": {"c": 1,\n\t"c": 2}}', "a: 1\nb:\n  c: 1\n  c: 2\n"])
def test_keys_that_stand_twice_do_not_keep_the_rest_from_being_read(text):
    document, (told,) = read(text)
    assert document == {"a": 1, "b": {"c": 2}}
    assert told.startswith("b.c: stands twice, first in line ")


def test_keys_that_stand_twice_are_raised_where_nobody_collects_them():
    with pytest.raises(InvalidSweepError, match=r"a: stands twice, first in line 1 \(only the last one would count\)"):
        read_document("a: 1\na: 2\n", PLACE)
    with pytest.raises(InvalidSweepError, match=r"base: a: stands twice"):
        read_data('{".*hip": 1, "a": 1, "a": 2}', Place("base", joint=": "))


def test_merged_keys_and_keys_of_other_mappings_stand_once():
    text = "a: &a {x: 1}\nb: {<<: *a, x: 2}\nc: {<<: *a, <<: *a}\nd: [{x: 1}, {x: 2}]\n"
    assert read(text)[1] == []


def test_a_number_to_the_base_of_60_is_told():
    document, told = read("a: [1:30, '1:30', 190:20:30.5, 1.5]")
    assert document == {"a": [90, "1:30", 685230.5, 1.5]}
    assert told == [
        f"a[{index}]: YAML 1.1 reads {word} as a number to the base of 60, Kubernetes as text; "
        "put it in quotes, or write the number out"
        for index, word in ((0, "1:30"), (2, "190:20:30.5"))
    ]
