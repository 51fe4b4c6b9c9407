"""The one entry to the HCL parser for untrusted text, with limits that it lacks itself.

The parser, and the functions that walk its results, recurse once per bracket. Text nested deeper than any
real file is rejected before the parser can crash the process (Go's does at some 50,000 brackets), and
whatever is accepted here is safe to walk recursively.
"""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

from workflows.core.files import NotAccepted, load_file
from workflows.core.parsing import MAX_DEPTH, TooDeep

MAX_HCL = 5_000_000
"""Bytes of one `.tf` file; 5,000 users, an account's maximum, need half of it with one block each."""

MAX_TOKENS = 500_000
"""Words and signs of one HCL text; a file of 5,000 users with one block each has 495 thousand. A parser needs
a microsecond and half a kilobyte for each."""

MAX_DENSE = 300_000
"""The same limit for text averaging under four bytes each: people write five, and junk costs most memory."""

MAX_ODD = 1_000
"""Lines with an unclosed quote, or non-ASCII blanks: a parser's time grows with their square, and only prose
has any."""

MAX_VARIABLES = 256 * 1024
"""Bytes of one variables file, or of `build.env`; 200 accounts need 20 thousand."""

_MOST_BRACKETS = 50_000  # in one text: too few to crash Go's parser, even if `check_depth` misreads strings
_NO_QUOTE = bytes(code for code in range(256) if chr(code) not in '"\n')
_BLANKS = b" \t\r\n"
_SIGNS = bytes(set(range(128)) - set(f"{string.ascii_letters}{string.digits}_".encode() + _BLANKS))
_WORDS = bytes(ord(" ") if code in _BLANKS + _SIGNS else ord("a") for code in range(256))
_NO_LETTER = re.compile(r"[^\x00-\x7f\w]")
_PLAIN = rb"(?:[^\#/<!\-\"\[\](){}]++|\"[^\"\\$%]*+\")"  # words, and whole strings without templates
_FLAT = rb"(?:" + _PLAIN + rb"|[\[(]" + _PLAIN + rb"*+[\])])"
_COMMENT = rb"\#[^\n]*+|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)"
_FLAT_RUN = rb"(?:" + _FLAT + rb"|\{" + _FLAT + rb"*+\}|" + _COMMENT + rb")++"  # most text, in one match
_GAP = rb"(?P<gap>(?:(?:" + _COMMENT + rb")\s*+)++)"
_CODE = re.compile(
    _GAP + rb"|" + _FLAT_RUN + rb"|<<-?(?P<heredoc>[^\W\d][\w-]*+)\r?\n|(?P<sign>[!-])\s*+|(?P<quote>\")"
    rb"|(?P<open>[\[({])|(?P<close>[\])}])|."
)
_QUOTED = re.compile(rb"(?P<open>(?<![$%])[$%]\{)|(?P<quote>\")|\\.|[^\\\"$%]++|.", re.DOTALL)
_HEREDOC = re.compile(
    rb"(?P<open>(?<![$%])[$%]\{)|^[ \t]*+(?P<end>[\w-]++)[ \t\r]*+$|[^\n$%]++|.", re.MULTILINE | re.DOTALL
)


class TooMany(ValueError):  # noqa: N818 - it says what is wrong
    """A text that exceeds one of the limits above."""

    def __init__(self, limit: int, what: str) -> None:
        super().__init__(f"it has more than {limit:,} {what}")


class HclError(ValueError):
    """A text that is not HCL; the message is the parser's, of one or several lines."""


def parse_hcl(text: str) -> dict[str, Any]:
    """Return the attributes and blocks of an HCL text, as `pygohcl` gives them.

    Raises:
        TooDeep, TooMany: it exceeds a limit.
        HclError: it is not HCL.
    """
    import pygohcl  # noqa: PLC0415 - a Go library of 10 MB that --help does not need

    if "\0" in text:  # the parser would stop there without an error
        raise HclError("It contains a NUL byte.")
    data = text.encode("utf-8", "surrogatepass")
    check_amount(data)
    check_depth(data)
    if sum(map(data.count, (b"[", b"(", b"{"))) > _MOST_BRACKETS:
        raise HclError(f"It has more than {_MOST_BRACKETS:,} brackets.")
    try:
        values: dict[str, Any] = pygohcl.loads(text)
    except (pygohcl.HCLParseError, pygohcl.HCLInternalError, UnicodeEncodeError) as error:
        raise HclError(str(error)) from error
    except RecursionError:
        raise TooDeep from None
    return values


def load_hcl(path: Path, limit: int = MAX_HCL) -> bytes:
    """Return the bytes of an HCL file within the limits, for callers that explain failures themselves.

    Raises:
        NotAccepted: it is too large, nested too deeply, or has too many words and signs.
        OSError: it is missing, not a regular file, or unreadable.
    """
    data = load_file(path, limit)
    try:
        check_amount(data)
        check_depth(data)
    except (TooDeep, TooMany) as error:
        raise NotAccepted(path, f"{str(error).capitalize()}.") from error
    return data


def check_amount(data: bytes) -> None:
    """Reject an HCL text with too many words, signs or open quotes, counting comments too.

    Raises:
        TooMany: it exceeds a limit.
    """
    signs = len(data) - len(data.translate(None, _SIGNS))
    signs += 2 * data.count(b'"')  # a parser needs more memory for a string than for a sign
    words = (b" " + data.translate(_WORDS)).count(b" a")
    if not data.isascii():
        odd = _NO_LETTER.findall(data.decode("utf-8", "replace"))
        signs += len(odd)
        if sum(map(str.isspace, odd)) > MAX_ODD:
            raise TooMany(MAX_ODD, "non-ASCII blanks")
    limit = MAX_DENSE if 4 * (signs + words) > len(data) else MAX_TOKENS
    if signs + words > limit:
        raise TooMany(limit, "words and signs")
    if data.count(b'"') > MAX_ODD:
        quotes = data.replace(b'\\"', b"").translate(None, _NO_QUOTE)
        if quotes.replace(b'""', b"").count(b'"') > MAX_ODD:  # an odd number leaves one on its line
            raise TooMany(MAX_ODD, "lines with an unclosed quote")


def check_depth(data: bytes) -> None:
    """Reject an HCL text in which brackets, templates or signs nest deeper than `MAX_DEPTH`.

    Comments, strings and heredocs don't count; the text need not be valid. Up to two more levels pass if the
    innermost ones contain only text.

    Raises:
        TooDeep: it is nested too deeply.
    """
    if sum(map(data.count, (b"[", b"(", b"{", b"!", b"-"))) <= MAX_DEPTH:
        return
    within: list[bytes] = []  # open brackets, quotes and heredocs (by name)
    signs = position = 0
    while position < len(data):
        mode = within[-1] if within else b"("
        lexer = _CODE if mode in b"[({" else _QUOTED if mode == b'"' else _HEREDOC
        match = lexer.match(data, position)
        assert match is not None  # noqa: S101 - each lexer matches any byte
        position = match.end()
        kind = match.lastgroup
        signs = signs + 1 if kind == "sign" else signs if kind == "gap" else 0
        if kind == "open":
            within.append(b"{" if lexer is not _CODE else match[0])
        elif kind == "heredoc":
            within.append(match["heredoc"])
        elif kind == "quote" and mode != b'"':
            within.append(b'"')
        elif within and (kind in {"close", "quote"} or (kind == "end" and match["end"] == mode)):
            within.pop()
        if len(within) > MAX_DEPTH or signs > MAX_DEPTH:
            raise TooDeep
