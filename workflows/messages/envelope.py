"""One fenced block of JSON inside a plain text, found again after mail programs had their way with it.

What is written keeps to what survives: ASCII only, short lines, `<`, `>` and `&` escaped. Whatever else is
found in a block on arrival (typographic quotes, HTML entities, quote marks, line breaks inside a string) was
therefore put there on the way and can be undone without guessing.

A newer program may add fields; an older one that opens, changes and sends on a message must not lose them, so
`Fields` keeps those that nobody asked for.
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

from workflows.core.errors import OnboardError, Texts
from workflows.core.parsing import MAX_DEPTH, no_constant, parse_json, unescape_html
from workflows.core.sentences import Sentence

SCHEMA = 1
"""The version of the blocks that this program writes and the newest that it reads."""

MAX_TEXT = 512 * 1024
"""Characters of a whole text or file; a handoff with two identities and 200 accounts has about 60,000."""

MAX_OBJECTS = 2_000
"""Entries of one list; a project with a few hundred accounts is a very large one."""

MARKER = "iam-onboard"
WRAP = "\ue000"
"""Stands in a decoded string where a mail program broke the line: a blank in prose, nothing anywhere else."""

Json: TypeAlias = Mapping[str, object]

_BLANKS = re.compile(rf"[\s{WRAP}]+")
_WRAPS = re.compile(rf"[ \t]*{WRAP}[ \t]*")
_HIDDEN = re.compile("[\ud800-\udfff\U000e0000-\U000e01ef]")
"""Lone surrogates and tags, wherever they are, also in fields that only a newer program knows."""

_START = re.compile(r'\{\s*"iam-onboard"\s*:\s*"([a-z-]{1,32})"')
_QUOTE_MARKS = re.compile(r"^[ \t]*+(?:>[ \t]?)++", re.MULTILINE)
_LINKS = re.compile(r'(?P<before>"?)<(?P<target>(?:https?://|mailto:)[^<>"]{1,2048})>')
_MAIL_HEADER = re.compile(r"(?:From |[A-Za-z][A-Za-z0-9-]*:)")
_MOST_PARTS = 100
_MOST_HEADERS = 1_000
_LONGEST_HEAD = 100_000
_LONGEST_HEADER = 1_000
_NO_CHARACTER_SETS = {"idna", "punycode"}  # for names of hosts, and decoded in quadratic time
_MOST_PIECES = 100_000  # a handoff for 200 accounts has fewer than 1,000
_PIECE = re.compile(
    r'(?P<brace>[{}])|(?:[^"\\{}]++|"[^"\\\n]*+"|\\.)++'  # with the strings that hold nothing to repair
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
    """Why a text holds no usable message, with the sentences about it; what is in braces is filled in."""

    TOO_LONG = Texts(
        title="This is too long",
        what="The text has {length:,} characters; a {kind} has far fewer than {most:,}.",
        next="Paste only the message with the {kind}, or open the right file.",
    )
    OTHER_KIND = Texts(title="{title}", what="{what}", next="{instead}")
    NO_BLOCK = Texts(
        title="No {kind} in this text",
        what="It has no block that iam-onboard made.",
        why='The block is a piece of JSON that begins with {{"iam-onboard": and ends with }}.',
        next="Copy the whole message with the {kind}, from its first line to its last, and paste it again.",
    )
    SEVERAL = Texts(
        title="More than one {kind}",
        what="The text holds different blocks with a {kind}.",
        why="Perhaps you pasted a whole reply that quotes an older message.",
        next="Paste only the newest {kind}.",
    )
    OVERLOADED = Texts(
        title="This mail can't be read",
        what="It has more than {most:,} {parts}, the most that are read.",
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
        what="{name} of {where} is not {wanted}.",
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
    """A text that holds no usable request or handoff; it says what is wrong and how to get a good one.

    Args:
        flaw: what is wrong.
        detail: as for `OnboardError`.
        values: what the flaw's sentences name.

    Attributes:
        flaw: see above.
    """

    field = "text"

    def __init__(self, flaw: Flaw, *, detail: Sentence = "", **values: object) -> None:
        title, what, why, then = (text.format(**values) for text in flaw.value)
        super().__init__(title, what, why=why, next=then, detail=detail)
        self.flaw = flaw


def render_block(kind: str, payload: Json) -> str:
    """A fenced block that `extract_block` reads back, without a final newline.

    Args:
        kind: "request" or "handoff".
        payload: plain JSON values; keys keep their order.

    Raises:
        TypeError: the payload holds a `Secret`, or anything else that is not plain JSON.
    """
    text = json.dumps(
        {MARKER: kind, "schema": SCHEMA, **payload}, indent=1, ensure_ascii=True, allow_nan=False
    )
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"```json\n{text}\n```"


def extract_block(text: str, kind: str) -> dict[str, object]:
    """The payload of the one block of this kind in a pasted text, an opened file or a saved mail.

    Strings that were broken over lines on the way hold `WRAP` at that place; `Fields` resolves it.

    Args:
        text: whatever was pasted or read; anything around the block is ignored.
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
        title = f"This is a {other}" if other in _OTHERS else f"This is not a {kind}"
        return MessageError(Flaw.OTHER_KIND, title=title, what=what, instead=instead)
    return MessageError(Flaw.NO_BLOCK, kind=kind)


def _undo_transport(text: str) -> str:
    """The text without what was added: mail headers, quote marks, typographic characters, entities, links."""
    text = _mail_body(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _QUOTE_MARKS.sub("", unescape_html(text).translate(_TYPOGRAPHIC))
    return _LINKS.sub(lambda match: '"' + match["target"] if match["before"] else "", text)


def _mail_body(text: str) -> str:
    """The text part of a saved mail (.eml); any other text as it is."""
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
    except (LookupError, ValueError):  # an unknown character set: the raw text may still hold the block
        return text
    return content.replace("\r\n", "\n")


class _ShortHeaders(email.policy.Compat32):
    """Headers as they are, cut off: the library takes long ones apart in quadratic time, or by recursion."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, _, value = "".join(sourcelines).partition(":")
        return name, value.strip()[:_LONGEST_HEADER]


class _Part(Message):
    """A mail or a part of one with as many headers as those have."""

    def set_raw(self, name: str, value: str) -> None:
        if len(self) == _MOST_HEADERS:
            raise MessageError(Flaw.OVERLOADED, parts="headers", most=_MOST_HEADERS)
        super().set_raw(name, value)


def _parsed(mail: str) -> Message:
    """A mail with its parts, whose number bounds how deep they are in one another.

    Raises:
        MessageError: they, or the headers of one, are too many.
    """
    parts = itertools.count(1)

    def part(policy: email.policy.Policy[Message]) -> _Part:
        if next(parts) > _MOST_PARTS:
            raise MessageError(Flaw.OVERLOADED, parts="parts", most=_MOST_PARTS)
        return _Part(policy)

    return email.message_from_string(mail, policy=_ShortHeaders(message_factory=part))


def _repair_block(text: str, start: int, kind: str) -> tuple[str, int]:
    """The JSON object that starts at `start`, breaks inside strings marked, and the position after it."""
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
    """What stands for a piece of a string: where a line break is in it, the joined escape, or a mark."""
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
        values: the object as `extract_block` gives it.
        where: what to call it in a complaint, for example "identity 2".
    """

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self._values = dict(values)
        self._where = where

    def word(self, name: str, default: str | None = None) -> str:
        """A text without blanks (a name, an id, a URL): breaks and blanks that crept in are taken out.

        Raises:
            MessageError: it is missing and has no default, or it is not a text.
        """
        return _BLANKS.sub("", self._text(name, default))

    def prose(self, name: str, default: str | None = None) -> str:
        """A text for people: a break that crept in is a blank.

        Raises:
            MessageError: it is missing and has no default, or it is not a text.
        """
        return _WRAPS.sub(" ", self._text(name, default)).strip()

    def base64(self, name: str) -> str | None:
        """A base64 text in one line, from a string or a list of strings; None where it is missing or null.

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
        """True or false.

        Raises:
            MessageError: it is something else.
        """
        value = self._values.pop(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def proses(self, name: str) -> tuple[str, ...]:
        """A list of texts for people; empty where the field is missing.

        Raises:
            MessageError: it is something else.
        """
        return tuple(Fields({name: value}, self._where).prose(name) for value in self._list(name))

    def objects(self, name: str, called: str) -> Iterator[Fields]:
        """The objects of a list; none where the field is missing.

        Raises:
            MessageError: it is something else.
        """
        for number, value in enumerate(self._list(name), start=1):
            if not isinstance(value, dict):
                raise self._wrong(name, "a list of objects")
            yield Fields(value, f"{called} {number}")

    def rest(self) -> dict[str, object]:
        """Every field that was not read, as it came, with breaks that crept in as blanks."""
        return {name: _without_wraps(value) for name, value in self._values.items()}

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


def _without_wraps(value: object) -> object:
    if isinstance(value, str):
        return _WRAPS.sub(" ", value)
    if isinstance(value, list):
        return [_without_wraps(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _without_wraps(inner) for key, inner in value.items()}
    return value


def lines_of(base64_text: str, width: int = 64) -> list[str]:
    """A long base64 text as lines that no mail program needs to break."""
    return [base64_text[start : start + width] for start in range(0, len(base64_text), width)]
