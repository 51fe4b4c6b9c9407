"""Where secrets stay when the wizard is closed: the system's keyring, or files encrypted to one's own key.

A store that would keep them in clear is refused, although Python's keyring would use it without a word
(`keyrings.alt` and `keyrings.cryptfile` register one, `keyring.backends.null` loses everything).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workflows.errors import OnboardError
from workflows.secret import Secret
from workflows.services.files import private_folder, read_bytes, write_atomically

SERVICE = "iam-onboard"
LARGEST_FILE = 1_000_000
_REFUSED_MODULES = ("keyrings.alt", "keyrings.cryptfile", "keyring.backends.null", "keyring.backends.fail")
_NAMES = {
    "keyring.backends.SecretService": "the desktop's keyring (Secret Service)",
    "keyring.backends.libsecret": "the desktop's keyring (libsecret)",
    "keyring.backends.kwallet": "KDE's wallet",
    "keyring.backends.macOS": "the macOS keychain",
    "keyring.backends.Windows": "the Windows credential store",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9.@_-]+")


class VaultUnavailable(OnboardError):  # noqa: N818 - as the other refusals are named
    """There is no store that can be used."""


class VaultLocked(VaultUnavailable):
    """There is a store, and it is locked."""


class Vault(Protocol):
    """Keeps secrets by name. A name is no secret; "bb/management/mfa-seed" is a good one."""

    @property
    def description(self) -> str:
        """Which store it is, in words that complete "kept in …"."""

    def store(self, name: str, secret: Secret) -> None:
        """Keep a secret, in place of an earlier one of that name.

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


class KeyringBackend(Protocol):
    """The part of `keyring.backend.KeyringBackend` that is used here."""

    def get_password(self, service: str, username: str) -> str | None:
        """The password, or None."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""

    def delete_password(self, service: str, username: str) -> None:
        """Forget a password."""


class KeyringVault:
    """The operating system's keyring.

    Args:
        backend: of Python's keyring; `system_keyring()` finds the person's.

    Raises:
        VaultUnavailable: that backend keeps secrets in clear, or keeps nothing.
    """

    def __init__(self, backend: KeyringBackend) -> None:
        if not keeps_secrets(backend):
            raise VaultUnavailable(
                "No safe keyring",
                f"The only keyring found is {_backend_name(backend)}, which does not protect what it keeps.",
                next="Use a file encrypted to your PGP key, or start the desktop's keyring and try again.",
            )
        self._backend = backend

    @property
    def description(self) -> str:
        """The keyring's name."""
        return _backend_name(self._backend)

    def store(self, name: str, secret: Secret) -> None:
        """See `Vault`; reads it back, since a backend may fail without saying so."""
        value = secret.reveal()
        self._ask(lambda: self._backend.set_password(SERVICE, name, value))
        if self._ask(lambda: self._backend.get_password(SERVICE, name)) != value:
            raise VaultUnavailable(
                "The keyring did not keep the secret",
                f"What was put into {self.description} did not come back.",
                next="Choose another place for it.",
            )

    def load(self, name: str) -> Secret | None:
        """See `Vault`."""
        value = self._ask(lambda: self._backend.get_password(SERVICE, name))
        return None if value is None else Secret(value)

    def delete(self, name: str) -> None:
        """See `Vault`."""
        if self._ask(lambda: self._backend.get_password(SERVICE, name)) is not None:
            self._ask(lambda: self._backend.delete_password(SERVICE, name))

    def _ask(self, operation: Callable[[], str | None]) -> str | None:
        from keyring.errors import InitError, KeyringLocked, NoKeyringError  # noqa: PLC0415 - slow to import

        try:
            return operation()
        except KeyringLocked:
            raise VaultLocked(
                "The keyring is locked",
                f"{self.description[:1].upper()}{self.description[1:]} is locked and was not unlocked.",
                next="Unlock it (sign in to the desktop, or answer its dialog), then try again.",
            ) from None
        except (NoKeyringError, InitError) as error:
            raise _unavailable(self.description, type(error).__name__) from None
        except Exception as error:  # noqa: BLE001 - backends let the errors of their own libraries through
            raise _unavailable(self.description, type(error).__name__) from None


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

    @property
    def description(self) -> str:
        """Names the folder."""
        return f"files encrypted to your own PGP key in {self._folder}"

    def store(self, name: str, secret: Secret) -> None:
        """See `Vault`."""
        plain = json.dumps({"name": name, "secret": secret.reveal()}).encode()
        message = self._encrypt(plain)
        if not message or secret.reveal().encode() in message:
            raise VaultUnavailable(
                "Not encrypted", "gpg gave back no encrypted message.", next="Check your PGP key."
            )
        private_folder(self._folder)
        write_atomically(self._path(name), message, mode=0o600)

    def load(self, name: str) -> Secret | None:
        """See `Vault`."""
        path = self._path(name)
        if not path.exists():
            return None
        plain = self._decrypt(read_bytes(path, LARGEST_FILE))
        secret = _secret_of(plain, name)
        if secret is not None:
            return secret
        raise VaultUnavailable(
            "A damaged file",
            f"{path} does not hold the secret named {name}.",
            next="Delete that file, then start anew.",
        )

    def holds(self, name: str) -> bool:
        """Whether there is a file for that name; nothing is decrypted, so no passphrase is needed."""
        return self._path(name).is_file()

    def delete(self, name: str) -> None:
        """See `Vault`."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable(self.description, f"{type(error).__name__}: {error.strerror}") from None

    def _path(self, name: str) -> Path:
        """Two names never share a file, and none leaves the folder."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return self._folder / f"{_UNSAFE.sub('-', name).strip('-.')[:60]}-{digest}.gpg"


@dataclass(frozen=True)
class VaultChoice:
    """Which vault is used.

    Attributes:
        vault: the one.
        passed_over: why the better one before it is not used, or None.
    """

    vault: Vault
    passed_over: VaultUnavailable | None = None


def system_keyring() -> KeyringBackend | None:
    """The backend that Python's keyring would use here, or the best safe one of several; None without."""
    import keyring  # noqa: PLC0415 - looking for backends takes a while

    chosen = keyring.get_keyring()
    candidates = [*getattr(chosen, "backends", ()), chosen]
    return next((backend for backend in candidates if keeps_secrets(backend)), None)


def choose_vault(backend: KeyringBackend | None, files: PgpFileVault | None) -> VaultChoice:
    """The keyring if it answers, else the encrypted files.

    Args:
        backend: of the keyring, or None if there is none (or it is not to be used, as in the sandbox).
        files: the fallback, or None if the person has no PGP key.

    Raises:
        VaultUnavailable: neither can be used.
    """
    problem = VaultUnavailable(
        "No keyring",
        "There is no keyring on this computer that could keep a secret.",
        next="Create or choose your PGP key first: then a file encrypted to it is used.",
    )
    if backend is not None:
        try:
            keyring_vault = KeyringVault(backend)
            keyring_vault.load("is-it-there")
        except VaultUnavailable as error:
            problem = error
        else:
            return VaultChoice(keyring_vault)
    if files is None:
        raise problem
    return VaultChoice(files, problem)


def keeps_secrets(backend: KeyringBackend) -> bool:
    """False for a backend that keeps secrets in clear or nothing at all, or may hand on to such a one."""
    kind = type(backend)
    if kind.__module__.startswith(_REFUSED_MODULES) or "plaintext" in kind.__name__.lower():
        return False
    return all(keeps_secrets(member) for member in getattr(backend, "backends", ()))


def _secret_of(plain: bytes, name: str) -> Secret | None:
    """The secret in a decrypted file, or None if the file is not the one for that name."""
    try:
        content: Any = json.loads(plain)
    except ValueError:
        return None
    if (
        not isinstance(content, dict)
        or content.get("name") != name
        or not isinstance(content.get("secret"), str)
    ):
        return None
    return Secret(content["secret"])


def _backend_name(backend: KeyringBackend) -> str:
    kind = type(backend)
    return _NAMES.get(
        kind.__module__, str(getattr(backend, "name", "") or f"{kind.__module__}.{kind.__name__}")
    )


def _unavailable(description: str, detail: str) -> VaultUnavailable:
    return VaultUnavailable(
        "The secret store does not answer",
        f"{description[:1].upper()}{description[1:]} cannot be used.",
        why="It is not running, or not reachable from here (over ssh, without a desktop, in a container).",
        next="Use a file encrypted to your PGP key instead, or try again on the desktop.",
        detail=detail,
    )
