"""The strict layer's state, in addition to moto's: sessions, MFA codes and regions.

Nothing here is thread-safe, as the server handles one request at a time. The state outlives the process:
`dump` returns it as a JSON object, which `load` reads.
"""

from __future__ import annotations

import hmac
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session
import pyotp
from moto.iam.models import AccountPasswordPolicy

from workflows.core.shapes import plain, read
from workflows.sandbox.layout import Directory, new_key_id
from workflows.sandbox.strict.protocol import Refusal

_KEPT_AFTER_EXPIRY = 86_400.0


@dataclass(frozen=True)
class Session:
    """Temporary credentials and the identity that they belong to.

    Attributes:
        access_key_id: 20 characters that begin with `ASIA`.
        secret: the secret access key.
        token: the session token.
        account_id: the account that the session acts in.
        expires_at: seconds since the epoch.
        user: the IAM user that the session acts as, or "" for a role's session.
        role: the IAM role that the session acts as, or "" for a user's session.
        session_name: a role session's name.
        mfa_at: when an MFA code was given, in seconds since the epoch, or None.
    """

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    account_id: str
    expires_at: float
    user: str = ""
    role: str = ""
    session_name: str = ""
    mfa_at: float | None = None


def issue(sessions: dict[str, Session], account_id: str, now: float, seconds: int, **who: Any) -> Session:
    """Make new temporary credentials, and forget those that expired a day ago.

    Args:
        sessions: the sandbox's sessions, by access key id.
        account_id: the account that the session acts in.
        now: the current time, in seconds since the epoch.
        seconds: how long the credentials are valid.
        who: `user`, or `role` and `session_name`, and `mfa_at`, as in `Session`.
    """
    session = Session(
        access_key_id=new_key_id("ASIA"),
        secret=secrets.token_urlsafe(30),
        token=secrets.token_urlsafe(180),
        account_id=account_id,
        expires_at=now + seconds,
        **who,
    )
    for old in [old for old in sessions.values() if old.expires_at + _KEPT_AFTER_EXPIRY < now]:
        del sessions[old.access_key_id]
    sessions[session.access_key_id] = session
    return session


STEP_SECONDS = 30
_WINDOW = 1


def use_codes(used: dict[str, int], serial: str, seed: str, codes: Sequence[str], now: float) -> bool:
    """Use up a code, or consecutive codes; return False if one is wrong, too old, too new or already used.

    A code is valid in its own half minute and in the ones before and after it, until it or a later one is
    used.

    Args:
        used: the half minute of the last code that each device used, by serial number.
        codes: the codes; enabling a device takes two.
        now: the current time, in seconds since the epoch.
    """
    current = int(now) // STEP_SECONDS
    for step in range(max(current - _WINDOW, used.get(serial, -1) + len(codes)), current + _WINDOW + 1):
        first = step - len(codes) + 1
        if all(_same(seed, at, code) for at, code in enumerate(codes, first)):
            used[serial] = step
            return True
    return False


def code_at(seed: str, now: float, steps: int = 0) -> str:
    """Return the code that a device shows at a time, or this many half minutes later."""
    return pyotp.TOTP(seed).generate_otp(int(now) // STEP_SECONDS + steps)


def _same(seed: str, step: int, code: str) -> bool:
    return step >= 0 and hmac.compare_digest(pyotp.TOTP(seed).generate_otp(step).encode(), code.encode())


_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"


def refuse_password(policy: AccountPasswordPolicy | None, user_name: str, password: str) -> None:
    """Reject a new password that breaks the policy; whether it was used before is not checked.

    Raises:
        Refusal: `PasswordPolicyViolation`, with every rule that is broken.
    """
    broken = [words for words, kept in rules(policy, password) if not kept]
    if password == user_name:
        broken.append("must differ from the user name")
    if broken:
        raise Refusal(
            "PasswordPolicyViolation",
            "Password does not conform to the account password policy: it " + "; it ".join(broken) + ".",
        )


def rules(policy: AccountPasswordPolicy | None, password: str) -> list[tuple[str, bool]]:
    """Return the policy's rules as text ("must have …"), and whether the password follows each.

    An account without a policy has AWS's default: 8 characters of three of the four kinds.
    """
    kinds = {
        "an uppercase letter (A-Z)": any(char in string.ascii_uppercase for char in password),
        "a lowercase letter (a-z)": any(char in string.ascii_lowercase for char in password),
        "a digit (0-9)": any(char in string.digits for char in password),
        f"a symbol ({_SYMBOLS})": any(char in _SYMBOLS for char in password),
    }
    if policy is None:
        return [
            ("must have 8 to 128 characters", 8 <= len(password) <= 128),
            ("must have three of: " + ", ".join(kinds), sum(kinds.values()) >= 3),
        ]
    wanted = (
        policy.require_uppercase_characters,
        policy.require_lowercase_characters,
        policy.require_numbers,
        policy.require_symbols,
    )
    shortest = policy.minimum_password_length
    return [
        (f"must have {shortest} to 128 characters", shortest <= len(password) <= 128),
        *(
            (f"must have {kind}", kept)
            for (kind, kept), asked in zip(kinds.items(), wanted, strict=True)
            if asked
        ),
    ]


# These are enabled in every account and cannot be disabled:
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
ENABLED_BY_DEFAULT = frozenset(
    (
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
        *(
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
        ),
        *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    )
)


@cache
def all_regions() -> tuple[str, ...]:
    """Return the regions of the commercial partition, sorted."""
    return tuple(sorted(botocore.session.Session().get_available_regions("ec2")))


class Regions:
    """The accounts' region settings: none, so each account uses the regions that AWS enables by default."""

    token_versions: Mapping[str, int] = {}

    def status(self, account_id: str, region: str) -> str:  # noqa: ARG002 - tests have accounts with settings
        """Return the opt-in status of a region, by its name in account:ListRegions."""
        return "ENABLED_BY_DEFAULT" if region in ENABLED_BY_DEFAULT else "DISABLED"


class State:
    """The strict layer's state, in addition to moto's, and what the console adds to it.

    Attributes:
        directory: the sandbox's accounts and bootstrap keys.
        sessions: the sessions, by access key id.
        used_codes: the half minute of the last code that each device used, by serial number.
    """

    def __init__(self, directory: Directory) -> None:
        self.directory, self.regions = directory, Regions()
        self._parts: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.sessions: dict[str, Session] = self.part("sessions", Session)
        self.used_codes: dict[str, int] = self.part("codes", int)

    def part(self, name: str, kind: type[Any]) -> dict[str, Any]:
        """Return the entries of that name and type, by their keys; they belong to the state from now on."""
        return self._parts.setdefault(name, (kind, {}))[1]

    def dump(self) -> dict[str, Any]:
        """Return the whole state as a JSON object. It contains secrets: store it in a private file."""
        return {name: plain(entries) for name, (_, entries) in self._parts.items()}

    def load(self, data: dict[str, Any]) -> None:
        """Load a state that `dump` returned."""
        for name, (kind, entries) in self._parts.items():
            entries.clear()
            entries.update(read(dict[str, kind], data.get(name, {}), name))  # type: ignore[valid-type]
