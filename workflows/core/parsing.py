"""JSON and HCL of strangers: the one entry to each parser, with bounds that it does not have itself.

Both parsers, and the functions that read what they give, go one call deeper for each bracket. So what is
nested more deeply than any real file is rejected before the one that ends the whole process (Go's, at some
50,000 brackets), and whatever is read here can be walked by recursion.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from workflows.core.files import FileError, NotAccepted, load_file, read_text

MAX_DEPTH = 100
"""Brackets inside one another; Terraform's own files have some 20, a layer's 10."""

MAX_HCL = 5_000_000
"""Bytes of one `.tf` file; 5,000 users, as many as an account may have, need half of it with a block each."""

MAX_TOKENS = 500_000
"""Words and signs of one HCL text; a file of 5,000 users with a block each has 495 thousand. A parser takes a
microsecond and half a kilobyte for each, whatever they mean."""

MAX_DENSE = 300_000
"""The same where each has fewer than four bytes: what people write has five, and junk costs most memory."""

MAX_ODD = 1_000
"""Lines with a quote that nothing closes, and blanks that are no ASCII: a parser's time grows with their
square, and only prose has any."""

MAX_VARIABLES = 256 * 1024
"""Bytes of one variables file, or of `build.env`; with 200 accounts it has 20 thousand."""

_MOST_BRACKETS = (
    50_000  # in one text for Go's parser: fewer than end it, whatever `_depth` takes for a string
)
_NO_CHARACTER = re.compile(r"&(?=#[0-9]{8})")  # Python makes no number of more than some thousand digits
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(code for code in range(256) if chr(code) not in "[]{}")
_NO_QUOTE = bytes(code for code in range(256) if chr(code) not in '"\n')
_BLANKS = b" \t\r\n"
_SIGNS = bytes(set(range(128)) - set(f"{string.ascii_letters}{string.digits}_".encode() + _BLANKS))
_WORDS = bytes(ord(" ") if code in _BLANKS + _SIGNS else ord("a") for code in range(256))
_NO_LETTER = re.compile(r"[^\x00-\x7f\w]")
_PLAIN = rb"(?:[^\#/<!\-\"\[\](){}]++|\"[^\"\\$%]*+\")"  # words, and whole strings that hold nothing but text
_FLAT = rb"(?:" + _PLAIN + rb"|[\[(]" + _PLAIN + rb"*+[\])])"
_COMMENT = rb"\#[^\n]*+|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)"
_FLAT_RUN = rb"(?:" + _FLAT + rb"|\{" + _FLAT + rb"*+\}|" + _COMMENT + rb")++"  # as most is; read in one step
_GAP = rb"(?P<gap>(?:(?:" + _COMMENT + rb")\s*+)++)"
_CODE = re.compile(
    _GAP + rb"|" + _FLAT_RUN + rb"|<<-?(?P<heredoc>[^\W\d][\w-]*+)\r?\n|(?P<sign>[!-])\s*+|(?P<quote>\")"
    rb"|(?P<open>[\[({])|(?P<close>[\])}])|."
)
_QUOTED = re.compile(rb"(?P<open>(?<![$%])[$%]\{)|(?P<quote>\")|\\.|[^\\\"$%]++|.", re.DOTALL)
_HEREDOC = re.compile(
    rb"(?P<open>(?<![$%])[$%]\{)|^[ \t]*+(?P<end>[\w-]++)[ \t\r]*+$|[^\n$%]++|.", re.MULTILINE | re.DOTALL
)


class TooDeep(ValueError):  # noqa: N818 - it says what is wrong
    """A text with more brackets inside one another than are read."""

    def __init__(self) -> None:
        super().__init__(f"it has more than {MAX_DEPTH} brackets inside one another")


class TooMany(ValueError):  # noqa: N818 - it says what is wrong
    """A text with more of something than is read."""

    def __init__(self, limit: int, what: str) -> None:
        super().__init__(f"it has more than {limit:,} {what}")


class HclError(ValueError):
    """A text that is no HCL; its message is the parser's, of one or several lines."""


def parse_json(text: str | bytes, **hooks: Callable[..., Any] | bool) -> Any:
    """The value of a JSON text.

    Args:
        text: the whole text.
        hooks: as `json.loads` takes them.

    Raises:
        TooDeep: it is nested too deeply.
        ValueError: it is no JSON.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        value = json.loads(text, **hooks)  # type: ignore[arg-type] # the person's own hooks
    except RecursionError:
        raise TooDeep from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        # Valid as it is, every other quote ends a string, once those that are escaped are gone.
        code = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
        brackets = code.encode("utf-8", "surrogatepass").translate(_ONE_KIND, _NO_BRACKET)
        for _ in range(MAX_DEPTH):  # each turn takes the innermost ones away
            brackets = brackets.replace(b"[]", b"")
        if brackets:
            raise TooDeep
    return value


def no_constant(name: str) -> NoReturn:
    """A `parse_constant` for `parse_json`: Python would read NaN and Infinity, which are no JSON.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{name} is no JSON value")


def read_json(path: Path, limit: int) -> Any:
    """The value in a JSON file of this program.

    Raises:
        FileError: it cannot be read, has more bytes than that, or holds no JSON.
    """
    text = read_text(path, limit)
    try:
        return parse_json(text)
    except ValueError as error:
        raise FileError(
            "A damaged file",
            f"iam-onboard can't read {path}.",
            why=f"It isn't JSON that iam-onboard wrote: {error}.",
            next="Move the file away and redo the step that writes it.",
        ) from None


def parse_hcl(text: str) -> dict[str, Any]:
    """The attributes and blocks of an HCL text, as `pygohcl` gives them.

    Raises:
        TooDeep, TooMany: there is too much in it.
        HclError: it is no HCL.
    """
    import pygohcl  # noqa: PLC0415 - a Go library of 10 MB that --help does not need

    if "\0" in text:  # the parser would read up to there and be content
        raise HclError("It holds a NUL byte.")
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


def unescape_html(text: str) -> str:
    """A text with HTML's entities resolved; of numbers, those that a character can have."""
    import html  # noqa: PLC0415 - thousands of names, which next to nothing needs

    return html.unescape(_NO_CHARACTER.sub("&amp;", text))


def load_hcl(path: Path, limit: int = MAX_HCL) -> bytes:
    """The bytes of an HCL file that can be parsed, for those who explain a failure themselves.

    Raises:
        NotAccepted: it is too large, nested too deeply, or there is too much in it.
        OSError: it is not there, no regular file, or unreadable.
    """
    data = load_file(path, limit)
    try:
        check_amount(data)
        check_depth(data)
    except (TooDeep, TooMany) as error:
        raise NotAccepted(path, f"{str(error).capitalize()}.") from error
    return data


def check_amount(data: bytes) -> None:
    """Refuse an HCL text with too many words, signs and open quotes, those of comments included.

    Raises:
        TooMany: there are more.
    """
    signs = len(data) - len(data.translate(None, _SIGNS))
    signs += 2 * data.count(b'"')  # where a string begins there is more to keep than a sign
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
        if quotes.replace(b'""', b"").count(b'"') > MAX_ODD:  # of an odd number, one is left in its line
            raise TooMany(MAX_ODD, "lines with an unclosed quote")


def check_depth(data: bytes) -> None:
    """Refuse an HCL text in which brackets, templates or signs stand more than `MAX_DEPTH` deep.

    Comments, strings and heredocs are no code; the text need not be valid. Up to two more are let pass where
    the innermost hold nothing but text.

    Raises:
        TooDeep: it is nested too deeply.
    """
    if sum(map(data.count, (b"[", b"(", b"{", b"!", b"-"))) <= MAX_DEPTH:
        return
    within: list[bytes] = []  # what is open: brackets, a quote, a heredoc's name
    signs = position = 0
    while position < len(data):
        mode = within[-1] if within else b"("
        lexer = _CODE if mode in b"[({" else _QUOTED if mode == b'"' else _HEREDOC
        match = lexer.match(data, position)
        assert match is not None  # noqa: S101 - each of them takes any byte
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
