"""The person's own PGP keys: list them, export a public half, generate a key, and encrypt to one.

python-gnupg lists the secret halves; a key's content is read from its public half, as others read it. The
rest uses `tools.run_gpg`: python-gnupg can neither cancel a run nor report progress, and would put a
passphrase into the text of its parameters.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, Final

from workflows.core.files import private_folder
from workflows.core.grouping import by_key
from workflows.core.openpgp import Tag, split
from workflows.core.processes import capture
from workflows.core.secret import Secret
from workflows.core.sentences import DeclaredError, Problem, Texts
from workflows.gpg import tools
from workflows.gpg.inspect import KeyDetails, inspect_key
from workflows.gpg.refusals import KeyRefused
from workflows.gpg.tools import (
    PASSPHRASE_LIMIT,
    GpgFailed,
    GpgTooSlow,
    gpg_environment,
    run_gpg,
)

if TYPE_CHECKING:
    import gnupg

RECOMMENDED_PASSPHRASE_LENGTH: Final = 12
"""Characters; a shorter passphrase causes a warning."""

CREATION_SECONDS: Final = 600.0
"""How long gpg may search for the primes of a new key."""

_KEY_PARAMETERS = """\
Key-Type: RSA
Key-Length: 4096
Key-Usage: cert,sign
Subkey-Type: RSA
Subkey-Length: 4096
Subkey-Usage: encrypt
Name-Real: {name}
Name-Email: {email}
Expire-Date: {expires}
%commit
"""


class NoSuchKey(DeclaredError):  # noqa: N818 - it names what is missing
    """The keyring has no key with this fingerprint."""

    texts = Texts(
        title="This key isn't on this computer",
        what="The keyring has no key with the fingerprint {fingerprint}.",
        next="List your keys with  gpg --list-secret-keys",
    )


@dataclass(frozen=True)
class OwnKey:
    """A key of the person with a secret half in the keyring.

    Attributes:
        details: the public half, as others read it.
        present: ids of the parts whose secret half is in the keyring or on a known smartcard.
        on_card: the ids among these that are on a smartcard.
    """

    details: KeyDetails
    present: frozenset[str]
    on_card: frozenset[str]

    def opens(self, now: datetime) -> bool:
        """Return whether the secret half of the part that is encrypted to, if there is one, is here."""
        part = self.details.encryption_part(now)
        return part is None or part.key_id in self.present


def list_secret_keys(gnupg_home: Path | None, environment: Mapping[str, str]) -> tuple[OwnKey, ...]:
    """List the keys in the person's keyring that have a secret half, in order.

    Args:
        gnupg_home: the folder with the keyring; None for gpg's own choice.
        environment: the person's environment.

    Returns:
        The keys that gpg can read; none for an empty keyring or a missing folder.

    Raises:
        GpgMissing: gpg is not installed.
        GpgFailed: the keyring cannot be read.
    """
    if gnupg_home is not None and not gnupg_home.is_dir():
        return ()
    listed = _open(gnupg_home, environment).list_keys(secret=True)
    if listed.returncode not in {0, None}:
        detail = str(listed.stderr)
        raise GpgFailed("Can't read the keyring", "gpg couldn't list its secret keys.", detail=detail)
    found = []
    for key in listed:
        exported = _exported(key["fingerprint"], gnupg_home, environment)
        try:
            details = inspect_key(exported, environment=environment)
        except KeyRefused:
            continue  # A secret key without its public half can't be encrypted to.
        # Field 15 of a secret key: "+" for present, "#" for absent, else the serial number of its card.
        places = {part["keyid"]: part["token"] for part in (key, *key.get("subkey_info", {}).values())}
        present = frozenset(key_id for key_id, place in places.items() if place != "#")
        on_card = frozenset(key_id for key_id in present if places[key_id] not in {"+", ""})
        found.append(OwnKey(details, present, on_card))
    return tuple(found)


def has_passphrase(fingerprint: str, gnupg_home: Path | None, environment: Mapping[str, str]) -> bool | None:
    """Return whether a passphrase protects a secret key, as gpg-agent reports it; None if it doesn't.

    Raises:
        GpgFailed: as `run_gpg`.
    """
    listing = ["--with-colons", "--list-secret-keys", fingerprint]
    listed = run_gpg(listing, gnupg_home=gnupg_home, environment=environment).output.decode(errors="replace")
    grips = [line.split(":")[9] for line in listed.splitlines() if line.startswith("grp:")]
    home = [] if gnupg_home is None else ["--homedir", str(gnupg_home)]
    asks = ["gpg-connect-agent", *home, "--no-autostart", *(f"keyinfo {grip}" for grip in grips), "/bye"]
    try:
        said = capture(asks, cwd=Path("/"), environment=gpg_environment(environment), timeout=5.0).stdout
    except (OSError, TimeoutError):
        return None
    reports = [line.split() for line in said.splitlines() if line.startswith("S KEYINFO")]
    kinds = {report[7] for report in reports if len(report) > 7}  # protected, in clear, or unknown
    return True if "P" in kinds else False if kinds == {"C"} else None


def export_public_key(fingerprint: str, gnupg_home: Path | None, environment: Mapping[str, str]) -> bytes:
    """Export a binary public key from the keyring, minimal (without other people's signatures).

    Args:
        gnupg_home: the folder with the keyring; None for gpg's own choice.
        environment: the person's environment.

    Raises:
        NoSuchKey: it is not in the keyring.
        ValueError: the fingerprint is not 40 or 64 hexadecimal digits.
        GpgMissing: gpg is not installed.
    """
    if not re.fullmatch(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}", fingerprint):
        raise ValueError("a fingerprint is 40 or 64 hexadecimal digits")
    exported = _exported(fingerprint, gnupg_home, environment)
    if not exported:
        raise NoSuchKey(fingerprint=fingerprint)
    return exported


def _exported(fingerprint: str, gnupg_home: Path | None, environment: Mapping[str, str]) -> bytes:
    """Export a minimal public key; a whole one if gpg drops all user id signatures (key from the future)."""
    arguments = ["--export", fingerprint]
    minimal = ["--export-options", "export-minimal", *arguments]
    exported = run_gpg(minimal, gnupg_home=gnupg_home, environment=environment).output
    tags = [packet.tag for packet in split(exported)]
    if (Tag.USER_ID, Tag.SIGNATURE) in pairwise(tags) or Tag.USER_ID not in tags:
        return exported
    return run_gpg(arguments, gnupg_home=gnupg_home, environment=environment).output


def check_new_key(name: str, email: str, expires: str, passphrase: Secret) -> list[Problem]:
    """Check the parameters of a new key.

    Args:
        name: the person's name.
        email: the person's email address.
        expires: "0" for never, or a number of days, weeks, months or years, such as "90", "6w", "18m", "2y".

    Returns:
        Problems with `field` one of "name", "email", "expires", "passphrase"; a short passphrase only warns.
    """
    text = passphrase.reveal()
    rules = (
        ("name", not name.strip(), "Enter your name: it shows people whose key this is."),
        (
            "name",
            not name.isprintable() or any(bracket in name for bracket in "<>"),
            "The name is one line of text without < and >.",
        ),
        (
            "email",
            not re.fullmatch(r"[^\s@<>()\\]+@[^\s@<>()\\]+", email) or not email.isprintable(),
            "Enter an email address, such as jane.doe@company.example.",
        ),
        (
            "expires",
            not re.fullmatch(r"0|[1-9][0-9]{0,4}[dwmy]?", expires),
            "Enter how long the key is valid: 90d, 18m, 2y, or 0 for ever.",
        ),
        (
            "passphrase",
            not text.strip(),
            "Enter a passphrase: it protects the key if you lose the computer.",
        ),
        (
            "passphrase",
            len(text.encode()) > PASSPHRASE_LIMIT or not text.isprintable(),
            f"The passphrase is one line of at most {PASSPHRASE_LIMIT} bytes.",
        ),
        (
            "passphrase",
            "\ufffd" in text,
            "Your terminal sent something that isn't UTF-8. Set a UTF-8 locale, such as LANG=C.UTF-8.",
        ),
    )
    hint = f"{RECOMMENDED_PASSPHRASE_LENGTH} characters or more are better; four random words are good."
    short = len(text) < RECOMMENDED_PASSPHRASE_LENGTH
    found = [
        *(Problem(message, field) for field, broken, message in rules if broken),
        *([Problem(hint, "passphrase", fatal=False)] if short else []),
    ]
    return [problem for problem, *_ in by_key((problem.field, problem) for problem in found).values()]


def generate_key(
    name: str,
    email: str,
    expires: str,
    passphrase: Secret,
    *,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    progress: Callable[[float], None] | None = None,
    cancelled: Event | None = None,
) -> str:
    """Generate an RSA 4096 key with an RSA 4096 encryption subkey; takes some seconds.

    gpg-agent caches the passphrase for a while, as for every key.

    Args:
        name: the person's name.
        email: the person's email address.
        expires: as in `check_new_key`.
        passphrase: protects the secret key; goes to gpg over a separate pipe.
        gnupg_home: as in `list_secret_keys`; created (0700) if missing.
        environment: the person's environment.
        progress: called about twenty times a second with the seconds passed.
        cancelled: set by another thread to cancel. Then no key is in the keyring; the agent, which keeps
            running, may still store the unfinished secret half, which nothing refers to.

    Returns:
        The fingerprint of the new key.

    Raises:
        ValueError: `check_new_key` has a fatal problem with the parameters.
        GpgFailed: gpg could not generate it.
        GpgMissing: gpg is not installed.
        Cancelled: `cancelled` was set.
    """
    for problem in check_new_key(name, email, expires, passphrase):
        if problem.fatal:
            raise ValueError(problem.message)
    if gnupg_home is not None and not gnupg_home.exists():
        private_folder(gnupg_home)
    run = run_gpg(
        ["--generate-key"],
        gnupg_home=gnupg_home,
        environment=environment,
        stdin=_KEY_PARAMETERS.format(name=name, email=email, expires=expires).encode(),
        passphrase=passphrase,
        progress=progress,
        cancelled=cancelled,
        seconds=CREATION_SECONDS,
    )
    created = run.arguments("KEY_CREATED")  # KEY_CREATED type fingerprint
    if run.exit_status != 0 or not created:
        raise GpgFailed(
            "gpg didn't make the key",
            "gpg couldn't make a new key.",
            why="Its folder may not be writable, or its settings may forbid it. Its own message is below.",
            next="Fix that and try again.",
            detail=run.messages,
        )
    return created[0][1]


def revocation_certificate(fingerprint: str, gnupg_home: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the path of a generated key's revocation certificate (`openpgp-revocs.d`, GnuPG 2.1 and later).

    Anyone with that file can revoke the key; it belongs on paper or on a USB stick in a drawer.

    Args:
        fingerprint: the key's fingerprint.
        gnupg_home: the folder with the keyring; None for gpg's own choice.
        environment: the person's environment (GNUPGHOME and HOME determine gpg's own choice).
    """
    default = environment.get("GNUPGHOME") or Path(environment["HOME"]) / ".gnupg"
    return Path(gnupg_home or default) / "openpgp-revocs.d" / f"{fingerprint}.rev"


def encrypt(
    plain: bytes,
    *,
    fingerprint: str,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
) -> bytes:
    """Encrypt an OpenPGP message that only the owner of a key can read.

    The key is chosen by its fingerprint, so it is trusted for this (`--trust-model always`); the plain bytes
    go through a pipe.

    Args:
        plain: the bytes to encrypt; may be secret.
        fingerprint: the fingerprint of a key in the keyring, 40 hexadecimal digits.
        gnupg_home: the folder with the keyring; None for gpg's own choice.
        environment: the person's environment.

    Returns:
        The message, binary.

    Raises:
        GpgMissing: gpg is not installed.
        GpgFailed: the key is not there or cannot encrypt.
    """
    run = run_gpg(
        ["--trust-model", "always", "--recipient", fingerprint, "--encrypt", "--output", "-"],
        gnupg_home=gnupg_home,
        environment=environment,
        stdin=plain,
    )
    if run.exit_status != 0 or not run.output:
        raise GpgFailed(
            "gpg couldn't encrypt",
            f"gpg couldn't encrypt to the key {fingerprint}.",
            next="Check with `gpg --list-keys` that the key exists and hasn't expired.",
            detail=run.messages,
        )
    return run.output


def _open(gnupg_home: Path | None, environment: Mapping[str, str]) -> gnupg.GPG:
    """Return python-gnupg on this keyring with a time limit; imported here, so that the rest does without.

    Everything read here is ASCII except user ids, which come from the exported key instead. So the encoding
    is one without invalid bytes, for which a thread of python-gnupg would print a traceback.
    """
    import gnupg  # noqa: PLC0415 - see above

    class Keyring(gnupg.GPG):  # type: ignore[misc]
        """Ends gpg after `WORK_SECONDS`; python-gnupg would let it run forever."""

        def _collect_output(self, process: subprocess.Popen[bytes], *output: object, **more: object) -> None:
            slow = Event()

            def end() -> None:
                slow.set()
                process.kill()

            limit = Timer(tools.WORK_SECONDS, end)
            limit.daemon = True
            limit.start()
            try:
                super()._collect_output(process, *output, **more)
            finally:
                limit.cancel()
            if slow.is_set():
                raise GpgTooSlow(seconds=tools.WORK_SECONDS)

    try:
        return Keyring(
            gnupghome=None if gnupg_home is None else str(gnupg_home),
            env=gpg_environment(environment),
            encoding="latin-1",
        )
    except (OSError, ValueError) as error:
        # python-gnupg hides why gpg can't be started
        raise tools.not_started(error.__context__ or error) from error
