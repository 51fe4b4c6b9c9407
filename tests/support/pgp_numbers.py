"""RSA numbers for the keys of tests, found once a machine: that is nearly all that making a key takes.

Each key has its own user and moment, and so its own fingerprint. Keys of one process have the same numbers
only when there are `_PAIRS` others between them, and never in one folder.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
from pathlib import Path

from workflows.core.locks import FileLock

_PLACE = Path(__file__).parents[2] / ".cache" / "pgp"
_PAIRS = 24
_turn = itertools.count()


def take(home: Path) -> tuple[str, ...]:
    """Put a pair of secret numbers, of a primary key and a subkey, into a gpg folder.

    Returns:
        Their keygrips, or nothing if the folder has all pairs already.
    """
    secrets = home / "private-keys-v1.d"
    for number in itertools.islice(_turn, _PAIRS):
        files = _pair(number % _PAIRS)
        if not any((secrets / file.name[2:]).exists() for file in files):
            secrets.mkdir(mode=0o700, exist_ok=True)
            for file in files:
                shutil.copyfile(file, secrets / file.name[2:])
                (secrets / file.name[2:]).chmod(0o600)
            return tuple(file.stem[2:] for file in files)
    return ()


def _pair(number: int) -> list[Path]:
    """The two files of a pair, made if they are not there yet: `1-KEYGRIP.key` and `2-KEYGRIP.key`."""
    place = _PLACE / str(number)
    if not place.is_dir():
        _PLACE.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(_PLACE / "lock"):
            if not place.is_dir():
                _find(place)
    return sorted(place.iterdir())


def _find(place: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix="io-", dir="/tmp"))
    gpg = ["gpg", "--homedir", str(building), "--batch", "--no-tty", "--quiet", "--passphrase="]
    try:
        for name in "12":
            subprocess.run([*gpg, "--quick-gen-key", name, "rsa2048"], check=True, capture_output=True)
        listed = subprocess.run(
            [*gpg, "--list-keys", "--with-colons", "--with-keygrip"],
            check=True,
            capture_output=True,
            text=True,
        )
        grips = [line.split(":")[9] for line in listed.stdout.splitlines() if line.startswith("grp")]
        unfinished = Path(tempfile.mkdtemp(dir=_PLACE))
        for order, grip in enumerate(grips, 1):
            shutil.copyfile(
                building / "private-keys-v1.d" / f"{grip}.key", unfinished / f"{order}-{grip}.key"
            )
        unfinished.rename(place)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(building), "--kill", "all"], check=True)
        shutil.rmtree(building, ignore_errors=True)
