"""What git refused, in words; for a commit that it could not sign, with what a person can do about that."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workflows.core.errors import OnboardError

# git's own words in English (its gpg-interface.c): of OpenPGP and X.509, and the two of ssh.
_NOT_SIGNED: Final = ("failed to sign the data", "Couldn't sign message", "Couldn't load public key")


def refused(verb: str, folder: Path, words: str) -> OnboardError:
    """The error for a command that git ended with a failure.

    Args:
        verb: git's command, as "commit".
        folder: where it ran.
        words: what git said, in English.
    """
    if verb == "commit" and any(one in words for one in _NOT_SIGNED):
        return OnboardError(
            "The commit is not signed, so not made",
            f"The files are written, but git could not sign the commit in {folder}.",
            why=(
                "Git is set to sign commits (commit.gpgsign), and cannot ask for the key's passphrase here: "
                "this program has the terminal."
            ),
            next=(
                "Sign something with that key in another terminal, so that its agent knows the passphrase, "
                "and do this step again; with gpg:  echo | gpg --clearsign\n"
                "Or unmark “commit”, and commit the files yourself."
            ),
            detail=words,
        )
    return OnboardError(
        "git refused",
        f"git {verb} failed in {folder}.",
        next="Read git's own words below; nothing else was changed.",
        detail=words,
    )
