"""Request bodies, read with a limit and unpacked."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from wandbsweep.server.errors import BadRequestError, TooLargeError

if TYPE_CHECKING:
    from starlette.requests import Request

# The SDK's largest stream request is a little over 10 MiB; a line of history may have that size by itself.
LARGEST_BODY = 32 * 1024 * 1024
_GZIP_WINDOW = 31


async def read_body(request: Request) -> bytes:
    """The body as sent; bodies beyond the limit are refused before they are held in memory."""
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise TooLargeError(f"the request is larger than {LARGEST_BODY} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def unpack(body: bytes, encoding: str | None) -> bytes:
    """The body without its `Content-Encoding`; a small one that unpacks to a huge one is refused too."""
    if not encoding or encoding == "identity":
        return body
    if encoding != "gzip":
        raise BadRequestError(f"Content-Encoding {encoding} is not supported: use gzip")
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = unpacker.decompress(body, LARGEST_BODY)
    except zlib.error as error:
        raise BadRequestError(f"the body is not gzip: {error}") from None
    if unpacker.unconsumed_tail:
        raise TooLargeError(f"the request unpacks to more than {LARGEST_BODY} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise BadRequestError("the body is not gzip: it is cut off, or something follows its end")
    return text
