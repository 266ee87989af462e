"""Filters and orders as `wandb.Api` writes them, as SQL.

A filter is a Mongo query in JSON: `{"$and": [{"sweep": "abc"}, {"config.lr.value": {"$lt": 0.1}}]}`. A field that has
no value matches `$ne` and `$nin` and nothing else, as in Mongo. An order is `+field` or `-field`; what has no value
comes last either way, so that a run without the metric is never the best.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, case, false, func, not_, or_, select, true

from wandbsweep.server.errors import BadRequestError
from wandbsweep.server.json_text import clean_text, read_json
from wandbsweep.server.store import portable
from wandbsweep.server.store.tables import TAGGED, runs, sweeps

if TYPE_CHECKING:
    from collections.abc import Callable

Condition = ColumnElement[bool]
Value = ColumnElement[Any]

_LONGEST_PATTERN = 200
# Patterns that repeat what repeats take longer than the world lasts on a short text, and nobody else is served then.
_REPEATS = re.compile(r"[*+{]")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_MOST_REPEATS = 3
_LONGEST_MATCHED = 256
_DEEPEST = 20
_LARGEST_INTEGER = 2**63
_LARGEST_NUMBER = int(sys.float_info.max)
_TIMES = ("created_at", "updated_at", "heartbeat_at")

_RUN_FIELDS: dict[str, Value] = {
    "name": runs.c.name,
    "display_name": runs.c.display_name,
    "state": runs.c.state,
    "group": runs.c.group_name,
    "job_type": runs.c.job_type,
    "host": runs.c.host,
    "notes": runs.c.notes,
    "description": runs.c.description,
    "created_at": runs.c.created_at,
    "updated_at": runs.c.updated_at,
    "heartbeat_at": portable.latest(
        *(func.coalesce(sign, 0) for sign in (runs.c.handed_at, runs.c.listed_at, runs.c.streamed_at))
    ),
    "sweep": select(sweeps.c.name).where(sweeps.c.id == runs.c.sweep_id).correlate(runs).scalar_subquery(),
    "tags": runs.c.tags,
}
_SWEEP_FIELDS: dict[str, Value] = {
    "name": sweeps.c.name,
    "display_name": sweeps.c.display_name,
    "description": sweeps.c.description,
    "method": sweeps.c.method,
    "state": sweeps.c.state,
    "created_at": sweeps.c.created_at,
    "updated_at": sweeps.c.updated_at,
}


def run_filter(text: str | None) -> Condition:
    """The runs that a filter chooses; no filter chooses all."""
    return _filter(text, _run_field)


def sweep_filter(text: str | None) -> Condition:
    return _filter(text, _sweep_field)


def run_order(text: str | None) -> list[ColumnElement[Any]]:
    """The order of a listing of runs; the caller adds what decides between equals."""
    if not text:
        return []
    descending, field = text.startswith("-"), text.lstrip("+-")
    value = _run_field(field)
    if field.startswith("summary_metrics."):  # a metric that once was a text or a histogram is no better than none
        value = case((portable.is_number(value), value))
    # Numbers before texts, whatever the database would do.
    keys = [portable.is_text(value), value]
    return [value.is_(None), *(key.desc() if descending else key.asc() for key in keys)]


def _filter(text: str | None, field: Callable[[str], Value]) -> Condition:
    query = read_json(text, "filters") if text else None
    return true() if query is None else _all_of(query, field, 0)


def _all_of(query: Any, field: Callable[[str], Value], depth: int) -> Condition:
    if not isinstance(query, dict) or depth > _DEEPEST:
        raise BadRequestError('filters must be a JSON object such as {"state": "finished"}')
    return and_(true(), *(_one(key, value, field, depth) for key, value in query.items()))


def _one(key: str, value: Any, field: Callable[[str], Value], depth: int) -> Condition:
    if key in ("$and", "$or", "$nor"):
        if not isinstance(value, list):
            raise BadRequestError(f"filters: {key} must be a list of filters")
        parts = [_all_of(each, field, depth + 1) for each in value]
        if key == "$and":
            return and_(true(), *parts)
        either = or_(false(), *parts)
        return either if key == "$or" else not_(either)
    if key == "$not":
        return not_(_all_of(value, field, depth + 1))
    if key.startswith("$"):
        raise BadRequestError(f"filters: operator {key} is not known here")
    if isinstance(value, dict) and any(name.startswith("$") for name in value):
        return and_(true(), *(_compare(key, name, each, field) for name, each in value.items()))
    return _compare(key, "$eq", value, field)


def _compare(key: str, operator: str, value: Any, field: Callable[[str], Value]) -> Condition:
    if field is _run_field and key == "tags":
        return _compare_tags(operator, value)
    if field is _run_field and (key, operator) == ("sweep", "$eq") and isinstance(value, str):
        return runs.c.sweep_id.in_(select(sweeps.c.id).where(sweeps.c.name == value))  # found by the index of runs
    column = field(key)
    if _snake(key) in _TIMES:
        value = [_moment(key, each) for each in value] if isinstance(value, list) else _moment(key, value)
    if operator in ("$in", "$nin"):
        if not isinstance(value, list):
            raise BadRequestError(f"filters: {operator} of {key} must be a list")
        among = _is_among(key, column, value, field)
        return among if operator == "$in" else not_(among)
    if operator == "$exists":
        return column.is_not(None) if value else column.is_(None)
    if operator == "$regex":
        return _matches(key, column, value)
    if operator in ("$eq", "$ne"):
        return _equals(column, value) if operator == "$eq" else not_(_equals(column, value))
    return _is_ordered(key, operator, column, value)


def _equals(column: Value, value: Any) -> Condition:
    if isinstance(value, (dict, list)):
        raise BadRequestError("filters: a field can be compared with a text, a number, true, false or null only")
    return column.is_(None) if value is None else column.is_not_distinct_from(portable.given_value(_kept(value)))


def _kept(value: Any) -> Any:
    """The value as a database can compare it: the largest whole numbers only nearly."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGEST_INTEGER:
        return float(max(-_LARGEST_NUMBER, min(value, _LARGEST_NUMBER)))
    return clean_text(value) if isinstance(value, str) else value


def _is_among(key: str, column: Value, values: list[Any], field: Callable[[str], Value]) -> Condition:
    if key == "name" and field is _run_field and all(isinstance(each, str) for each in values):
        # W&B's scheduler names every run that it watches: said to be rare, so that SQLite goes by the index of names.
        return portable.unlikely(runs.c.name.in_([clean_text(each) for each in values]))
    return or_(false(), *(_equals(column, each) for each in values))


def _is_ordered(key: str, operator: str, column: Value, value: Any) -> Condition:
    if not isinstance(value, (int, float, str)):
        raise BadRequestError(f"filters: {operator} of {key} needs a number or a text")
    same_kind = portable.is_text(column) if isinstance(value, str) else portable.is_number(column)
    comparisons: dict[str, Callable[[], Condition]] = {
        "$gt": lambda: column > portable.given_value(_kept(value)),
        "$gte": lambda: column >= portable.given_value(_kept(value)),
        "$lt": lambda: column < portable.given_value(_kept(value)),
        "$lte": lambda: column <= portable.given_value(_kept(value)),
    }
    if operator not in comparisons:
        raise BadRequestError(f"filters: operator {operator} is not known here")
    return and_(same_kind, comparisons[operator]())


def _matches(key: str, column: Value, pattern: Any) -> Condition:
    if not isinstance(pattern, str) or len(pattern) > _LONGEST_PATTERN:
        raise BadRequestError(f"filters: $regex of {key} must be a text of at most {_LONGEST_PATTERN} characters")
    if len(_REPEATS.findall(pattern)) > _MOST_REPEATS or _REPEATED_GROUP.search(pattern):
        raise BadRequestError(
            f"filters: $regex of {key} may repeat a character (with * + or {{}}) {_MOST_REPEATS} times, and no group"
        )
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise BadRequestError(f"filters: $regex of {key} is malformed: {error}") from None
    return and_(column.is_not(None), func.substr(portable.as_text(column), 1, _LONGEST_MATCHED).regexp_match(pattern))


def _compare_tags(operator: str, value: Any) -> Condition:
    def tagged(*wanted: Any) -> Condition:
        texts = [clean_text(each) for each in wanted if isinstance(each, str)]
        return and_(TAGGED, portable.has_any(runs.c.tags, texts)) if texts else false()

    if value is None:
        return not_(TAGGED) if operator == "$eq" else TAGGED
    if operator in ("$in", "$nin") and isinstance(value, list):
        return tagged(*value) if operator == "$in" else not_(tagged(*value))
    if operator in ("$eq", "$ne") and isinstance(value, str):
        return tagged(value) if operator == "$eq" else not_(tagged(value))
    raise BadRequestError("filters: tags can be compared with a text, or with a list by $in and $nin")


def _run_field(key: str) -> Value:
    section, _, rest = key.partition(".")
    if section == "config" and rest:
        return _json_field(runs.c.config, key, *_config_paths(rest))
    if section in ("summary_metrics", "summaryMetrics", "summary") and rest:
        return _json_field(runs.c.summary, key, [rest], rest.split("."))
    return _column(key, _RUN_FIELDS)


def _sweep_field(key: str) -> Value:
    return _column(key, _SWEEP_FIELDS)


def _column(key: str, columns: dict[str, Value]) -> Value:
    column = columns.get(_snake(key))
    if column is None:
        raise BadRequestError(
            f"field {key!r} cannot be filtered or ordered by: use one of {', '.join(sorted(columns))}"
        )
    return portable.plain_value(column)


def _config_paths(key: str) -> list[list[str]]:
    """Where a config key may lie: keys may hold dots themselves, and `.value` may be written or left out."""
    head, found, tail = key.partition(".value")
    if found and (not tail or tail.startswith(".")):
        return [[head, "value", *tail.strip(".").split(".")] if tail else [head, "value"]]
    first, *rest = key.split(".")
    return [[key, "value"], [first, "value", *rest]]


def _json_field(column: Value, key: str, *paths: list[str]) -> Value:
    if '"' in key:
        raise BadRequestError(f"field {key!r} cannot be filtered or ordered by: its name has a quotation mark")
    return portable.json_value(column, *(tuple(map(clean_text, path)) for path in paths))


def _moment(key: str, value: Any) -> float:
    if isinstance(value, (int, float)):
        return float(_kept(value))
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        raise BadRequestError(f"filters: {key} needs a time such as 2026-01-31T12:00:00Z, not {value!r}") from None


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", key).lower()
