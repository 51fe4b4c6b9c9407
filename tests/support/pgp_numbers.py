"""RSA numbers for the keys of tests, found once per machine, as finding them takes most of the time.

Each key has its own user id and creation time, and so its own fingerprint. Keys of one process have the same
numbers only if there are `_PAIRS` other keys between them, and never in one folder.
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
    """Copy a pair of secret numbers, for a primary key and a subkey, into a gpg folder.

    Returns:
        Their keygrips, or () if the folder contains all pairs already.
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
    """Return the two files of a pair, `1-KEYGRIP.key` and `2-KEYGRIP.key`; make them if they are missing."""
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
