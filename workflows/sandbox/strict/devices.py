"""Virtual MFA devices: a real seed, a real QR code, codes that are really checked."""

from __future__ import annotations

import io
import re
from typing import Any
from urllib.parse import quote

import segno
from moto.iam.models import IAMBackend, VirtualMfaDevice

from workflows.sandbox.strict.identity import Call, Operation
from workflows.sandbox.strict.refusal import Refusal
from workflows.sandbox.strict.state import Codes

_NAME = re.compile(r"[\w+=,.@-]{1,226}")
_CODE = re.compile(r"[0-9]{6}")
_ISSUER = "Amazon Web Services"


def key_uri(backend: IAMBackend, device: VirtualMfaDevice) -> str:
    """The `otpauth:` URI that a device's QR code holds."""
    name = device.serial_number.rpartition("/")[2]
    where = backend.account_aliases[0] if backend.account_aliases else backend.account_id
    label = f"{quote(_ISSUER)}:{quote(f'{name}@{where}', safe='@')}"
    return f"otpauth://totp/{label}?secret={device.base32_string_seed}&issuer={quote(_ISSUER)}"


def qr_code(uri: str) -> bytes:
    """A PNG picture of a text's QR code."""
    picture = io.BytesIO()
    segno.make(uri, error="l", micro=False).save(picture, kind="png", scale=4, border=4)
    return picture.getvalue()


def accepts(backend: IAMBackend, codes: Codes, user: str, serial: str, code: str, now: float) -> bool:
    """Use up a code of a device that is enabled for a user; False if it is not accepted."""
    device = backend.virtual_mfa_devices.get(serial)
    if device is None or serial not in backend.get_user(user).mfa_devices:
        return False
    return codes.use(serial, device.base32_string_seed, code, now)


def check_code(call: Call, serial: str, code: str) -> None:
    """Use up the caller's MFA code in an STS call.

    Raises:
        Refusal: in STS's words: no such device of this user, or a code that is wrong, old or used already.
    """
    if not _CODE.fullmatch(code):
        raise Refusal(
            "ValidationError",
            f"1 validation error detected: Value '{code}' at 'tokenCode' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\d]{6}",
        )
    user = call.backend.users.get(call.identity.name) if call.identity.is_user else None
    if user is None or serial not in user.mfa_devices:
        raise Refusal(
            "AccessDenied",
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial "
            "number is valid and associated with this user.",
            403,
        )
    if not accepts(call.backend, call.state.codes, user.name, serial, code, call.now):
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
        raise Refusal("NoSuchEntity", f"MFA Device with serial number {serial} does not exist.", 404)
    return device


def _enable(call: Call) -> None:
    user, device = call.backend.get_user(call.text("UserName")), _device(call)
    if device.user is not None:
        raise Refusal("EntityAlreadyExists", "MFA Device is already in use.", 409)
    if len(user.mfa_devices) >= 8:
        raise Refusal("LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: 8", 409)
    _check_pair(call, device, resync=False)


def _resync(call: Call) -> dict[str, Any]:
    user, device = call.backend.get_user(call.text("UserName")), _device(call)
    if device.serial_number not in user.mfa_devices:
        raise Refusal("NoSuchEntity", f"MFA Device invalid for user {user.name}.", 404)
    _check_pair(call, device, resync=True)
    return {}


def _check_pair(call: Call, device: VirtualMfaDevice, *, resync: bool) -> None:
    first, second = call.text("AuthenticationCode1"), call.text("AuthenticationCode2")
    seed, serial = device.base32_string_seed, device.serial_number
    if not call.state.codes.use_pair(serial, seed, first, second, call.now, resync=resync):
        raise Refusal("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)


def _delete(call: Call) -> None:
    device = _device(call)
    if device.user is not None:
        raise Refusal("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", 409)
    call.state.codes.forget(device.serial_number)


def _list(call: Call) -> dict[str, Any]:
    """AWS shows a seed once, when the device is made; moto would list it to everybody."""
    devices, marker = call.backend.list_virtual_mfa_devices(
        call.text("AssignmentStatus") or "Any",
        call.text("Marker") or None,
        int(call.text("MaxItems") or 100),
    )
    shown: list[dict[str, Any]] = []
    for device in devices:
        entry: dict[str, Any] = {"SerialNumber": device.serial_number}
        if device.user is not None:
            entry |= {"EnableDate": device.enable_date, "User": device.user_attribute}
        shown.append(entry)
    return {"VirtualMFADevices": shown, "IsTruncated": bool(marker), "Marker": marker}


def _get(call: Call) -> dict[str, Any]:
    device = _device(call)
    if device.user is None or device.enable_date is None:
        raise Refusal(
            "NoSuchEntity", f"MFA Device with serial number {device.serial_number} is not enabled.", 404
        )
    return {
        "UserName": device.user.name,
        "SerialNumber": device.serial_number,
        "EnableDate": device.enable_date,
    }


OPERATIONS: dict[str, Operation] = {
    "CreateVirtualMFADevice": _create,
    "EnableMFADevice": _enable,
    "ResyncMFADevice": _resync,
    "DeleteVirtualMFADevice": _delete,
    "GetMFADevice": _get,
    "ListVirtualMFADevices": _list,
}
