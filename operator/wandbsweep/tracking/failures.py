"""Turns what went wrong on the wire into the errors of this room: one line for a user, never with the key in it."""

from __future__ import annotations

import base64
import email.utils
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from wandbsweep.tracking.errors import KeyRejected, NeverSent, RateLimited, ServerFault, TrackingError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.tracking.protocol import Account

_TEXT_LIMIT = 300
_LONGEST_RETRY_AFTER = 3600.0


def server_name(account: Account) -> str:
    """How messages name a server: its address, without a user's name or password in it."""
    return f"W&B at {_public_address(account.base_url)}"


def one_line(account: Account, text: str) -> str:
    """A server's words made safe to show: one line, of bounded length, without the key."""
    for secret in _secrets(account):
        text = text.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _TEXT_LIMIT else line[: _TEXT_LIMIT - 3] + "..."


def connection_failure(
    account: Account, error: BaseException, *, sent: bool, timeout_seconds: float
) -> Unreachable | ServerFault:
    """What a failed exchange means, given whether anything of the request had left."""
    server = server_name(account)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return NeverSent(f"{server} cannot be reached: the proxy refused (HTTP {error.status}); check HTTPS_PROXY")
    if isinstance(error, aiohttp.ClientResponseError):
        return ServerFault(f"{server} did not answer in HTTP; check the base URL")
    kind = Unreachable if sent else NeverSent
    if isinstance(error, TimeoutError):
        return kind(f"{server} did not answer within {timeout_seconds:g} s")
    return kind(f"{server} {_broken_connection(account, error)}")


def _broken_connection(account: Account, error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "cannot be reached: the host name is not known; check the base URL"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return f"cannot be reached: TLS failed ({one_line(account, str(error.__cause__ or error))})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot be reached: {one_line(account, error.strerror or 'no connection')}"
    return "closed the connection before it had answered"


def refused_status(account: Account, status: int, headers: Mapping[str, str], told: str) -> TrackingError:
    """What an HTTP status says that comes without a GraphQL answer.

    `told` is what W&B's servers say in their own shape. What else a body holds is shown to nobody: the address is the
    user's choice, and may be of something that only the operator reaches.
    """
    server = server_name(account)
    words = f": {one_line(account, told)}" if told else ""
    wait = retry_after_seconds(headers.get("Retry-After"))
    if status == HTTPStatus.UNAUTHORIZED:
        return KeyRejected(f"{server} does not accept the API key{words}; check the key in the Secret")
    if status == HTTPStatus.FORBIDDEN:
        return KeyRejected(f"{server} does not let this API key in{words}; check the key in the Secret")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(f"{server} asks for fewer requests{words}", retry_after_seconds=wait)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        target = one_line(account, _public_address(headers.get("Location", "")))
        return ServerFault(f"{server} redirects to {target or 'nowhere'}; use the address of the API as base URL")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFault(f"{server} has no W&B API there (HTTP {status}{words}); check the base URL")
    return ServerFault(f"{server} failed with HTTP {status}{words}", retry_after_seconds=wait)


def retry_after_seconds(value: str | None) -> float | None:
    """Read a Retry-After header: seconds or a date; None when there is none that can be understood."""
    if value is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}\s*", value):
        seconds = float(value)
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def error_words(parsed: Any) -> str:
    """The messages in an answer that reports errors, in either of the two shapes that W&B's servers use."""
    if not isinstance(parsed, dict):
        return ""
    problems = parsed.get("errors")
    if isinstance(problems, list):
        return "; ".join(str(p.get("message", p)) if isinstance(p, dict) else str(p) for p in problems)
    return str(parsed["error"]) if parsed.get("error") else ""


def _secrets(account: Account) -> list[str]:
    key = account.api_key.strip()
    return [key, base64.b64encode(f"api:{key}".encode()).decode()] if key else []


def _public_address(address: str) -> str:
    try:
        url = URL(address)
        bare = url.with_query(None).with_fragment(None)
        return str(bare.with_user(None) if url.absolute else bare)
    except ValueError:
        return "an address that cannot be read"  # and that may hold a password
