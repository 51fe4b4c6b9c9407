"""Console passwords under the account's policy: what moto stores, and what it does not ask."""

from __future__ import annotations

import string
import threading
from typing import Any

from moto.iam.models import AccountPasswordPolicy
from werkzeug.security import check_password_hash, generate_password_hash

from workflows.sandbox.strict.refusal import Refusal

_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
_HASH = "pbkdf2:sha256:1000"
_LONGEST_HISTORY = 24
_DAY = 86_400


class Passwords:
    """When each password was set and which ones came before it; safe to use from several threads."""

    def __init__(self) -> None:
        self._history: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def remember(self, user_arn: str, password: str, now: float) -> None:
        """A password was set."""
        with self._lock:
            entry = self._history.setdefault(user_arn, {"earlier": []})
            entry["set_at"] = now
            hashed = generate_password_hash(password, _HASH)
            entry["earlier"] = [hashed, *entry["earlier"]][:_LONGEST_HISTORY]

    def forget(self, user_arn: str) -> None:
        """The login profile was deleted."""
        with self._lock:
            self._history.pop(user_arn, None)

    def check(
        self, policy: AccountPasswordPolicy | None, user_arn: str, user_name: str, password: str
    ) -> None:
        """Refuse a password that the policy does not allow.

        Raises:
            Refusal: `PasswordPolicyViolation`, with every rule that is broken.
        """
        broken = [words for words, kept in rules(policy, password) if not kept]
        if password == user_name:
            broken.append("must differ from the user name")
        limit = policy.password_reuse_prevention if policy else 0
        with self._lock:
            earlier = list(self._history.get(user_arn, {"earlier": []})["earlier"])
        if any(check_password_hash(old, password) for old in earlier[: limit or 0]):
            broken.append(f"must not be one of the last {limit} passwords")
        if broken:
            raise Refusal(
                "PasswordPolicyViolation",
                "Password does not conform to the account password policy: it " + "; it ".join(broken) + ".",
            )

    def expired(self, policy: AccountPasswordPolicy | None, user_arn: str, now: float) -> bool:
        """Whether the password is older than the policy allows."""
        if policy is None or not policy.max_password_age:
            return False
        with self._lock:
            set_at = self._history.get(user_arn, {}).get("set_at", now)
        return bool(now - set_at > policy.max_password_age * _DAY)

    def dump(self) -> dict[str, Any]:
        """Everything, as a JSON object; passwords are hashed in it."""
        with self._lock:
            return {arn: dict(entry) for arn, entry in self._history.items()}

    def load(self, data: dict[str, Any]) -> None:
        """Take over what `dump` gave, in place of what is here."""
        with self._lock:
            self._history = {arn: dict(entry) for arn, entry in data.items()}


def rules(policy: AccountPasswordPolicy | None, password: str) -> list[tuple[str, bool]]:
    """The policy's rules in words ("must have …"), and whether a password keeps each.

    Without a policy of its own an account has AWS's default: 8 characters, three of the four kinds.
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
