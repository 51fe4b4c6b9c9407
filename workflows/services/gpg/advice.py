"""What to send to the owner of a key that cannot be used: one sentence, and the commands that help."""

from __future__ import annotations

import enum

from workflows.services.gpg.details import KeyDetails


class Remedy(enum.Enum):
    """What the owner of a key can do about it."""

    NONE = "none"
    NEW_KEY = "new key"
    ADD_SUBKEY = "add an encryption subkey"
    PROLONG = "prolong"
    SEND_AGAIN = "send it again"


def sentence_for_owner(details: KeyDetails, reason: str, remedy: Remedy) -> str:
    """A text for the key's owner, to be sent as it is.

    Args:
        details: the key.
        reason: why it cannot be used, as the end of a sentence that begins with "because".
        remedy: what to do about it.

    Returns:
        A sentence and the commands, on lines of their own; "" for `Remedy.NONE`.
    """
    if remedy is Remedy.NONE:
        return ""
    tail = details.fingerprint[-16:]
    return _with_commands(
        f"Your PGP key {tail} cannot be used for your AWS password, because {reason}.", details, remedy
    )


def arrival_words(details: KeyDetails) -> str:
    """A text for the owner of a key that nothing is wrong with: that it came, and how to compare it."""
    return (
        "Your PGP key arrived and can be used for your AWS password. Its fingerprint should be\n"
        f"  {details.grouped_fingerprint}\n"
        "Please compare it with yours, and tell me if it differs:\n"
        "  gpg --fingerprint YOUR_MAIL"
    )


def _with_commands(head: str, details: KeyDetails, remedy: Remedy) -> str:
    """A sentence or two, what is asked for, and the commands on lines of their own."""
    if remedy is Remedy.NONE:
        return head
    asked, commands = _WORDS[remedy]
    subkeys = [part for part in details.subkeys if part in details.encryption_parts and not part.revoked]
    subkey = max(subkeys, key=lambda part: part.created).fingerprint if subkeys else ""
    lines = [f"{head} {asked}"]
    lines += [
        f"  {command.format(fingerprint=details.fingerprint, subkey=subkey)}"
        for command in commands
        if subkey or "{subkey}" not in command
    ]
    return "\n".join(lines)


def advice_for_owner(details: KeyDetails, reason: str, remedy: Remedy) -> str:
    """A text for the owner of a key that may be used, and that something is to be done about all the same.

    Args:
        details: the key.
        reason: what there is to know about it, as a whole sentence.
        remedy: what to do about it; `Remedy.NONE` gives the sentence alone.
    """
    head = f"Your PGP key {details.fingerprint[-16:]} can be used for your AWS password. {reason}"
    return _with_commands(head, details, remedy)


_NEW_KEY_COMMANDS = (
    'gpg --quick-generate-key "YOUR NAME <YOUR MAIL>" rsa4096 cert,sign 2y',
    "gpg --quick-add-key NEW_FINGERPRINT rsa4096 encrypt 2y",
    "gpg --armor --export NEW_FINGERPRINT",
)
_WORDS: dict[Remedy, tuple[str, tuple[str, ...]]] = {
    Remedy.NEW_KEY: (
        "Please make an RSA key with `iam-onboard pgp request --new`, or as below; send the last output:",
        _NEW_KEY_COMMANDS,
    ),
    Remedy.ADD_SUBKEY: (
        "Please add an encryption subkey to it and send the output of the last command:",
        (
            "gpg --quick-add-key {fingerprint} rsa4096 encrypt 2y",
            "gpg --armor --export {fingerprint}",
        ),
    ),
    Remedy.SEND_AGAIN: (
        "Please send it again, best as a file:",
        ("gpg --armor --export {fingerprint} > key.asc",),
    ),
    Remedy.PROLONG: (
        "Please prolong it and send the output of the last command:",
        (
            "gpg --quick-set-expire {fingerprint} 2y",
            # Named, because gpg's "*" means only the subkeys that have not expired yet.
            "gpg --quick-set-expire {fingerprint} 2y {subkey}",
            "gpg --armor --export {fingerprint}",
        ),
    ),
}
