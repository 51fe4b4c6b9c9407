"""The invitation for a person without a PGP key yet: what to install and do, with or without the wizard."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflows.core.errors import Problem
from workflows.messages import rules
from workflows.messages.envelope import MAX_TEXT, Flaw, MessageError

KIND = "invitation"

_COMMAND = re.compile(r"iam-onboard\s+join\s+--project[\s=]+(?P<project>\S+)\s+--user[\s=]+(?P<user>\S+)")


@dataclass(frozen=True)
class Invitation:
    """An invitation to a project.

    Attributes:
        project: the project's short name.
        user: the person's future IAM user name.
    """

    project: str
    user: str

    def problems(self) -> list[Problem]:
        """Return everything in it that breaks a rule; empty if it may be sent."""
        return rules.check(project=self.project, user=self.user)

    @property
    def command(self) -> str:
        """The command for the person to run."""
        return f"iam-onboard join --project {self.project} --user {self.user}"

    def render(self) -> str:
        """Return the whole text to send, ending with a newline.

        Raises:
            MessageError: a value breaks its rule.
        """
        rules.refuse(self.problems(), KIND)
        return f"""Hello,

I'd like to give you access to the AWS accounts of {self.project}. It takes
you ten minutes now, and ten more once I have added you. You need a
terminal, an authenticator app on your phone, and GnuPG, because your first
password comes encrypted to your key.

With iam-onboard, a wizard that guides you through all of it:

  1. Install it.
     macOS:          brew install gnupg pinentry-mac pipx && pipx install iam-onboard
     Debian, Ubuntu: sudo apt install gnupg pipx && pipx install iam-onboard
     Fedora:         sudo dnf install gnupg2 pipx && pipx install iam-onboard
     Arch:           sudo pacman -S gnupg python-pipx && pipx install iam-onboard
     Windows:        in WSL, as for Ubuntu

  2. Start it, and send me the text that it makes:

     {self.command}

Without it, with GnuPG alone:

  gpg --full-generate-key
     Choose "RSA and RSA", 4096 bits, an expiry date and a passphrase.
  gpg --armor --export YOUR-ADDRESS
     Send me what it prints, from BEGIN to END.

Send the PUBLIC key only (that is what --export prints), never the secret
one, and keep your passphrase to yourself.
"""


def open_invitation(text: str) -> Invitation:
    """Read a pasted invitation from the command in it.

    Raises:
        MessageError: the text has no such command, or a value breaks its rule.
    """
    match = _COMMAND.search(re.sub(r"^[ \t]*(?:>[ \t]?)+", "", text[:MAX_TEXT], flags=re.MULTILINE))
    if match is None:
        raise MessageError(Flaw.NO_INVITATION)
    invitation = Invitation(match["project"], match["user"])
    rules.refuse(invitation.problems(), KIND)
    return invitation
