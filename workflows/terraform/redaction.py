"""What Terraform says, made fit to be pasted into a pull request.

Named placeholders stand for account ids, ARNs, key ids, PGP material and other encoded texts. An ARN keeps
its resource's name and a mail address stays, since a reviewer needs to know who and what is meant. The result
is scanned again by the patterns that found things, so that no replacement can leave a piece behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from workflows.core.sentences import Sentence

_REFRESH = re.compile(
    r"^.*: (?:Refreshing state\.\.\.|Reading\.\.\.|Read complete after|Refresh complete).*\n?", re.MULTILINE
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_PGP = re.compile(r"-----BEGIN PGP [A-Z ]+-----.*?(?:-----END PGP [A-Z ]+-----|\Z)", re.DOTALL)
# As URLs and signed requests quote it, once or twice.
_QUOTED_ARN = re.compile(
    r"\barn(?:%(?:25)*3A)aws[a-z-]*(?:(?:%(?:25)*3A)[\w.*-]*){3}%(?:25)*3A(?P<name>[\w.*%@+=,-]*)",
    re.IGNORECASE,
)
_ARN = re.compile(
    r"\barn:aws[a-z-]*:[^:\s]*:[^:\s]*:[^:\s]*:(?P<name>[^\s\"'`\\,;<>(){}\[\]]*)", re.IGNORECASE
)
# A line's end as such, or as JSON and HCL write it inside a string.
_BREAK = r"(?:\r?\n[ \t]*|(?:\\r)?\\n)"
# A key, a message or a secret in base64: one long word, or wrapped lines of it and the short last one.
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}"
    rf"(?:{_BREAK}[A-Za-z0-9+/]{{40,}})*(?:{_BREAK}[A-Za-z0-9+/]+(?==)|\\n[A-Za-z0-9+/]+)?={{0,2}}"
)
# With the other alphabet of base64 a long name could be meant, so only what no name is as long as.
_BASE64_URL = re.compile(r"(?<![\w-])[\w-]{100,}={0,2}", re.ASCII)
# The seed of a device for codes.
_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{32,}={0,6}(?![A-Za-z0-9])")
# What other services hand out and begin alike: GitHub, GitLab, Slack, Stripe and its like, a signed JWT.
_TOKEN = re.compile(
    r"(?<![\w-])(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}"
    r"|[sr]k[-_](?:live|test|proj|ant)[-_][\w-]{10,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)",
    re.ASCII,
)
_KEY_ID = re.compile(r"(?:AKIA|ASIA|AIDA|AROA|AGPA|ANPA|ANVA|APKA|AIPA|ABIA|ACCA|ASCA)[A-Z0-9]{12,}")
# The last form is how Terraform writes a number of that size.
_ACCOUNT = re.compile(r"(?<!\d)(?:\d{12}|\d{4}[-_. ]\d{4}[-_. ]\d{4}|\d\.\d{5,11}[eE]\+?11)(?!\d)")
_QUOTED = r"(?:\"(?:[^\"\\\n]|\\.)+\"|'[^'\n]+')"
# A change has the value before and the one after. Without quotes only after an equals sign: after a colon a
# sentence goes on ("wrong password: try again"). What says nothing of the value stays, and so does code that
# refers to it. In one expression, since looking for the names takes the most time.
_SECRET = re.compile(
    r"(?ims)(?P<name>\b[\w-]*(?:secret|password|passphrase|session_token|private_key|api_?key)[\w-]*)"
    rf"(?:(?P<is>[\"']?\s*[=:]\s*){_QUOTED}(?:\s*(?:->|→)\s*{_QUOTED})?"
    r"|(?P<equals>\s*=(?!=)\s*)(?:<<[-~]?\s*(?P<end>\w+)\n.*?^\s*(?P=end)\b"
    r"|(?!(?:null|true|false|\d+)(?!\w)|\((?:sensitive|known)|(?:var|local|module|data|each|aws_\w+)\.|<)"
    r"[^\s\"'<>{}\[\],;)&]+))"
)


def _encoded(match: re.Match[str]) -> str:
    word = match.group(0)
    # Encoded bytes mix all three kinds of characters; a long path, a long name or a hex digest does not.
    mixed = all(re.search(kind, word) for kind in ("[A-Z]", "[a-z]", "[0-9]"))
    return "<encoded-text>" if mixed else word


_RULES: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    ("a line about reading", _REFRESH, lambda _match: ""),
    ("a PGP block", _PGP, lambda _match: "<pgp-block>"),
    ("a private key", _PRIVATE_KEY, lambda _match: "<private-key>"),
    ("a secret", _SECRET, lambda match: f"{match['name']}{match['is'] or match['equals']}<secret>"),
    ("a secret", _TOKEN, lambda _match: "<secret>"),
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
    ("an account's id", _ACCOUNT, lambda _match: "<account-id>"),
)
_MOST_PASSES = 5


def redact(text: str) -> str:
    """Replace what identifies accounts, keys and secrets by placeholders, and drop refresh lines.

    Args:
        text: any of Terraform's output.

    Returns:
        The same text with `<account-id>`, `<arn:…>`, `<key-id>`, `<pgp-block>`, `<private-key>`,
        `<encoded-text>` and `<secret>` in it.
    """
    for _ in range(_MOST_PASSES):
        before = text
        for _kind, pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
        if text == before:
            break
    return text


def left_over(text: str) -> tuple[Sentence, ...]:
    """What a redacted text still gives away, each in a few words; nothing for one that may be shown."""
    found = [
        kind
        for kind, pattern, replacement in _RULES
        if any(replacement(match) != match.group(0) for match in pattern.finditer(text))
    ]
    return tuple(dict.fromkeys(found))
