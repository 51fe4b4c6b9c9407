"""One fenced block of JSON inside a plain text, recoverable after mail programs have mangled it.

Blocks are written in a form that survives: ASCII only, short lines, `<`, `>` and `&` escaped. Anything else
in a block on arrival (typographic quotes, HTML entities, quote marks, line breaks inside a string) was
therefore added on the way and can be undone without guessing.

A newer program may add fields. An older one that opens, changes and forwards a message must not lose them, so
`Fields` keeps the unread ones.
"""

from __future__ import annotations

import codecs
import email
import email.policy
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from enum import Enum, unique
from typing import TypeAlias

from workflows.core.parsing import MAX_DEPTH, no_constant, parse_json, unescape_html
from workflows.core.sentences import OnboardError, Sentence, Texts
from workflows.core.shapes import with_texts

SCHEMA = 1
"""The version of blocks that this program writes, and the newest that it reads."""

MAX_TEXT = 512 * 1024
"""Maximum characters of a text or file; a handoff with two identities and 200 accounts has about 60,000."""

MAX_OBJECTS = 2_000
"""Maximum entries of one list; a project with a few hundred accounts is very large."""

MARKER = "iam-onboard"
WRAP = "\ue000"
"""Marks a mail program's line break in a decoded string: a blank in prose, nothing in other values."""

Json: TypeAlias = Mapping[str, object]

_BLANKS = re.compile(rf"[\s{WRAP}]+")
_WRAPS = re.compile(rf"[ \t]*{WRAP}[ \t]*")
_HIDDEN = re.compile("[\ud800-\udfff\U000e0000-\U000e01ef]")
"""Lone surrogates and tag characters, rejected in all fields, even those of newer programs."""

_START = re.compile(r'\{\s*"iam-onboard"\s*:\s*"([a-z-]{1,32})"')
_QUOTE_MARKS = re.compile(r"^[ \t]*+(?:>[ \t]?)++", re.MULTILINE)
_LINKS = re.compile(r'(?P<before>"?)<(?P<target>(?:https?://|mailto:)[^<>"]{1,2048})>')
_MAIL_HEADER = re.compile(r"(?:From |[A-Za-z][A-Za-z0-9-]*:)")
_MOST_PARTS = 100
_MOST_HEADERS = 1_000
_LONGEST_HEAD = 100_000
_LONGEST_HEADER = 1_000
_NO_CHARACTER_SETS = {"idna", "punycode"}  # encodings for host names, decoded in quadratic time
_MOST_PIECES = 100_000  # a handoff for 200 accounts has fewer than 1,000
_PIECE = re.compile(
    r'(?P<brace>[{}])|(?:[^"\\{}]++|"[^"\\\n]*+"|\\.)++'  # including strings without damage
    r'|(?P<string>"(?:[^"\\]++|\\(?:u(?:\s*+[0-9a-fA-F]){4}|\s*+.))*+")',
    re.DOTALL,
)
_BROKEN = re.compile(r"\\(?:u(?:\s*+[0-9a-fA-F]){4}|\s*+.)|[ \t]*+\n\s*+|[ \t]++", re.DOTALL)
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02", '"'),
        **dict.fromkeys("\u00a0\u2007\u202f\u2028\u2029", " "),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\ue000", None),
    }
)


_OTHERS = {
    "request": ("It is the message that you send to your admin.", "Paste the one that they send back."),
    "handoff": ("It is the message that you send to a person.", "Paste the request that they sent you."),
}


@unique
class Flaw(Enum):
    """Why a text has no usable message, with the sentences about it and placeholders in braces."""

    TOO_LONG = Texts(
        title="This is too long",
        what="The text has {length:,} characters; a {kind} has far fewer than {most:,}.",
        next="Paste only the message with the {kind}, or open the right file.",
    )
    OTHER_KIND = Texts(title="{title}", what="{what}", next="{instead}")
    NO_BLOCK = Texts(
        title="There is no {kind} here",
        what="The text has no block that iam-onboard made.",
        why='The block is a piece of JSON that begins with {{"iam-onboard": and ends with }}.',
        next="Copy the whole message with the {kind}, from its first line to its last, or open its file.",
    )
    SEVERAL = Texts(
        title="More than one {kind}",
        what="The text holds different blocks with a {kind}.",
        why="Perhaps you pasted a whole reply that quotes an older message.",
        next="Paste only the newest {kind}.",
    )
    OVERLOADED = Texts(
        title="This mail can't be read",
        what="It has more than {most:,} {parts}, the most that iam-onboard reads.",
        next="Paste only the text of the message, or save it alone.",
    )
    CUT = Texts(
        title="The {kind} is cut off",
        what="Its block of JSON begins but does not end.",
        why="The last lines of the message weren't copied, or a program shortened it.",
        next="Copy the whole message again, or ask for it as a file.",
    )
    DAMAGED = Texts(
        title="The {kind} is damaged",
        what="iam-onboard can't read its block of JSON.",
        why="Something changed the text on its way.",
        next="Ask for it again, preferably as an attached file.",
    )
    NEWER = Texts(
        title="Made by a newer iam-onboard",
        what="This {kind} has format version {version}; this iam-onboard reads versions up to {most}.",
        next="Update iam-onboard (`pipx upgrade iam-onboard`), then open the message again.",
    )
    FIELD_MISSING = Texts(
        title="The message is incomplete",
        what="{where} has no {name}.",
        next="Ask for the message again.",
    )
    FIELD_WRONG = Texts(
        title="The message is damaged",
        what="{name} of {where} isn't {wanted}.",
        next="Ask for the message again.",
    )
    NO_INVITATION = Texts(
        title="No invitation in this text",
        what="It holds no line that begins with iam-onboard join --project.",
        next="Copy the whole invitation and paste it again, or type the project's name and your user name.",
    )
    BREAKS_RULES = Texts(
        title="Can't use this {kind}",
        what="{what}",
        next="Do not use it. Ask the person who sent the {kind} for a new one.",
    )


class MessageError(OnboardError):
    """A text without a usable message; says what is wrong and how to get a good one.

    Args:
        flaw: what is wrong.
        detail: as for `OnboardError`.
        values: values for the flaw's sentences.

    Attributes:
        flaw: see above.
    """

    field = "text"

    def __init__(self, flaw: Flaw, *, detail: Sentence = "", **values: object) -> None:
        title, what, why, then = (text.format(**values) for text in flaw.value)
        super().__init__(title, what, why=why, next=then, detail=detail)
        self.flaw = flaw


def render_block(kind: str, payload: Json) -> str:
    """Return a fenced block that `extract_block` can read, without a final newline.

    Args:
        kind: "request" or "handoff".
        payload: plain JSON values; keys keep their order.

    Raises:
        TypeError: the payload contains a `Secret`, or anything else that is not plain JSON.
    """
    text = json.dumps(
        {MARKER: kind, "schema": SCHEMA, **payload}, indent=1, ensure_ascii=True, allow_nan=False
    )
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"```json\n{text}\n```"


def extract_block(text: str, kind: str) -> dict[str, object]:
    """Extract the payload of the one block of this kind in a pasted text, a file or a saved mail.

    Strings that were wrapped on the way contain `WRAP` there; `Fields` resolves it.

    Args:
        text: the text; anything around the block is ignored.
        kind: "request" or "handoff".

    Raises:
        MessageError: no block, another kind, several different ones, a damaged or cut one, a newer schema.
    """
    if len(text) > MAX_TEXT:
        raise MessageError(Flaw.TOO_LONG, kind=kind, length=len(text), most=MAX_TEXT)
    cleaned = _undo_transport(text)
    found: list[dict[str, object]] = []
    other_kinds: list[str] = []
    blocks: set[str] = set()
    position = 0
    while len(found) < 2 and (match := _START.search(cleaned, position)):
        if match[1] == kind:
            block, position = _repair_block(cleaned, match.start(), kind)
            if block not in blocks and (payload := _decode(block, kind)) not in found:
                found.append(payload)
            blocks.add(block)
        else:
            other_kinds.append(match[1])
            position = match.end()
    if not found:
        raise _nothing_found(kind, other_kinds)
    if len(found) > 1:
        raise MessageError(Flaw.SEVERAL, kind=kind)
    return found[0]


def _nothing_found(kind: str, other_kinds: list[str]) -> MessageError:
    if other_kinds:
        other = other_kinds[0]
        what, instead = _OTHERS.get(other, (f"It is for something else ({other}).", f"Paste the {kind}."))
        title = f"This is a {other}" if other in _OTHERS else f"This isn't a {kind}"
        return MessageError(Flaw.OTHER_KIND, title=title, what=what, instead=instead)
    return MessageError(Flaw.NO_BLOCK, kind=kind)


def _undo_transport(text: str) -> str:
    """Undo what mail programs added: headers, quote marks, typographic characters, entities, links."""
    text = _mail_body(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _QUOTE_MARKS.sub("", unescape_html(text).translate(_TYPOGRAPHIC))
    return _LINKS.sub(lambda match: '"' + match["target"] if match["before"] else "", text)


def _mail_body(text: str) -> str:
    """Return the text part of a saved mail (.eml), or any other text unchanged."""
    head = text.lstrip("\ufeff\n")
    end = head.find("\n\n", 0, _LONGEST_HEAD)
    if end < 0 or not _MAIL_HEADER.match(head) or "content-t" not in head[:end].lower():
        return text
    parts = list(_parsed(head).walk())
    texts = {
        part.get_content_type(): part for part in reversed(parts) if part.get_content_disposition() is None
    }
    body = texts.get("text/plain") or texts.get("text/html")
    payload = body.get_payload(decode=True) if body is not None else None
    if body is None or not isinstance(payload, bytes):
        return text
    try:
        codec = codecs.lookup(body.get_content_charset("utf-8"))
        content = payload.decode("utf-8" if codec.name in _NO_CHARACTER_SETS else codec.name, "replace")
    except (LookupError, ValueError):  # unknown character set: the raw text may still contain the block
        return text
    return content.replace("\r\n", "\n")


class _ShortHeaders(email.policy.Compat32):
    """Truncates raw headers: the library parses long ones in quadratic time, or by recursion."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, _, value = "".join(sourcelines).partition(":")
        return name, value.strip()[:_LONGEST_HEADER]


class _Part(Message):
    """A mail or a part of one, with a limited number of headers."""

    def set_raw(self, name: str, value: str) -> None:
        if len(self) == _MOST_HEADERS:
            raise MessageError(Flaw.OVERLOADED, parts="headers", most=_MOST_HEADERS)
        super().set_raw(name, value)


def _parsed(mail: str) -> Message:
    """Parse a mail with a limited number of parts, which also limits their nesting.

    Raises:
        MessageError: there are too many parts, or headers of a part.
    """
    parts = itertools.count(1)

    def part(policy: email.policy.Policy[Message]) -> _Part:
        if next(parts) > _MOST_PARTS:
            raise MessageError(Flaw.OVERLOADED, parts="parts", most=_MOST_PARTS)
        return _Part(policy)

    return email.message_from_string(mail, policy=_ShortHeaders(message_factory=part))


def _repair_block(text: str, start: int, kind: str) -> tuple[str, int]:
    """Return the JSON object at `start`, with line breaks in strings marked, and the position after it."""
    out: list[str] = []
    depth, position = 0, start
    while match := _PIECE.match(text, position):
        piece, position = match[0], match.end()
        if match["string"] and "\n" in piece:
            piece = _BROKEN.sub(_rejoined, piece)
        elif match["brace"]:
            depth += 1 if piece == "{" else -1
        out.append(piece)
        if depth == 0:
            return "".join(out), position
        if depth > MAX_DEPTH or len(out) > _MOST_PIECES:
            break
    raise MessageError(Flaw.CUT, kind=kind)


def _rejoined(found: re.Match[str]) -> str:
    """Replace a piece of a string with a line break by the rejoined escape, or by `WRAP`."""
    if "\n" not in found[0]:
        return found[0]
    return re.sub(r"\s+", "", found[0]) if found[0].startswith("\\") else WRAP


def _decode(block: str, kind: str) -> dict[str, object]:
    try:
        payload = parse_json(
            block, strict=False, object_pairs_hook=_without_duplicates, parse_constant=no_constant
        )
    except ValueError as error:
        raise MessageError(Flaw.DAMAGED, kind=kind, detail=str(error)) from None
    if hidden := _HIDDEN.search(json.dumps(payload, ensure_ascii=False)):
        sign = f"it contains the character U+{ord(hidden[0]):04X}, which doesn't belong in text"
        raise MessageError(Flaw.DAMAGED, kind=kind, detail=sign)
    assert isinstance(payload, dict)  # noqa: S101 - the block starts with a brace
    del payload[MARKER]
    schema = payload.pop("schema", None)
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise MessageError(Flaw.DAMAGED, kind=kind, detail="no version of the format")
    if schema > SCHEMA:
        raise MessageError(Flaw.NEWER, kind=kind, version=schema, most=SCHEMA)
    return payload


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = {_BLANKS.sub("", key): value for key, value in pairs}
    if len(result) != len(pairs):
        raise ValueError("a field appears twice")
    return result


class Fields:
    """The fields of one JSON object.

    Args:
        values: the object, from `extract_block`.
        where: its name in errors, for example "identity 2".
    """

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self._values = dict(values)
        self._where = where

    def word(self, name: str, default: str | None = None) -> str:
        """Read a text without blanks (a name, an id, a URL); stray line breaks and blanks are removed.

        Raises:
            MessageError: it is missing without a default, or not a string.
        """
        return _BLANKS.sub("", self._text(name, default))

    def prose(self, name: str, default: str | None = None) -> str:
        """Read a text for people; a stray line break becomes a blank.

        Raises:
            MessageError: it is missing without a default, or not a string.
        """
        return _WRAPS.sub(" ", self._text(name, default)).strip()

    def base64(self, name: str) -> str | None:
        """Read a base64 text as one line, from a string or a list of strings; None if missing or null.

        Raises:
            MessageError: it is something else.
        """
        value = self._values.pop(name, None)
        if value is None:
            return None
        parts = [value] if isinstance(value, str) else value
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise self._wrong(name, "a text or a list of texts")
        return _BLANKS.sub("", "".join(parts)) or None

    def flag(self, name: str, default: bool) -> bool:  # noqa: FBT001 - a default, not a switch
        """Read a boolean.

        Raises:
            MessageError: it is something else.
        """
        value = self._values.pop(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def proses(self, name: str) -> tuple[str, ...]:
        """Read a list of texts for people; empty if missing.

        Raises:
            MessageError: it is something else.
        """
        return tuple(Fields({name: value}, self._where).prose(name) for value in self._list(name))

    def objects(self, name: str, called: str) -> Iterator[Fields]:
        """Read a list of objects; empty if missing.

        Raises:
            MessageError: it is something else.
        """
        for number, value in enumerate(self._list(name), start=1):
            if not isinstance(value, dict):
                raise self._wrong(name, "a list of objects")
            yield Fields(value, f"{called} {number}")

    def rest(self) -> dict[str, object]:
        """Return all unread fields, with stray line breaks as blanks."""
        return {
            name: with_texts(value, lambda text: _WRAPS.sub(" ", text))
            for name, value in self._values.items()
        }

    def _text(self, name: str, default: str | None) -> str:
        value = self._values.pop(name, None)
        value = default if value is None else value
        if value is None:
            raise MessageError(Flaw.FIELD_MISSING, where=self._where.capitalize(), name=name)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def _list(self, name: str) -> Sequence[object]:
        value = self._values.pop(name, [])
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        if len(value) > MAX_OBJECTS:
            raise self._wrong(name, f"a list of at most {MAX_OBJECTS:,} entries")
        return value

    def _wrong(self, name: str, wanted: str) -> MessageError:
        return MessageError(Flaw.FIELD_WRONG, name=name, where=self._where, wanted=wanted)


def lines_of(base64_text: str, width: int = 64) -> list[str]:
    """Split a long base64 text into lines that no mail program needs to wrap."""
    return [base64_text[start : start + width] for start in range(0, len(base64_text), width)]
