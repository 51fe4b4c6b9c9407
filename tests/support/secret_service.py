"""A real desktop keyring for tests: gnome-keyring on a D-Bus session of its own, in folders of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("dbus-daemon", "dbus-send", "gnome-keyring-daemon")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]

needs_secret_service = pytest.mark.skipif(
    bool(MISSING), reason=f"{' and '.join(MISSING)} missing: apt install dbus gnome-keyring"
)
"""Skips on a developer's machine without the programs; `.ci/run` installs them."""


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
"""A bus that starts nothing by itself: the session's usual one would start a second, locked keyring."""


@contextmanager
def secret_service(folder: Path, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """An unlocked keyring; gives the environment in which programs find it.

    Args:
        folder: for its bus, its sockets and its data; the path has to be short.
        environment: what programs get besides.
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
        _wait(lambda: _answers(there))
        yield there
    finally:
        for process in (keyring, bus):
            if process is not None:
                process.terminate()
                process.wait(300)


def lock(environment: dict[str, str]) -> None:
    """Lock the keyring, as a desktop does when its person leaves."""
    import secretstorage  # noqa: PLC0415 - Linux only

    before = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = environment["DBUS_SESSION_BUS_ADDRESS"]
    try:
        with secretstorage.dbus_init() as connection:
            secretstorage.get_default_collection(connection).lock()
    finally:
        os.environ.pop("DBUS_SESSION_BUS_ADDRESS")
        if before is not None:
            os.environ["DBUS_SESSION_BUS_ADDRESS"] = before


def _answers(environment: dict[str, str]) -> bool:
    asked = subprocess.run(
        [
            "dbus-send",
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.secrets",
            "/org/freedesktop/secrets/aliases/default",
            "org.freedesktop.DBus.Properties.Get",
            "string:org.freedesktop.Secret.Collection",
            "string:Locked",
        ],
        env=environment,
        capture_output=True,
        check=False,
    )
    return b"boolean false" in asked.stdout


def _wait(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the keyring did not come up in time"
        time.sleep(0.05)
