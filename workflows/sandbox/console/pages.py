"""The console's pages: signing in and out, security credentials, MFA device, access keys, switching role."""

from __future__ import annotations

import csv
import hmac
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import segno
from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from moto.iam.models import User
from werkzeug.wrappers import Response

from workflows.sandbox.console.desk import COOKIE, LASTS_SECONDS, Desk, NewKey, SignIn, Stage, account_label
from workflows.sandbox.strict.iam import accepts, key_uri
from workflows.sandbox.strict.identity import account
from workflows.sandbox.strict.protocol import Refusal
from workflows.sandbox.strict.state import rules

Answer = str | Response | tuple[str, int]
_STATUS = {"activate": "Active", "deactivate": "Inactive"}
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
            COOKIE,
            sign_in.token,
            max_age=LASTS_SECONDS,
            path=_cookie_path(),
            httponly=True,
            samesite="Strict",
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
        answer.delete_cookie(COOKIE, path=_cookie_path())
        return answer

    def _stage_after_code(self, account_id: str, user: User) -> Stage:
        policy = account(account_id).account_password_policy
        expired = self._desk.strict.state.passwords.expired(policy, user.arn, self._desk.now())
        return Stage.PASSWORD if user.password_reset_required or expired else Stage.DONE

    def _note_use(self, user: User) -> None:
        used = datetime.fromtimestamp(self._desk.now(), UTC)
        user.password_last_used = used  # type: ignore[assignment]  # moto declares it None and says it may be set


def _cookie_path() -> str:
    return f"{request.script_root}/console"


class Credentials:
    """What a signed-in user does for itself in AWS's console."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, pages: Blueprint) -> None:
        """Give the pages their addresses."""
        for address, page, methods in (
            ("/home", self.home, ["GET"]),
            ("/security", self.security, ["GET"]),
            ("/mfa", self.mfa, ["GET", "POST"]),
            ("/mfa/codes", self.mfa_codes, ["GET", "POST"]),
            ("/mfa/cancel", self.mfa_cancel, ["POST"]),
            ("/keys", self.create_key, ["POST"]),
            ("/keys/new", self.new_key, ["GET", "POST"]),
            ("/keys/download", self.download_key, ["GET"]),
            ("/keys/<key_id>/<change>", self.change_key, ["POST"]),
            ("/switchrole", self.switch_role, ["GET", "POST"]),
        ):
            pages.add_url_rule(address, view_func=self._desk.signed_in(page), methods=methods)

    def home(self) -> Answer:
        """Who is signed in, and where to go."""
        return render_template("home.html", **self._who())

    def security(self) -> Answer:
        """Devices and access keys, as far as the person may see them."""
        return self._security()

    def mfa(self) -> Answer:
        """Name a device and choose its kind; then its QR code is shown."""
        suggested = g.sign_in.user
        if request.method == "GET":
            if g.sign_in.pending_device:
                return redirect(url_for("console.mfa_codes"))
            return render_template("mfa.html", **self._who(), name=suggested, problem="")
        name = request.form.get("name", "").strip()
        if request.form.get("kind") != "app":
            problem = (
                "A passkey lives in a browser or a security key, which the sandbox has not; and it gives no "
                "code for the command line. Choose the authenticator app."
            )
            return render_template("mfa.html", **self._who(), name=name, problem=problem), 400
        try:
            made = self._desk.call("CreateVirtualMFADevice", VirtualMFADeviceName=name)
        except Refusal as refusal:
            return render_template(
                "mfa.html", **self._who(), name=name, problem=refusal.message
            ), refusal.status
        serial = made["VirtualMFADevice"]["SerialNumber"]
        self._desk.sign_ins.keep(replace(g.sign_in, pending_device=serial))
        return redirect(url_for("console.mfa_codes"))

    def mfa_codes(self) -> Answer:
        """The QR code, the secret key, and the two codes that prove it was scanned."""
        serial = g.sign_in.pending_device
        device = account(g.sign_in.account_id).virtual_mfa_devices.get(serial)
        if device is None:
            self._desk.sign_ins.keep(replace(g.sign_in, pending_device=""))
            return redirect(url_for("console.mfa"))
        problem, status = "", 200
        if request.method == "POST":
            first, second = (request.form.get(name, "").replace(" ", "") for name in ("code_1", "code_2"))
            try:
                self._desk.call(
                    "EnableMFADevice",
                    UserName=g.sign_in.user,
                    SerialNumber=serial,
                    AuthenticationCode1=first,
                    AuthenticationCode2=second,
                )
            except Refusal as refusal:
                problem, status = refusal.message, refusal.status
            else:
                self._desk.sign_ins.keep(replace(g.sign_in, pending_device=""))
                return render_template("mfa_done.html", **self._who(), serial=serial)
        picture = segno.make(key_uri(account(g.sign_in.account_id), device), error="l", micro=False)
        page = render_template(
            "mfa_codes.html",
            **self._who(),
            serial=serial,
            picture=picture.png_data_uri(scale=4, border=4),
            seed=device.base32_string_seed,
            problem=problem,
        )
        return page, status

    def mfa_cancel(self) -> Answer:
        """Give up the pending device; the policy may not let the person delete it."""
        serial = g.sign_in.pending_device
        self._desk.sign_ins.keep(replace(g.sign_in, pending_device=""))
        if not serial:
            return redirect(url_for("console.security"))
        try:
            self._desk.call("DeleteVirtualMFADevice", SerialNumber=serial)
        except Refusal as refusal:
            words = f"{refusal.message} The device {serial} stays, assigned to nobody: use another name."
            return self._security(words), refusal.status
        return redirect(url_for("console.security"))

    def create_key(self) -> Answer:
        """Create an access key; its secret is shown on the next page, and never again."""
        try:
            made = self._desk.call("CreateAccessKey", UserName=g.sign_in.user)["AccessKey"]
        except Refusal as refusal:
            return self._security(refusal.message), refusal.status
        key = NewKey(made["AccessKeyId"], made["SecretAccessKey"])
        self._desk.sign_ins.keep(replace(g.sign_in, new_key=key))
        return redirect(url_for("console.new_key"))

    def new_key(self) -> Answer:
        """The new key with its secret, until the person says that it is kept."""
        if request.method == "POST":
            self._desk.sign_ins.keep(replace(g.sign_in, new_key=None))
        if request.method == "POST" or g.sign_in.new_key is None:
            return redirect(url_for("console.security"))
        return render_template(
            "new_key.html", **self._who(), key=g.sign_in.new_key, file_name=self._file_name()
        )

    def download_key(self) -> Answer:
        """The new key as the CSV file that AWS's console gives."""
        key = g.sign_in.new_key
        if key is None:
            return self._security(
                "The secret access key can no longer be seen. Create another access key."
            ), 404
        text = io.StringIO(newline="")
        csv.writer(text).writerows([("Access key ID", "Secret access key"), (key.access_key_id, key.secret)])
        answer = make_response(text.getvalue().encode())
        answer.headers["Content-Type"] = "text/csv; charset=utf-8"
        answer.headers.set("Content-Disposition", "attachment", filename=self._file_name())
        return answer

    def change_key(self, key_id: str, change: str) -> Answer:
        """Activate, deactivate or delete a key."""
        named = {"UserName": g.sign_in.user, "AccessKeyId": key_id}
        try:
            if change == "delete":
                self._desk.call("DeleteAccessKey", **named)
            elif change in _STATUS:
                self._desk.call("UpdateAccessKey", **named, Status=_STATUS[change])
            else:
                return self._security(f"A key cannot be made to {change}."), 404
        except Refusal as refusal:
            return self._security(refusal.message), refusal.status
        return redirect(url_for("console.security"))

    def switch_role(self) -> Answer:
        """The switch-role page; its address takes account, roleName and displayName as AWS's does."""
        given = {
            name: request.values.get(name, "").strip() for name in ("account", "roleName", "displayName")
        }
        if request.method == "GET":
            return render_template("switch_role.html", **self._who(), given=given, problem="", arn="")
        account_id = self._desk.find_account(given["account"]) or given["account"]
        role = f"arn:aws:iam::{account_id}:role/{given['roleName']}"
        try:
            answer = self._desk.call("AssumeRole", "sts", RoleArn=role, RoleSessionName=g.sign_in.user)
        except Refusal as refusal:
            problem = (
                f"{refusal.message} Could not switch roles: check the account, the role, and your own groups."
            )
            return render_template(
                "switch_role.html", **self._who(), given=given, problem=problem, arn=""
            ), 403
        arn = answer["AssumedRoleUser"]["Arn"]
        return render_template("switch_role.html", **self._who(), given=given, problem="", arn=arn)

    def _security(self, problem: str = "") -> str:
        devices, devices_problem = self._ask("ListMFADevices", "MFADevices")
        keys, keys_problem = self._ask("ListAccessKeys", "AccessKeyMetadata")
        return render_template(
            "security.html",
            **self._who(),
            problem=problem,
            devices=devices,
            devices_problem=devices_problem,
            keys=keys,
            keys_problem=keys_problem,
        )

    def _ask(self, action: str, listed: str) -> tuple[list[dict[str, Any]], str]:
        """A list of the user's own things, and AWS's words if it may not be seen."""
        try:
            return self._desk.call(action, UserName=g.sign_in.user)[listed], ""
        except Refusal as refusal:
            return [], refusal.message

    def _who(self) -> dict[str, Any]:
        return {"sign_in": g.sign_in, "label": account_label(account(g.sign_in.account_id))}

    def _file_name(self) -> str:
        return f"{g.sign_in.user}_accessKeys.csv"
