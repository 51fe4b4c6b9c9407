"""IAM operations that moto checks less strictly than AWS: users, login profiles, virtual MFA devices.

A device has a real seed and a real QR code, and its codes are checked.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import segno
from moto.iam.models import IAMBackend, User, VirtualMfaDevice

from workflows.sandbox.strict.identity import Call, Identity, Operation
from workflows.sandbox.strict.protocol import AwsRequest, Refusal
from workflows.sandbox.strict.state import State, refuse_password, use_codes

_OWN = frozenset(
    {
        "ChangePassword",
        "CreateAccessKey",
        "DeactivateMFADevice",
        "DeleteAccessKey",
        "DeleteLoginProfile",
        "GetLoginProfile",
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
    """Return the request; add the caller's user name where IAM lets users omit it.

    Raises:
        Refusal: the caller is a role, so it has no user name.
    """
    if request.service != "iam" or request.action not in _OWN or request.text("UserName"):
        return request
    if not identity.is_user:
        raise Refusal("ValidationError", "Must specify userName when calling with non-User credentials")
    return request.with_parameter("UserName", identity.name)


def _get_user(call: Call) -> dict[str, Any] | None:
    """Return a bootstrap administrator, who is unknown to moto, as a user."""
    identity = call.identity
    name = call.text("UserName")
    if not identity.is_bootstrap or name != identity.name or name in call.backend.users:
        return None
    user = {
        "Path": "/",
        "UserName": name,
        "UserId": identity.user_id,
        "Arn": identity.arn,
        "CreateDate": datetime.fromtimestamp(0, UTC),
    }
    return {"User": user}


def _delete_user(call: Call) -> None:
    user = call.backend.get_user(call.text("UserName"))
    for held, words in (
        (user.access_keys, "must delete access keys first."),
        (user.password, "must delete login profile first."),
        (user.mfa_devices, "must delete MFA device first."),
        (call.backend.get_groups_for_user(user.name), "must remove user from group first."),
    ):
        if held:
            raise Refusal("DeleteConflict", f"Cannot delete entity, {words}")


def _delete_group(call: Call) -> None:
    if call.backend.get_group(call.text("GroupName")).users:
        raise Refusal("DeleteConflict", "Cannot delete entity, must remove users from group first.")


def _check_password(call: Call, user: User, password: str) -> None:
    refuse_password(call.backend.account_password_policy, user.name, password)


_MADE = "login_profile_made"
"""An additional attribute of moto's user, saved with the others: when the login profile was created."""


def _create_login_profile(call: Call) -> None:
    user = call.backend.get_user(call.text("UserName"))
    if not user.password:  # moto rejects a second one
        _check_password(call, user, call.text("Password"))
        user.password_reset_required = bool(call.request.parameters.get("PasswordResetRequired"))
        vars(user)[_MADE] = datetime.fromtimestamp(call.now, UTC)


def _get_login_profile(call: Call) -> dict[str, Any]:
    """Return the login profile with its own creation date; moto returns the user's."""
    user = call.backend.get_login_profile(call.text("UserName"))
    profile = {
        "UserName": user.name,
        "CreateDate": vars(user).get(_MADE, user.create_date),
        "PasswordResetRequired": user.password_reset_required,
    }
    return {"LoginProfile": profile}


def _update_login_profile(call: Call) -> dict[str, Any]:
    user = call.backend.get_login_profile(call.text("UserName"))
    if password := call.text("Password"):
        _check_password(call, user, password)
        user.password = password
    if (reset := call.request.parameters.get("PasswordResetRequired")) is not None:
        user.password_reset_required = reset
    return {}


def _delete_login_profile(call: Call) -> None:
    call.backend.get_login_profile(call.text("UserName")).password_reset_required = False


def _change_password(call: Call) -> dict[str, Any]:
    if not call.identity.is_user:
        raise Refusal("InvalidUserType", "Only IAM Users can change their own password")
    user = call.backend.get_login_profile(call.identity.name)
    if user.password != call.text("OldPassword"):
        raise Refusal("AccessDenied", "The old password was incorrect.", 403)
    if call.text("NewPassword") == user.password:
        raise Refusal("PasswordPolicyViolation", "The new password must differ from the old one.")
    _check_password(call, user, call.text("NewPassword"))
    user.password, user.password_reset_required = call.text("NewPassword"), False
    return {}


def _list_service_specific_credentials(call: Call) -> dict[str, Any]:
    """Return no credentials, as moto does not support them."""
    call.backend.get_user(call.text("UserName"))
    return {"ServiceSpecificCredentials": []}


_NAME = re.compile(r"[\w+=,.@-]{1,226}")
_ISSUER = "Amazon Web Services"


def key_uri(backend: IAMBackend, device: VirtualMfaDevice) -> str:
    """Return the `otpauth:` URI in a device's QR code."""
    name = device.serial_number.rpartition("/")[2]
    where = backend.account_aliases[0] if backend.account_aliases else backend.account_id
    label = f"{quote(_ISSUER)}:{quote(f'{name}@{where}', safe='@')}"
    return f"otpauth://totp/{label}?secret={device.base32_string_seed}&issuer={quote(_ISSUER)}"


def qr_code(uri: str) -> bytes:
    """Return a text's QR code as a PNG image."""
    picture = io.BytesIO()
    segno.make(uri, error="l", micro=False).save(picture, kind="png", scale=4, border=4)
    return picture.getvalue()


def accepts(state: State, backend: IAMBackend, user: str, serial: str, code: str, now: float) -> bool:
    """Use up a code of a user's enabled device; return whether it was accepted."""
    device = backend.virtual_mfa_devices.get(serial)
    if device is None or serial not in backend.get_user(user).mfa_devices:
        return False
    return use_codes(state.used_codes, serial, device.base32_string_seed, [code], now)


def check_code(call: Call, serial: str, code: str) -> None:
    """Use up the caller's MFA code in an STS call.

    Raises:
        Refusal: the device is not this user's, or the code is wrong, old or already used; in STS's wording.
    """
    user = call.backend.users.get(call.identity.name) if call.identity.is_user else None
    if user is None or serial not in user.mfa_devices:
        raise Refusal(
            "AccessDenied",
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial "
            "number is valid and associated with this user.",
            403,
        )
    if not accepts(call.state, call.backend, user.name, serial, code, call.now):
        raise Refusal(
            "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", 403
        )


def _create(call: Call) -> dict[str, Any]:
    name = call.text("VirtualMFADeviceName")
    if not _NAME.fullmatch(name):
        raise Refusal("ValidationError", "The specified value for virtualMFADeviceName is invalid.")
    device = call.backend.create_virtual_mfa_device(name, call.text("Path"))
    device.qr_code_png = qr_code(key_uri(call.backend, device))
    return {
        "VirtualMFADevice": {
            "SerialNumber": device.serial_number,
            "Base32StringSeed": device.base32_string_seed,
            "QRCodePNG": device.qr_code_png,
        }
    }


def _device(call: Call) -> VirtualMfaDevice:
    serial = call.text("SerialNumber")
    device = call.backend.virtual_mfa_devices.get(serial)
    if device is None:
        raise Refusal("NoSuchEntity", f"MFA Device with serial number {serial} does not exist.")
    return device


def _enable(call: Call) -> None:
    device = _device(call)
    if device.user is not None:
        raise Refusal("EntityAlreadyExists", "MFA Device is already in use.")
    codes = call.text("AuthenticationCode1"), call.text("AuthenticationCode2")
    if not use_codes(call.state.used_codes, device.serial_number, device.base32_string_seed, codes, call.now):
        raise Refusal("InvalidAuthenticationCode", "Authentication code for device is not valid.")


def _delete(call: Call) -> None:
    device = _device(call)
    if device.user is not None:
        raise Refusal("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
    call.state.used_codes.pop(device.serial_number, None)


def _list(call: Call) -> dict[str, Any]:
    """List the devices without their seeds, which AWS shows only when a device is made."""
    devices, marker = call.backend.list_virtual_mfa_devices(
        call.text("AssignmentStatus") or "Any",
        call.text("Marker") or None,
        int(call.text("MaxItems") or 100),
    )
    shown = [
        {
            "SerialNumber": device.serial_number,
            "EnableDate": device.enable_date,
            "User": device.user_attribute,
        }
        for device in devices
    ]
    return {"VirtualMFADevices": shown, "IsTruncated": bool(marker), "Marker": marker}


OPERATIONS: dict[str, Operation] = {
    "ChangePassword": _change_password,
    "CreateLoginProfile": _create_login_profile,
    "CreateVirtualMFADevice": _create,
    "DeleteGroup": _delete_group,
    "DeleteLoginProfile": _delete_login_profile,
    "DeleteUser": _delete_user,
    "DeleteVirtualMFADevice": _delete,
    "EnableMFADevice": _enable,
    "GetLoginProfile": _get_login_profile,
    "GetUser": _get_user,
    "ListServiceSpecificCredentials": _list_service_specific_credentials,
    "ListVirtualMFADevices": _list,
    "UpdateLoginProfile": _update_login_profile,
}
