"""Files of runs: signed uploads, downloads, and names that are refused."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request

import pytest

from wandbsweep.server.errors import KeyRejectedError
from wandbsweep.server.signing import LIFETIME_SECONDS, Signer

UPLOAD = """mutation($p: String, $r: String!, $f: [String!]!) {
  createRunFiles(input: {projectName: $p, runName: $r, files: $f}) {
  runID uploadHeaders files { name uploadUrl } } }"""
FILES = """query($p: String, $r: String!, $names: [String], $pattern: String) {
  project(name: $p) { run(name: $r) { fileCount
  files(names: $names, first: 10, pattern: $pattern) { edges { node { id name url directUrl sizeBytes mimetype md5 } }
  pageInfo { hasNextPage } } } } }"""


def call(url, method="GET", body=None, key=None):
    headers = {"Authorization": "Basic " + base64.b64encode(f"api:{key}".encode()).decode()} if key else {}
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {}


def upload_url(lab, name="model.pt"):
    lab.start("r")
    answer = lab.server.graphql(UPLOAD, {"p": lab.project, "r": "r", "f": [name]})["createRunFiles"]
    assert answer["files"][0]["name"] == name
    return answer["files"][0]["uploadUrl"]


def listed(lab, **variables):
    return lab.server.graphql(FILES, {"p": lab.project, "r": "r", **variables})["project"]["run"]


def test_an_upload_needs_no_key_and_comes_back_as_it_was(lab):
    body = bytes(range(256)) * 5000
    url = upload_url(lab, "media/images/a b%c.png")
    assert call(url, "PUT", body)[0] == 200
    (edge,) = listed(lab)["files"]["edges"]
    node = edge["node"]
    assert (node["name"], node["sizeBytes"], node["mimetype"]) == ("media/images/a b%c.png", len(body), "image/png")
    assert node["md5"] == hashlib.md5(body).hexdigest()
    assert call(node["directUrl"])[:2] == (200, body)
    assert call(node["url"], key=lab.server.api_key)[:2] == (200, body)
    assert call(node["url"])[0] == 401


def test_a_second_upload_replaces_the_first(lab):
    url = upload_url(lab)
    call(url, "PUT", b"one")
    call(url, "PUT", b"two!")
    found = listed(lab)
    assert found["fileCount"] == 1
    assert found["files"]["edges"][0]["node"]["sizeBytes"] == 4


def test_files_are_found_by_name_and_pattern(lab):
    for name in ("a.json", "b.json", "c.txt"):
        call(upload_url(lab, name), "PUT", b"x")
    names = lambda **chosen: [edge["node"]["name"] for edge in listed(lab, **chosen)["files"]["edges"]]  # noqa: E731
    assert names() == ["a.json", "b.json", "c.txt"]
    assert names(names=["c.txt"]) == ["c.txt"]
    assert names(pattern="%.json") == ["a.json", "b.json"]


@pytest.mark.parametrize(
    "name", ["../etc/passwd", "/etc/passwd", "a/../../b", "a\\b", "", ".", "a//b", "a\x00b", "x" * 2000, "C:/x", "c:x"]
)
def test_a_name_that_could_leave_its_folder_is_refused(lab, name):
    lab.start("r")
    with pytest.raises(AssertionError, match=r"400.*is not allowed"):
        lab.server.graphql(UPLOAD, {"p": lab.project, "r": "r", "f": [name]})


def test_a_link_is_good_for_its_own_file_and_method_only(lab):
    url = upload_url(lab)
    assert call(url.replace("model.pt", "other.pt"), "PUT", b"x")[0] == 401
    assert call(url.replace("model.pt", "..%2F..%2Fdata%2Fapi-key"), "PUT", b"x")[0] in (400, 401)
    assert call(url)[0] == 401
    assert call(url.partition("?")[0], "PUT", b"x")[0] == 401


def test_an_html_file_of_a_run_is_data_to_a_browser(lab):
    call(upload_url(lab, "evil.html"), "PUT", b"<script>alert(1)</script>")
    url = listed(lab)["files"]["edges"][0]["node"]["directUrl"]
    headers = call(url)[2]
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"


def test_a_deleted_file_is_gone(lab):
    call(upload_url(lab), "PUT", b"x")
    node = listed(lab)["files"]["edges"][0]["node"]
    lab.server.graphql("mutation($f: [ID!]!) { deleteFiles(input: {files: $f}) { success } }", {"f": [node["id"]]})
    assert listed(lab)["fileCount"] == 0
    assert call(node["directUrl"])[0] == 404


def test_a_link_expires():
    signer = Signer(b"secret")
    query = dict(
        part.split("=") for part in signer.link("http://x", "PUT", 1, "f", now=1000).partition("?")[2].split("&")
    )
    signer.check("PUT", 1, "f", **query, now=1000 + LIFETIME_SECONDS)
    with pytest.raises(KeyRejectedError, match="expired"):
        signer.check("PUT", 1, "f", **query, now=1001 + LIFETIME_SECONDS)
    with pytest.raises(KeyRejectedError, match="not made"):
        signer.check("PUT", 1, "f", expires="9" * 12, signature=query["signature"], now=1000)
    with pytest.raises(KeyRejectedError, match="not made"):
        Signer(b"other").check("PUT", 1, "f", **query, now=1000)
