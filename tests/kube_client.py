"""Kubernetes as tests and benchmarks see it from outside: plain JSON over a kubeconfig, and kubectl as people do."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Object = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"


class KubeAnswerError(Exception):
    """The API server answered with a failure; the text is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Connection:
    """What a kubeconfig says of its current cluster: address, certificate authority, token."""

    server: str
    token: str | None
    tls: ssl.SSLContext | None = field(repr=False)

    @classmethod
    def read(cls, kubeconfig: Path) -> Connection:
        config = yaml.safe_load(kubeconfig.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        return cls(cluster["server"].rstrip("/"), user.get("token"), _tls(cluster, user))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


class Kube:
    """One cluster. Every call is one request; paths are those of the API."""

    def __init__(self, kubeconfig: Path, kubectl: str = "kubectl") -> None:
        self.kubeconfig = kubeconfig
        self.connection = Connection.read(kubeconfig)
        self._kubectl = kubectl

    def get(self, path: str) -> Object:
        return self.call("GET", path)

    def find(self, path: str) -> Object | None:
        """The object, or None if there is none."""
        try:
            return self.get(path)
        except KubeAnswerError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str) -> list[Object]:
        return list(self.get(path)["items"])

    def create(self, path: str, body: Mapping[str, Any]) -> Object:
        return self.call("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Object:
        return self.call("PATCH", path, body, content_type=MERGE_PATCH)

    def delete(self, path: str, **options: Any) -> None:
        """Gone already: nothing happens."""
        try:
            self.call("DELETE", path, {"propagationPolicy": "Background", **options})
        except KubeAnswerError as error:
            if error.status != 404:
                raise

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, content_type: str = "application/json"
    ) -> Object:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type, "Accept": "application/json", **self.connection.headers}
        request = urllib.request.Request(self.connection.server + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.connection.tls) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                raise KubeAnswerError(error.code, _message(error.read())) from None

    def kubectl(self, *arguments: str, manifest: Mapping[str, Any] | str = "", check: bool = True) -> str:
        """What kubectl prints, errors included; a manifest goes to its standard input."""
        given = manifest if isinstance(manifest, str) else json.dumps(manifest)
        done = subprocess.run(
            [self._kubectl, "--kubeconfig", str(self.kubeconfig), *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        printed = done.stdout + done.stderr
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)} ended with {done.returncode}: {printed}")
        return printed


def write_kubeconfig(path: Path, server: str) -> Path:
    """A kubeconfig for a server that wants no credentials, such as a proxy on the loopback interface."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "proxied", "cluster": {"server": server}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "proxied", "context": {"cluster": "proxied", "user": "nobody"}}],
        "current-context": "proxied",
    }
    path.write_text(yaml.safe_dump(config))
    return path


def _named(entries: list[Object], name: str) -> Object:
    return next(entry for entry in entries if entry["name"] == name)


def _tls(cluster: Object, user: Object) -> ssl.SSLContext | None:
    if not cluster["server"].startswith("https:"):
        return None
    inline = cluster.get("certificate-authority-data")
    context = ssl.create_default_context(
        cafile=cluster.get("certificate-authority"), cadata=base64.b64decode(inline).decode() if inline else None
    )
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "client-certificate" in user:
        context.load_cert_chain(user["client-certificate"], user["client-key"])
    return context


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text).get("message"))
    except ValueError:
        return text.decode(errors="replace")
