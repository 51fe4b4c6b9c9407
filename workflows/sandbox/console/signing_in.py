"""Signing in: password, code, a new password where one is due; and signing out."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint, g, redirect, render_template, request, url_for
from moto.iam.models import User
from werkzeug.wrappers import Response

from workflows.sandbox.console.desk import COOKIE, LASTS_SECONDS, Desk, SignIn, Stage, account_label
from workflows.sandbox.strict.devices import accepts
from workflows.sandbox.strict.identity import account
from workflows.sandbox.strict.refusal import Refusal
from workflows.sandbox.strict.state import rules

Answer = str | Response | tuple[str, int]
_INCORRECT = "Your authentication information is incorrect. Please try again."


class SigningIn:
    """The pages with which a session at the console begins and ends."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, pages: Blueprint) -> None:
        """Give the pages their addresses."""
        pages.add_url_rule("", view_func=self.sign_in, methods=["GET", "POST"])
        pages.add_url_rule("/code", view_func=self.code, methods=["GET", "POST"])
        pages.add_url_rule("/password", view_func=self.password, methods=["GET", "POST"])
        pages.add_url_rule("/sign-out", view_func=self.sign_out, methods=["POST"])

    def sign_in(self) -> Answer:
        """`/console?account=ALIAS`: the user name and the password."""
        if request.method == "POST":
            return self._check_password()
        wanted = request.args.get("account", "")
        current = self._desk.current()
        if current is not None and (not wanted or self._desk.find_account(wanted) == current.account_id):
            return redirect(url_for("console.home"))
        return render_template("sign_in.html", account=wanted, user_name="", problem="")

    def _check_password(self) -> Answer:
        alias, name = request.form.get("account", "").strip(), request.form.get("user_name", "").strip()
        given = request.form.get("password", "")
        account_id = self._desk.find_account(alias)
        user = account(account_id).users.get(name) if account_id else None
        right = hmac.compare_digest(
            (user.password if user and user.password else "").encode(), given.encode()
        )
        if account_id is None or user is None or not given or not right:
            return render_template("sign_in.html", account=alias, user_name=name, problem=_INCORRECT), 403
        stage = Stage.CODE if user.mfa_devices else self._stage_after_code(account_id, user)
        sign_in = self._desk.sign_ins.start(account_id, name, stage, self._desk.now())
        if stage is not Stage.CODE:
            self._note_use(user)
        self._desk.sign_ins.end(request.cookies.get(COOKIE, ""))
        answer = redirect(url_for("console.home"))
        answer.set_cookie(
            COOKIE, sign_in.token, max_age=LASTS_SECONDS, path="/console", httponly=True, samesite="Strict"
        )
        return answer

    def code(self) -> Answer:
        """The code of a user who has a device."""
        sign_in = self._desk.current()
        if sign_in is None or sign_in.stage is not Stage.CODE:
            return redirect(url_for("console.home"))
        if request.method == "GET":
            return render_template("code.html", sign_in=sign_in, problem="")
        backend = account(sign_in.account_id)
        user = backend.get_user(sign_in.user)
        given = request.form.get("code", "").replace(" ", "")
        codes, now = self._desk.strict.state.codes, self._desk.now()
        if not any(
            accepts(backend, codes, user.name, serial, given, now) for serial in list(user.mfa_devices)
        ):
            problem = (
                "That code was not accepted. Each code is good once: wait for the next one and try again."
            )
            return render_template("code.html", sign_in=sign_in, problem=problem), 403
        self._note_use(user)
        stage = self._stage_after_code(sign_in.account_id, user)
        self._desk.sign_ins.keep(replace(sign_in, mfa_at=now, stage=stage))
        return redirect(url_for("console.home"))

    def password(self) -> Answer:
        """A new password: forced after a one-time password, or wished."""
        sign_in = self._desk.current()
        if sign_in is None or sign_in.stage is Stage.CODE:
            return redirect(url_for("console.home"))
        if request.method == "GET":
            return self._password_page(sign_in)
        new = request.form.get("new_password", "")
        if new != request.form.get("new_password_again", ""):
            return self._password_page(sign_in, "The two new passwords are not the same."), 400
        g.sign_in = sign_in
        try:
            self._desk.call(
                "ChangePassword", OldPassword=request.form.get("old_password", ""), NewPassword=new
            )
        except Refusal as refusal:
            return self._password_page(sign_in, refusal.message), refusal.status
        self._desk.sign_ins.keep(replace(sign_in, stage=Stage.DONE))
        return redirect(url_for("console.home"))

    def _password_page(self, sign_in: SignIn, problem: str = "") -> str:
        policy = account(sign_in.account_id).account_password_policy
        kept = [words for words, _ in rules(policy, "")]
        if policy is not None and policy.password_reuse_prevention:
            kept.append(f"must not be one of your last {policy.password_reuse_prevention} passwords")
        return render_template(
            "password.html",
            sign_in=sign_in,
            forced=sign_in.stage is Stage.PASSWORD,
            rules=kept,
            own_policy=policy is not None,
            label=account_label(account(sign_in.account_id)),
            problem=problem,
        )

    def sign_out(self) -> Answer:
        """End this browser's session."""
        sign_in = self._desk.current()
        where = (
            url_for("console.sign_in", account=sign_in.account_id) if sign_in else url_for("console.sign_in")
        )
        self._desk.sign_ins.end(request.cookies.get(COOKIE, ""))
        answer = redirect(where)
        answer.delete_cookie(COOKIE, path="/console")
        return answer

    def _stage_after_code(self, account_id: str, user: User) -> Stage:
        policy = account(account_id).account_password_policy
        expired = self._desk.strict.state.passwords.expired(policy, user.arn, self._desk.now())
        return Stage.PASSWORD if user.password_reset_required or expired else Stage.DONE

    def _note_use(self, user: User) -> None:
        used = datetime.fromtimestamp(self._desk.now(), UTC)
        user.password_last_used = used  # type: ignore[assignment]  # moto declares it None and says it may be set
