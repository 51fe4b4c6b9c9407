"""Make Terraform's output fit to paste into a pull request.

Named placeholders replace account ids, ARNs, key ids, PGP material and other encoded texts. An ARN keeps
its resource's name and mail addresses stay, since a reviewer must know who and what is affected. The result
is scanned again with the same patterns, so that no replacement leaves a piece behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from workflows.core.secret import TOKEN
from workflows.core.sentences import Sentence

_REFRESH = re.compile(
    r"^.*: (?:Refreshing state\.\.\.|Reading\.\.\.|Read complete after|Refresh complete).*\n?", re.MULTILINE
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_PGP = re.compile(r"-----BEGIN PGP [A-Z ]+-----.*?(?:-----END PGP [A-Z ]+-----|\Z)", re.DOTALL)
# As quoted in URLs and signed requests, once or twice.
_QUOTED_ARN = re.compile(
    r"\barn(?:%(?:25)*3A)aws[a-z-]*(?:(?:%(?:25)*3A)[\w.*-]*){3}%(?:25)*3A(?P<name>[\w.*%@+=,-]*)",
    re.IGNORECASE,
)
_ARN = re.compile(
    r"\barn:aws[a-z-]*:[^:\s]*:[^:\s]*:[^:\s]*:(?P<name>[^\s\"'`\\,;<>(){}\[\]]*)", re.IGNORECASE
)
# A newline, or its escape inside a JSON or HCL string.
_BREAK = r"(?:\r?\n[ \t]*|(?:\\r)?\\n)"
# A key, a message or a secret in base64: one long word, or wrapped lines of it and the short last one.
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}"
    rf"(?:{_BREAK}[A-Za-z0-9+/]{{40,}})*(?:{_BREAK}[A-Za-z0-9+/]+(?==)|\\n[A-Za-z0-9+/]+)?={{0,2}}"
)
# In the URL alphabet a long name looks alike, so only match texts longer than any name.
_BASE64_URL = re.compile(r"(?<![\w-])[\w-]{100,}={0,2}", re.ASCII)
# The seed of an MFA device.
_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{32,}={0,6}(?![A-Za-z0-9])")
_KEY_ID = re.compile(r"(?:AKIA|ASIA|AIDA|AROA|AGPA|ANPA|ANVA|APKA|AIPA|ABIA|ACCA|ASCA)[A-Z0-9]{12,}")
# The last form is Terraform's notation for a number of that size. A hex digest, such as a fingerprint, can
# have twelve decimal digits in a row, and is passed over as a whole.
_ACCOUNT = re.compile(
    r"(?<![0-9A-Za-z])(?P<digest>[0-9a-fA-F]{40}|[0-9a-fA-F]{64})(?![0-9A-Za-z])"
    r"|(?<!\d)(?:\d{12}|\d{4}[-_. ]\d{4}[-_. ]\d{4}|\d\.\d{5,11}[eE]\+?11)(?!\d)"
)
_QUOTED = r"(?:\"(?:[^\"\\\n]|\\.)+\"|'[^'\n]+')"
# A change has an old and a new value. Unquoted values match only after an equals sign: after a colon there
# may be prose ("wrong password: try again"). Words that reveal nothing stay, and so does code that refers
# to a value. One expression, since searching for the names takes most of the time.
_SECRET = re.compile(
    r"(?ims)(?P<name>\b[\w-]*(?:secret|password|passphrase|session_token|private_key|api_?key)[\w-]*)"
    rf"(?:(?P<is>[\"']?\s*[=:]\s*){_QUOTED}(?:\s*(?:->|→)\s*{_QUOTED})?"
    r"|(?P<equals>\s*=(?!=)\s*)(?:<<[-~]?\s*(?P<end>\w+)\n.*?^\s*(?P=end)\b"
    r"|(?!(?:null|true|false|\d+)(?!\w)|\((?:sensitive|known)|(?:var|local|module|data|each|aws_\w+)\.|<)"
    r"[^\s\"'<>{}\[\],;)&]+))"
)


def _encoded(match: re.Match[str]) -> str:
    word = match.group(0)
    # Encoded bytes mix all three kinds of characters; long paths, names and hex digests don't.
    mixed = all(re.search(kind, word) for kind in ("[A-Z]", "[a-z]", "[0-9]"))
    return "<encoded-text>" if mixed else word


_RULES: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    ("a line about reading", _REFRESH, lambda _match: ""),
    ("a PGP block", _PGP, lambda _match: "<pgp-block>"),
    ("a private key", _PRIVATE_KEY, lambda _match: "<private-key>"),
    ("a secret", _SECRET, lambda match: f"{match['name']}{match['is'] or match['equals']}<secret>"),
    ("a secret", TOKEN, lambda _match: "<secret>"),
    ("an encoded text", _BASE64_URL, _encoded),
    ("an encoded text", _BASE64, _encoded),
    (
        "an encoded text",
        _BASE32,
        lambda match: "<encoded-text>" if re.search("[2-7]", match[0]) else match[0],
    ),
    ("an ARN", _ARN, lambda match: f"<arn:{match['name']}>"),
    ("an ARN", _QUOTED_ARN, lambda match: f"<arn:{match['name']}>"),
    ("a key's id", _KEY_ID, lambda _match: "<key-id>"),
    ("an account's id", _ACCOUNT, lambda match: match["digest"] or "<account-id>"),
)
_MOST_PASSES = 5


def redact(text: str) -> str:
    """Replace secrets and identifiers of accounts and keys by placeholders, and drop refresh lines.

    Args:
        text: any Terraform output.

    Returns:
        The text with `<account-id>`, `<arn:…>`, `<key-id>`, `<pgp-block>`, `<private-key>`,
        `<encoded-text>` and `<secret>` as placeholders.
    """
    for _ in range(_MOST_PASSES):
        before = text
        for _kind, pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
        if text == before:
            break
    return text


def left_over(text: str) -> tuple[Sentence, ...]:
    """Return what a redacted text still reveals, each in a few words; nothing if it is safe to show."""
    found = [
        kind
        for kind, pattern, replacement in _RULES
        if any(replacement(match) != match.group(0) for match in pattern.finditer(text))
    ]
    return tuple(dict.fromkeys(found))
