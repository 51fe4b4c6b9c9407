"""Where secrets stay when the wizard is closed: what a store is, and files encrypted to one's own PGP key.

The operating system's keyring is the other kind of store: see `system_keyring`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workflows.core.errors import OnboardError
from workflows.core.files import NotSynced, file_named, is_there, private_folder, read_bytes, write_atomically
from workflows.core.parsing import parse_json
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence
from workflows.core.shapes import WrongShape, read


class VaultUnavailable(OnboardError):  # noqa: N818 - as the other refusals are named
    """There is no store that can be used."""


class VaultLocked(VaultUnavailable):
    """There is a store, and it is locked."""


class Vault(Protocol):
    """Keeps secrets by name. A name is no secret; "bb/management/mfa-seed" is a good one.

    Two of the same store are equal, however each of them was found.
    """

    @property
    def description(self) -> Sentence:
        """Which store it is, in words that complete "kept in …"."""

    def store(self, name: str, secret: Secret) -> NotSynced | None:
        """Keep a secret, in place of an earlier one of that name.

        Returns:
            Why it may be gone after a power failure, or None.

        Raises:
            VaultUnavailable: it could not be kept; an earlier one is as it was.
        """

    def load(self, name: str) -> Secret | None:
        """The secret of that name, or None if there is none.

        Raises:
            VaultUnavailable: the store cannot be read.
        """

    def delete(self, name: str) -> None:
        """Forget the secret of that name; nothing happens if there is none.

        Raises:
            VaultUnavailable: it could not be deleted.
        """


class PgpFileVault:
    """One small file a secret, encrypted to the person's own PGP key.

    Args:
        folder: made with mode 0700; the files have 0600.
        encrypt: plain bytes to an OpenPGP message for the person's key.
        decrypt: the reverse; may ask for a passphrase. Both raise an OnboardError when they fail.
    """

    def __init__(
        self, folder: Path, encrypt: Callable[[bytes], bytes], decrypt: Callable[[bytes], bytes]
    ) -> None:
        self._folder = folder
        self._encrypt = encrypt
        self._decrypt = decrypt

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PgpFileVault) and other._folder == self._folder

    def __hash__(self) -> int:
        return hash(self._folder)

    @property
    def description(self) -> Sentence:
        """Names the folder."""
        return f"files encrypted to your PGP key in {self._folder}"

    def store(self, name: str, secret: Secret) -> NotSynced | None:
        """See `Vault`."""
        message = self._encrypt(json.dumps({"name": name, "secret": secret.reveal()}).encode())
        if not message or secret.reveal().encode() in message:
            raise VaultUnavailable(
                "Not encrypted", "gpg returned no encrypted message.", next="Check your PGP key."
            )
        private_folder(self._folder)
        try:
            write_atomically(self._path(name), message, mode=0o600)
        except NotSynced as unsynced:  # it is in place, and who made the key must not delete it
            return unsynced
        return None

    def load(self, name: str) -> Secret | None:
        """See `Vault`."""
        path = self._path(name)
        if not is_there(path):
            return None
        plain = self._decrypt(read_bytes(path, 1_000_000))
        with suppress(ValueError, WrongShape):
            content = read(dict[str, str], parse_json(plain))
            if content.get("name") == name and "secret" in content:
                return Secret(content["secret"])
        raise VaultUnavailable(
            "A damaged file",
            f"{path} doesn't hold the secret named {name}.",
            next="Delete that file, then start again.",
        )

    def holds(self, name: str) -> bool:
        """Whether there is a file for that name; nothing is decrypted, so no passphrase is needed."""
        return is_there(self._path(name))

    def delete(self, name: str) -> None:
        """See `Vault`."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise unavailable(self.description, f"{type(error).__name__}: {error.strerror}") from None

    def _path(self, name: str) -> Path:
        return file_named(self._folder, name, ".gpg")


@dataclass(frozen=True)
class VaultChoice:
    """Which vault is used.

    Attributes:
        vault: the best one that can be used.
        passed_over: why the better one before it is not used, or None.
        others: the others that can be used too, the better ones first.
    """

    vault: Vault
    passed_over: VaultUnavailable | None = None
    others: tuple[Vault, ...] = ()

    @property
    def all(self) -> tuple[Vault, ...]:
        """Every one that can be used, the best first."""
        return (self.vault, *self.others)


def load_texts(
    vault: Vault, name: str, fields: Sequence[str], *, called: str, then: str
) -> tuple[str, ...] | None:
    """Texts that are kept together as one secret; None if nothing is kept under its name.

    Args:
        vault: where.
        name: the secret's.
        fields: the names of the texts.
        called: what a refusal calls what should be there.
        then: what to do where something else is.

    Raises:
        VaultUnavailable: the vault does not answer.
        OnboardError: something else is kept there.
    """
    content = vault.load(name)
    if content is None:
        return None
    with content:
        try:
            values = parse_json(content.reveal())
            return tuple(str(values[field]) for field in fields)
        except (ValueError, KeyError, TypeError):
            raise OnboardError(
                f"The stored {called} is damaged",
                f"{vault.description} has something else under {name}.",
                next=then,
            ) from None


def unavailable(description: Sentence, detail: str) -> VaultUnavailable:
    """The refusal of a store that does not answer.

    Args:
        description: the store, in words.
        detail: what it said; no secret.
    """
    return VaultUnavailable(
        "The secret store doesn't answer",
        f"iam-onboard can't use {description}.",
        why="It isn't running, or can't be reached from here (over ssh, without a desktop, in a container).",
        next="Use a file encrypted to your PGP key instead, or try again on the desktop.",
        detail=detail,
    )
