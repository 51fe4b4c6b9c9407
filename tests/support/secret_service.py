"""A real desktop keyring for tests: gnome-keyring on a separate D-Bus session, in separate folders."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from secretstorage import Collection

PROGRAMS = ("dbus-daemon", "gnome-keyring-daemon")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]

needs_secret_service = pytest.mark.skipif(
    bool(MISSING), reason=f"{' and '.join(MISSING)} missing: apt install dbus gnome-keyring"
)
"""Skips a test if the programs are missing; `.ci/run` installs them."""


_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
"""The configuration of a bus that starts no services: the usual one would start a second, locked keyring."""


@contextmanager
def secret_service(folder: Path, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Start an unlocked keyring, and yield the environment in which programs find it.

    Args:
        folder: the folder of its bus, its sockets and its data; the path must be short.
        environment: other variables for the programs.
    """
    runtime, home = folder / "run", folder / "home"
    for made in (runtime, home):
        made.mkdir(mode=0o700, exist_ok=True)
    address = f"unix:path={runtime}/bus"
    there = {
        **environment,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "DBUS_SESSION_BUS_ADDRESS": address,
    }
    config = folder / "bus.conf"
    config.write_text(_CONFIG.format(address=address))
    bus = subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"],
        env=there,
        stderr=subprocess.DEVNULL,
    )
    keyring: subprocess.Popen[bytes] | None = None
    try:
        _wait((runtime / "bus").exists)
        keyring = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            env=there,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert keyring.stdin is not None
        keyring.stdin.write(b"a password of the test")
        keyring.stdin.close()
        _wait(lambda: keeps_secrets(there))
        yield there
    finally:
        for process in (keyring, bus):
            if process is not None:
                process.terminate()
                process.wait(300)


def lock(environment: dict[str, str]) -> None:
    """Lock the keyring, as a desktop does when its user leaves."""
    with _default_collection(environment) as collection:
        collection.lock()


@contextmanager
def _default_collection(environment: dict[str, str]) -> Iterator[Collection]:
    import secretstorage  # noqa: PLC0415 - Linux only

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBUS_SESSION_BUS_ADDRESS", environment["DBUS_SESSION_BUS_ADDRESS"])
        with secretstorage.dbus_init() as connection:
            yield secretstorage.get_collection_by_alias(connection, "default")


def keeps_secrets(environment: dict[str, str]) -> bool:
    """Whether it stores and deletes an item."""
    from jeepney import DBusErrorResponse  # noqa: PLC0415 - Linux only
    from secretstorage.exceptions import SecretStorageException  # noqa: PLC0415

    with (
        suppress(SecretStorageException, DBusErrorResponse, OSError),
        _default_collection(environment) as collection,
    ):
        if not collection.is_locked():
            collection.create_item("a test's", {"test": "yes"}, b"x").delete()
            return True
    return False


def skip_if_it_crashed(environment: dict[str, str]) -> None:
    """Skip a failed test whose keyring is gone: gnome-keyring 48 can crash when many ask at once."""
    if not keeps_secrets(environment):
        pytest.skip("gnome-keyring-daemon crashed")


def _wait(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the keyring did not come up in time"
        time.sleep(0.05)
