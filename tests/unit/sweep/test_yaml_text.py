"""YAML that is written here says the same to W&B's tools and to Kubernetes."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wandbsweep.sweep.texts.kubernetes import KubernetesLoader
from wandbsweep.sweep.texts.writing import yaml_text

WORDS = st.sampled_from(
    ["y", "N", "on", "yes", "null", "~", "1e-5", "1E5", "08", "0o17", "1:30", "0x1f", "1_000", ".5", "-.5e3", "+1",
     "2024-01-01", "=", "<<", "-", "--", "- a", "a: b", "a #b", "${x}", "$${args}", "%", "@a", "`", "*a", "&a", "!a"]
)  # fmt: skip
TEXTS = st.one_of(WORDS, st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12),
                  st.text(alphabet="ab \n\t:#-", max_size=12))  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=10,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(TEXTS, DATA, max_size=4))
def test_both_readers_read_what_was_written(data):
    text = yaml_text(data)

    for loader in (yaml.SafeLoader, KubernetesLoader):
        assert json.dumps(yaml.load(text, Loader=loader)) == json.dumps(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"values": [32, 1e-5, None]}, "values: [32, 1.0e-05, null]\n"),
        ({"values": ["adam", "sgd"]}, "values: [adam, sgd]\n"),
        ({"command": ["python", "train.py"]}, "command:\n  - python\n  - train.py\n"),
        ({"text": "a\nb\n"}, "text: |\n  a\n  b\n"),
        ({"y": "1e-5"}, '"y": "1e-5"\n'),
    ],
)
def test_the_layout_is_one_that_people_write(data, text):
    assert yaml_text(data) == text
