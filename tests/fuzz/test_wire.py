"""Whatever comes over the wire, to whichever address: the server answers in words or hangs up, and goes on.

The addresses are those of the server's own router, so that a new one is tried without anybody thinking of it here.
"""

from __future__ import annotations

import gzip
import re
import zlib
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.routing import Route

from fuzzing import fuzzed, json_text, texts, values
from probing import must_be_told, say, send, shows_nothing_within
from tenants import ALPHA_KEY, MARK, PROJECT
from waiting import until
from wandbsweep.server.app import create_app
from wandbsweep.server.settings import API_KEY_VARIABLE, ServerSettings

PLACE = re.compile(r"\{(\w+)(:\w+)?\}")
ROUTES_AT_LEAST = 9
METHODS = ["DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]
CONTENT_TYPES = ["", "text/plain", "multipart/form-data; boundary=", "application/json; charset=utf-7", "a/b", ";;;"]
ENCODINGS = [None, None, "gzip", "deflate", "br", "gzip, gzip", "identity", "GZIP", ""]
PACKINGS = [bytes, gzip.compress, zlib.compress, lambda body: gzip.compress(body)[:-5]]
PACKINGS += [lambda body: gzip.compress(gzip.compress(body)), lambda body: gzip.compress(body) * 2]
words = st.one_of(texts, st.integers().map(str), st.sampled_from(["alpha", "beta", PROJECT, "alphas-run", "words.txt"]))
spellings = st.sampled_from(
    [
        lambda word: quote(word.encode("utf-8", "surrogatepass"), safe=""),
        lambda word: quote(quote(word.encode("utf-8", "surrogatepass"), safe=""), safe=""),
        lambda word: quote(word.encode("utf-16", "surrogatepass"), safe="./"),
        lambda word: quote(word.encode("utf-8", "surrogatepass"), safe="./:;@!$&'()*+,=-_~"),
    ]
)
SOUND = f"Host: h\r\nAuthorization: Bearer {ALPHA_KEY}\r\n"
STREAM = f"/files/alpha/{PROJECT}/alphas-run/file_stream"
LINES = [
    "Content-Length: 5", "Content-Length: -1", "Content-Length: 5, 5", "Content-Length: 99999999999999999999",
    "Content-Length: 0x5", "Content-Length: \u0665", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity", "transfer-encoding : chunked", "Expect: 100-continue", "Expect: x",
    "Connection: close", "Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Host: a", "Host: \x00", " folded: x", "no colon",
    "Range: bytes=0-,1-,-1", "Range: bytes=5-1", "If-Range: x", "If-Modified-Since: x", "X: " + "x" * 7000,
    "Cookie: " + "a=b;" * 500,
    "X-Forwarded-For: ' OR 1", "Content-Encoding: gzip", "Content-Type: \xff", "Authorization: Basic " + "A" * 5000,
]  # fmt: skip
CHUNKS = [
    "5\r\nhello\r\n0\r\n\r\n",
    "-1\r\n",
    "fffffffffffffffff\r\n",
    "5;ext=" + "x" * 300 + "\r\nhello\r\n",
    "5\r\nhell",
]
CHUNKS += ["zz\r\n\r\n", "0\r\nTrailer: x\r\n\r\n", '{"query": "{ viewer { id } }"}', "hello", ""]
requests = st.builds(
    lambda method, path, version, lines, body: (
        f"{method} {path} {version}\r\n{SOUND}{''.join(line + chr(13) + chr(10) for line in lines)}\r\n{body}"
    ),
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "CONNECT", "PRI", "get", "", "\x00"]),
    st.sampled_from(
        ["/graphql", STREAM, "/", "/healthz", "*", "http://h/graphql", "//h", "/storage/1/a", "/%", "/\xff"]
    ),
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "HTCPCP/1.0", ""]),
    st.lists(st.sampled_from(LINES), max_size=4),
    st.sampled_from(CHUNKS),
).map(lambda text: text.encode("latin-1", "replace"))


@pytest.fixture(scope="module")
def routes(tmp_path_factory):
    """Address and methods of all that the server answers; nothing else than such routes is mounted in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(API_KEY_VARIABLE, ALPHA_KEY)
        app = create_app(ServerSettings(data_dir=str(tmp_path_factory.mktemp("routes"))))
    app.state.server.database.close()
    assert all(isinstance(route, Route) for route in app.routes)
    found = [(route.path, sorted(route.methods)) for route in app.routes]
    assert len(found) >= ROUTES_AT_LEAST
    return found


@fuzzed
@given(st.data())
def test_every_route_is_answered_whatever_stands_in_its_address(alpha, belongings, routes, data):
    path, methods = data.draw(st.sampled_from(routes))
    filled = PLACE.sub(lambda _: data.draw(spellings)(data.draw(words)), path)
    asked = {name: data.draw(words) for name in ("offset", "expires", "signature") if data.draw(st.booleans())}
    query = "&".join(f"{name}={quote(text.encode('utf-8', 'surrogatepass'))}" for name, text in asked.items())
    method = data.draw(st.sampled_from([*methods, *methods, *METHODS]))
    body = b"{}" if method in ("POST", "PUT") else None
    must_be_told(*send(alpha, method, f"{filled}?{query}"[:60_000], body))


@pytest.mark.parametrize("number", ["9" * 16, "9" * 5000, "-1", "0x1", "\u0661"])
def test_a_number_of_any_length_in_an_address_is_answered(alpha, belongings, routes, number):
    number = quote(number)
    for path, methods in routes:
        for method in methods:
            must_be_told(*send(alpha, method, f"{PLACE.sub(number, path)}?offset={number}&expires={number}"))
    for path in (
        f"/storage/{number}/words.txt",
        f"/storage/1/words.txt?expires={number}&signature=00",
        f"/?offset={number}",
        f"/alpha/{PROJECT}/sweeps/{belongings.sweep['name']}?offset={number}",
    ):
        must_be_told(*send(alpha, "GET", path))


@fuzzed
@given(
    st.sampled_from(ENCODINGS), st.sampled_from(PACKINGS), st.one_of(st.none(), st.sampled_from(CONTENT_TYPES)), values
)
def test_any_packing_and_any_type_is_answered(alpha, belongings, encoding, packing, content_type, body):
    headers = {"Content-Encoding": encoding, "Content-Type": content_type}
    content = packing(json_text(body).encode())
    for path in ("/graphql", STREAM):
        sent = {name: text for name, text in headers.items() if text is not None}
        must_be_told(*send(alpha, "POST", path, content, sent))


@fuzzed
@given(st.one_of(st.binary(max_size=300), requests, st.lists(requests, min_size=2, max_size=3).map(b"".join)))
@example(f"POST /graphql HTTP/1.1\r\n{SOUND}Content-Length: 1000\r\n\r\n{{".encode())
@example(f"POST {STREAM} HTTP/1.1\r\n{SOUND}Transfer-Encoding: chunked\r\n\r\n5\r\nhel".encode())
@example(f"GET /healthz HTTP/1.1\r\n{SOUND}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n".encode())
@example(f"POST /graphql HTTP/1.1\r\n{SOUND}Origin: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n".encode())
@example(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
def test_any_words_on_a_connection_are_answered_or_hung_up_on(alpha, belongings, spoken):
    heard = say(alpha, spoken)
    shows_nothing_within(heard)
    assert not re.search(rb"HTTP/1\.1 5\d\d", heard), heard


@fuzzed
@given(
    words,
    spellings,
    st.sampled_from(["../", "..%2f", "..%252f", "..\\", "..%5c", "/", "%2f", "./", "\u2025/", "a/../"]),
)
def test_no_name_of_a_file_leads_out_of_its_place(alpha, belongings, name, spelling, way):
    link, _, permission = belongings.file["directUrl"].removeprefix(alpha.server.url).partition("?")
    folder = link.rpartition("/")[0]
    for path in (
        f"{folder}/{quote(way, safe='%/.')}{spelling(name)}?{permission}",
        f"{folder}/{quote(way, safe='%/.') * 4}etc/passwd?{permission}",
        f"{folder}/{quote(way, safe='%/.') * 3}api-key?{permission}",
        f"/files/alpha/{PROJECT}/alphas-run/{quote(way, safe='%/.') * 3}{spelling(name)}",
    ):
        status, answer = send(alpha, "GET", path)
        must_be_told(status, answer)
        assert status != 200 or answer == MARK.encode() or b"<html" in answer


def test_an_upload_that_breaks_off_leaves_nothing(alpha, belongings):
    query = """mutation($p: String) { createRunFiles(input: {projectName: $p, runName: "alphas-run", files: ["part"]}) {
      files { uploadUrl } } }"""
    url = alpha.data(query, {"p": PROJECT})["createRunFiles"]["files"][0]["uploadUrl"].removeprefix(alpha.server.url)
    before = sorted((alpha.server.folder / "data" / "files").rglob("*"))
    shows_nothing_within(say(alpha, f"PUT {url} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nhalf".encode()))
    assert send(alpha, "GET", f"/files/alpha/{PROJECT}/alphas-run/part")[0] == 404
    files = alpha.server.folder / "data" / "files"
    until(lambda: sorted(files.rglob("*")) == before, "what was written aside is gone")
