r"""Decrypt the encrypted password: clean up pasted text, find its recipients, and explain gpg's failures.

For every failure gpg reports "no secret key"; only its status lines tell the difference (`ERROR
pkdecrypt_failed`, GnuPG's doc/DETAILS; the numbers are those of libgpg-error: the code in the low 16 bits,
the program that reports it in the highest 8).

gpg-agent caches a correct passphrase for some minutes. Until it expires, gpg decrypts with *any* passphrase,
even a wrong one. The result is still right, and the agent of the person's own folder is not ours to reset, so
that stays: "wrong passphrase" is never reported falsely, but a wrong one may go unnoticed. The agent caches a
passphrase given here in the same way.
"""

from __future__ import annotations

import enum
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final

from workflows.core.installation import how_to_install
from workflows.core.later import on_demand
from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, DeclaredError, OnboardError, Texts
from workflows.gpg.tools import WORK_SECONDS, GpgFailed, GpgRun, run_gpg

with on_demand():  # credential-process must be fast
    from workflows.core import openpgp
    from workflows.gpg import pasted

if TYPE_CHECKING:
    from workflows.gpg.inspect import KeyDetails

_REPLACEMENT_HINT = (
    "If the key is lost or its passphrase forgotten, send your admin a new one: that resets the password. "
    "An access key kept with it can only be replaced."
)


BRING_THE_KEY = (
    "Continue on the computer that has it, or bring it here:\n"
    "There  gpg --armor --output key.asc --export-secret-keys YOUR-ADDRESS\n"
    "Here   gpg --import key.asc\n"
    "Then delete both copies of key.asc."
)
"""What to do on a second computer that lacks the key."""


class DecryptError(DeclaredError):
    """The text could not be decrypted; the subclass says why."""


@enum.unique
class Flaw(enum.Enum):
    """Why an input isn't a usable encrypted message, with the sentence about it."""

    TOO_LARGE = "It is too large: {size:,} characters, but a few hundred are usual."
    EMPTY = "It is empty."
    NO_TEXT = "There is no encrypted text in it."
    UNDECODABLE = "The text can't be decoded: {error}."
    NOT_OPENPGP = "It isn't OpenPGP data."
    CUT = "Its end is missing."
    SEVERAL = "There is more than one encrypted message in it; use one at a time."
    OTHER_BLOCK = "It is another kind of PGP block, not an encrypted message."
    KEY = "It is a key, not a message."
    NOT_FOUND = "There is no message in it that is encrypted to a key."
    BINARY = "It decrypts to something that isn't text, so it isn't a password."


class NotAMessage(DecryptError):  # noqa: N818 - it names what was given
    """The input is not exactly one encrypted message.

    Args:
        flaw: what is wrong with it.
        values: values for the flaw's sentence.

    Attributes:
        flaw: see above.
    """

    texts = Texts(
        title="This isn't an encrypted password",
        what="{what}",
        why="An encrypted password is one block of base64 text that begins with w or h.",
        next="Copy the whole block from the message again, from its first letter to its last.",
    )

    def __init__(self, flaw: Flaw, **values: object) -> None:
        super().__init__(what=flaw.value.format(**values))
        self.flaw = flaw


class WrongPassphrase(DecryptError):  # noqa: N818 - it names what happened
    """The passphrase does not open the secret key."""

    field = "passphrase"
    texts = Texts(
        title="Wrong passphrase",
        what="This passphrase doesn't open your secret key.",
        why="It is the passphrase of your PGP key, not a password of AWS or of this computer.",
        next=f"Try again. {_REPLACEMENT_HINT}",
    )


class NoSecretKey(DecryptError):  # noqa: N818 - it names what is missing
    """The keyring has none of the keys that the message is encrypted to.

    Args:
        recipients: the ids of the keys (mostly subkeys) that could decrypt it.
    """

    texts = Texts(
        title="The PGP key for this isn't on this computer",
        what="It is encrypted to {recipients}, but this computer's keyring doesn't have that secret key.",
        why="It may be on another computer or a smartcard, or it is somebody else's.",
        next=f"{BRING_THE_KEY} {_REPLACEMENT_HINT}",
    )


class DecryptCancelled(DecryptError, Cancelled):  # noqa: N818 - it is not an error
    """The person cancelled the passphrase prompt."""

    texts = Texts(title="Cancelled", what="You cancelled the question for the passphrase.")


class PinentryTimeout(DecryptError):  # noqa: N818 - it names what happened
    """The passphrase prompt timed out."""

    texts = Texts(
        title="The question timed out",
        what="GnuPG asked for the passphrase, but got no answer in time.",
        next="Try again.",
    )


class PassphraseNeeded(DecryptError):  # noqa: N818 - it names what is missing
    """The key has a passphrase, and gpg has no way to ask for it.

    Attributes:
        fingerprint: the key's fingerprint, if a caller that knows it has set it.
    """

    fingerprint = ""
    texts = Texts(
        title="GnuPG needs your passphrase",
        what="GnuPG couldn't ask for the key's passphrase.",
        why="pinentry, which asks for it, isn't installed, or can't appear on this terminal or desktop.",
        next="Enter the passphrase in the wizard's own field, or install a pinentry:\n"
        + how_to_install("pinentry"),
    )


class LoopbackForbidden(DecryptError):  # noqa: N818 - it names what is forbidden
    """The person's gpg-agent accepts a passphrase only from its own prompt."""

    texts = Texts(
        title="GnuPG has to ask for the passphrase itself",
        what="The settings of gpg-agent don't let another program pass on a passphrase.",
        why="gpg-agent.conf holds  no-allow-loopback-pinentry.",
        next="Choose to enter the passphrase in GnuPG's own question.",
    )


class SmartcardProblem(DecryptError):  # noqa: N818 - it names what it is about
    """The secret key is on a smartcard, and the card failed."""

    texts = Texts(
        title="The smartcard couldn't decrypt it",
        what="The smartcard with the secret key is absent or locked, or got a wrong PIN.",
        next="Insert the card, check  gpg --card-status, and use GnuPG's own question for the PIN.",
    )


HIDDEN_RECIPIENT: Final = "0" * 16
"""The key id of a hidden recipient (RFC 9580, section 5.1)."""


def clean_ciphertext(text: bytes | str) -> bytes:
    r"""Extract the binary message from pasted text.

    Accepted: base64 with wraps, quote marks, quotation signs, a shell's trailing `%`, literal `\n`; a block
    of it inside a mail; an armored message; a binary file.

    Raises:
        NotAMessage: there is not exactly one encrypted message in it, or it is damaged.
    """
    if len(text) > pasted.INPUT_LIMIT:
        raise NotAMessage(Flaw.TOO_LARGE, size=len(text))
    binary = _binary_message(text)
    if binary.startswith(b"-----BEGIN PGP MESSAGE"):  # base64 of armored text
        binary = _binary_message(binary)
    packets = _packets(binary)
    tags = {packet.tag for packet in packets}
    _refuse(
        {
            Flaw.SEVERAL: sum(packet.tag in openpgp.ENCRYPTED_DATA for packet in packets) > 1,
            Flaw.KEY: not tags.isdisjoint(openpgp.KEYS | openpgp.SECRET_KEYS),
            Flaw.NOT_FOUND: tags.isdisjoint(openpgp.ENCRYPTED_DATA) or not recipients(binary),
        }
    )
    return binary


def _refuse(flaws: Mapping[Flaw, bool]) -> None:
    """Raise an error for the first flaw that an input has."""
    for flaw, found in flaws.items():
        if found:
            raise NotAMessage(flaw)


def recipients(ciphertext: bytes) -> tuple[str, ...]:
    """Return the ids of the keys that can decrypt a message, in order, without running gpg.

    Args:
        ciphertext: a binary message.

    Returns:
        Key ids of 16 upper-case hexadecimal digits, usually of subkeys; `HIDDEN_RECIPIENT` for a hidden one.

    Raises:
        NotAMessage: it is not OpenPGP data.
    """
    return tuple(
        _recipient(packet.body)
        for packet in _packets(ciphertext)
        if packet.tag == openpgp.Tag.PUBLIC_KEY_ENCRYPTED_SESSION_KEY and len(packet.body) > 9
    )


def _packets(message: bytes) -> tuple[openpgp.Packet, ...]:
    try:
        return openpgp.split(message)
    except openpgp.MalformedPackets as error:
        raise NotAMessage(Flaw.CUT if error.truncated else Flaw.NOT_OPENPGP) from error


def is_for(ciphertext: bytes, details: KeyDetails) -> bool:
    """Return whether a key's owner can decrypt a message.

    Args:
        ciphertext: a binary message.
        details: the key.

    Returns:
        True also for a message with a hidden recipient: it cannot be ruled out.

    Raises:
        NotAMessage: it is not OpenPGP data.
    """
    own = {part.key_id for part in details.parts}
    return any(key_id in own or key_id == HIDDEN_RECIPIENT for key_id in recipients(ciphertext))


def _recipient(body: bytes) -> str:
    """Return the key id in a session key packet, version 3 (RFC 9580, section 5.1.1) or 6 (section 5.1.2)."""
    if body[0] != 6:
        return body[1:9].hex().upper()
    fingerprint = body[3 : 2 + body[1]]
    if not fingerprint:
        return HIDDEN_RECIPIENT
    # The key id is the end of a version 4 fingerprint, but the beginning of a later one.
    return (fingerprint[-8:] if body[2] == 4 else fingerprint[:8]).hex().upper()


def _binary_message(data: bytes | str) -> bytes:
    text = pasted.as_text(data)
    if text is None:
        return data if isinstance(data, bytes) else b""
    text = pasted.unescaped(pasted.unquoted(text))
    blocks = pasted.armored_blocks(text)
    messages = [block for block in blocks if block.label == "MESSAGE"]
    _refuse(
        {
            Flaw.EMPTY: not text.strip(),
            Flaw.OTHER_BLOCK: bool(blocks) and not messages,
            Flaw.SEVERAL: len(messages) > 1,
            Flaw.CUT: not all(message.complete for message in messages),
        }
    )
    try:
        binary = messages[0].decode() if messages else pasted.bare_base64(text)
    except pasted.SeveralBlocks as error:
        raise NotAMessage(Flaw.SEVERAL) from error
    except pasted.MalformedBase64 as error:
        raise NotAMessage(Flaw.UNDECODABLE, error=error) from error
    if not binary:
        raise NotAMessage(Flaw.NO_TEXT)
    return binary


_KINDS: Final[tuple[tuple[frozenset[int], type[DecryptError]], ...]] = (
    # libgpg-error's err-codes.h; 83 was seen in practice
    (frozenset({11, 177}), WrongPassphrase),  # BAD_PASSPHRASE, NO_PASSPHRASE (an empty one)
    (frozenset({62}), PinentryTimeout),  # TIMEOUT
    (frozenset({83, 99, 198}), DecryptCancelled),  # CANCELED, FULLY_CANCELED
    (frozenset({85, 86}), PassphraseNeeded),  # NO_PIN_ENTRY, PIN_ENTRY
    # BAD_PIN, CARD…, NO_SCDAEMON, PIN_BLOCKED
    (frozenset({87, 108, 110, 111, 112, 113, 119, 130}), SmartcardProblem),
)
_NO_SECKEY: Final = 17
_PINENTRY: Final = 5
"""The source (libgpg-error's err-sources.h) whose other failures mean that it couldn't ask."""


def decrypt(
    ciphertext: bytes,
    *,
    passphrase: Secret | None,
    gnupg_home: Path | None,
    environment: Mapping[str, str],
    tty: str | None = None,
    cancelled: Event | None = None,
    asks: bool = True,
) -> Secret:
    """Decrypt a message.

    A passphrase goes to gpg over a pipe, and gpg does not prompt. Without one, gpg-agent uses a cached
    passphrase or a key without one, or prompts with pinentry: then the caller suspends its own screen, names
    the terminal in `tty`, and ignores SIGINT meanwhile (Ctrl-C in pinentry reaches the whole terminal).
    If pinentry has neither a terminal nor windows, it isn't started: `PassphraseNeeded` is raised at once.

    Args:
        ciphertext: a binary message, from `clean_ciphertext`.
        passphrase: the secret key's passphrase, or None.
        gnupg_home: the folder with the secret key; None for gpg's own choice.
        environment: the person's environment.
        tty: the device of the terminal for pinentry.
        cancelled: set by another thread to cancel; gpg is ended, but not its agent.
        asks: whether pinentry may be started at all.

    Returns:
        The plain text, exactly as it was encrypted.

    Raises:
        DecryptError: the subclass says what went wrong.
        GpgFailed, GpgTooSlow, GpgMissing, Cancelled: as `run_gpg`; time is limited unless a person is
            prompted.
        OnboardError: the passphrase is not one line of at most 255 bytes.
    """
    windows = sys.platform == "darwin" or any(map(environment.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    askable = passphrase is not None or (asks and (tty is not None or windows))
    run = run_gpg(
        [*(() if askable else ("--pinentry-mode", "error")), "--no-auto-key-retrieve", "--decrypt"],
        gnupg_home=gnupg_home,
        environment=environment,
        stdin=ciphertext,
        passphrase=passphrase,
        tty=tty,
        cancelled=cancelled,
        seconds=WORK_SECONDS if passphrase is not None or not askable else None,
    )
    if run.exit_status != 0 or not run.has("DECRYPTION_OKAY"):
        failure = _failure(run)
        if isinstance(failure, NoSecretKey):  # gpg reports the same if the agent, which has the keys, fails
            listed = run_gpg(["--list-secret-keys"], gnupg_home=gnupg_home, environment=environment)
            failure = _undecryptable(listed) if listed.exit_status else failure
        raise failure
    try:
        return Secret(run.output.decode("utf-8"))
    except UnicodeDecodeError:  # without the cause, which would contain the plain bytes
        raise NotAMessage(Flaw.BINARY) from None


def _failure(run: GpgRun) -> OnboardError:
    """Return the error for a failed run."""
    if run.exit_status == -signal.SIGINT:
        return DecryptCancelled(detail=run.messages)  # Ctrl-C in pinentry reaches and ends gpg, too
    if _errors(run, "set_pinentry_mode"):
        return LoopbackForbidden(detail=run.messages)
    errors = _errors(run, "pkdecrypt_failed")
    codes = {error & 0xFFFF for error in errors}
    kind = next((kind for known, kind in _KINDS if codes & known), None)
    if kind is None and run.has("SC_OP_FAILURE"):
        kind = SmartcardProblem
    if kind is None and any(error >> 24 == _PINENTRY for error in errors):
        kind = PassphraseNeeded
    if kind is not None:
        return kind(detail=run.messages)
    encrypted_to = [arguments[0] for arguments in run.arguments("ENC_TO") if arguments]
    if run.has("NODATA") or not encrypted_to:
        return NotAMessage(Flaw.NOT_FOUND)
    if run.has("NO_SECKEY") and codes <= {_NO_SECKEY}:  # GnuPG 2.2 reports no code for it
        return NoSecretKey(recipients=", ".join(encrypted_to), detail=run.messages)
    return _undecryptable(run)


def _undecryptable(run: GpgRun) -> GpgFailed:
    return GpgFailed(
        "GnuPG couldn't decrypt it",
        "Decrypting failed; the reason is in the message of gpg.",
        why="The message was probably changed or cut off on the way, or gpg-agent has a problem.",
        next="Copy the encrypted password again, or ask your admin to send it again.",
        detail=run.messages,
    )


def _errors(run: GpgRun, place: str) -> set[int]:
    """Return libgpg-error's numbers that gpg reports for a place (`ERROR place number`)."""
    return {
        int(arguments[1])
        for arguments in run.arguments("ERROR")
        if len(arguments) > 1 and arguments[0] == place and arguments[1].isdigit()
    }
