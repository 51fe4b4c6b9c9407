"""The pretend phone: an authenticator app for the demo and the tests."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
from flask import Blueprint, current_app, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from workflows.sandbox.console.desk import desk
from workflows.sandbox.strict.iam import key_uri
from workflows.sandbox.strict.identity import account
from workflows.sandbox.strict.state import STEP_SECONDS, code_at

Answer = str | Response | tuple[str, int]


@dataclass(frozen=True)
class Entry:
    """An account in the authenticator app: its name and its Base32 seed."""

    label: str
    seed: str = field(repr=False)


def scan_into(entries: dict[str, Entry], text: str) -> None:
    """Add an account from an `otpauth:` URI or a secret key, or replace the one with the same seed.

    Raises:
        ValueError: the text is neither; the message is meant for the user.
    """
    entry = _read(text)
    entries.pop(entry.seed, None)
    entries[entry.seed] = entry


def shown_of(entries: dict[str, Entry], now: float) -> list[dict[str, Any]]:
    """Return what the app's screen shows for each account: label, code, seconds_left, next_code."""
    left = STEP_SECONDS - int(now) % STEP_SECONDS
    return [
        {
            "label": entry.label,
            "code": code_at(entry.seed, now),
            "seconds_left": left,
            "next_code": code_at(entry.seed, now, 1),
        }
        for entry in entries.values()
    ]


def _read(text: str) -> Entry:
    text, label = text.strip(), ""
    if text.startswith("otpauth:"):
        parts = urlsplit(text)
        asked = parse_qs(parts.query)
        if parts.netloc != "totp" or "secret" not in asked:
            raise ValueError("That otpauth: address is not one of a time-based code with a secret.")
        label, text = unquote(parts.path.lstrip("/")), asked["secret"][0]
    seed = text.replace(" ", "").replace("-", "").upper()
    try:
        known = len(pyotp.TOTP(seed).byte_secret()) >= 10
    except (binascii.Error, ValueError):
        known = False
    if not known:
        raise ValueError(
            "That is no secret key: it has the letters A to Z and the digits 2 to 7 only, at least 16."
        )
    return Entry(label or "Unnamed account", seed)


pages = Blueprint("phone", __name__, url_prefix="/phone")


def _entries() -> dict[str, Entry]:
    found: dict[str, Entry] = current_app.extensions["phone"]
    return found


@pages.route("")
def screen() -> Answer:
    """Show every account with its code, and the QR codes that can be scanned."""
    return _screen()


@pages.route("/codes.json")
def codes() -> Answer:
    """Return the same as JSON: `{"sandbox": true, "accounts": [{label, code, seconds_left, next_code}]}`."""
    return jsonify(sandbox=True, accounts=shown_of(_entries(), desk().now()))


@pages.route("/scan", methods=["POST"])
def scan() -> Answer:
    """Scan a QR code that the console shows (`pending`: its serial number), or enter a key (`secret`)."""
    serial = request.form.get("pending", "")
    text = request.form.get("secret", "")
    if serial:
        text = next((uri for shown, uri in _on_show() if shown == serial), "")
    try:
        scan_into(_entries(), text)
    except ValueError as error:
        return _screen("No page of the console shows that QR code now." if serial else str(error)), 400
    return redirect(url_for("phone.screen"))


@pages.route("/remove", methods=["POST"])
def remove() -> Answer:
    """Remove an account from the phone."""
    number = request.form.get("number", "")
    at = int(number) if number.isdecimal() else len(_entries())
    for seed in list(_entries())[at : at + 1]:
        del _entries()[seed]
    return redirect(url_for("phone.screen"))


def _on_show() -> Iterator[tuple[str, str]]:
    """Yield (serial number, URI) of the QR codes that the console's pages show now."""
    for account_id, serial in desk().pending_devices():
        backend = account(account_id)
        if device := backend.virtual_mfa_devices.get(serial):
            yield serial, key_uri(backend, device)


def _screen(problem: str = "") -> str:
    now = desk().now()
    return render_template(
        "phone.html",
        entries=shown_of(_entries(), now),
        pending=[serial for serial, _ in _on_show()],
        refresh=STEP_SECONDS - int(now) % STEP_SECONDS,
        problem=problem,
    )
