"""The console's pages: sign-in and sign-out, security credentials, MFA, access keys, switching roles."""

from __future__ import annotations

import hmac
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import segno
from flask import Blueprint, g, redirect, render_template, request, send_file, url_for
from moto.iam.models import User
from werkzeug.wrappers import Response

from workflows.sandbox.console.desk import (
    COOKIE,
    LASTS_SECONDS,
    NewKey,
    SignIn,
    Stage,
    account_label,
    desk,
    signed_in,
)
from workflows.sandbox.strict.iam import accepts, key_uri
from workflows.sandbox.strict.identity import account
from workflows.sandbox.strict.protocol import Refusal
from workflows.sandbox.strict.state import rules

Answer = str | Response | tuple[str, int]
_CHANGES: dict[str, tuple[str, dict[str, str]]] = {
    "activate": ("UpdateAccessKey", {"Status": "Active"}),
    "deactivate": ("UpdateAccessKey", {"Status": "Inactive"}),
    "delete": ("DeleteAccessKey", {}),
}
_INCORRECT = "Your authentication information is incorrect. Please try again."


pages = Blueprint("console", __name__, url_prefix="/console")


@pages.context_processor
def who() -> dict[str, Any]:
    """Return the template variables about the signed-in user; none while nobody is completely signed in."""
    sign_in: SignIn | None = g.get("sign_in")
    if sign_in is None:
        return {}
    return {"sign_in": sign_in, "label": account_label(account(sign_in.account_id))}


@pages.errorhandler(Refusal)
def refused(refusal: Refusal) -> Answer:
    """Show AWS's error message on the security credentials page."""
    return _security(refusal.message), refusal.status


@pages.route("", methods=["GET", "POST"])
def sign_in() -> Answer:
    """Ask for user name and password; `/console?account=ALIAS` fills in the account."""
    if request.method == "POST":
        return _check_password()
    wanted = request.args.get("account", "")
    current = desk().current()
    if current is not None and (not wanted or desk().find_account(wanted) == current.account_id):
        return redirect(url_for("console.home"))
    return render_template("sign_in.html", account=wanted, user_name="", problem="")


def _check_password() -> Answer:
    alias, name = request.form.get("account", "").strip(), request.form.get("user_name", "").strip()
    given = request.form.get("password", "")
    account_id = desk().find_account(alias)
    user = account(account_id).users.get(name) if account_id else None
    right = hmac.compare_digest((user.password if user and user.password else "").encode(), given.encode())
    if account_id is None or user is None or not given or not right:
        return render_template("sign_in.html", account=alias, user_name=name, problem=_INCORRECT), 403
    stage = Stage.CODE if user.mfa_devices else _stage_after_code(user)
    sign_in = desk().start(account_id, name, stage)
    if stage is not Stage.CODE:
        _note_use(user)
    desk().end()
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


@pages.route("/code", methods=["GET", "POST"])
def code() -> Answer:
    """Ask a user with an MFA device for its code."""
    sign_in = desk().current()
    if sign_in is None or sign_in.stage is not Stage.CODE:
        return redirect(url_for("console.home"))
    if request.method == "GET":
        return render_template("code.html", sign_in=sign_in, problem="")
    backend = account(sign_in.account_id)
    user = backend.get_user(sign_in.user)
    given = request.form.get("code", "").replace(" ", "")
    state, now = desk().strict.state, desk().now()
    if not any(accepts(state, backend, user.name, serial, given, now) for serial in list(user.mfa_devices)):
        problem = "That code was not accepted. Each code is good once: wait for the next one and try again."
        return render_template("code.html", sign_in=sign_in, problem=problem), 403
    _note_use(user)
    desk().keep(replace(sign_in, mfa_at=now, stage=_stage_after_code(user)))
    return redirect(url_for("console.home"))


@pages.route("/password", methods=["GET", "POST"])
def password() -> Answer:
    """Change the password: as the user wishes, or because the current one is a one-time password."""
    sign_in = desk().current()
    if sign_in is None or sign_in.stage is Stage.CODE:
        return redirect(url_for("console.home"))
    if request.method == "GET":
        return _password_page(sign_in)
    new = request.form.get("new_password", "")
    if new != request.form.get("new_password_again", ""):
        return _password_page(sign_in, "The two new passwords are not the same."), 400
    g.sign_in = sign_in
    try:
        desk().call("ChangePassword", OldPassword=request.form.get("old_password", ""), NewPassword=new)
    except Refusal as refusal:
        return _password_page(sign_in, refusal.message), refusal.status
    desk().keep(replace(sign_in, stage=Stage.DONE))
    return redirect(url_for("console.home"))


def _password_page(sign_in: SignIn, problem: str = "") -> str:
    policy = account(sign_in.account_id).account_password_policy
    return render_template(
        "password.html",
        sign_in=sign_in,
        forced=sign_in.stage is Stage.PASSWORD,
        rules=[words for words, _ in rules(policy, "")],
        own_policy=policy is not None,
        label=account_label(account(sign_in.account_id)),
        problem=problem,
    )


@pages.route("/sign-out", methods=["POST"])
def sign_out() -> Answer:
    """End this browser's session."""
    sign_in = desk().current()
    where = url_for("console.sign_in", account=sign_in.account_id) if sign_in else url_for("console.sign_in")
    desk().end()
    answer = redirect(where)
    answer.delete_cookie(COOKIE, path=_cookie_path())
    return answer


def _stage_after_code(user: User) -> Stage:
    return Stage.PASSWORD if user.password_reset_required else Stage.DONE


def _note_use(user: User) -> None:
    # moto declares the attribute as None, but documents that it may be set
    user.password_last_used = datetime.fromtimestamp(desk().now(), UTC)  # type: ignore[assignment]


def _cookie_path() -> str:
    return f"{request.script_root}/console"


@pages.route("/home")
@signed_in
def home() -> Answer:
    """Show who is signed in, and links to the other pages."""
    return render_template("home.html")


@pages.route("/security")
@signed_in
def security() -> Answer:
    """Show the devices and access keys that the user is allowed to see."""
    return _security()


@pages.route("/mfa", methods=["GET", "POST"])
@signed_in
def mfa() -> Answer:
    """Ask for a device's name and kind, then show its QR code."""
    if request.method == "GET":
        if g.sign_in.pending_device:
            return redirect(url_for("console.mfa_codes"))
        return render_template("mfa.html", name=g.sign_in.user, problem="")
    name = request.form.get("name", "").strip()
    if request.form.get("kind") != "app":
        problem = (
            "A passkey lives in a browser or a security key, which the sandbox doesn't have; and it gives no "
            "code for the command line. Choose the authenticator app."
        )
        return render_template("mfa.html", name=name, problem=problem), 400
    try:
        made = desk().call("CreateVirtualMFADevice", VirtualMFADeviceName=name)
    except Refusal as refusal:
        return render_template("mfa.html", name=name, problem=refusal.message), refusal.status
    desk().keep(replace(g.sign_in, pending_device=made["VirtualMFADevice"]["SerialNumber"]))
    return redirect(url_for("console.mfa_codes"))


@pages.route("/mfa/codes", methods=["GET", "POST"])
@signed_in
def mfa_codes() -> Answer:
    """Show the QR code and the secret key, and ask for two codes as proof that it was scanned."""
    serial = g.sign_in.pending_device
    device = account(g.sign_in.account_id).virtual_mfa_devices.get(serial)
    if device is None:
        desk().keep(replace(g.sign_in, pending_device=""))
        return redirect(url_for("console.mfa"))
    problem, status = "", 200
    if request.method == "POST":
        first, second = (request.form.get(name, "").replace(" ", "") for name in ("code_1", "code_2"))
        try:
            desk().call(
                "EnableMFADevice",
                UserName=g.sign_in.user,
                SerialNumber=serial,
                AuthenticationCode1=first,
                AuthenticationCode2=second,
            )
        except Refusal as refusal:
            problem, status = refusal.message, refusal.status
        else:
            desk().keep(replace(g.sign_in, pending_device=""))
            return render_template("mfa_done.html", serial=serial)
    picture = segno.make(key_uri(account(g.sign_in.account_id), device), error="l", micro=False)
    page = render_template(
        "mfa_codes.html",
        serial=serial,
        picture=picture.png_data_uri(scale=4, border=4),
        seed=device.base32_string_seed,
        problem=problem,
    )
    return page, status


@pages.route("/mfa/cancel", methods=["POST"])
@signed_in
def mfa_cancel() -> Answer:
    """Delete the pending device, if the policy allows that."""
    serial = g.sign_in.pending_device
    desk().keep(replace(g.sign_in, pending_device=""))
    if not serial:
        return redirect(url_for("console.security"))
    try:
        desk().call("DeleteVirtualMFADevice", SerialNumber=serial)
    except Refusal as refusal:
        words = f"{refusal.message} The device {serial} stays, assigned to nobody: use another name."
        return _security(words), refusal.status
    return redirect(url_for("console.security"))


@pages.route("/keys", methods=["POST"])
@signed_in
def create_key() -> Answer:
    """Create an access key; only the next page shows its secret."""
    made = desk().call("CreateAccessKey", UserName=g.sign_in.user)["AccessKey"]
    desk().new_keys[g.sign_in.token] = NewKey(made["AccessKeyId"], made["SecretAccessKey"])
    return redirect(url_for("console.new_key"))


@pages.route("/keys/new", methods=["GET", "POST"])
@signed_in
def new_key() -> Answer:
    """Show the new key with its secret, until the user confirms having saved it."""
    if request.method == "POST":
        desk().new_keys.pop(g.sign_in.token, None)
    if (key := desk().new_keys.get(g.sign_in.token)) is None:
        return redirect(url_for("console.security"))
    return render_template("new_key.html", key=key, file_name=_file_name())


@pages.route("/keys/download")
@signed_in
def download_key() -> Answer:
    """Return the new key as a CSV file in the form of AWS's console."""
    if (key := desk().new_keys.get(g.sign_in.token)) is None:
        return _security("The secret access key can no longer be seen. Create another access key."), 404
    text = f"Access key ID,Secret access key\r\n{key.access_key_id},{key.secret}\r\n"
    return send_file(io.BytesIO(text.encode()), "text/csv", as_attachment=True, download_name=_file_name())


@pages.route("/keys/<key_id>/<change>", methods=["POST"])
@signed_in
def change_key(key_id: str, change: str) -> Answer:
    """Activate, deactivate or delete a key."""
    if change not in _CHANGES:
        return _security(f"A key cannot be made to {change}."), 404
    action, how = _CHANGES[change]
    desk().call(action, UserName=g.sign_in.user, AccessKeyId=key_id, **how)
    return redirect(url_for("console.security"))


@pages.route("/switchrole", methods=["GET", "POST"])
@signed_in
def switch_role() -> Answer:
    """Switch roles; the address accepts account, roleName and displayName, as AWS's does."""
    given = {name: request.values.get(name, "").strip() for name in ("account", "roleName", "displayName")}
    if request.method == "GET":
        return render_template("switch_role.html", given=given, problem="", arn="")
    account_id = desk().find_account(given["account"]) or given["account"]
    role = f"arn:aws:iam::{account_id}:role/{given['roleName']}"
    try:
        answer = desk().call("AssumeRole", "sts", RoleArn=role, RoleSessionName=g.sign_in.user)
    except Refusal as refusal:
        problem = (
            f"{refusal.message} Could not switch roles: check the account, the role, and your own groups."
        )
        return render_template("switch_role.html", given=given, problem=problem, arn=""), 403
    return render_template("switch_role.html", given=given, problem="", arn=answer["AssumedRoleUser"]["Arn"])


def _security(problem: str = "") -> str:
    devices, devices_problem = _ask("ListMFADevices", "MFADevices")
    keys, keys_problem = _ask("ListAccessKeys", "AccessKeyMetadata")
    return render_template(
        "security.html",
        problem=problem,
        devices=devices,
        devices_problem=devices_problem,
        keys=keys,
        keys_problem=keys_problem,
    )


def _ask(action: str, listed: str) -> tuple[list[dict[str, Any]], str]:
    """Return a list of the user's resources, and AWS's error message if the user may not see it."""
    try:
        return desk().call(action, UserName=g.sign_in.user)[listed], ""
    except Refusal as refusal:
        return [], refusal.message


def _file_name() -> str:
    return f"{g.sign_in.user}_accessKeys.csv"
