"""Links to files that carry their own permission: the SDK sends no credentials when it uploads."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote, urlencode

from wandbsweep.server.digits import whole_number
from wandbsweep.server.errors import KeyRejectedError

LIFETIME_SECONDS = 24 * 3600


class Signer:
    """Signs a method, a run and a file name until a moment, with the server's secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def link(self, base_url: str, method: str, run_id: int, name: str, *, now: float) -> str:
        expires = int(now) + LIFETIME_SECONDS
        query = urlencode({"expires": expires, "signature": self._sign(method, run_id, name, expires)})
        return f"{base_url}/storage/{run_id}/{quote(name)}?{query}"

    def check(self, method: str, run_id: int, name: str, *, expires: str, signature: str, now: float) -> None:
        """Raises unless the link was made here for exactly this, and is still valid."""
        moment = whole_number(expires) or 0
        if not hmac.compare_digest(self._sign(method, run_id, name, moment).encode(), signature.encode()):
            raise KeyRejectedError("this link to a file was not made by this server")
        if moment < now:
            raise KeyRejectedError("this link to a file has expired: ask for a new one")

    def _sign(self, method: str, run_id: int, name: str, expires: int) -> str:
        message = "\n".join([method, str(run_id), str(expires), name]).encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
