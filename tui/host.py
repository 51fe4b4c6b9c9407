"""Where the program keeps its own files on this machine, including secrets, and the user's world."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from workflows.core.files import cause_of, expanded, explained, own_folder
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError

with on_demand():
    import datetime as dt

    import platformdirs

    from workflows.gpg import decrypt, keyring
    from workflows.stores import system_keyring, vault


class Places(NamedTuple):
    """The folders of the program.

    Attributes:
        sessions: the sessions, in the platform's state folder.
        sandboxes: the disposable projects of `iam-onboard demo`.
        vault: secrets in files encrypted to the user's own key, if there is no keyring.
        cache: what can be created again (the prepared sandbox, the provider).
    """

    sessions: Path
    sandboxes: Path
    vault: Path
    cache: Path

    @property
    def key_records(self) -> Path:
        """The records of the access keys kept here; no secrets."""
        return self.sessions.parent / "access-keys"

    @property
    def theme(self) -> Path:
        """The file with the name of the chosen theme."""
        return self.sessions.parent / "theme"

    @property
    def trusted_programs(self) -> Path:
        """The file of foreign programs that the user trusts."""
        return self.sessions.parent / "trusted-programs.json"

    def secure(self) -> tuple[Path, ...]:
        """Make sure that existing folders belong to the user and are closed to others.

        Returns:
            The folders that were open to others until now.

        Raises:
            FileError: one is a link, somebody else's, or unreadable.
        """
        found = []
        for outer in sorted({self.sessions.parent, self.vault.parent}):
            found += [outer] if own_folder(outer) else []
            with explained(outer, "read"):
                inner = sorted(outer.iterdir()) if outer.is_dir() else []
            found += [folder for folder in inner if own_folder(folder)]
        return tuple(found)

    @classmethod
    def of_this_machine(cls) -> Places:
        """Return the folders by the platform's conventions: XDG's variables, or its defaults."""
        state = _own_folder("XDG_STATE_HOME", ".local/state", "Library/Application Support")
        data = _own_folder("XDG_DATA_HOME", ".local/share", "Library/Application Support")
        cache = _own_folder("XDG_CACHE_HOME", ".cache", "Library/Caches")
        return cls(state / "sessions", state / "sandboxes", data / "vault", cache)


def _own_folder(variable: str, xdg: str, on_macos: str) -> Path:
    # the rules of platformdirs; loading that takes 5 ms, a sixth of what an SDK waits for
    named = Path(os.environ.get(variable, ""))
    default = Path.home() / (on_macos if sys.platform == "darwin" else xdg)
    return (named if named.is_absolute() else default) / "iam-onboard"


def utc_now() -> dt.datetime:
    """Return the current time, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


class Machine(NamedTuple):
    """The user's own machine, as the command line found it.

    Attributes:
        places: the program's folders.
        home: the home folder.
        downloads: the browser's downloads folder; None for the one in the desktop's settings.
        working_folder: the folder that the program was started in.
        environment: the environment it was started with.
        now: the clock.
    """

    places: Places
    home: Path
    downloads: Path | None
    working_folder: Path
    environment: Mapping[str, str]
    now: Callable[[], dt.datetime] = utc_now

    @property
    def downloads_folder(self) -> Path:
        """The browser's downloads folder."""
        return self.downloads or platformdirs.user_downloads_path()

    @property
    def gnupg_home(self) -> Path | None:
        """The gpg folder from the environment, or None for gpg's default."""
        named = self.environment.get("GNUPGHOME")
        return Path(named) if named else None

    def path(self, text: str) -> Path:
        """Return a typed path, relative to the folder that the program was started in."""
        return self.working_folder / expanded(text)

    @classmethod
    def this(cls) -> Machine:
        """Return this machine.

        Raises:
            OnboardError: the folder that the program was started in is gone.
        """
        return cls(Places.of_this_machine(), Path.home(), None, _working_folder(), dict(os.environ))


def _working_folder() -> Path:
    """Return the current folder, which a checkout of another branch may have removed under the shell."""
    try:
        return Path.cwd()
    except OSError as error:
        raise OnboardError(
            "The current folder is gone",
            "Somebody removed the folder that you started in, or you no longer have permission to enter it.",
            why=cause_of(error),
            next="Change to a folder that exists (`cd ~`, or `cd .` if it is back), then start again.",
        ) from error


def vault_for(
    fingerprint: str,
    *,
    folder: Path,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    with_keyring: bool,
    tty: str | None = None,
) -> vault.VaultChoice:
    """Return the operating system's keyrings that answer, and files encrypted to the user's own key.

    Raises:
        VaultUnavailable: there is no keyring and no key.
    """
    files = encrypted_files(fingerprint, folder, gnupg_home, environment, tty) if fingerprint else None
    return system_keyring.choose_vault(system_keyring.system_keyrings() if with_keyring else (), files)


def encrypted_files(
    fingerprint: str,
    folder: Path,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    tty: str | None = None,
) -> vault.PgpFileVault:
    """Return files encrypted to one of the user's keys; gpg itself asks for the passphrase to read one.

    It asks on the terminal `tty`, or in its agent's own window.
    """

    def opened(message: bytes, *, asks: bool = True) -> bytes:
        plain = decrypt.decrypt(
            message, passphrase=None, gnupg_home=gnupg_home, environment=environment, tty=tty, asks=asks
        )
        return plain.reveal().encode()

    def closed(plain: bytes) -> bytes:
        return keyring.encrypt(plain, fingerprint=fingerprint, gnupg_home=gnupg_home, environment=environment)

    return vault.PgpFileVault(folder, closed, opened, partial(opened, asks=False))
