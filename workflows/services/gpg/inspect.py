"""What is in a public key, as GnuPG reads it: algorithms, dates, user ids, what each part may be used for.

gpg reads the key from its standard input in a private, empty folder, imports nothing and starts no agent, so
neither the person's keyring nor its trust settings matter.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from workflows.services.gpg.details import KeyDetails, parse_listings
from workflows.services.gpg.key_packets import is_minimal
from workflows.services.gpg.keybase_packets import unread
from workflows.services.gpg.normalise import PublicKeyText, normalise
from workflows.services.gpg.packets import MalformedPackets, split
from workflows.services.gpg.refusals import KeyRefused, OtherKeyVersion
from workflows.services.gpg.subkey_expiry import own_expiries
from workflows.services.gpg.tools import GpgRun, run_gpg

__all__ = ["CheckedKey", "KeyDetails", "UnreadableKey", "check_key", "inspect_key", "private_folder"]

# No agent, no keyring and no trust database: nothing but the key itself.
_ISOLATED = ("--no-options", "--no-keyring", "--no-autostart", "--trust-model", "always", "--with-colons")
_READ_ONLY = (*_ISOLATED, "--show-keys")


class UnreadableKey(KeyRefused):
    """GnuPG itself cannot make sense of the key; `detail` holds its words."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "GnuPG cannot read this key",
            "It has the form of a public key, but gpg finds no usable key in it.",
            why="It may be damaged, or made in a format that this version of gpg does not know.",
            next="Ask its owner for an RSA key, exported with  gpg --armor --export NAME",
            detail=detail,
        )


@dataclass(frozen=True)
class CheckedKey:
    """A key as it would be written, and what is in it.

    Attributes:
        key: minimal, so without other people's signatures, wherever gpg could reduce it.
        details: what gpg reads in it.
    """

    key: PublicKeyText
    details: KeyDetails


def check_key(data: bytes | str, *, environment: Mapping[str, str], gpg: str = "gpg") -> CheckedKey:
    """Normalise, reduce and read a key, in one run of gpg.

    The reduced key has one signature a user id and a subkey, which leaves the provider no choice between an
    old date of expiry and the prolonged one, and is the same bytes whoever exports it. It is not taken where
    gpg would drop a subkey from it (one that is bound wrongly, or in the future).

    Args:
        data: what a person handed over (see `normalise`).
        environment: the person's environment.
        gpg: the name or path of gpg.

    Raises:
        KeyRefused: there is not exactly one public key in it, or gpg cannot read it (`UnreadableKey`).
        GpgMissing: gpg is not installed.
    """
    key = normalise(data)
    if is_minimal(key.binary):
        return CheckedKey(key, inspect_key(key.binary, environment=environment, gpg=gpg))
    with private_folder() as folder:
        reduced_file = folder / "reduced.gpg"
        run = run_gpg(
            [
                *_ISOLATED,
                "--import-options",
                "import-export,import-minimal,import-show",
                "--output",
                str(reduced_file),
                "--import",
            ],
            gnupg_home=folder,
            environment=environment,
            program=gpg,
            stdin=key.binary,
        )
        reduced = _reduced(reduced_file, key)
    if reduced is None or _made_in_future(run):
        return CheckedKey(key, inspect_key(key.binary, environment=environment, gpg=gpg))
    return CheckedKey(reduced, _details(run, reduced.binary))


def inspect_key(binary: bytes, *, environment: Mapping[str, str], gpg: str = "gpg") -> KeyDetails:
    """Read one binary public key with `gpg --show-keys`.

    A key that was made in the future (by a wrong clock) is read as of one hour after its creation, as gpg
    finds no valid signature in it otherwise.

    Args:
        binary: a `PublicKeyText.binary`.
        environment: the person's environment.
        gpg: the name or path of gpg.

    Raises:
        UnreadableKey: gpg finds no key in it.
        GpgMissing: gpg is not installed.
    """
    with private_folder() as folder:
        run = run_gpg(_READ_ONLY, gnupg_home=folder, environment=environment, program=gpg, stdin=binary)
        details = _details(run, binary)
        if _made_in_future(run):
            moment = details.created + timedelta(hours=1)
            run = run_gpg(
                ["--faked-system-time", f"{moment:%Y%m%dT%H%M%S}", *_READ_ONLY],
                gnupg_home=folder,
                environment=environment,
                program=gpg,
                stdin=binary,
            )
            details = _details(run, binary)
    return details


def _details(run: GpgRun, binary: bytes) -> KeyDetails:
    keys = parse_listings(run.output.decode("utf-8", errors="replace"))
    if len(keys) != 1:
        version = split(binary)[0].body[0]
        raise OtherKeyVersion(version) if version not in {4, 5} else UnreadableKey(run.messages)
    (details,) = keys
    details = replace(details, unread=unread(split(binary)))
    own = own_expiries(binary)
    if len(own) != len(details.subkeys):
        return details
    subkeys = zip(details.subkeys, own, strict=True)
    return replace(details, subkeys=tuple(replace(part, own_expires=date) for part, date in subkeys))


def _made_in_future(run: GpgRun) -> bool:
    """Whether gpg complains that the key is younger than its own clock (it has no status line for that)."""
    return "in the future (time warp or clock problem)" in run.messages


def _reduced(file: Path, original: PublicKeyText) -> PublicKeyText | None:
    """The reduced key, unless there is none or a part of the key is missing from it."""
    if not file.is_file():
        return None
    reduced = PublicKeyText(file.read_bytes())
    try:
        return reduced if reduced.key_material == original.key_material else None
    except MalformedPackets:
        return None


@contextmanager
def private_folder() -> Iterator[Path]:
    """An empty folder that only this user can enter, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="io-"))
    try:
        yield folder
    finally:
        try:
            folder.rmdir()  # it mostly is empty still, and this is the quicker way
        except OSError:
            shutil.rmtree(folder)
