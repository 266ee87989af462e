"""`POST /graphql`: a real engine, because the SDK uses the same names with different documents.

A mistake of the client is answered with its own HTTP status, and a fault of the server with 500: the SDK takes errors
in a 200 for final, while it repeats what came back as 5xx.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ariadne import load_schema_from_path, make_executable_schema
from graphql import DocumentNode, GraphQLError, GraphQLSchema, execute_sync, parse, validate
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    ResourceClosedError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFreeError

from wandbsweep.server.errors import BadRequestError, BusyError, RequestError
from wandbsweep.server.json_text import read_object
from wandbsweep.server.resolvers import BINDINGS

if TYPE_CHECKING:
    from wandbsweep.server.resolvers.request import GraphQLRequest

_log = logging.getLogger(__name__)

# The SDK has some fifty documents; a lookup by aliases makes its own.
_REMEMBERED_DOCUMENTS = 256
# A look at many sweeps at once has some thousands; checking a document takes time that grows faster than its length.
_LONGEST_DOCUMENT = 20_000
# A database that stops, starts or is cut off is told of by the first use of a connection, and then in other ways.
_PASSING = (OperationalError, InterfaceError, PendingRollbackError, ResourceClosedError, NoConnectionFreeError)
_TRANSACTION_IS_OVER = "25P02"  # PostgreSQL answers nothing more after the first refusal


@dataclass(frozen=True)
class Answer:
    """Status and JSON body."""

    status: int
    body: dict[str, Any]


def build_schema() -> GraphQLSchema:
    """The schema files bound to their resolvers."""
    return make_executable_schema(load_schema_from_path(Path(__file__).parent / "schema"), *BINDINGS)


_SCHEMA = build_schema()


def answer(text: bytes, request: GraphQLRequest) -> Answer:
    """Executes one request, in the thread of the caller."""
    try:
        body = read_object(text, "the request")
        query, variables = body.get("query"), body.get("variables") or {}
        if not isinstance(query, str) or not isinstance(variables, dict):
            raise BadRequestError("the request must be {query: text, variables: object, operationName: text}")
        document, problems = _checked(query)
        if problems:
            return Answer(400, {"errors": [{"message": message} for message in problems]})
        with request:
            result = execute_sync(
                _SCHEMA,
                document,
                context_value=request,
                variable_values=variables,
                operation_name=body.get("operationName") or None,  # the SDK sends an empty name
            )
    except RequestError as error:
        return failure(error)
    if not result.errors:
        return Answer(200, {"data": result.data})
    return _failed(result.data, result.errors)


def failure(error: RequestError) -> Answer:
    """The answer to a client's mistake, in the shape that the SDK shows to its user."""
    return Answer(error.status, {"errors": [{"message": str(error)}], "error": str(error)})


def _failed(data: dict[str, Any] | None, errors: list[GraphQLError]) -> Answer:
    causes = [_cause(error) for error in errors]
    worst = max(causes, key=lambda cause: cause.status)
    return Answer(worst.status, {"data": data, "errors": [{"message": str(cause)} for cause in causes]})


def _cause(error: GraphQLError) -> RequestError:
    original = error.original_error
    if isinstance(original, RequestError):
        return original
    if original is None or error.path is None:  # the engine objects: a variable of the wrong type, no operation
        return BadRequestError(error.message)
    if isinstance(original, SQLAlchemyError):
        return database_trouble(original)
    if isinstance(original, UnicodeEncodeError):
        return BadRequestError("the request holds text that is not valid Unicode")
    return _fault(original)


def database_trouble(error: SQLAlchemyError) -> RequestError:
    """What an error of the database means for the client."""
    if isinstance(error, DataError):
        _log.warning("the database refused a value: %s", type(error.orig).__name__)
        return BadRequestError("the request holds a value that the database cannot keep or compare")
    if isinstance(error, _PASSING) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        _log.warning("the database did not answer in time: %s", getattr(error, "orig", None) or error)
        return BusyError("the database is busy: try again")
    if getattr(getattr(error, "orig", None), "sqlstate", None) == _TRANSACTION_IS_OVER:
        return BadRequestError("not answered, because another part of the same request could not be")
    return _fault(error)


def _fault(original: Exception) -> RequestError:
    _log.error("a request failed", exc_info=original)
    fault = RequestError("internal error of the server: see its log")
    fault.status = 500
    return fault


@lru_cache(maxsize=_REMEMBERED_DOCUMENTS)
def _checked(query: str) -> tuple[DocumentNode, tuple[str, ...]]:
    try:
        document = parse(query, max_tokens=_LONGEST_DOCUMENT)
        return document, tuple(error.message for error in validate(_SCHEMA, document))
    except GraphQLError as error:
        return DocumentNode(definitions=()), (error.message,)
    except RecursionError:
        return DocumentNode(definitions=()), ("the query is nested too deeply",)
