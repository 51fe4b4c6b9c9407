"""The operating system's keyring, through Python's keyring library: which there are, and which may be used.

Only backends known to keep secrets are used. The library takes any that a package registers, also those that
keep them in clear (`keyrings.alt`, `keyrings.cryptfile`) or lose them (`keyring.backends.null`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, capitalized
from workflows.services.vault import (
    PgpFileVault,
    Vault,
    VaultChoice,
    VaultLocked,
    VaultUnavailable,
    unavailable,
)

SERVICE = "iam-onboard"
_NAMES = {
    "keyring.backends.SecretService": "the desktop's keyring (Secret Service)",
    "keyring.backends.libsecret": "the desktop's keyring (libsecret)",
    "keyring.backends.kwallet": "KDE's wallet",
    "keyring.backends.macOS": "the macOS keychain",
    "keyring.backends.Windows": "the Windows credential store",
}
_CLASSES = frozenset(
    (
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.libsecret.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.kwallet.DBusKeyringKWallet4",
        "keyring.backends.macOS.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
    )
)
"""The backends that a record may name: nothing else is imported or called because of one."""
_SAME = {"keyring.backends.libsecret": "keyring.backends.SecretService"}


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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyringVault) and other.backend_class == self.backend_class

    def __hash__(self) -> int:
        return hash(self.backend_class)

    @property
    def description(self) -> Sentence:
        """The keyring's name."""
        return _backend_name(self._backend)

    @property
    def backend_class(self) -> str:
        """The backend's class, by which `named_keyring` finds it again."""
        kind = type(self._backend)
        return f"{kind.__module__}.{kind.__qualname__}"

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
                f"{capitalized(self.description)} is locked and was not unlocked.",
                next="Unlock it (sign in to the desktop, or answer its dialog), then try again.",
            ) from None
        except (NoKeyringError, InitError) as error:
            raise unavailable(self.description, type(error).__name__) from None
        except Exception as error:  # noqa: BLE001 - backends let the errors of their own libraries through
            raise unavailable(self.description, type(error).__name__) from None


def system_keyrings() -> tuple[KeyringBackend, ...]:
    """The safe backends that Python's keyring would use here, the best first; none where there are none."""
    import keyring  # noqa: PLC0415 - looking for backends takes a while

    chosen = keyring.get_keyring()
    # Two names of one service (Secret Service and libsecret) are one keyring to the person.
    found: dict[str, KeyringBackend] = {}
    for backend in getattr(chosen, "backends", None) or (chosen,):
        if keeps_secrets(backend):
            found.setdefault(_SAME.get(type(backend).__module__, type(backend).__module__), backend)
    return tuple(found.values())


def unsafe_keyring() -> str:
    """The class of Python's keyring backend where it isn't known to keep secrets; else ""."""
    import keyring  # noqa: PLC0415 - looking for backends takes a while

    chosen = keyring.get_keyring()
    kind = type(chosen)
    return "" if keeps_secrets(chosen) else f"{kind.__module__}.{kind.__qualname__}"


def system_keyring() -> KeyringBackend | None:
    """The best safe backend of Python's keyring, or None."""
    return next(iter(system_keyrings()), None)


def named_keyring(name: str) -> KeyringBackend | None:
    """The backend of a class, without looking for all others, which takes ten times as long.

    Args:
        name: of the class, as `backend_class` tells it.

    Returns:
        The backend, or None if it is not here any more or does not protect what it keeps.
    """
    if name not in _CLASSES:
        return None
    from keyring.core import load_keyring  # noqa: PLC0415 - slow to import

    try:
        backend: KeyringBackend = load_keyring(name)
    except (ImportError, AttributeError, RuntimeError, ValueError):
        return None  # the library's ways to say that it cannot be used here; the caller looks for others
    return backend if keeps_secrets(backend) else None


def choose_vault(backends: Sequence[KeyringBackend], files: PgpFileVault | None) -> VaultChoice:
    """The keyrings that answer, then the encrypted files. A locked one is asked to unlock by its own dialog.

    Args:
        backends: of the keyrings; none if there is none (or none is to be used, as in the sandbox).
        files: the fallback, or None if the person has no PGP key.

    Raises:
        VaultUnavailable: none can be used.
    """
    problem: VaultUnavailable | None = None
    usable: list[Vault] = []
    for backend in backends:
        try:
            vault = KeyringVault(backend)
            vault.load("is-it-there")
        except VaultUnavailable as error:
            problem = problem or error
        else:
            usable.append(vault)
    without = VaultUnavailable(
        "No keyring",
        "There is no keyring on this computer that could keep a secret.",
        next="Create or choose your PGP key first: then a file encrypted to it is used.",
    )
    if not usable and files is None:
        raise problem or without
    passed_over = problem if usable else problem or without
    if files is not None:
        usable.append(files)
    return VaultChoice(usable[0], passed_over, tuple(usable[1:]))


def keeps_secrets(backend: KeyringBackend) -> bool:
    """Whether a backend is known to keep secrets, and hands on to none that isn't."""
    if members := getattr(backend, "backends", ()):
        return all(keeps_secrets(member) for member in members)
    return type(backend).__module__ in _NAMES


def _backend_name(backend: KeyringBackend) -> str:
    kind = type(backend)
    return _NAMES.get(
        kind.__module__, str(getattr(backend, "name", "") or f"{kind.__module__}.{kind.__name__}")
    )
