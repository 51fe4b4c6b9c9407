"""IAM's users and login profiles where moto is more generous than AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.iam.models import User

from workflows.sandbox.strict.identity import Call, Identity, Operation
from workflows.sandbox.strict.refusal import Refusal
from workflows.sandbox.strict.request import AwsRequest

_OWN = frozenset(
    {
        "ChangePassword",
        "CreateAccessKey",
        "DeactivateMFADevice",
        "DeleteAccessKey",
        "DeleteLoginProfile",
        "GetLoginProfile",
        "GetMFADevice",
        "GetUser",
        "ListAccessKeys",
        "ListMFADevices",
        "ListSSHPublicKeys",
        "ListServiceSpecificCredentials",
        "ListSigningCertificates",
        "UpdateAccessKey",
    }
)


def for_own_user(identity: Identity, request: AwsRequest) -> AwsRequest:
    """The request with the caller's own name where IAM lets a user leave it out.

    Raises:
        Refusal: the caller is a role, which has no user of its own.
    """
    if request.service != "iam" or request.action not in _OWN or request.text("UserName"):
        return request
    if not identity.is_user:
        raise Refusal("ValidationError", "Must specify userName when calling with non-User credentials")
    return request.with_parameter("UserName", identity.name)


def _get_user(call: Call) -> dict[str, Any] | None:
    """A bootstrap administrator is a user to AWS's eyes, and unknown to moto."""
    identity = call.identity
    name = call.text("UserName")
    if not identity.is_bootstrap or name != identity.name or name in call.backend.users:
        return None
    created = datetime.fromtimestamp(0, UTC)
    user = {
        "Path": "/",
        "UserName": name,
        "UserId": identity.user_id,
        "Arn": identity.arn,
        "CreateDate": created,
    }
    return {"User": user}


def _list_users(call: Call) -> dict[str, Any]:
    prefix = call.text("PathPrefix") or "/"
    users = sorted(call.backend.users.values(), key=lambda user: user.name)
    chosen = [user for user in users if user.path.startswith(prefix) and user.name > call.text("Marker")]
    size = int(call.text("MaxItems") or 100)
    page, more = chosen[:size], len(chosen) > size
    return {"Users": page, "IsTruncated": more, "Marker": page[-1].name if more else None}


def _delete_user(call: Call) -> None:
    user = call.backend.get_user(call.text("UserName"))
    for held, words in (
        (user.access_keys, "must delete access keys first."),
        (user.password, "must delete login profile first."),
        (user.mfa_devices, "must delete MFA device first."),
        (call.backend.get_groups_for_user(user.name), "must remove user from group first."),
    ):
        if held:
            raise Refusal("DeleteConflict", f"Cannot delete entity, {words}", 409)


def _delete_group(call: Call) -> None:
    if call.backend.get_group(call.text("GroupName")).users:
        raise Refusal("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409)


def _set_password(call: Call, user: User, password: str) -> None:
    passwords = call.state.passwords
    passwords.check(call.backend.account_password_policy, user.arn, user.name, password)
    user.password = password
    passwords.remember(user.arn, password, call.now)


def _create_login_profile(call: Call) -> dict[str, Any]:
    user = call.backend.get_user(call.text("UserName"))
    if user.password:
        raise Refusal("EntityAlreadyExists", f"Login Profile for user {user.name} already exists.", 409)
    _set_password(call, user, call.text("Password"))
    user.password_reset_required = call.text("PasswordResetRequired") == "true"
    profile = {
        "UserName": user.name,
        "CreateDate": datetime.fromtimestamp(call.now, UTC),
        "PasswordResetRequired": user.password_reset_required,
    }
    return {"LoginProfile": profile}


def _update_login_profile(call: Call) -> dict[str, Any]:
    user = call.backend.get_login_profile(call.text("UserName"))
    if password := call.text("Password"):
        _set_password(call, user, password)
    if reset := call.text("PasswordResetRequired"):
        user.password_reset_required = reset == "true"
    return {}


def _delete_login_profile(call: Call) -> None:
    user = call.backend.get_login_profile(call.text("UserName"))
    user.password_reset_required = False
    call.state.passwords.forget(user.arn)


def _change_password(call: Call) -> dict[str, Any]:
    if not call.identity.is_user:
        raise Refusal("InvalidUserType", "Only IAM Users can change their own password", 400)
    user = call.backend.get_login_profile(call.identity.name)
    if user.password != call.text("OldPassword"):
        raise Refusal("AccessDenied", "The old password was incorrect.", 403)
    if call.text("NewPassword") == user.password:
        raise Refusal("PasswordPolicyViolation", "The new password must differ from the old one.", 400)
    _set_password(call, user, call.text("NewPassword"))
    user.password_reset_required = False
    return {}


def _list_service_specific_credentials(call: Call) -> dict[str, Any]:
    """Moto knows no such credentials, so nobody has any."""
    call.backend.get_user(call.text("UserName"))
    return {"ServiceSpecificCredentials": []}


OPERATIONS: dict[str, Operation] = {
    "ChangePassword": _change_password,
    "CreateLoginProfile": _create_login_profile,
    "DeleteGroup": _delete_group,
    "DeleteLoginProfile": _delete_login_profile,
    "DeleteUser": _delete_user,
    "GetUser": _get_user,
    "ListServiceSpecificCredentials": _list_service_specific_credentials,
    "ListUsers": _list_users,
    "UpdateLoginProfile": _update_login_profile,
}
