"""IAM users: self-service operations, and an administrator's when a user is locked out or leaves.

Each function wraps one API operation. `user=None` means the caller, whom IAM identifies by the access key;
the self-management policy allows no other user.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from threading import Event
from typing import Any, Final, TypeVar

from workflows.aws.authenticator import normal_code, two_codes_problem
from workflows.aws.clients import AwsClient
from workflows.aws.errors import AwsError, AwsFailure, asked, calling_aws
from workflows.aws.sts import CodeMemory, Identity, RepeatedCode, WrongCode
from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, DeclaredError, Sentence, Texts

SECONDS_BETWEEN_ANSWERS: Final = 0.2
"""The time between two good answers about a new access key, so that they come from different servers."""


def _named(user: str | None) -> dict[str, str]:
    """Return the argument for a user; none for the caller, whom IAM identifies by the access key."""
    return {} if user is None else {"UserName": user}


def _utc(value: datetime) -> datetime:
    """Convert a time in a response to UTC."""
    return value.astimezone(UTC)


_MISSING = frozenset({AwsFailure.NOT_FOUND})


def _login_profile(iam: AwsClient, user: str | None, doing: str) -> Mapping[str, Any] | None:
    """Return a user's login profile; None without one."""
    return asked(lambda: iam.get_login_profile(**_named(user))["LoginProfile"], None, _MISSING, doing=doing)


def _user(iam: AwsClient, user: str | None) -> Mapping[str, Any]:
    with calling_aws(f"reading the user {user}" if user else "reading your user"):
        found: Mapping[str, Any] = iam.get_user(**_named(user))["User"]
    return found


def password_last_used(iam: AwsClient, user: str | None = None) -> datetime | None:
    """Return the last console sign-in (UTC), or None. AWS may report it minutes late. Allowed without MFA.

    Raises:
        AwsError: it could not be read.
    """
    used = _user(iam, user).get("PasswordLastUsed")
    return _utc(used) if used else None


class PasswordState(Enum):
    """A user's console password: none, one that the next sign-in must replace, their own, or unknown."""

    NONE = auto()
    ONE_TIME = auto()
    CHOSEN = auto()
    NOT_SHOWN = auto()


def password_state(iam: AwsClient, user: str | None = None) -> PasswordState:
    """Return a user's console password (by default the caller's); AWS usually doesn't show it without MFA.

    Raises:
        AwsError: the request failed, and wasn't denied.
    """
    doing = "asking whether the password must be changed"
    profile = asked(lambda: _login_profile(iam, user, doing), {}, doing=doing)
    if not profile:
        return PasswordState.NONE if profile is None else PasswordState.NOT_SHOWN
    return PasswordState.ONE_TIME if profile.get("PasswordResetRequired") else PasswordState.CHOSEN


def password_made_at(iam: AwsClient, user: str) -> datetime | None:
    """Return when a user's console password was created (UTC); None without a password or such a user.

    Raises:
        AwsError: the request failed.
    """
    profile = _login_profile(iam, user, "asking when the password was created")
    return None if profile is None else _utc(profile["CreateDate"])


class Arrival(Enum):
    """The progress of a user who was sent a one-time password."""

    NO_USER = auto()
    NO_PASSWORD = auto()
    OTHER_PASSWORD = auto()
    AWAY = auto()
    MUST_CHOOSE = auto()
    UNSEEN = auto()
    NO_MFA = auto()
    HERE = auto()


def arrival(iam: AwsClient, user: str, made_by: datetime | None = None) -> Arrival:
    """Return a user's progress; AWS may report a sign-in minutes late.

    Args:
        made_by: the latest creation time of the password that was sent; a newer one is a different one. None
            accepts any.

    Raises:
        AwsError: the request failed.
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
    """Return the account's own policy from IAM; empty if it has none, so that AWS's default applies.

    Raises:
        AwsError: it could not be read; this usually needs MFA.
    """
    doing = "reading the account's password policy"
    return asked(lambda: iam.get_account_password_policy()["PasswordPolicy"], {}, _MISSING, doing=doing)


def find_user(iam: AwsClient, user: str) -> str | None:
    """Return the ARN of a user, or None if the account has no such user.

    Raises:
        AwsError: the request failed.
    """
    return asked(lambda: str(_user(iam, user)["Arn"]), None, _MISSING)


def account_alias(iam: AwsClient) -> str:
    """Return the account's alias; "" if it has none or the request is denied.

    Raises:
        AwsError: another failure.
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
    """Describe the rules for choosing a password, one short line each.

    Rules and defaults are those of the IAM user guide, "Set an account password policy for IAM users". A
    policy may be in IAM's form (`MinimumPasswordLength`) or in Terraform's (`minimum_password_length`).

    Args:
        policy: the account's policy; an empty one means AWS's default.
    """
    if not policy:
        return [
            f"8 to {LONGEST} characters",
            f"3 kinds of: A-Z, a-z, 0-9, {SYMBOLS}",
            "not your user name",
        ]
    rules = {  # Terraform's names converted to IAM's, without unset rules
        "".join(part[:1].upper() + part[1:] for part in key.split("_")): value
        for key, value in policy.items()
        if value is not None
    }
    # IAM accepts 6 to 128; the default is 6 (API reference, UpdateAccountPasswordPolicy).
    lines = [f"{int(rules.get('MinimumPasswordLength') or 6)} to {LONGEST} characters"]
    if kinds := [kind for key, kind in _KINDS.items() if _flag(rules.get(key))]:
        lines.append(f"one of each: {' '.join(kinds)}")
    if reuse := int(rules.get("PasswordReusePrevention") or 0):
        lines.append("not your last password" if reuse == 1 else f"not one of your last {reuse}")
    if age := int(rules.get("MaxPasswordAge") or 0):
        lines.append(f"good for {age} days")
        if _flag(rules.get("HardExpiry")):
            lines.append("once expired, only an admin can set a new one")
    if not _flag(rules.get("AllowUsersToChangePassword", True)):
        lines.append("you can change it only if one of your groups allows that")
    return lines


def _flag(value: object) -> bool:
    """Convert a rule to a boolean; Terraform's state and tfvars may have booleans as text."""
    return value.strip().lower() in {"true", "1"} if isinstance(value, str) else bool(value)


OLD_KEY_DAYS = 90
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class AccessKey:
    """An access key without its secret, which AWS never shows again.

    Attributes:
        access_key_id: its id.
        active: whether it works.
        created: when it was created (UTC).
        last_used: when it was last used (UTC); None if never or unknown.
        last_used_service: the service that it was last used with ("s3"), or "".
        last_use_known: False if the user may not ask for the last use.
    """

    access_key_id: str
    active: bool
    created: datetime
    last_used: datetime | None
    last_used_service: str
    last_use_known: bool = True

    def age_days(self, now: datetime) -> int:
        """Return its age in whole days at a time (with time zone)."""
        return max(0, (now - self.created).days)


def list_access_keys(iam: AwsClient, user: str | None = None) -> tuple[AccessKey, ...]:
    """List the user's access keys, oldest first, each with its last use if allowed.

    Raises:
        AwsError: they could not be listed.
    """
    with calling_aws("listing your access keys"):
        pages = iam.get_paginator("list_access_keys").paginate(**_named(user))
        found = [_access_key(iam, entry) for page in pages for entry in page["AccessKeyMetadata"]]
    return tuple(sorted(found, key=lambda key: key.created))


def create_access_key(iam: AwsClient, user: str | None = None) -> tuple[str, Secret]:
    """Create an access key and return its id and its secret, which AWS shows only once.

    Raises:
        AwsError: `LIMIT` if the user already has two; or any other failure.
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
    """Retry until AWS knows a new access key, after about ten seconds, but not everywhere at once.

    Args:
        ask: makes one signed request, such as `caller_identity`; its last answer is returned.
        cancelled: ends the wait.
        monotonic: the clock, in seconds.
        pause: waits that many seconds; None waits on `cancelled`, so that cancelling takes effect at once.
        timeout: for how many seconds a new key may be unknown.
        in_a_row: how many successive good answers are required.

    Raises:
        Cancelled: the person stopped it.
        AwsError: an unknown key once the time is up; any other failure at once.
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
        wait(SECONDS_BETWEEN_ANSWERS)
    raise Cancelled(
        "Stopped",
        "The check of the new access key was stopped.",
        next="The key exists; check it again when you like.",
    )


def _access_key(iam: AwsClient, entry: Mapping[str, Any]) -> AccessKey:
    """Return a listed key with its last use, which older self-management policies do not allow to read."""
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
        serial: the value for `mfa_serial` and GetSessionToken: an ARN, or a hardware token's number.
        enabled_at: when it was enabled (UTC).
    """

    serial: str
    enabled_at: datetime

    @property
    def kind(self) -> MfaDeviceKind:
        """The kind, derived from the form of the serial."""
        if ":u2f/" in self.serial:
            return MfaDeviceKind.SECURITY_KEY
        return MfaDeviceKind.APP if ":mfa/" in self.serial else MfaDeviceKind.HARDWARE

    @property
    def gives_codes(self) -> bool:
        """Whether it works on the command line: a security key or passkey shows no six digits."""
        return self.kind is not MfaDeviceKind.SECURITY_KEY


class MfaDeviceKind(Enum):
    """The kind of an MFA device; a passkey counts as a security key."""

    APP = "app"
    SECURITY_KEY = "security key"
    HARDWARE = "hardware token"


class DeviceExists(DeclaredError):  # noqa: N818 - as the other refusals are named
    """A virtual MFA device of that name exists already, perhaps never enabled.

    Args:
        name: its name.
        user: its owner, quoted for a shell.
        serial: its serial, quoted for a shell.
    """

    texts = Texts(
        title="An MFA device with this name exists already",
        what="The account has a virtual MFA device named {name}, but its seed isn't on this computer.",
        why="It belongs to somebody else, or an earlier set-up stopped before the device was enabled. "
        "Without MFA you can't delete it yourself, and AWS shows a seed only once.",
        next="Send these lines to your admin, then start again here:\n"
        "\n"
        "  aws iam deactivate-mfa-device --user-name {user} --serial-number {serial}\n"
        "  aws iam delete-virtual-mfa-device --serial-number {serial}\n"
        "\n"
        "The first one fails with NoSuchEntity if the device was never enabled; that is fine.",
    )


def list_mfa_devices(iam: AwsClient, user: str | None = None) -> tuple[MfaDevice, ...]:
    """List the user's enabled devices of every kind, oldest first. Allowed without MFA.

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
    """Create a device; the Base32 seed is shown only once, so store it in the vault before anything else.

    Args:
        iam: a client with the user's own access key.
        name: the device's name; some policies only allow the user's own name.
        owner: the user, for the message about an existing device.

    Returns:
        The serial (an ARN) and the seed.

    Raises:
        DeviceExists: there is one of that name.
        AwsError: any other failure.
    """
    try:
        with calling_aws("creating the MFA device"):
            device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    except AwsError as error:
        if error.failure is AwsFailure.EXISTS:
            # the serial from AWS's list, or else the usual form
            usual = f"arn:{owner.partition}:iam::{owner.account}:mfa/{name}"
            serial, *_ = (*asked(lambda: unused_mfa_devices(iam, name), ()), usual)
            user = shlex.quote(owner.user_name or name)
            raise DeviceExists(name=name, user=user, serial=shlex.quote(serial)) from None
        raise
    seed = device["Base32StringSeed"]
    return device["SerialNumber"], Secret(seed.decode("ascii") if isinstance(seed, bytes) else seed)


def enable_mfa_device(
    iam: AwsClient, user: str, serial: str, codes: tuple[str, str], *, memory: CodeMemory
) -> None:
    """Enable a device with two consecutive codes, the earlier one first.

    Args:
        iam: a client with the user's own access key.
        user: the user's name, which this operation requires.
        codes: the codes as typed.
        memory: the codes sent to AWS so far.

    Raises:
        WrongCode: not six digits, or AWS rejected them.
        RepeatedCode: both are the same, or one was sent before; AWS is not asked.
        AwsError: any other failure.
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
    """Return serials of never enabled virtual devices named after a user; they block the next set-up.

    Raises:
        AwsError: they could not be listed.
    """
    with calling_aws("listing MFA devices that were never enabled"):
        pages = iam.get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus="Unassigned")
        serials = [device["SerialNumber"] for page in pages for device in page["VirtualMFADevices"]]
    return tuple(serial for serial in serials if serial.rpartition("/")[2] == user)


def remove_mfa_device(iam: AwsClient, user: str, serial: str) -> None:
    """Remove a device from a user for good; a virtual one is also deleted, so that its name is free.

    A device that is gone or was never enabled is no failure, so an interrupted removal can be repeated.

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
    """Something of a user that prevents deletion; the value is the displayed text.

    IAM responds with DeleteConflict until all of it is gone (API reference, DeleteUser). Terraform removes
    what is in its state; manual additions (a second access key, an SSH key for CodeCommit) are found here.
    """

    PASSWORD = "console password"  # noqa: S105 - a displayed text
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
        """The plural of the displayed text."""
        if self is HoldingKind.GROUP:
            return "group memberships"
        return f"{self.value.removesuffix('y')}ies" if self.value.endswith("policy") else f"{self.value}s"


@dataclass(frozen=True)
class Holding:
    """One such thing of a user.

    Attributes:
        kind: its kind.
        id: the id, serial, ARN or name in IAM; "" for the password.
        note: a short note, or "".
    """

    kind: HoldingKind
    id: str
    note: Sentence = ""

    @property
    def sentence(self) -> Sentence:
        """The displayed text."""
        name = f"{self.kind.value} {self.id}" if self.id else self.kind.value
        return f"{name} ({self.note})" if self.note else name


def list_holdings(iam: AwsClient, user: str) -> tuple[list[Holding], list[HoldingKind]]:
    """List a user's holdings except access keys (`list_access_keys` has more details) and the password.

    Returns:
        The holdings, by kind, and the kinds that the caller may not list.

    Raises:
        AwsError: a failure other than a missing permission.
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
    """Remove one holding from a user for good.

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
    """Return whether a user has a console password.

    Raises:
        AwsError: the request failed.
    """
    return _login_profile(iam, user, f"asking whether {user} has a console password") is not None


def _held(iam: AwsClient, user: str, kind: HoldingKind) -> list[Holding]:
    """Return a user's holdings of one kind, from all pages."""
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
"""How to list a kind (the client's method, the response's field with the entries, an entry's id, the field
for the note or ""), and the method that removes one, whose argument has the same name as the id."""
