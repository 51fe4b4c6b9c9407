"""Sample messages whose packets have the form of OpenPGP, made without gpg."""

from __future__ import annotations

import base64
import hashlib

from workflows.messages.handoff import Identity, RoleProfile
from workflows.messages.request import Request

FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4) + body


def ciphertext(body: bytes = b"\x42" * 512) -> str:
    session_key = b"\x03" + bytes.fromhex("89ABCDEF01234567") + b"\x01" + body
    return base64.b64encode(packet(1, session_key) + packet(18, b"\x01" + body[:60])).decode()


def public_key(body: bytes = b"\x07" * 520) -> tuple[str, str]:
    body = b"\x04" + body
    fingerprint = (
        hashlib.sha1(b"\x99" + len(body).to_bytes(2) + body, usedforsecurity=False).hexdigest().upper()
    )
    return base64.b64encode(
        packet(6, body) + packet(13, b"Jane Doe <jane@example.com>")
    ).decode(), fingerprint


def identity(**changes: object) -> Identity:
    values: dict[str, object] = {
        "account_name": "security",
        "account_alias": "bb-security",
        "account_id": "222222222222",
        "user": "jane.doe",
        "sign_in_url": "https://bb-security.signin.aws.amazon.com/console",
        "encrypted_password": ciphertext(),
        "key_fingerprint": FINGERPRINT,
        "region": "us-east-1",
        "password_policy": ("At least 16 characters, with “symbols” & <digits>.",),
        "profiles": (RoleProfile("bb-shared-devops", "DevOps", "shared", "333333333333"),),
    }
    return Identity(**(values | changes))  # type: ignore[arg-type]


def request(**changes: object) -> Request:
    key, fingerprint = public_key()
    values: dict[str, object] = {
        "project": "bb",
        "user": "jane.doe",
        "public_key": key,
        "fingerprint": fingerprint,
        "name": "Jane Doë",
    }
    return Request(**(values | changes))  # type: ignore[arg-type]
