"""One JSON request to W&B within a bounded time: few tries, a jittered pause between them, and no exception at the end.

A trial must never wait for W&B longer than it was told, whatever hangs: a name that is not resolved, a connection that
is not answered, an answer that comes in drops. So the requests run in a thread that is left behind when time is up.
"""

from __future__ import annotations

import base64
import json
import random
import threading
import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from wandbsweep import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandbsweep.agent.wandb_account import Account

_TRIES: Final = 3
_TIMEOUT_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 0.3
_LARGEST_ANSWER: Final = 8 * 2**20
_USER_AGENT: Final = f"wandb-sweep-trial/{__version__}"


class NoAnswerError(Exception):
    """W&B gave no answer of use in the time that there was."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key along, to wherever it leads."""

    def redirect_request(self, *_: Any) -> None:
        """Leaves the answer as the error that it is."""


def within(seconds: float, question: Callable[[float], Any]) -> Any:
    """What the question, told when it must be over, came to; None if it failed or took longer."""
    answers: list[Any] = []
    until = time.monotonic() + seconds

    def ask() -> None:
        try:
            answers.append(question(until))
        except Exception:  # noqa: BLE001 - whatever W&B or a proxy sent back, the trial goes on without it
            return

    thread = threading.Thread(target=ask, name="wandb-request", daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else None


def post_json(account: Account, path: str, body: Mapping[str, Any], until: float) -> Any:
    """The JSON answer to a request that may be repeated; NoAnswerError when there is none before `until`."""
    opener = urllib.request.build_opener(_NoRedirect)
    for number in range(_TRIES):
        request = urllib.request.Request(  # noqa: S310 - Account allows http and https only
            account.server + path,
            data=json.dumps(body).encode(),
            headers={
                "Authorization": "Basic " + base64.b64encode(f"api:{account.key}".encode()).decode(),
                "Content-Type": "application/json",
                "User-Agent": _USER_AGENT,
            },
        )
        pause = _FIRST_PAUSE_SECONDS * 2**number * random.uniform(1.0, 1.5)  # noqa: S311 - spreads load, hides nothing
        try:
            timeout = min(_TIMEOUT_SECONDS, _left(until))
            with opener.open(request, timeout=timeout) as answer:
                return json.loads(answer.read(_LARGEST_ANSWER), parse_constant=str)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != HTTPStatus.TOO_MANY_REQUESTS and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise NoAnswerError(f"HTTP {error.code}") from None
                pause = _told_pause(error.headers.get("Retry-After")) or pause
        except OSError:
            pass
        if number < _TRIES - 1:
            if time.monotonic() + pause >= until:
                break
            time.sleep(pause)
    raise NoAnswerError("no try was answered")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise NoAnswerError("time is up")
    return left


def _told_pause(text: str | None) -> float | None:
    """Of a Retry-After header, in seconds or as a date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
