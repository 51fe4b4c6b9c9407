"""The reasons why an input is not exactly one public key, each with its own error.

None of them quotes the input: it may be a secret key.
"""

from __future__ import annotations

import enum

from workflows.core.sentences import DeclaredError, Sentence, Texts

_SEND_AGAIN = (
    "Please send the whole output of\n"
    "  gpg --armor --export YOUR_EMAIL\n"
    "or, if you have no PGP key yet, of\n"
    "  iam-onboard pgp request --new"
)
_NEW_KEY = (
    "  iam-onboard pgp request --new\n"
    "or like this, and send the last command's output, the public half:\n"
    '  gpg --quick-generate-key "YOUR NAME <YOUR EMAIL>" rsa4096 cert,sign 2y\n'
    "  gpg --quick-add-key NEW_FINGERPRINT rsa4096 encrypt 2y\n"
    "  gpg --armor --export NEW_FINGERPRINT"
)


class KeyRefused(DeclaredError):  # noqa: N818 - a refusal of an input, named for what it says
    """The input is not exactly one OpenPGP public key; the subclass says what it is instead.

    Attributes:
        for_owner: a text for the person who sent it, with helpful commands; "" for nothing.
    """

    for_owner: Sentence = f"What you sent for your AWS user can't be read as a PGP key. {_SEND_AGAIN}"

    @property
    def body(self) -> Sentence:
        """The message, with the text for the person who sent the input, if any."""
        return (
            f"{super().body}\n\nTo send to its owner:\n\n{self.for_owner}" if self.for_owner else super().body
        )


class EmptyKey(KeyRefused):
    """The input is empty."""

    for_owner = f"What you sent for your AWS user has no key in it. {_SEND_AGAIN}"
    texts = Texts(
        title="There is no key here",
        what="The text or file is empty.",
        why="gpg prints nothing, and no error, when it finds no key of that name.",
        next="Export one of the keys by its fingerprint or mail. This lists them:\n  gpg --list-keys",
    )


class KeyTooLarge(KeyRefused):
    """The input is larger than any public key, or has more keys than a person's keyring.

    Args:
        parts: what exceeds the limit, such as "bytes".
        count: how many the input has.
        limit: the maximum.
    """

    for_owner = (
        "What you sent for your AWS user is too large to be one PGP key. Please send one key:\n"
        "  gpg --export-options export-minimal --armor --export YOUR_EMAIL"
    )
    texts = Texts(
        title="This is too large to be a key",
        what="It has {count:,} {parts}; iam-onboard reads up to {limit:,}.",
        why="A public key is a few kilobytes. A whole keyring or another file may have been chosen.",
        next="Export one key:\n  gpg --export-options export-minimal --armor --export NAME",
    )


class SecretKeyGiven(KeyRefused):
    """The input is a secret key instead of the public one."""

    for_owner = (
        "You sent the SECRET half of your PGP key. Anyone who has read it can read what is encrypted "
        "to you.\n"
        f"Please delete the message, and revoke that key. Make a new one with\n{_NEW_KEY}"
    )
    texts = Texts(
        title="This is a SECRET key",
        what="It is the private half of a PGP key. iam-onboard read no further and stored nothing.",
        why="The AWS provider would accept it, and the secret key would then lie in the Terraform state.",
        next=(
            "Delete the message or file that it came in. Anyone who has read it can read what is "
            "encrypted to its owner, who should revoke this key, make a new one, and send the "
            "public half:\n  gpg --armor --export NAME"
        ),
    )


class OtherSecretKey(SecretKeyGiven):
    """The input is the private half of an SSH or TLS key."""

    for_owner = (
        "You sent the PRIVATE half of an SSH or TLS key. Anyone who could read that message can act as you.\n"
        "Please delete it and replace that key wherever it is used. A PGP key is another thing;\n"
        "`iam-onboard pgp request --new` makes one."
    )
    texts = Texts(
        title="This is a PRIVATE key",
        what="It is the private half of an SSH or TLS key. iam-onboard read no further and stored nothing.",
        why="Only its owner should ever have it, and it isn't a PGP key.",
        next=(
            "Delete the message or file that it came in, and tell its owner to replace that key. "
            "A PGP key is made with\n  iam-onboard pgp request --new"
        ),
    )


@enum.unique
class Found(enum.StrEnum):
    """What the input is instead of a public key, as a noun phrase."""

    SSH_KEY = "an SSH key, which can't be used to encrypt here"
    CERTIFICATE = "a certificate for TLS or S/MIME, not a PGP key"
    LIST = "gpg's list of keys, without the keys themselves"
    FINGERPRINT = "the fingerprint of a key, which only names it"
    LINK = "a link. iam-onboard doesn't follow it: open it in a browser, and use what is there"
    MAIL_ADDRESS = "an email address"
    TEXT = "text without a PGP key"
    OTHER_BLOCK = "another kind of PGP block"
    MESSAGE = "an encrypted message"
    SIGNATURE = "a signature (a revocation certificate is one, too)"
    OTHER_DATA = "some other data, and no key"


class NotAPublicKey(KeyRefused):
    """The input is OpenPGP data other than a key, or no OpenPGP data.

    Args:
        found: what it is.

    Attributes:
        found: see above.
    """

    for_owner = f"What you sent for your AWS user isn't a PGP public key. {_SEND_AGAIN}"
    texts = Texts(
        title="This isn't a public key",
        what="It is {found}.",
        why="A public key begins with -----BEGIN PGP PUBLIC KEY BLOCK-----, or is base64 or binary data.",
        next="Ask for the output of:  gpg --armor --export NAME",
    )

    def __init__(self, found: Found) -> None:
        super().__init__(found=found)
        self.found = found


class SeveralKeys(KeyRefused):
    """The input has more than one public key.

    Args:
        count: how many.
    """

    for_owner = (
        "You sent more than one PGP key for your AWS user. Please send one, by its fingerprint:\n"
        "  gpg --list-keys\n"
        "  gpg --armor --export FINGERPRINT"
    )
    texts = Texts(
        title="There is more than one key here",
        what="{count} different public keys are in it, but you need exactly one.",
        why="The AWS provider uses the first one and silently ignores the others.",
        next="Export only the right one, by its fingerprint. This lists them:\n  gpg --show-keys FILE",
    )


class DamagedKey(KeyRefused):
    """The input is a public key, but incomplete or damaged.

    Args:
        flaw: what is wrong with it, as a sentence.
    """

    for_owner = (
        "The PGP key that you sent for your AWS user arrived damaged. Please send it again, preferably as "
        "a file:\n"
        "  gpg --armor --export YOUR_EMAIL > key.asc"
    )
    texts = Texts(
        title="This key is damaged",
        what="{flaw}",
        why="Part of it was lost or changed on the way, as happens when a text is copied in pieces.",
        next="Ask for the key again, preferably as a file:\n  gpg --armor --export NAME > key.asc",
    )


class UnreadableKey(KeyRefused):
    """GnuPG itself can't read the key; `detail` has its message."""

    texts = Texts(
        title="GnuPG can't read this key",
        what="It has the form of a public key, but gpg finds no usable key in it.",
        why="It may be damaged, or in a format that this version of gpg doesn't know.",
        next="Ask its owner for an RSA key, exported with\n  gpg --armor --export NAME",
    )


class KeyTooSlow(UnreadableKey):
    """GnuPG was stopped before it had read the key, which says nothing about the key.

    Args:
        seconds: the time limit.
    """

    for_owner = ""
    texts = Texts(
        title="GnuPG didn't finish reading this key",
        what="iam-onboard stopped gpg after {seconds:g} seconds.",
        why="This computer may be very busy. gpg needs at most a second for a key.",
        next="Try again. If it happens again, ask its owner for a new key.",
    )


class OtherKeyVersion(KeyRefused):
    """A key in a format that neither gpg nor any AWS provider reads.

    Args:
        version: the version of the format; nearly all keys have 4.
        age: "an old" or "a newer".
    """

    for_owner = (
        f"Your PGP key is in a format that AWS's tools don't read. Please make an RSA key with\n{_NEW_KEY}"
    )
    texts = Texts(
        title="A key of {age} format",
        what="It is a version {version} key; the AWS provider reads version 4 keys only.",
        why="Keys of versions 2 and 3 are from before 1998; those after 4 are newer than the provider.",
        next="Ask its owner to make an RSA key with\n  iam-onboard pgp request --new",
    )


class KeybaseName(KeyRefused):
    """The input is the name of a Keybase account instead of a key.

    Args:
        name: the account's name: letters, digits and underscores only.
    """

    for_owner = (
        "You sent the name of a Keybase account, but I need the PGP key itself. Please send the output of:"
        "\n"
        "  gpg --armor --export YOUR_EMAIL\n"
        "or, if the key is only at Keybase:\n"
        "  keybase pgp export"
    )
    texts = Texts(
        title="This is the name of a Keybase account",
        what="keybase:{name} only names a key, which has to be fetched first.",
        why="The AWS provider would fetch it again at every change, so the key could change unseen.",
        next="Fetch it, and use its output here:\n  curl https://keybase.io/{name}/pgp_keys.asc",
    )


class NoSuchKeyHere(KeyRefused):
    """The wanted key is not in the input, or its name is ambiguous.

    Args:
        matches: how many match, such as "None of the keys matches".
        wanted: the person's name for it.
        detail: the fingerprints to choose from.
    """

    for_owner = ""  # the keys may be fine; only the name matches none
    texts = Texts(
        title="Which key?",
        what="{matches} {wanted!r}.",
        why="You need exactly one: choose by fingerprint, its last 8 digits or more, or email address.",
        next="Give the fingerprint of one of these.",
    )
