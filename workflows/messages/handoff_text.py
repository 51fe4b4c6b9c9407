"""The part of a handoff that a person reads, enough to begin without the wizard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workflows.messages.fields import lines_of

if TYPE_CHECKING:
    from workflows.messages.handoff import Handoff, Identity


_HOLDS: Mapping[tuple[bool, bool], tuple[str, str]] = {
    (True, False): ("passwords in it are", "password"),
    (False, True): ("secret keys in it are", "access key"),
    (True, True): ("passwords and secret keys in it are", "password and access key"),
    (False, False): ("passwords in it are", "password"),
}
"""By whether it holds passwords and access keys: what is encrypted, and what is made anew if that fails."""
_FIRST = "your access to the AWS accounts of {project} is ready."
_OPENINGS: Mapping[str, str] = {
    "new-password": "this is a new password for the AWS accounts of {project}; the one you had\n"
    "does not work any more. Your access keys are as they were.",
    "new-key": "your new PGP key is in place in the AWS accounts of {project}. What the old one\n"
    "was used for is made anew: what you had does not work any more.",
    "new-credentials": "there is more for you to sign in with to the AWS accounts of {project}.",
}
"""How a message begins by its occasion, where it is not the first one that the person gets."""


def greeting(handoff: Handoff) -> str:
    """The text above the block: what this is, how to go on with the wizard, how by hand."""
    again = handoff.occasion in _OPENINGS
    opening = _OPENINGS.get(handoff.occasion, _FIRST).format(project=handoff.project)
    password = any(one.encrypted_password is not None for one in handoff.identities)
    access_key = any(one.encrypted_secret is not None for one in handoff.identities)
    encrypted, made_anew = _HOLDS[password, access_key]
    parts = [
        f"""Hello,

{opening} Nothing in this
message is secret: {encrypted} encrypted to your PGP key,
and only you can read them.

With iam-onboard: save this whole message as handoff.txt and run

  iam-onboard join handoff.txt

or paste it at the step "Handoff". The wizard does the rest.

Without it:""",
        *(_by_hand(identity, again=again) for identity in handoff.identities),
        f"""If it cannot be decrypted, send me your current public PGP key and I will
make a new {made_anew}.

For iam-onboard (leave it as it is):""",
    ]
    return "\n\n".join(parts)


def _by_hand(identity: Identity, *, again: bool) -> str:
    lines = [
        f"* {identity.account_name} (account {identity.account_id})",
        f"  User: {identity.user}",
        f"  PGP key: {identity.key_fingerprint}",
    ]
    if identity.sign_in_url:
        lines.insert(1, f"  Sign in at: {identity.sign_in_url}")
    if identity.encrypted_password is not None:
        lines += ["  Your one-time password, in a terminal (zsh: a % at its end is not a part of it):", ""]
        lines += _decrypt(identity.encrypted_password)
        lines += ["", "  Sign in with it and choose a new one."]
        lines += [f"  - {sentence}" for sentence in identity.password_policy]
        if identity.mfa_required and again:
            lines.append("  Your MFA device stays as it is.")
        elif identity.mfa_required:
            lines.append('  Then add MFA under "Security credentials": an authenticator app, not a')
            lines.append("  passkey. Sign out and in again.")
    if identity.access_key_id is not None and identity.encrypted_secret is not None:
        lines += [f"  Access key id: {identity.access_key_id}", "  Its secret, in a terminal:", ""]
        lines += _decrypt(identity.encrypted_secret)
    return "\n".join(lines)


def _decrypt(ciphertext: str) -> list[str]:
    """A command to paste into sh, bash or zsh."""
    return ["base64 --decode <<'END' | gpg --decrypt", *lines_of(ciphertext), "END"]
