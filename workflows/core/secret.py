"""Passphrases, passwords, seeds and secret keys, held so that they can't leak into a text by accident."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Self

if TYPE_CHECKING:
    from datetime import datetime

# Other services' tokens with a known prefix: GitHub, GitLab, Slack, Stripe and similar, a signed JWT.
TOKEN = re.compile(
    r"(?<![\w-])(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}"
    r"|[sr]k[-_](?:live|test|proj|ant)[-_][\w-]{10,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)",
    re.ASCII,
)
ACCESS_KEY_SECRET = re.compile(r"[A-Za-z0-9/+]{40}")
"""The secret half of an access key."""
_LONGEST_FIELD = 200
_KINDS = ("[A-Z]", "[a-z]", "[0-9]")


def holds_secret(text: str) -> bool:
    """Whether a text that was entered has a private key, a token or, in a line, an access key's secret in it.

    A password looks like any word, so none is found.
    """
    if "PRIVATE KEY" in text or TOKEN.search(text):
        return True
    words = re.split(r"[\s,]+", text) if len(text) <= _LONGEST_FIELD and "\n" not in text.strip() else ()
    # encoded bytes mix all kinds of characters; a long name or a hex digest does not
    return any(
        ACCESS_KEY_SECRET.fullmatch(word) and all(re.search(kind, word) for kind in _KINDS) for word in words
    )


class Dropped(ValueError):  # noqa: N818 - a fact; the caller words the error
    """A secret was dropped before it could be used."""


class Secret:
    """A secret text that can't be printed, formatted, compared, pickled or serialised.

    Only `reveal()` returns the plain value, so every use can be found by that name. `drop()`, or the end of a
    `with` block, forgets it. Python cannot wipe a `str` from memory; dropping shortens the time it is held,
    and the program disables core dumps at its start (`workflows.core.processes`).
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: str | None = value

    def reveal(self) -> str:
        """The plain text.

        Raises:
            Dropped: it was dropped already.
        """
        if self._value is None:
            raise Dropped("this secret was dropped already")
        return self._value

    def drop(self) -> None:
        """Forget the value; `reveal()` raises from now on. Dropping twice is allowed."""
        self._value = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    @property
    def dropped(self) -> bool:
        """Whether `drop()` was called."""
        return self._value is None

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(********)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")


class Credentials(NamedTuple):
    """An access key, or temporary credentials with a session token; a `with` block drops them.

    Attributes:
        access_key_id: not secret; begins AKIA, or ASIA for temporary credentials.
        secret_access_key: the secret part.
        session_token: the token of temporary credentials.
        expires_at: when temporary credentials expire (UTC), if known.
    """

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None
    expires_at: datetime | None = None

    def drop(self) -> None:
        """Forget both secrets."""
        self.secret_access_key.drop()
        if self.session_token is not None:
            self.session_token.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()
