"""What a client did wrong, as HTTP sees it: one class per answer that a client acts on.

The SDK shows the message to its user and never retries 400, 401, 404, 409 and 413; it retries 503. Anything that is
not one of these is a fault of the server and is answered with 500, which the SDK retries too.
"""


class RequestError(Exception):
    """A request that cannot be answered as asked; `status` is the HTTP status, the text is for the user."""

    status = 400


class BadRequestError(RequestError):
    """The request is malformed or asks for something that does not exist in the protocol."""


class KeyRejectedError(RequestError):
    """No API key, or one that this server does not know."""

    status = 401


class ForbiddenError(RequestError):
    """The request comes from somewhere that may not send it, whoever's key it carries."""

    status = 403


class NotFoundError(RequestError):
    """The named entity, project, sweep, agent, run or file does not exist (any more)."""

    status = 404


class ConflictError(RequestError):
    """The request contradicts the state of what it names."""

    status = 409


class TooLargeError(RequestError):
    """A body beyond the server's limits."""

    status = 413


class TooManyRunsError(RequestError):
    """The sweep has all the runs that it may have; a scheduler takes its suggestion back and goes on."""

    status = 429


class BusyError(RequestError):
    """The database is busy for longer than the server waits; the same request may succeed in a moment."""

    status = 503
