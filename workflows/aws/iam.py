"""IAM users: what a user does for itself, and what an administrator does when one is locked out or leaves.

Each function is one API operation with its facts made plain. `user=None` means the one who signs, which IAM
finds out by the access key; the self-management policy allows no other.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from threading import Event
from typing import Any, TypeVar

from workflows.aws.authenticator import normal_code, two_codes_problem
from workflows.aws.clients import AwsClient
from workflows.aws.errors import DENIALS, AwsError, AwsFailure, asked, calling_aws
from workflows.aws.sts import CodeMemory, Identity, RepeatedCode, WrongCode
from workflows.core.errors import Cancelled, OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence


def _named(user: str | None) -> dict[str, str]:
    """The argument that names a user; none for the one who signs, whom IAM finds by the access key."""
    return {} if user is None else {"UserName": user}


def _utc(value: datetime) -> datetime:
    """A moment of an answer, in UTC."""
    return value.astimezone(UTC)


_MISSING = frozenset({AwsFailure.NOT_FOUND})


def _login_profile(
    iam: AwsClient, user: str | None, doing: str, when: frozenset[AwsFailure] = _MISSING
) -> Mapping[str, Any] | None:
    """A user's console password as IAM describes it; None where asking fails in one of these ways."""
    return asked(lambda: iam.get_login_profile(**_named(user))["LoginProfile"], None, when, doing=doing)


def _user(iam: AwsClient, user: str | None) -> Mapping[str, Any]:
    with calling_aws("reading your user"):
        found: Mapping[str, Any] = iam.get_user(**_named(user))["User"]
    return found


def password_last_used(iam: AwsClient, user: str | None = None) -> datetime | None:
    """The last sign-in to the console (UTC), or None. AWS may tell it some minutes late. Allowed without MFA.

    Raises:
        AwsError: it could not be read.
    """
    used = _user(iam, user).get("PasswordLastUsed")
    return _utc(used) if used else None


def must_change_password(iam: AwsClient, user: str | None = None) -> bool | None:
    """Whether the next sign-in has to choose a new password: the one-time password is not replaced yet.

    Returns:
        None if the user has no password, or if this may not be asked: usually only with MFA.

    Raises:
        AwsError: it could not be asked, for another reason.
    """
    profile = _login_profile(iam, user, "asking whether the password must be changed", _MISSING | DENIALS)
    return None if profile is None else bool(profile.get("PasswordResetRequired", False))


def password_made_at(iam: AwsClient, user: str) -> datetime | None:
    """When a user's console password was created (UTC), or None if the user has none, or isn't there.

    Raises:
        AwsError: it could not be asked.
    """
    profile = _login_profile(iam, user, "asking when the password was created")
    return None if profile is None else _utc(profile["CreateDate"])


class Arrival(Enum):
    """How far somebody has come who was sent a one-time password."""

    NO_USER = auto()
    NO_PASSWORD = auto()
    OTHER_PASSWORD = auto()
    AWAY = auto()
    MUST_CHOOSE = auto()
    UNSEEN = auto()
    NO_MFA = auto()
    HERE = auto()


def arrival(iam: AwsClient, user: str, made_by: datetime | None = None) -> Arrival:
    """How far a user has come; AWS may tell of a sign-in some minutes late.

    Args:
        iam: the client.
        user: the IAM user.
        made_by: a one-time password that was made later is another one than they were sent; None for any.

    Raises:
        AwsError: it could not be asked.
    """
    found = asked(lambda: _user(iam, user), None, _MISSING)
    if found is None:
        return Arrival.NO_USER
    profile = _login_profile(iam, user, "asking whether somebody has signed in")
    if profile is None:
        return Arrival.NO_PASSWORD
    used = found.get("PasswordLastUsed")
    signed_in = used is not None and used >= profile["CreateDate"]
    if profile.get("PasswordResetRequired"):
        if made_by is not None and profile["CreateDate"] > made_by:
            return Arrival.OTHER_PASSWORD
        return Arrival.MUST_CHOOSE if signed_in else Arrival.AWAY
    if not signed_in:
        return Arrival.UNSEEN  # somebody set a password by hand, or AWS reports the sign-in later
    return Arrival.HERE if list_mfa_devices(iam, user) else Arrival.NO_MFA


def get_account_password_policy(iam: AwsClient) -> Mapping[str, Any]:
    """The account's own policy as IAM answers it; empty if it has none, so AWS's default holds.

    Raises:
        AwsError: it could not be read; people usually may not without MFA.
    """
    doing = "reading the account's password policy"
    return asked(lambda: iam.get_account_password_policy()["PasswordPolicy"], {}, _MISSING, doing=doing)


def find_user(iam: AwsClient, user: str) -> str | None:
    """The ARN of a user, or None if the account has none of that name.

    Raises:
        AwsError: it could not be asked.
    """
    return asked(lambda: str(_user(iam, user)["Arn"]), None, _MISSING)


def account_alias(iam: AwsClient) -> str:
    """The account's alias, "" if it has none or the caller may not ask.

    Raises:
        AwsError: it could not be asked, for another reason.
    """
    doing = "asking for the account's alias"
    return next(iter(asked(lambda: iam.list_account_aliases()["AccountAliases"], (), doing=doing)), "")


LONGEST = 128
SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
_KINDS = {
    "RequireUppercaseCharacters": "A-Z",
    "RequireLowercaseCharacters": "a-z",
    "RequireNumbers": "0-9",
    "RequireSymbols": SYMBOLS,
}


def describe_password_policy(policy: Mapping[str, Any]) -> list[str]:
    """The rules, one short line each, as somebody who has to choose a password wants them.

    Rules and defaults are those of the IAM user guide, "Set an account password policy for IAM users". A
    policy comes as IAM answers it (`MinimumPasswordLength`) or as Terraform does (`minimum_password_length`).

    Args:
        policy: the account's; an empty one means AWS's default.
    """
    if not policy:
        return [
            f"8 to {LONGEST} characters",
            f"3 kinds of: A-Z, a-z, 0-9, {SYMBOLS}",
            "not your user name",
        ]
    rules = {  # Terraform's names as IAM's, without what is not set
        "".join(part[:1].upper() + part[1:] for part in key.split("_")): value
        for key, value in policy.items()
        if value is not None
    }
    # IAM takes 6 to 128, and 6 where a policy says nothing (API reference, UpdateAccountPasswordPolicy).
    lines = [f"{int(rules.get('MinimumPasswordLength') or 6)} to {LONGEST} characters"]
    if kinds := [kind for key, kind in _KINDS.items() if _flag(rules.get(key))]:
        lines.append(f"one of each: {' '.join(kinds)}")
    if reuse := int(rules.get("PasswordReusePrevention") or 0):
        lines.append("not your last password" if reuse == 1 else f"not one of your last {reuse}")
    if age := int(rules.get("MaxPasswordAge") or 0):
        lines.append(f"good for {age} days")
        if _flag(rules.get("HardExpiry")):
            lines.append("once expired, only an administrator can set a new one")
    if not _flag(rules.get("AllowUsersToChangePassword", True)):
        lines.append("you can change it only if one of your groups allows that")
    return lines


def _flag(value: object) -> bool:
    """Terraform's state and tfvars may carry booleans as text."""
    return value.strip().lower() in {"true", "1"} if isinstance(value, str) else bool(value)


OLD_KEY_DAYS = 90
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class AccessKey:
    """An access key without its secret, which AWS never shows again.

    Attributes:
        access_key_id: its id.
        active: whether it works.
        created: when (UTC).
        last_used: when it was used last (UTC); None if never, or if AWS did not tell.
        last_used_service: with which service ("s3"), or "".
        last_use_known: False if the user may not ask for the last use.
    """

    access_key_id: str
    active: bool
    created: datetime
    last_used: datetime | None
    last_used_service: str
    last_use_known: bool = True

    def age_days(self, now: datetime) -> int:
        """Its age in whole days at that time (timezone aware)."""
        return max(0, (now - self.created).days)


def list_access_keys(iam: AwsClient, user: str | None = None) -> tuple[AccessKey, ...]:
    """The user's access keys, the oldest first, each with its last use where that may be asked.

    Raises:
        AwsError: they could not be listed.
    """
    with calling_aws("listing your access keys"):
        pages = iam.get_paginator("list_access_keys").paginate(**_named(user))
        found = [_access_key(iam, entry) for page in pages for entry in page["AccessKeyMetadata"]]
    return tuple(sorted(found, key=lambda key: key.created))


def create_access_key(iam: AwsClient, user: str | None = None) -> tuple[str, Secret]:
    """Create an access key: its id and its secret, which AWS shows only once.

    Raises:
        AwsError: `LIMIT` when the user has two already; anything else.
    """
    with calling_aws("creating an access key"):
        key = iam.create_access_key(**_named(user))["AccessKey"]
    return key["AccessKeyId"], Secret(key["SecretAccessKey"])


def set_access_key_active(
    iam: AwsClient, access_key_id: str, *, active: bool, user: str | None = None
) -> None:
    """Activate or deactivate an access key.

    Raises:
        AwsError: it could not be changed.
    """
    status = "Active" if active else "Inactive"
    with calling_aws(f"{'activating' if active else 'deactivating'} the access key {access_key_id}"):
        iam.update_access_key(AccessKeyId=access_key_id, Status=status, **_named(user))


def delete_access_key(iam: AwsClient, access_key_id: str, user: str | None = None) -> None:
    """Delete an access key for good.

    Raises:
        AwsError: it could not be deleted.
    """
    with calling_aws(f"deleting the access key {access_key_id}"):
        iam.delete_access_key(AccessKeyId=access_key_id, **_named(user))


def wait_until_usable(
    ask: Callable[[], Answer],
    *,
    cancelled: Event,
    monotonic: Callable[[], float],
    pause: Callable[[float], object] | None = None,
    timeout: float = 60.0,
    in_a_row: int = 2,
) -> Answer:
    """Ask with a new access key until AWS knows it: that takes about ten seconds, and not everywhere at once.

    Args:
        ask: makes one signed request, such as `caller_identity`; its last answer is returned.
        cancelled: ends the wait.
        monotonic: the clock, in seconds.
        pause: waits that many seconds; None waits on `cancelled`, so a cancel comes through at once.
        timeout: for how many seconds a new key may stay unknown.
        in_a_row: so many good answers one after the other are needed.

    Raises:
        Cancelled: the person stopped it.
        AwsError: another failure than an unknown key, at once; that one when the time is over.
    """
    wait, deadline = pause or cancelled.wait, monotonic() + timeout
    delay, good = 0.5, 0
    while not cancelled.is_set():
        try:
            answer = ask()
        except AwsError as error:
            if (
                error.failure not in {AwsFailure.KEY_UNKNOWN, AwsFailure.THROTTLED}
                or monotonic() + delay > deadline
            ):
                raise
            good = 0
            wait(delay)
            delay = min(delay * 2, 5.0)
            continue
        if (good := good + 1) >= in_a_row:
            return answer
        wait(0.2)
    raise Cancelled(
        "Stopped",
        "The check of the new access key was stopped.",
        next="The key exists; check it again when you like.",
    )


def _access_key(iam: AwsClient, entry: Mapping[str, Any]) -> AccessKey:
    """One listed key with its last use; older self-management policies do not allow that question."""
    answer = asked(
        lambda: iam.get_access_key_last_used(AccessKeyId=entry["AccessKeyId"]),
        None,
        doing="asking when an access key was used last",
    )
    use = answer["AccessKeyLastUsed"] if answer else {}
    last_used = _utc(use["LastUsedDate"]) if use.get("LastUsedDate") else None
    service = str(use.get("ServiceName", "")) if last_used else ""
    return AccessKey(
        entry["AccessKeyId"],
        entry["Status"] == "Active",
        _utc(entry["CreateDate"]),
        last_used,
        service,
        last_use_known=answer is not None,
    )


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
        """Derived from the form of the serial."""
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
            "An MFA device with this name exists already",
            f"The account has a virtual MFA device named {name}, but its seed isn't on this computer.",
            why="It belongs to somebody else, or an earlier set-up stopped before the device was enabled. "
            "Without MFA you can't delete it yourself, and AWS shows a seed only once.",
            next="Send these lines to your admin, then start again here:\n"
            "\n"
            f"  aws iam deactivate-mfa-device --user-name {shlex.quote(user)} --serial-number {quoted}"
            "\n"
            f"  aws iam delete-virtual-mfa-device --serial-number {quoted}\n"
            "\n"
            "The first one fails with NoSuchEntity if the device was never enabled; that is fine.",
        )
        self.serial = serial


def list_mfa_devices(iam: AwsClient, user: str | None = None) -> tuple[MfaDevice, ...]:
    """The user's enabled devices of every kind, the oldest first. Allowed without MFA.

    Raises:
        AwsError: they could not be read.
    """
    with calling_aws("listing your MFA devices"):
        pages = iam.get_paginator("list_mfa_devices").paginate(**_named(user))
        found = [
            MfaDevice(device["SerialNumber"], _utc(device["EnableDate"]))
            for page in pages
            for device in page["MFADevices"]
        ]
    return tuple(sorted(found, key=lambda device: device.enabled_at))


def create_virtual_mfa_device(iam: AwsClient, name: str, owner: Identity) -> tuple[str, Secret]:
    """Create a device; the Base32 seed is shown only this once, so keep it in the vault before anything else.

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
    unused = asked(lambda: unused_mfa_devices(iam, name), ())
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
    if (problem := two_codes_problem(first, second)) is not None:
        refusal = (
            RepeatedCode if normal_code(first) == normal_code(second) and normal_code(first) else WrongCode
        )
        raise refusal(
            "These two codes can't enable the device",
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
    asked(
        lambda: iam.deactivate_mfa_device(UserName=user, SerialNumber=serial),
        None,
        _MISSING,
        doing="deactivating the MFA device",
    )
    if ":mfa/" in serial:
        asked(
            lambda: iam.delete_virtual_mfa_device(SerialNumber=serial),
            None,
            _MISSING,
            doing="deleting the MFA device",
        )


class HoldingKind(Enum):
    """What a user has that stands in the way of its deletion, in words.

    IAM answers DeleteConflict until all of it is gone (API reference, DeleteUser). Terraform removes what is
    in its state; what was made by hand (a second access key, an SSH key for CodeCommit) is found here.
    """

    PASSWORD = "console password"  # noqa: S105 - the kind, in words
    ACCESS_KEY = "access key"
    MFA_DEVICE = "MFA device"
    SSH_KEY = "SSH key"
    SERVICE_CREDENTIAL = "service-specific credential"
    CERTIFICATE = "signing certificate"
    INLINE_POLICY = "inline policy"
    ATTACHED_POLICY = "attached policy"
    GROUP = "membership of the group"

    @property
    def plural(self) -> str:
        """Several of them, in words."""
        if self is HoldingKind.GROUP:
            return "group memberships"
        return f"{self.value.removesuffix('y')}ies" if self.value.endswith("policy") else f"{self.value}s"


@dataclass(frozen=True)
class Holding:
    """One thing that a user has.

    Attributes:
        kind: what it is.
        id: the id, serial, ARN or name that IAM knows it by; "" for the password.
        note: a few words more, or "".
    """

    kind: HoldingKind
    id: str
    note: Sentence = ""

    @property
    def sentence(self) -> Sentence:
        """As a person reads it."""
        name = f"{self.kind.value} {self.id}" if self.id else self.kind.value
        return f"{name} ({self.note})" if self.note else name


def list_holdings(iam: AwsClient, user: str) -> tuple[list[Holding], list[HoldingKind]]:
    """What a user has beside its access keys (`list_access_keys` has more on those) and its password.

    Returns:
        What there is, by kind, and the kinds that the caller may not list.

    Raises:
        AwsError: IAM could not be asked, for another reason than a missing permission.
    """
    found: list[Holding] = []
    denied: list[HoldingKind] = []
    for kind in (HoldingKind.MFA_DEVICE, *_OPERATIONS):
        doing = f"asking what {user} has ({kind.value})"
        if (held := asked(partial(_held, iam, user, kind), None, doing=doing)) is None:
            denied.append(kind)
        else:
            found += held
    return found, denied


def remove_holding(iam: AwsClient, user: str, holding: Holding) -> None:
    """Take one thing away from a user for good.

    Raises:
        AwsError: IAM refuses, or it is gone already.
    """
    match holding.kind:
        case HoldingKind.PASSWORD:
            with calling_aws(f"removing the console password of {user}"):
                iam.delete_login_profile(UserName=user)
        case HoldingKind.ACCESS_KEY:
            delete_access_key(iam, holding.id, user)
        case HoldingKind.MFA_DEVICE:
            remove_mfa_device(iam, user, holding.id)
        case kind:
            _, _, argument, _, operation = _OPERATIONS[kind]
            with calling_aws(f"removing the {holding.sentence} of {user}"):
                getattr(iam, operation)(**{"UserName": user, argument: holding.id})


def has_console_password(iam: AwsClient, user: str) -> bool:
    """Whether a user has a console password.

    Raises:
        AwsError: it could not be asked.
    """
    return _login_profile(iam, user, f"asking whether {user} has a console password") is not None


def _held(iam: AwsClient, user: str, kind: HoldingKind) -> list[Holding]:
    """What a user has of one kind; asked page by page where the operation has pages."""
    if kind is HoldingKind.MFA_DEVICE:
        return [Holding(kind, device.serial, device.kind.value) for device in list_mfa_devices(iam, user)]
    operation, field, identifier, note, _ = _OPERATIONS[kind]
    paged = iam.can_paginate(operation)
    answer = (iam.get_paginator(operation).paginate if paged else getattr(iam, operation))(UserName=user)
    entries = [entry for page in (answer if paged else (answer,)) for entry in page[field]]
    return [
        Holding(kind, entry)
        if isinstance(entry, str)
        else Holding(kind, str(entry[identifier]), str(entry.get(note, "")))
        for entry in entries
    ]


_OPERATIONS: Mapping[HoldingKind, tuple[str, str, str, str, str]] = {
    HoldingKind.SSH_KEY: (
        "list_ssh_public_keys",
        "SSHPublicKeys",
        "SSHPublicKeyId",
        "Status",
        "delete_ssh_public_key",
    ),
    HoldingKind.SERVICE_CREDENTIAL: (
        "list_service_specific_credentials",
        "ServiceSpecificCredentials",
        "ServiceSpecificCredentialId",
        "ServiceName",
        "delete_service_specific_credential",
    ),
    HoldingKind.CERTIFICATE: (
        "list_signing_certificates",
        "Certificates",
        "CertificateId",
        "Status",
        "delete_signing_certificate",
    ),
    HoldingKind.INLINE_POLICY: ("list_user_policies", "PolicyNames", "PolicyName", "", "delete_user_policy"),
    HoldingKind.ATTACHED_POLICY: (
        "list_attached_user_policies",
        "AttachedPolicies",
        "PolicyArn",
        "",
        "detach_user_policy",
    ),
    HoldingKind.GROUP: ("list_groups_for_user", "Groups", "GroupName", "", "remove_user_from_group"),
}
"""How a kind is listed (the client's method, the answer's field with the entries, an entry's id, what is
shown beside it or ""), and the method that takes one away, which names it as the entry does."""
