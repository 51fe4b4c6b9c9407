"""The console's sign-ins, one per browser, and calls to AWS in the name of the signed-in user."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import wraps
from typing import Any

from flask import current_app, g, redirect, request, url_for
from moto.iam.models import IAMBackend
from werkzeug.wrappers import Response

from workflows.sandbox.strict.application import StrictAws
from workflows.sandbox.strict.identity import Identity, account, user_of
from workflows.sandbox.strict.protocol import Refusal

LASTS_SECONDS = 12 * 3600


class Stage(StrEnum):
    """The step that a sign-in needs next."""

    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - a stage
    DONE = "done"


@dataclass(frozen=True)
class NewKey:
    """An access key that was just created; its secret is shown until the person confirms having saved it."""

    access_key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class SignIn:
    """One browser's sign-in.

    Attributes:
        token: the value of the browser's cookie.
        account_id: the account's 12 digits.
        user: the IAM user's name.
        stage: the next step.
        expires_at: seconds since the epoch.
        mfa_at: when the user entered a code, in seconds since the epoch, or None.
        pending_device: the serial number of the device whose QR code the page shows, or "".
    """

    token: str = field(repr=False)
    account_id: str
    user: str
    stage: Stage
    expires_at: float
    mfa_at: float | None = None
    pending_device: str = ""


COOKIE = "sandbox-console"
Page = Callable[..., str | Response | tuple[str, int]]
_PAGE_OF = {Stage.CODE: "console.code", Stage.PASSWORD: "console.password"}


class Desk:
    """What the pages use: the strict AWS, its accounts, and the sign-ins, one per browser.

    Attributes:
        strict: the strict AWS.
        new_keys: the keys whose secrets can still be seen, by the sign-in's token; they are not saved.
    """

    def __init__(self, strict: StrictAws) -> None:
        self.strict = strict
        self.new_keys: dict[str, NewKey] = {}
        self._sign_ins: dict[str, SignIn] = strict.state.part("sign_ins", SignIn)

    def now(self) -> float:
        """The sandbox's time, in seconds since the epoch."""
        return self.strict.clock()

    def start(self, account_id: str, user: str, stage: Stage) -> SignIn:
        """Start a sign-in after the right password was entered."""
        sign_in = SignIn(secrets.token_urlsafe(32), account_id, user, stage, self.now() + LASTS_SECONDS)
        self.keep(sign_in)
        return sign_in

    def keep(self, sign_in: SignIn) -> None:
        """Add a sign-in, or replace its earlier version."""
        self._sign_ins[sign_in.token] = sign_in

    def current(self) -> SignIn | None:
        """Return this browser's sign-in, complete or not; None if there is none or it has expired."""
        sign_in = self._sign_ins.get(request.cookies.get(COOKIE, ""))
        if sign_in is not None and sign_in.expires_at <= self.now():
            self.end()
            return None
        return sign_in

    def end(self) -> None:
        """Remove this browser's sign-in, if there is one."""
        token = request.cookies.get(COOKIE, "")
        self._sign_ins.pop(token, None)
        self.new_keys.pop(token, None)

    def pending_devices(self) -> list[tuple[str, str]]:
        """Return (account id, serial number) of the devices whose QR code a page shows now."""
        return [
            (sign_in.account_id, sign_in.pending_device)
            for sign_in in self._sign_ins.values()
            if sign_in.pending_device and sign_in.expires_at > self.now()
        ]

    def identity(self, sign_in: SignIn) -> Identity:
        """Return the signed-in user as a caller.

        Raises:
            Refusal: the user has been deleted.
        """
        who = user_of(self.strict.state.directory, sign_in.account_id, sign_in.user, sign_in.mfa_at)
        if who is None:
            raise Refusal("NoSuchEntity", f"The user with name {sign_in.user} cannot be found.", 404)
        return who

    def call(self, action: str, service: str = "iam", **parameters: str) -> dict[str, Any]:
        """Call AWS as the signed-in user and return the response in boto3's form.

        Raises:
            Refusal: AWS rejects the call.
        """
        return self.strict.call(self.identity(g.sign_in), service, action, parameters)

    def find_account(self, alias_or_id: str) -> str | None:
        """Return the id of the account with that alias or id, or None."""
        ids = self.strict.state.directory.accounts.values()
        if alias_or_id in ids:
            return alias_or_id
        return next((number for number in ids if alias_or_id in account(number).account_aliases), None)


def desk() -> Desk:
    """Return the desk of the application that handles this request."""
    found: Desk = current_app.extensions["desk"]
    return found


def signed_in(page: Page) -> Page:
    """Decorate a page for signed-in users; redirect others to the step that their sign-in needs next."""

    @wraps(page)
    def guarded(*args: str, **arguments: str) -> str | Response | tuple[str, int]:
        sign_in = desk().current()
        if sign_in is None:
            return redirect(url_for("console.sign_in"))
        if sign_in.stage in _PAGE_OF:
            return redirect(url_for(_PAGE_OF[sign_in.stage]))
        g.sign_in = sign_in
        return page(*args, **arguments)

    return guarded


def account_label(backend: IAMBackend) -> str:
    """Return an account's alias, if it has one, and its id, for display."""
    alias = backend.account_aliases[0] if backend.account_aliases else ""
    return f"{alias} ({backend.account_id})" if alias else str(backend.account_id)
