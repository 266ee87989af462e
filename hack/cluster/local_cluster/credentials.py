"""The secrets of one cluster: a token for its administrator, a key that signs service account tokens, kubeconfigs."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_GROUP_ORDER_P256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_OID_P256: Final = bytes.fromhex("06082a8648ce3d030107")


@dataclass(frozen=True)
class Credentials:
    """Files in the cluster's folder that only its owner can read."""

    folder: Path

    @property
    def tokens(self) -> Path:
        return self.folder / "tokens.csv"

    @property
    def service_account_key(self) -> Path:
        return self.folder / "service-account.key"

    @property
    def certificates(self) -> Path:
        """Where the API server puts the certificate that it makes for itself."""
        return self.folder / "certificates"

    @property
    def certificate_authority(self) -> Path:
        return self.certificates / "apiserver.crt"

    @property
    def token(self) -> str:
        return self.tokens.read_text().partition(",")[0]

    def create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self.tokens, f"{secrets.token_hex(20)},admin,admin,system:masters\n")
        write_private(self.service_account_key, new_p256_key())

    def kubeconfig(self, server: str, cluster: str) -> str:
        """A kubeconfig for this cluster alone; possible once the API server has made its certificate."""
        name = json.dumps(cluster)  # quoted: to YAML a cluster named n, on or 1e3 would be no text
        authority = base64.b64encode(self.certificate_authority.read_bytes()).decode()
        return f"""apiVersion: v1
kind: Config
current-context: {name}
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {name}
  user:
    token: {self.token}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}
"""


def write_private(path: Path, text: str) -> None:
    """Write aside and move, so that a reader sees all of it or nothing; the mode is set before the content."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    aside.touch(mode=0o600)
    aside.write_text(text)
    aside.rename(path)


def new_p256_key() -> str:
    """A fresh private key as PEM (RFC 5915). Its public half is left out: the readers compute it."""
    number = (secrets.randbelow(_GROUP_ORDER_P256 - 1) + 1).to_bytes(32, "big")
    body = _der(0x02, b"\x01") + _der(0x04, number) + _der(0xA0, _OID_P256)
    encoded = base64.encodebytes(_der(0x30, body)).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{encoded}-----END EC PRIVATE KEY-----\n"


def _der(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content  # all lengths here are below 128
