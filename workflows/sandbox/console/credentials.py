"""The signed-in person's pages: home, security credentials, MFA device, access keys, switching role."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import segno
from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from workflows.sandbox.console.desk import Desk, NewKey, account_label
from workflows.sandbox.strict.devices import key_uri
from workflows.sandbox.strict.identity import account
from workflows.sandbox.strict.refusal import Refusal

Answer = str | Response | tuple[str, int]
_STATUS = {"activate": "Active", "deactivate": "Inactive"}


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
