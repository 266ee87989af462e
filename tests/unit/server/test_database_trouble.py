"""What a failure of the database means for a client: whether to change the request, or to repeat it."""

import pytest
from sqlalchemy import exc

from wandbsweep.server.graphql import database_trouble


class RefusedError(Exception):
    def __init__(self, sqlstate: str | None = None) -> None:
        super().__init__("words of the driver")
        self.sqlstate = sqlstate


def of_driver(kind, sqlstate=None):
    return kind("SELECT secret", {}, RefusedError(sqlstate))


@pytest.mark.parametrize(
    "error",
    [
        of_driver(exc.OperationalError),
        of_driver(exc.InterfaceError),
        exc.PendingRollbackError("Can't reconnect until invalid transaction is rolled back"),
        exc.ResourceClosedError("This Connection is closed"),
        exc.TimeoutError("QueuePool limit of size 17 overflow 0 reached"),
        exc.DBAPIError("SELECT", {}, RefusedError(), connection_invalidated=True),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_passes_is_answered_so_that_the_client_repeats_it(error):
    assert database_trouble(error).status == 503


@pytest.mark.parametrize("error", [of_driver(exc.DataError), of_driver(exc.InternalError, "25P02")])
def test_what_the_request_is_to_blame_for_is_told_as_its_mistake(error):
    told = database_trouble(error)
    assert told.status == 400
    assert "words of the driver" not in str(told)


def test_anything_else_is_our_fault_and_nothing_of_it_is_told():
    told = database_trouble(of_driver(exc.ProgrammingError, "42601"))
    assert (told.status, str(told)) == (500, "internal error of the server: see its log")
