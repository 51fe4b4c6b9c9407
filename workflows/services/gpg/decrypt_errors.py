"""Every way in which decrypting a password goes wrong, each an error of its own."""

from __future__ import annotations

from workflows.core.errors import Cancelled, OnboardError
from workflows.services.installation import how_to_install

_REPLACEMENT_HINT = "If the key is lost, ask the admin for a new password for a new key."


class DecryptError(OnboardError):
    """The text could not be decrypted; the subclass says why."""


class NotAMessage(DecryptError):  # noqa: N818 - it names what was given
    """What was given is not one encrypted message.

    Args:
        what: what is wrong with it, as a sentence.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            "This is not an encrypted password",
            what,
            why="An encrypted password is one block of base64 text that begins with w or h.",
            next="Copy the whole block from the message again, from its first letter to its last.",
        )


class WrongPassphrase(DecryptError):  # noqa: N818 - it names what happened
    """The passphrase does not open the secret key."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "Wrong passphrase",
            "The secret key is here, but this passphrase does not open it.",
            why="It is the passphrase of your PGP key, not a password of AWS or of this computer.",
            next=f"Try again. {_REPLACEMENT_HINT}",
            detail=detail,
        )


class NoSecretKey(DecryptError):  # noqa: N818 - it names what is missing
    """None of the keys that the message is encrypted to is in the keyring.

    Attributes:
        key_ids: the ids of the keys (mostly subkeys) that could open it.
    """

    def __init__(self, key_ids: tuple[str, ...], detail: str) -> None:
        wanted = ", ".join(key_ids) or "a key that it does not name"
        super().__init__(
            "The key for this message is not here",
            f"It is encrypted to {wanted}, and that secret key is not in the keyring of this computer.",
            why="It may be on another computer or a smartcard, or the message is for somebody else.",
            next=f"Open it where that key is. {_REPLACEMENT_HINT}",
            detail=detail,
        )
        self.key_ids = key_ids


class DecryptCancelled(DecryptError, Cancelled):  # noqa: N818 - it is not an error
    """The person cancelled the question for the passphrase."""

    def __init__(self, detail: str) -> None:
        super().__init__("Cancelled", "The question for the passphrase was cancelled.", detail=detail)


class PinentryTimeout(DecryptError):  # noqa: N818 - it names what happened
    """The question for the passphrase waited too long."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "The question timed out",
            "GnuPG asked for the passphrase and had no answer in time.",
            next="Try again.",
            detail=detail,
        )


class PassphraseNeeded(DecryptError):  # noqa: N818 - it names what is missing
    """The key has a passphrase, and gpg has no way to ask for it."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "The passphrase is needed",
            "GnuPG wanted to ask for the key's passphrase and could not.",
            why="Its own question (pinentry) is not installed or has no terminal to appear on.",
            next="Enter the passphrase in the wizard's own field, or install a pinentry:\n"
            + how_to_install("pinentry"),
            detail=detail,
        )


class LoopbackForbidden(DecryptError):  # noqa: N818 - it names what is forbidden
    """The person's gpg-agent takes a passphrase from its own question only."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "GnuPG wants to ask by itself",
            "The settings of gpg-agent do not let another program hand over a passphrase.",
            why="gpg-agent.conf holds  no-allow-loopback-pinentry.",
            next="Choose to enter the passphrase in GnuPG's own question.",
            detail=detail,
        )


class SmartcardProblem(DecryptError):  # noqa: N818 - it names what it is about
    """The secret key is on a smartcard, and the card did not do its part."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "The smartcard did not decrypt it",
            "The secret key is on a smartcard that is absent, locked, or was given a wrong PIN.",
            next="Insert the card, look at  gpg --card-status, and use GnuPG's own question for the PIN.",
            detail=detail,
        )
