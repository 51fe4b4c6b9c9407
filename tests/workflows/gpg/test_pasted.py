"""OpenPGP data in what people paste: its text, its blocks, and its base64 with a checksum."""

from __future__ import annotations

import base64

import pytest

from workflows.gpg.pasted import (
    MalformedBase64,
    SeveralBlocks,
    armored_blocks,
    as_text,
    bare_base64,
    decode_base64,
    unescaped,
    unquoted,
)

# RFC 4880, section 6.6
BODY = "yDgBO22WxBHv7O8X7O/jygAEzol56iUKiXmV+XmpCtmpqQUKiQrFqclFqUDBovzS\nvBSFjNSiVHsuAA=="
HEADER = "Version: OpenPrivacy 0.99\n"
ARMORED = f"-----BEGIN PGP MESSAGE-----\n{HEADER}\n{BODY}\n=njUN\n-----END PGP MESSAGE-----\n"
DATA = base64.b64decode(BODY)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("a", "a"),
        (b"a\xc3\xa9", "aé"),
        (b"\xef\xbb\xbfa", "a"),
        ("aé".encode("utf-16"), "aé"),
        (b"caf\xe9", "café"),
        (b"\xc6\xff\xfe", None),
    ],
)
def test_what_is_no_binary_data_is_text_in_any_encoding(given: bytes | str, text: str | None) -> None:
    assert as_text(given) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("> a\r\n> > b\rc", "a\nb\nc"),
        ("a\u200bb\u00a0c", "ab c"),
        ("<p>a<br/>b</p>&#43;", "\na\nb\n+"),
        ('"a\\r\\nb\\n"', '"a\nb\n"'),
        ("a < b <c> d", "a < b <c> d"),
    ],
)
def test_quotes_tags_and_written_line_breaks_are_taken_off(given: str, text: str) -> None:
    assert unescaped(unquoted(given)) == text


@pytest.mark.parametrize(
    "form",
    [
        ARMORED,
        ARMORED.replace(f"{HEADER}\n", HEADER),
        ARMORED.replace(HEADER, ""),
        ARMORED.replace("=njUN\n", ""),
        ARMORED.replace("==\n", "=3D=3D\n").replace("=njUN\n", ""),
        ARMORED.replace(BODY, BODY.replace("\n", " ")),
    ],
    ids=["whole", "no empty line", "no header", "no checksum", "quoted-printable", "one line"],
)
def test_an_armored_block_gives_its_data(form: str) -> None:
    (block,) = armored_blocks(f"Hello,\n\n{form}\nJane")
    assert (block.label, block.complete, block.decode()) == ("MESSAGE", True, DATA)


def test_a_block_without_an_end_goes_to_the_next_one() -> None:
    cut = ARMORED[: ARMORED.index("-----END")]
    first, second = armored_blocks(cut + ARMORED.replace("MESSAGE", "SIGNATURE"))
    assert [(block.label, block.complete) for block in (first, second)] == [
        ("MESSAGE", False),
        ("SIGNATURE", True),
    ]
    assert first.decode() == second.decode() == DATA


@pytest.mark.parametrize("damage", [("yDgB", "yDgC"), ("=njUN", "=njUM"), ("vBSF", "vé"), ("vBSF", "v=SF")])
def test_damage_in_a_block_is_noticed(damage: tuple[str, str]) -> None:
    (block,) = armored_blocks(ARMORED.replace(*damage))
    with pytest.raises(MalformedBase64):
        block.decode()


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("YWI/Pw==", b"ab??"),
        ("YWI_Pw", b"ab??"),
        ("Y W I\n/ P w", b"ab??"),
        ('"YWI/Pw==",', b"ab??"),
        (f"{BODY}\n=njUN", DATA),
        ("", b""),
    ],
)
def test_base64_is_read_in_either_alphabet_with_or_without_padding(text: str, data: bytes) -> None:
    assert decode_base64(text) == data


@pytest.mark.parametrize("text", ["YWI/P", "YW=I/Pw==", "YWI/Pé", "Y:I/", f"{BODY}\n=njUM"])
def test_what_is_no_base64_is_no_data(text: str) -> None:
    with pytest.raises(MalformedBase64):
        decode_base64(text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (BODY, DATA),
        (f"Hello\n{BODY}\nJane", DATA),
        (BODY.replace("\n", "=\n").replace("==", "=3D=3D") + "\n", DATA),
        ("my key is lost " * 30, None),
        ("", None),
    ],
    ids=["alone", "in a mail", "quoted-printable", "words", "nothing"],
)
def test_base64_without_a_block_is_found_between_words(text: str, data: bytes | None) -> None:
    assert bare_base64(text) == data


def test_of_two_different_ones_none_is_taken() -> None:
    other = base64.encodebytes(DATA.replace(DATA[2:3], b"\x00")).decode()
    with pytest.raises(SeveralBlocks):
        bare_base64(f"{BODY}\n\nor\n\n{other}")
    assert bare_base64(f"{BODY}\n\nor\n\n{BODY}") == DATA
