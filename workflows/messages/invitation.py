"""The invitation to send a PGP key, the first or a new one: what to do, with or without the wizard."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from workflows.core.sentences import Problem
from workflows.messages import rules
from workflows.messages.envelope import MAX_TEXT, Flaw, MessageError

KIND = "invitation"

_COMMAND = re.compile(r"iam-onboard\s+join\s+--project[\s=]+(?P<project>\S+)\s+--user[\s=]+(?P<user>\S+)")


@dataclass(frozen=True)
class Invitation:
    """An invitation to a project.

    Attributes:
        project: the project's short name.
        user: the person's present or future IAM user name.
        replaces: whether it asks for another key, for somebody with access; only the text says it.
    """

    project: str
    user: str
    replaces: bool = field(default=False, compare=False)

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
        wish, start = (_ANOTHER_KEY, _REPLACE) if self.replaces else (_ACCESS, _START)
        return f"""Hello,

{wish.format(project=self.project)}

With iam-onboard, a wizard that guides you through all of it:

  1. Install it{", if you don't have it" if self.replaces else ""}.
     macOS:          brew install gnupg pinentry-mac pipx && pipx install iam-onboard
     Debian, Ubuntu: sudo apt install gnupg pipx && pipx install iam-onboard
     Fedora:         sudo dnf install gnupg2 pipx && pipx install iam-onboard
     Arch:           sudo pacman -S gnupg python-pipx && pipx install iam-onboard
     Windows:        in WSL, as for Ubuntu

  2. {start}

     {self.command}

Without it, with GnuPG alone:

  gpg --full-generate-key
     Choose "RSA and RSA", 4096 bits, an expiry date and a passphrase.
  gpg --armor --export YOUR-ADDRESS
     Send me what it prints, from BEGIN to END.

Send the PUBLIC key only (that is what --export prints), never the secret
one, and keep your passphrase to yourself.
"""


_ACCESS = """I'd like to give you access to the AWS accounts of {project}. It takes
you ten minutes now, and ten more once I have added you. You need a
terminal, an authenticator app on your phone, and GnuPG, because your first
password comes encrypted to your key."""
_ANOTHER_KEY = """I need a new PGP key from you for the AWS accounts of {project}: your
present one is to be replaced, for example because it is lost or expired.
You keep your access and your MFA device. Once I have the new key, I reset
what I encrypted to the old one, such as your password, and send it again."""
_START = "Start it, and send me the text that it makes:"
_REPLACE = """Run iam-onboard, choose "Replace my PGP key", and send me the text that
     it makes. If it asks who you are, paste this line there:"""


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
