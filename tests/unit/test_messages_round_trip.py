from __future__ import annotations

import base64
import email.message
import hashlib
import re
import textwrap
from collections.abc import Callable

import pytest

from workflows.messages.handoff import Handoff, Identity, RoleProfile, open_handoff
from workflows.messages.request import Request, open_request

URL_BY_ID = "https://444444444444.signin.aws.amazon.com/console"
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


# --- what happens to a text on its way ---------------------------------------------------------------------


def quoted(text: str) -> str:
    return "".join(f"> {line}\n" if line else ">\n" for line in text.split("\n"))


def quoted_twice_without_blank(text: str) -> str:
    return "".join(f">>{line}\n" for line in text.split("\n"))


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def chatter(text: str) -> str:
    return f'Hi {{there}}, see below\n\nOn Monday, you wrote:\n{text}\n-- \nSent from my phone {{}} "quote\n'


def smart_quotes(text: str) -> str:
    return re.sub(r'"([^"\n]*)"', "“\\1”", text)


def hard_wrapped_at(width: int) -> Callable[[str], str]:
    def wrap(text: str) -> str:
        return "\n".join(
            line[start : start + width]
            for line in text.split("\n")
            for start in range(0, max(len(line), 1), width)
        )

    return wrap


def soft_wrapped(text: str) -> str:
    return "\n".join("\n".join(textwrap.wrap(line, 50, break_on_hyphens=False)) for line in text.split("\n"))


def entities(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def without_fence(text: str) -> str:
    return text.replace("```json\n", "").replace("```", "")


def hard_blanks(text: str) -> str:
    return text.replace(" ", "\u00a0").replace("\u00a0join", " join")


def byte_order_mark(text: str) -> str:
    return "\ufeff" + text


def links(text: str) -> str:
    return re.sub(r'(https://[^"\s]+)', r"\1<\1>", text)


def chat_links(text: str) -> str:
    return re.sub(r'(https://[^"\s]+)', r"<\1>", text)


def saved_mail(encoding: str) -> Callable[[str], str]:
    def save(text: str) -> str:
        message = email.message.EmailMessage()
        message["From"] = "admin@example.com"
        message["Subject"] = "Your access"
        message.set_content(text, cte=encoding)
        return message.as_string()

    return save


MANGLES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quoted": quoted,
    "quoted twice": quoted_twice_without_blank,
    "crlf": crlf,
    "chatter": chatter,
    "smart quotes": smart_quotes,
    "soft wrapped": soft_wrapped,
    "entities": entities,
    "without the fence": without_fence,
    "hard blanks": hard_blanks,
    "byte order mark": byte_order_mark,
    "links": links,
    "chat links": chat_links,
    "quoted-printable mail": saved_mail("quoted-printable"),
    "base64 mail": saved_mail("base64"),
}


@pytest.mark.parametrize("mangle", MANGLES.values(), ids=MANGLES.keys())
def test_a_handoff_survives_its_way(mangle: Callable[[str], str]) -> None:
    second = identity(
        account_name="management", account_id="444444444444", sign_in_url=URL_BY_ID, profiles=()
    )
    handoff = Handoff("bb", (identity(), second))
    assert open_handoff(mangle(handoff.render())) == handoff


@pytest.mark.parametrize("mangle", MANGLES.values(), ids=MANGLES.keys())
def test_a_request_survives_its_way(mangle: Callable[[str], str]) -> None:
    original = request(replacement=True, reason="The laptop with the key was lost, & it's “gone” <for good>.")
    assert open_request(mangle(original.render())) == original
