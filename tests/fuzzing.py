"""What fuzzing is made of: nasty texts and numbers, JSON of any shape, and GraphQL that a schema allows."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

# A little and always the same, and for as long as one likes and always otherwise by FUZZ_EXAMPLES. No profile: one that
# is loaded holds for every test of the same process. No database of former failures: what is found becomes a test or
# an `@example`, and a run depends on nothing before it.
fuzzed = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "40")),
    deadline=None,
    database=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)

_NASTY = (
    "", "\x00", "\ud800", "\u202e", "..", "../../etc/passwd", "/", "%00", "%2e%2e", "'", '"', "\\", "$.a", "%", "_",
    "NaN", "-0", "1e400", "9" * 30, "[" * 300, "{" * 300, "{{7*7}}", "${jndi:x}", "$(id)", "`id`",
    "C:/x", "//h/x", "CON", "..\\..\\x", "%252e%252e/", "\u2024\u2024/", "a:b", "\uff0e\uff0e/", "é", "🤖", "\n",
    "UkVTVA==", "UnVuOjE=", "U3dlZXA6MQ==", "QWdlbnQ6MQ==", "RmlsZTox", "UnVuOjk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ==",
)  # fmt: skip

# Made when drawn: among the texts above they would stand in the printed form of every strategy, which has its limit.
_long = st.sampled_from("a9").map(lambda letter: letter * 5000)
texts = st.one_of(
    st.sampled_from(_NASTY), _long, st.text(max_size=30), st.text(alphabet="ab./$%\\\"'\x00", max_size=12)
)
numbers = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**400]),
    st.floats(),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


def json_text(value: Any) -> str:
    """JSON as loosely as Python writes it: NaN, infinities and halves of characters included."""
    return json.dumps(value)


def stored(value: Any) -> Any:
    """A value as an API server would keep it: its JSON has no NaN, and no halves of characters."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.loads(text, parse_constant=lambda _: None, parse_float=_finite)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def keyed(keys: Sequence[str], inner: SearchStrategy[Any] = values) -> SearchStrategy[dict[str, Any]]:
    """Objects with some of these keys, and now and then another."""
    return st.dictionaries(
        st.one_of(st.sampled_from(list(keys)), st.sampled_from(list(keys)), texts), inner, max_size=6
    )


class Documents:
    """Operations of a schema: mostly what it allows, with arguments that it never expected."""

    def __init__(self, schema: GraphQLSchema, known: Sequence[str], json_texts: SearchStrategy[str]) -> None:
        self._schema = schema
        self._words = st.one_of(st.sampled_from(list(known)), st.sampled_from(list(known)), texts)
        self._json_texts = json_texts

    @st.composite
    @staticmethod
    def _operation(draw: DrawFn, self: Documents) -> str:
        kind = draw(st.sampled_from(["query", "mutation"]))
        root = self._schema.query_type if kind == "query" else self._schema.mutation_type
        assert root is not None
        return f"{kind} {draw(self._name())} {self._selection(draw, root, 5)}"

    def operations(self) -> SearchStrategy[str]:
        return self._operation(self)

    def _name(self) -> SearchStrategy[str]:
        return st.sampled_from(["", "SweepWatchedRuns", "Anything"])

    def _selection(self, draw: DrawFn, kind: GraphQLObjectType, depth: int) -> str:
        chosen = draw(st.lists(st.sampled_from(sorted(kind.fields)), min_size=1, max_size=3, unique=True))
        parts = ["__typename", *(self._field(draw, name, kind.fields[name], depth) for name in chosen)]
        return "{ " + " ".join(parts) + " }"

    def _field(self, draw: DrawFn, name: str, field: GraphQLField, depth: int) -> str:
        given = [
            f"{each}: {self._argument(draw, argument.type)}"
            for each, argument in field.args.items()
            if is_required_argument(argument) or draw(st.booleans())
        ]
        call = f"{name}({', '.join(given)})" if given else name
        below = get_named_type(field.type)
        if is_leaf_type(below) or not isinstance(below, GraphQLObjectType):
            return call
        return f"{call} {self._selection(draw, below, depth - 1) if depth else '{ __typename }'}"

    def _argument(self, draw: DrawFn, kind: GraphQLInputType) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self._argument(draw, kind.of_type)
        if isinstance(kind, GraphQLList):
            return "[" + ", ".join(self._argument(draw, kind.of_type) for _ in range(draw(st.integers(0, 3)))) + "]"
        if isinstance(kind, GraphQLInputObjectType):
            given = [
                f"{name}: {self._argument(draw, each.type)}"
                for name, each in kind.fields.items()
                if is_required_input_field(each) or draw(st.booleans())
            ]
            return "{" + ", ".join(given) + "}"
        return self._literal(draw, kind.name)

    def _literal(self, draw: DrawFn, name: str) -> str:
        if name in ("Int", "Int64"):
            return str(draw(st.one_of(st.integers(-2, 5), st.integers(-(2**31), 2**31 - 1), st.integers())))
        if name == "Boolean":
            return draw(st.sampled_from(["true", "false"]))
        return json.dumps(draw(self._json_texts if name == "JSONString" else self._words))
