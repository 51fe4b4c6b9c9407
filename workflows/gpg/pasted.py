r"""Base64 and armor as people paste them: quoted mails, wraps, a shell's `%`, literal `\n`, byte order marks.

Shared by key normalisation and the cleaning of encrypted passwords. Everything works line by line in linear
time; there are no regular expressions, so no input can cause catastrophic backtracking.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import quopri
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from workflows.core.openpgp import MalformedPackets, split
from workflows.core.parsing import unescape_html

INPUT_LIMIT: Final = 2_000_000
"""Bytes or characters of one key or message; larger input is rejected before it is read.

A usual key has two kilobytes; one with a photograph and thousands of signatures (all left out) a million.
"""

BASE64_ALPHABET = frozenset(string.ascii_letters + string.digits + "+/=-_")
"""Both alphabets of RFC 4648: the usual one (sections 4) and the one for URLs (section 5)."""
_LETTERS = "".join(BASE64_ALPHABET).encode("ascii")
_ONLY_LETTERS = bytes(code if chr(code) in BASE64_ALPHABET - {"="} else ord(" ") for code in range(256))
_SHORTEST_WORD = 200  # letters; even the smallest key and encrypted password have more

_PROSE = 8  # in prose, fewer than one letter in this many is a capital
_LINE = 20  # lines of base64 are longer than this, words are shorter

_QUOTE_MARKS = " \t>|\u00a0"
_INVISIBLE = dict.fromkeys(
    map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff")
)  # where a program may break a line
_WRAPPING = " \t\r\"'`,;%\u00a0\u200b\ufeff\\"
_BEGIN = "-----BEGIN PGP "
_END = "-----END PGP "
_DASHES = "-----"
_TAGS = frozenset({"br", "p", "div", "pre", "span", "code", "html", "body", "tt", "blockquote", "font"})


class MalformedBase64(ValueError):  # noqa: N818 - a fact about the text; the callers word the error
    """The text has the form of base64 but cannot be decoded, or its checksum does not fit."""


class SeveralBlocks(MalformedBase64):
    """The text has more than one block of base64."""


@dataclass(frozen=True)
class ArmoredBlock:
    """One `-----BEGIN PGP …-----` block.

    Attributes:
        label: its type: "PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK", "MESSAGE", "SIGNATURE", …
        body: the lines between the markers, joined with newlines, quote marks removed.
        complete: whether it has an end marker.
    """

    label: str
    body: str
    complete: bool

    def decode(self) -> bytes:
        """Return the block's binary data, after verifying its checksum if there is one.

        Raises:
            MalformedBase64: it is not base64, or the checksum differs.
        """
        try:
            return decode_base64(_without_headers(self.body))
        except MalformedBase64 as error:
            lines = self.body.split("\n")
            if any(len(line) == 5 and line[0] == "=" and line[:3] != "=3D" for line in lines):
                raise  # a checksum such as =69AB, so the body isn't quoted-printable
            unpacked = quopri.decodestring(self.body.encode()).decode("utf-8", errors="replace")
            with contextlib.suppress(MalformedBase64):
                return decode_base64(_without_headers(unpacked))
            raise error from None


def _without_headers(body: str) -> str:
    """Return an armored body without its headers, which end at an empty line (RFC 9580, section 6.2.2).

    That line may be lost, so any line with a colon, which base64 never contains, counts as a header.
    """
    lines = body.strip("\n").split("\n")
    end = lines.index("") if "" in lines else 0
    if not all(_is_base64(line) for line in lines[:end]):
        lines = lines[end:]
    return "\n".join(line for line in lines if ":" not in line)


def as_text(data: bytes | str) -> str | None:
    """Return the input as text, or None if it is binary.

    UTF-16 with a byte order mark counts as text: PowerShell writes it.
    """
    if isinstance(data, str):
        return data
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # An OpenPGP packet begins with the high bit set; anything else is a mail in an older charset.
        return data.decode("latin-1") if data[:1] < b"\x80" else None


def unquoted(text: str) -> str:
    """Return the text with plain newlines and blanks, and without quote marks and blanks around lines."""
    text = text.translate(_INVISIBLE) if not text.isascii() else text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    return "\n".join(line.strip(_QUOTE_MARKS) for line in text.split("\n"))


def unescaped(text: str) -> str:
    r"""Turn literal `\n`, as JSON and Terraform print it, and HTML tags of an `unquoted` text to newlines."""
    if "</" in text or "&#" in text or "<br" in text.casefold():
        text = unescape_html(_without_tags(text))
    if "\\n" not in text:
        return text
    return unquoted(text.replace("\\r", "").replace("\\n", "\n"))


def _without_tags(text: str) -> str:
    """Replace HTML tags that end a line or surround a block by line breaks."""
    first, *pieces = text.split("<")
    kept = [first]
    for piece in pieces:
        tag, line_break, following = piece.partition("\n")  # `unquoted` removed a ">" at the end of a line
        inside, _, rest = tag.partition(">")
        is_tag = inside.strip("/ ").partition(" ")[0].casefold() in _TAGS
        kept.append(f"\n{rest}{line_break}{following}" if is_tag else f"<{piece}")
    return "".join(kept)


def armored_blocks(text: str) -> tuple[ArmoredBlock, ...]:
    """Return every armored block of an `unquoted` text, in order.

    Newlines may be lost (all on one line); a block without an end marker extends to the next block or the end
    of the text.
    """
    blocks: list[ArmoredBlock] = []
    start = text.find(_BEGIN)
    while start >= 0:
        label_end = text.find(_DASHES, start + len(_BEGIN))
        if label_end < 0:
            break
        label = text[start + len(_BEGIN) : label_end].strip()
        body_start = label_end + len(_DASHES)
        following = text.find(_BEGIN, body_start)
        limit = following if following >= 0 else len(text)
        end = text.find(_END, body_start, limit)
        body = text[body_start : end if end >= 0 else limit].rstrip("- ")
        blocks.append(ArmoredBlock(label, body, complete=end >= 0))
        start = following
    return tuple(blocks)


def bare_base64(text: str, *, packed: bool = True) -> bytes | None:
    """Return the binary data of a text that is base64, or that contains a block or one long word of it.

    Such a word is the output of `base64 -w0` before the prompt, or a value between quotes.

    Args:
        text: an `unquoted` text.
        packed: whether it may be a mail's source, with soft line breaks ("=" at the end of a line).

    Returns:
        The data, or None if there is no base64 in it.

    Raises:
        MalformedBase64: it has base64 letters but can't be decoded, or there are several blocks.
    """
    lines = [line for line in (line.strip(_WRAPPING) for line in text.split("\n")) if line]
    if not lines:
        return None
    # A greeting and a name around a block may be base64 letters, too: then the whole isn't valid packets.
    whole = "\n".join(lines) if all(_is_base64("".join(line.split())) for line in lines) else ""
    blocks = _blocks(lines)
    # A shorter line at the end of a block may be the next word of the mail.
    found = _openpgp([whole]) or _openpgp(blocks) or _openpgp(block.rpartition("\n")[0] for block in blocks)
    if len(found) > 1:
        raise SeveralBlocks("there is more than one block in it; use one at a time")
    if found:
        return found[0]
    if packed and "=\n" in text:
        unpacked = quopri.decodestring(text.encode()).decode("utf-8", errors="replace")
        with contextlib.suppress(MalformedBase64):
            return bare_base64(unpacked, packed=False)
    piece = whole or max(blocks, key=len, default="") or _longest_word(text)
    return decode_base64(piece) if piece and not _is_prose(piece) else None


def _openpgp(pieces: Iterable[str]) -> list[bytes]:
    """Decode the pieces that are complete OpenPGP data, up to the second different one."""
    found: list[bytes] = []
    for piece in pieces:
        if _is_prose(piece):
            continue
        with contextlib.suppress(MalformedBase64, MalformedPackets):
            data = decode_base64(piece)
            if split(data) and data not in found:
                found.append(data)
                if len(found) > 1:
                    break
    return found


def decode_base64(text: str) -> bytes:
    """Decode base64 of either alphabet, with blanks, with or without padding and armor's checksum.

    Raises:
        MalformedBase64: another character, an impossible length, padding in the middle, or a wrong checksum.
    """
    words = text.split()
    if not _is_base64("".join(words)):
        words = [word for word in (word.strip(_WRAPPING) for word in words) if word]
    checksum = words.pop() if words and len(words[-1]) == 5 and words[-1][0] == "=" else ""
    joined = "".join(words)
    if not _is_base64(joined):
        raise MalformedBase64("it has characters that base64 doesn't have")
    data = _strictly_decoded(joined)
    if checksum and _strictly_decoded(checksum[1:]) != _crc24(data).to_bytes(3):
        raise MalformedBase64("its checksum doesn't match its content")
    return data


def _strictly_decoded(letters: str) -> bytes:
    letters = letters.replace("-", "+").replace("_", "/").rstrip("=")
    if "=" in letters:
        raise MalformedBase64("there is padding in the middle of it")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except ValueError as error:  # binascii.Error, or the error for non-ASCII letters
        raise MalformedBase64("a part of it is missing") from error


def _is_base64(word: str) -> bool:
    return word.isascii() and not word.encode("ascii").translate(None, _LETTERS)


def _is_prose(letters: str) -> bool:
    """Return whether base64 letters are prose: short words, or few capitals (base64 has 2 in 5)."""
    words, capitals = len(letters.split()), sum(letter.isupper() for letter in letters)
    return len(letters) < words * _LINE or (
        len(letters) >= _SHORTEST_WORD and capitals * _PROSE < len(letters)
    )


def _blocks(lines: list[str]) -> list[str]:
    """Return the runs of base64 lines of equal length, each with the shorter line that ends it.

    The equal length distinguishes a block from the text of a mail, which may be base64 letters, too.
    """
    blocks: list[list[str]] = []
    length = 0  # of the lines that continue the last block
    for line in lines:
        base64_line = _is_base64(line)
        if base64_line and len(line) <= length:
            blocks[-1].append(line)
            length = length if len(line) == length else 0
        elif base64_line and len(line) >= 40:
            blocks.append([line])
            length = len(line)
        else:
            length = 0
    return ["\n".join(block) for block in blocks]


def _longest_word(text: str) -> str:
    """Return the longest run of base64 letters without padding, if it is long enough for a key; else ""."""
    words = text.encode("ascii", "replace").translate(_ONLY_LETTERS).decode("ascii").split()
    word = max(words, key=len, default="")
    return word if len(word) >= _SHORTEST_WORD else ""


def _crc24(data: bytes) -> int:
    """Compute armor's checksum (RFC 9580, section 6.1.1)."""
    checksum = 0xB704CE
    for byte in data:
        checksum = ((checksum << 8) & 0xFFFFFF) ^ _CRC24_TABLE[(checksum >> 16) ^ byte]
    return checksum


def _crc24_of(value: int) -> int:
    for _ in range(8):
        value = value << 1 ^ (0x1864CFB if value & 0x800000 else 0)
    return value


_CRC24_TABLE = tuple(_crc24_of(byte << 16) for byte in range(256))
