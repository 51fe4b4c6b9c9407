"""What the console's pages share: the current sign-in, and calls to AWS in that person's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import g, redirect, request, url_for
from moto.iam.models import IAMBackend
from werkzeug.wrappers import Response

from workflows.sandbox.console.sign_ins import SignIn, SignIns, Stage
from workflows.sandbox.strict import StrictAws
from workflows.sandbox.strict.directory import Directory
from workflows.sandbox.strict.identity import Identity, account
from workflows.sandbox.strict.refusal import Refusal

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
        who = self.strict.identities.user(
            sign_in.account_id, sign_in.user, mfa_at=sign_in.mfa_at, session=True
        )
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

    def signed_in(self, page: Page) -> Page:
        """A page for somebody who is signed in completely; others are sent where they can go on."""

        @wraps(page)
        def guarded(*args: str, **arguments: str) -> str | Response | tuple[str, int]:
            sign_in = self.current()
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
