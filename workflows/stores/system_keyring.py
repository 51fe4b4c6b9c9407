"""The operating system's keyring, through Python's keyring library: find the usable backends.

Only backends known to protect secrets are loaded. The library accepts any backend from a package or its
settings, even those that store secrets in clear text (`keyrings.alt`, `keyrings.cryptfile`) or lose them
(`keyring.backends.null`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from configparser import Error as ConfigParserError, RawConfigParser
from importlib import import_module
from typing import TYPE_CHECKING

from workflows.core.files import FileError, is_there, read_text
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, capitalized
from workflows.stores.vault import (
    PgpFileVault,
    Vault,
    VaultChoice,
    VaultLocked,
    VaultUnavailable,
    unavailable,
)

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "iam-onboard"
_NAMES = {
    "keyring.backends.SecretService": "the desktop's keyring (Secret Service)",
    "keyring.backends.libsecret": "the desktop's keyring (libsecret)",
    "keyring.backends.kwallet": "KDE's wallet",
    "keyring.backends.macOS": "the macOS keychain",
    "keyring.backends.Windows": "the Windows credential store",
}
_CLASSES = (
    "keyring.backends.SecretService.Keyring",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.kwallet.DBusKeyring",
    "keyring.backends.kwallet.DBusKeyringKWallet4",
    "keyring.backends.macOS.Keyring",
    "keyring.backends.Windows.WinVaultKeyring",
)
"""The only accepted backends: nothing else is imported or called, whatever a record, a setting or a package
says."""
_SAME = {"keyring.backends.libsecret": "keyring.backends.SecretService"}


class KeyringVault:
    """The operating system's keyring.

    Args:
        backend: a backend of Python's keyring; `system_keyrings()` finds the person's.

    Raises:
        VaultUnavailable: that backend stores secrets in clear text, or nothing.
    """

    def __init__(self, backend: KeyringBackend) -> None:
        if not keeps_secrets(backend):
            raise VaultUnavailable(
                "No safe keyring",
                f"The only keyring here is {_backend_name(backend)}, which doesn't protect its secrets.",
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
        """The backend's class name, for `named_keyring`."""
        kind = type(self._backend)
        return f"{kind.__module__}.{kind.__qualname__}"

    def store(self, name: str, secret: Secret) -> None:
        """See `Vault`; reads the secret back, since a backend may fail silently."""
        value = secret.reveal()
        self._ask(lambda: self._backend.set_password(SERVICE, name, value))
        if self._ask(lambda: self._backend.get_password(SERVICE, name)) != value:
            raise VaultUnavailable(
                "The keyring didn't keep the secret",
                f"{capitalized(self.description)} didn't return the secret that iam-onboard stored.",
                next="Choose another place for the secret.",
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
        from keyring.errors import KeyringLocked  # noqa: PLC0415 - slow to import

        try:
            return operation()
        except KeyringLocked:
            raise VaultLocked(
                "The keyring is locked",
                f"{capitalized(self.description)} is locked, and nobody unlocked it.",
                next="Unlock it (sign in to the desktop, or answer its dialog), then try again.",
            ) from None
        except Exception as error:  # noqa: BLE001 - backends raise their own libraries' errors
            raise unavailable(self.description, type(error).__name__) from None


def system_keyrings() -> tuple[KeyringBackend, ...]:
    """Return the usable backends, best first; only the person's choice, if there is one.

    Raises:
        VaultUnavailable: the keyring library's settings cannot be read.
    """
    wanted = chosen_backend()
    usable = filter(None, map(named_keyring, (wanted,) if wanted else _CLASSES))
    # To the person, two interfaces to one service (Secret Service and libsecret) are one keyring.
    found: dict[str, KeyringBackend] = {}
    for backend in sorted(usable, key=lambda backend: float(getattr(backend, "priority", 0)), reverse=True):
        found.setdefault(_SAME.get(type(backend).__module__, type(backend).__module__), backend)
    return tuple(found.values())


def chosen_backend() -> str:
    """Return the backend class in the environment or the keyring library's settings; "" for the best one.

    The library itself would import it, from any folder in its settings.

    Raises:
        VaultUnavailable: the settings cannot be read.
    """
    from keyring.util.platform_ import config_root  # noqa: PLC0415 - slow to import

    path = config_root() / "keyringrc.cfg"
    settings = RawConfigParser()
    try:
        if is_there(path):
            settings.read_string(read_text(path, 100_000))
    except (FileError, ConfigParserError) as error:
        raise VaultUnavailable(
            "Can't read the keyring's settings",
            f"iam-onboard can't read Python's keyring settings in {path}.",
            why=error.why if isinstance(error, FileError) else "They aren't an INI file.",
            next="Correct the file, or move it away.",
        ) from None
    by_settings = settings.get("backend", "default-keyring", fallback="")
    wanted = (os.environ.get("PYTHON_KEYRING_BACKEND") or by_settings or "").strip()
    return "" if wanted == "keyring.backends.chainer.ChainerBackend" else wanted


def named_keyring(name: str) -> KeyringBackend | None:
    """Return the backend of a class, without searching all others, which takes ten times as long.

    Args:
        name: the class name, from `backend_class`.

    Returns:
        The backend, or None if it is unusable here or not known to protect secrets.
    """
    if name not in _CLASSES:
        return None
    module, _, kind = name.rpartition(".")
    try:
        backend_class = getattr(import_module(module), kind)
    except ImportError:
        return None
    backend: KeyringBackend | None = backend_class() if backend_class.viable else None
    return backend


def choose_vault(backends: Sequence[KeyringBackend], files: PgpFileVault | None) -> VaultChoice:
    """Choose the keyrings that answer, then the encrypted files. A locked keyring may show its own dialog.

    Args:
        backends: the keyrings' backends; empty if there is none (or none is to be used, as in the sandbox).
        files: the fallback, or None if the person has no PGP key.

    Raises:
        VaultUnavailable: there is no usable vault.
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
        "This computer has no keyring that iam-onboard can use.",
        next="Create or choose your PGP key first. iam-onboard then keeps secrets in a file encrypted to it.",
    )
    if not usable and files is None:
        raise problem or without
    passed_over = problem if usable else problem or without
    if files is not None:
        usable.append(files)
    return VaultChoice(usable[0], passed_over, tuple(usable[1:]))


def keeps_secrets(backend: KeyringBackend) -> bool:
    """Return whether a backend, and every backend it delegates to, is known to protect secrets."""
    if members := getattr(backend, "backends", ()):
        return all(keeps_secrets(member) for member in members)
    return type(backend).__module__ in _NAMES


def _backend_name(backend: KeyringBackend) -> str:
    kind = type(backend)
    return _NAMES.get(
        kind.__module__, str(getattr(backend, "name", "") or f"{kind.__module__}.{kind.__name__}")
    )
