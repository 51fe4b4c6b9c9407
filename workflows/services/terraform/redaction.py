"""What Terraform says, made fit to be pasted into a pull request.

Named placeholders stand for account ids, key ids, PGP material and other long encoded texts. An ARN keeps
its service and its resource's name, since that is what a reviewer needs. The result is scanned again by the
patterns that found things, so that no replacement can leave a piece behind.
"""

from __future__ import annotations

import re

_REFRESH = re.compile(
    r"^.*: (?:Refreshing state\.\.\.|Reading\.\.\.|Read complete after|Refresh complete).*\n?", re.MULTILINE
)
_PGP = re.compile(r"-----BEGIN PGP [A-Z ]+-----.*?(?:-----END PGP [A-Z ]+-----|\Z)", re.DOTALL)
# A key, a message or a secret in base64: one long word, or wrapped lines of it and the short last one.
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}"
    r"(?:\r?\n[ \t]*[A-Za-z0-9+/]{40,})*(?:\r?\n[ \t]*[A-Za-z0-9+/]+(?==))?={0,2}"
)
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA|AGPA|ANPA|ANVA|APKA|AIPA|ABIA|ACCA|ASCA)[A-Z0-9]{12,}\b")
_ACCOUNT = re.compile(r"(?<!\d)(?:\d{12}|\d{4}-\d{4}-\d{4})(?!\d)")
_SECRET = re.compile(
    r"(?i)\b(aws_secret_access_key|aws_session_token|ses_smtp_password_v4|secret|password)\b(\s*[=:]\s*)\"[^\"\n]+\""
)


def redact(text: str) -> str:
    """Replace what identifies accounts, keys and secrets by placeholders, and drop refresh lines.

    Args:
        text: any of Terraform's output.

    Returns:
        The same text with `<account-id>`, `<key-id>`, `<pgp-block>`, `<encoded-text>` and `<secret>` in it.
    """
    for _ in range(2):
        text = _REFRESH.sub("", text)
        text = _PGP.sub("<pgp-block>", text)
        text = _SECRET.sub(r"\1\2<secret>", text)
        text = _BASE64.sub(_encoded, text)
        text = _KEY_ID.sub("<key-id>", text)
        text = _ACCOUNT.sub("<account-id>", text)
    return text


def _encoded(match: re.Match[str]) -> str:
    word = match.group(0)
    # Encoded bytes mix all three kinds of characters; a long path, a long name or a hex digest does not.
    mixed = all(re.search(kind, word) for kind in ("[A-Z]", "[a-z]", "[0-9]"))
    return "<encoded-text>" if mixed else word
