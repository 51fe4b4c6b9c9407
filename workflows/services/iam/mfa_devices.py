"""MFA devices: what a user registers for itself, and what an administrator takes away when it is lost."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.services.authenticator import normal_code, two_codes_problem
from workflows.services.aws_errors import AwsError, AwsFailure, calling_aws
from workflows.services.clients import AwsClient
from workflows.services.iam.arguments import named, utc
from workflows.services.sts import CodeMemory, Identity, RepeatedCode, WrongCode


@dataclass(frozen=True)
class MfaDevice:
    """An MFA device of a user.

    Attributes:
        serial: what `mfa_serial` and GetSessionToken need; an ARN, or a hardware token's number.
        enabled_at: since when (UTC).
    """

    serial: str
    enabled_at: datetime

    @property
    def kind(self) -> MfaDeviceKind:
        """Told by the form of the serial."""
        if ":u2f/" in self.serial:
            return MfaDeviceKind.SECURITY_KEY
        return MfaDeviceKind.APP if ":mfa/" in self.serial else MfaDeviceKind.HARDWARE

    @property
    def gives_codes(self) -> bool:
        """Whether it can be used on the command line: a security key or passkey shows no six digits."""
        return self.kind is not MfaDeviceKind.SECURITY_KEY


class MfaDeviceKind(Enum):
    """What shows the code; a passkey counts as a security key."""

    APP = "app"
    SECURITY_KEY = "security key"
    HARDWARE = "hardware token"


class DeviceExists(OnboardError):  # noqa: N818 - as the other refusals are named
    """A virtual MFA device of that name is there already, perhaps never enabled.

    Attributes:
        serial: the device's.
    """

    def __init__(self, name: str, user: str, serial: str) -> None:
        quoted = shlex.quote(serial)
        super().__init__(
            "There is an MFA device of this name already",
            f"The account has a virtual MFA device named {name}, and its seed is not known here.",
            why="It belongs to somebody, or an earlier set-up was interrupted before the device was enabled."
            " Without MFA you may not delete it yourself, and AWS shows a seed only once.",
            next="Send these lines to your administrator, then start again here:\n\n"
            f"  aws iam deactivate-mfa-device --user-name {shlex.quote(user)} --serial-number {quoted}\n"
            f"  aws iam delete-virtual-mfa-device --serial-number {quoted}\n\n"
            "The first one fails with NoSuchEntity if the device was never enabled; that is in order.",
        )
        self.serial = serial


def list_mfa_devices(iam: AwsClient, user: str | None = None) -> tuple[MfaDevice, ...]:
    """The user's enabled devices of every kind, the oldest first. Allowed without MFA.

    Raises:
        AwsError: they could not be read.
    """
    with calling_aws("listing your MFA devices"):
        pages = iam.get_paginator("list_mfa_devices").paginate(**named(user))
        found = [
            MfaDevice(device["SerialNumber"], utc(device["EnableDate"]))
            for page in pages
            for device in page["MFADevices"]
        ]
    return tuple(sorted(found, key=lambda device: device.enabled_at))


def create_virtual_mfa_device(iam: AwsClient, name: str, owner: Identity) -> tuple[str, Secret]:
    """Create a device; the Base32 seed is told this once, so keep it in the vault before anything else.

    Args:
        iam: a client of the user's own access key.
        name: the device's name; some policies allow the user's own name only.
        owner: who it is for; names the device in the message when it is there already.

    Returns:
        The serial (an ARN) and the seed.

    Raises:
        DeviceExists: there is one of that name.
        AwsError: anything else.
    """
    try:
        with calling_aws("creating the MFA device"):
            device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    except AwsError as error:
        if error.failure is AwsFailure.EXISTS:
            raise DeviceExists(name, owner.user_name or name, _serial_there(iam, name, owner)) from None
        raise
    seed = device["Base32StringSeed"]
    return device["SerialNumber"], Secret(seed.decode("ascii") if isinstance(seed, bytes) else seed)


def _serial_there(iam: AwsClient, name: str, owner: Identity) -> str:
    """The serial of the device that has a name already: as AWS lists it, else as it usually is."""
    try:
        unused = unused_mfa_devices(iam, name)
    except AwsError as error:
        if not error.denied:
            raise
        unused = ()
    return unused[0] if unused else f"arn:{owner.partition}:iam::{owner.account}:mfa/{name}"


def enable_mfa_device(
    iam: AwsClient, user: str, serial: str, codes: tuple[str, str], *, memory: CodeMemory
) -> None:
    """Enable a device with two consecutive codes, the earlier one first.

    Args:
        iam: a client of the user's own access key.
        user: the user's name, which this operation demands.
        serial: of the device.
        codes: as typed.
        memory: the codes given to AWS so far.

    Raises:
        WrongCode: not six digits, or AWS did not accept them.
        RepeatedCode: both are the same, or one was given before; AWS is not asked.
        AwsError: anything else.
    """
    first, second = codes
    problem = two_codes_problem(first, second)
    if problem is not None:
        refusal = (
            RepeatedCode if normal_code(first) == normal_code(second) and normal_code(first) else WrongCode
        )
        raise refusal(
            "These two codes cannot enable the device",
            problem.message,
            next="Enter two codes, one after the other.",
        )
    digits = [memory.claim(serial, first), memory.claim(serial, second)]
    try:
        with calling_aws("enabling the MFA device"):
            iam.enable_mfa_device(
                UserName=user,
                SerialNumber=serial,
                AuthenticationCode1=digits[0],
                AuthenticationCode2=digits[1],
            )
    except AwsError as error:
        if error.failure is AwsFailure.MFA_CODE:
            remedy = (
                "Enter the code that the app shows now, wait for its next one, and enter that as the second."
            )
            raise WrongCode(
                error.title, error.what, why=error.why, next=remedy, detail=error.detail
            ) from None
        raise


def unused_mfa_devices(iam: AwsClient, user: str) -> tuple[str, ...]:
    """Serials of virtual devices named after a user that nobody has enabled; they block its next set-up.

    Raises:
        AwsError: they could not be listed.
    """
    with calling_aws("listing MFA devices that were never enabled"):
        pages = iam.get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus="Unassigned")
        serials = [device["SerialNumber"] for page in pages for device in page["VirtualMFADevices"]]
    return tuple(sorted(serial for serial in serials if serial.rpartition("/")[2] == user))


def remove_mfa_device(iam: AwsClient, user: str, serial: str) -> None:
    """Take a device away from a user for good; a virtual one is deleted too, so that its name is free.

    What is gone already, or was never enabled, is no failure: a removal that was cut off can be made again.

    Raises:
        AwsError: it could not be deactivated or deleted.
    """
    _unless_gone(
        "deactivating the MFA device",
        lambda: iam.deactivate_mfa_device(UserName=user, SerialNumber=serial),
    )
    if ":mfa/" in serial:
        _unless_gone("deleting the MFA device", lambda: iam.delete_virtual_mfa_device(SerialNumber=serial))


def _unless_gone(doing: str, ask: Callable[[], object]) -> None:
    try:
        with calling_aws(doing):
            ask()
    except AwsError as error:
        if error.failure is not AwsFailure.NOT_FOUND:
            raise
