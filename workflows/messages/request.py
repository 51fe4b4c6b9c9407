"""The request: a new user sends the admin their public PGP key, the first one or to replace a lost one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.core.sentences import Problem
from workflows.messages import rules
from workflows.messages.envelope import Fields, extract_block, lines_of, render_block

KIND = "request"


@dataclass(frozen=True)
class Request:
    """A new user's data for the admin.

    Attributes:
        project: the project's short name.
        user: the IAM user name, for example "juan.delacruz".
        public_key: the binary public key in base64, in one line.
        fingerprint: the key's fingerprint, 40 upper-case hexadecimal digits.
        name: the person's real name, or "".
        replacement: True if an earlier password or key can't be decrypted and must be reset.
        reason: why, in the person's words, or "".
        extra: unknown fields of a newer program, which are kept.
    """

    project: str
    user: str
    public_key: str
    fingerprint: str
    name: str = ""
    replacement: bool = False
    reason: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    def problems(self) -> list[Problem]:
        """Return everything in it that breaks a rule; empty if it may be sent and used."""
        return [
            *rules.check(project=self.project, user=self.user, key_fingerprint=self.fingerprint),
            *rules.prose(self.name, "name", 100),
            *rules.prose(self.reason, "reason"),
            *rules.public_key(self.public_key, self.fingerprint),
        ]

    def render(self) -> str:
        """Return the whole text to send, ending with a newline.

        Raises:
            MessageError: a value breaks its rule.
        """
        rules.refuse(self.problems(), KIND)
        payload = {
            "project": self.project,
            "user": self.user,
            "name": self.name,
            "public_key": lines_of(self.public_key),
            "fingerprint": self.fingerprint,
            "replacement": self.replacement,
            "reason": self.reason,
        }
        return f"{_greeting(self)}\n\n{render_block(KIND, {**payload, **self.extra})}\n"


def open_request(text: str) -> Request:
    """Read and check the request in a pasted text, file or saved mail.

    Raises:
        MessageError: there is none, it is damaged, or a value breaks its rule.
    """
    values = Fields(extract_block(text, KIND), "the request")
    request = Request(
        project=values.word("project"),
        user=values.word("user"),
        public_key=values.base64("public_key") or "",
        fingerprint=values.word("fingerprint").upper(),
        name=values.prose("name", ""),
        replacement=values.flag("replacement", default=False),
        reason=values.prose("reason", ""),
        extra=values.rest(),
    )
    rules.refuse(request.problems(), KIND)
    return request


def _greeting(request: Request) -> str:
    who = f"{request.name} ({request.user})" if request.name else request.user
    if request.replacement:
        wish = f"""I can't decrypt what you sent me for {request.project}. Here is my new
public PGP key. Please replace the old one and send me a new password."""
    else:
        wish = f"""Here is my public PGP key for the AWS accounts of {request.project}.
Please create my IAM user with it."""
    because = f"\n  Reason:      {request.reason}" if request.reason else ""
    key = "\n".join(lines_of(request.public_key))
    return f"""Hello,

{wish}

  User:        {who}
  Fingerprint: {request.fingerprint}{because}

Nothing in this message is secret. To be sure that the key is mine, ask me
for the fingerprint another way, for example by phone.

With iam-onboard: copy this whole message and paste it at the step
"PGP keys", or open it as a file there.

Without it: save these lines as keys/{request.user} in the identities layer.

{key}

For iam-onboard (leave it as it is):"""
