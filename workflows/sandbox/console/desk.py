"""Who is signed in to the console in which browser, and calls to AWS in that person's name."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import wraps
from typing import Any

from flask import current_app, g, redirect, request, url_for
from moto.iam.models import IAMBackend
from werkzeug.wrappers import Response

from workflows.core.shapes import plain
from workflows.sandbox.layout import Directory
from workflows.sandbox.strict.application import StrictAws
from workflows.sandbox.strict.identity import Identity, account
from workflows.sandbox.strict.protocol import Refusal
from workflows.sandbox.strict.state import Part

LASTS_SECONDS = 12 * 3600


class Stage(StrEnum):
    """What a sign-in still lacks."""

    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - a stage
    DONE = "done"


@dataclass(frozen=True)
class NewKey:
    """An access key that was just created; its secret is shown until the person leaves the page."""

    access_key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class SignIn:
    """One browser's sign-in.

    Attributes:
        token: the value of the browser's cookie.
        account_id: the account.
        user: the IAM user's name.
        stage: what is still to be done.
        expires_at: seconds since the epoch.
        mfa_at: when a code was given, or None.
        pending_device: the serial number of the device whose QR code the page shows, or "".
        new_key: the key whose secret can still be seen. Never kept over a restart.
    """

    token: str = field(repr=False)
    account_id: str
    user: str
    stage: Stage
    expires_at: float
    mfa_at: float | None = None
    pending_device: str = ""
    new_key: NewKey | None = None


class SignIns(Part):
    """Every sign-in of the sandbox's console."""

    entries: dict[str, SignIn]
    kind, listed, named_by = SignIn, "sign_ins", "token"

    def start(self, account_id: str, user: str, stage: Stage, now: float) -> SignIn:
        """A person gave the right password."""
        sign_in = SignIn(secrets.token_urlsafe(32), account_id, user, stage, now + LASTS_SECONDS)
        self.keep(sign_in)
        return sign_in

    def find(self, token: str, now: float) -> SignIn | None:
        """The sign-in of a cookie, or None if there is none or it is over."""
        sign_in = self.entries.get(token)
        if sign_in is not None and sign_in.expires_at <= now:
            del self.entries[token]
            return None
        return sign_in

    def keep(self, sign_in: SignIn) -> None:
        """Put a sign-in in the place of its earlier self."""
        self.entries[sign_in.token] = sign_in

    def end(self, token: str) -> None:
        """The person signed out."""
        self.entries.pop(token, None)

    def pending_devices(self, now: float) -> list[tuple[str, str]]:
        """The devices whose QR code is on a page now: (account id, serial number)."""
        return [
            (sign_in.account_id, sign_in.pending_device)
            for sign_in in self.entries.values()
            if sign_in.pending_device and sign_in.expires_at > now
        ]

    def dump(self) -> dict[str, Any]:
        """Everything but secrets of new keys, as a JSON object."""
        return {"sign_ins": [plain(replace(sign_in, new_key=None)) for sign_in in self.entries.values()]}


COOKIE = "sandbox-console"
Page = Callable[..., str | Response | tuple[str, int]]
_PAGE_OF = {Stage.CODE: "console.code", Stage.PASSWORD: "console.password"}


@dataclass(frozen=True)
class Desk:
    """The strict AWS behind the pages, its accounts, and who is signed in."""

    strict: StrictAws
    directory: Directory
    sign_ins: SignIns

    def now(self) -> float:
        """The sandbox's time, in seconds since the epoch."""
        return self.strict.clock()

    def current(self) -> SignIn | None:
        """This browser's sign-in, however far it has come."""
        return self.sign_ins.find(request.cookies.get(COOKIE, ""), self.now())

    def identity(self, sign_in: SignIn) -> Identity:
        """The signed-in user as a caller.

        Raises:
            Refusal: the user was deleted meanwhile.
        """
        who = self.strict.identities.user(sign_in.account_id, sign_in.user, mfa_at=sign_in.mfa_at)
        if who is None:
            raise Refusal("NoSuchEntity", f"The user with name {sign_in.user} cannot be found.", 404)
        return who

    def call(self, action: str, service: str = "iam", **parameters: str) -> dict[str, Any]:
        """Call AWS as the signed-in user; the answer is as boto3 would give it.

        Raises:
            Refusal: AWS refuses.
        """
        return self.strict.call(self.identity(g.sign_in), service, action, parameters)

    def find_account(self, alias_or_id: str) -> str | None:
        """The id of the account with that alias or id, or None."""
        ids = self.directory.accounts.values()
        if alias_or_id in ids:
            return alias_or_id
        return next((number for number in ids if alias_or_id in account(number).account_aliases), None)


def desk() -> Desk:
    """The desk of the application that answers."""
    found: Desk = current_app.extensions["desk"]
    return found


def signed_in(page: Page) -> Page:
    """A page for somebody who is signed in completely; others are sent where they can go on."""

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
    """An account as people know it: by its alias and its id."""
    alias = backend.account_aliases[0] if backend.account_aliases else ""
    return f"{alias} ({backend.account_id})" if alias else str(backend.account_id)
