"""What a paste contains, and how it arrives, makes no keys of it."""

from __future__ import annotations

import time
from unittest import mock

import pytest
from textual.constants import ESCAPE_DELAY
from textual.events import Key, Paste

from tui.app import pasting
from tui.app.pasting import WholePastes


def read(*reads: str) -> list[str]:
    """Return the keys and the texts, those in brackets."""
    parser, heard = WholePastes(), list[str]()
    with mock.patch.object(pasting, "_PAUSE", 600.0):  # however long a busy machine takes between two reads
        for data in (*reads, ""):
            for message in (*parser.feed(data), *parser.tick()):
                if isinstance(message, Key | Paste):
                    heard.append(message.key if isinstance(message, Key) else f"[{message.text}]")
    return heard


def pasted(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("jane", "jane"),
        ("a\x1b\x1bad\x1b[Bx", "aad[Bx"),
        ("\x1b" + "a" * 100, "a" * 100),
        ("\x1b[31mred\x1b[0m\tand\r\nblue\n", "[31mred[0m\tand\r\nblue\n"),
        ("a\x1b", "a"),
        ("\x1bOP\x11\x00\x7f", "OP"),
        ("a\x1b[Ib\x1b[<0;1;1Mc", "a[Ib[<0;1;1Mc"),
        ("a\x1b[201~ad", "a[201~ad"),
        (f"a{pasted('b')}ad", "a[200~b[201~ad"),
    ],
)
def test_whatever_is_in_a_paste_stays_one_text(text: str, kept: str) -> None:
    assert read(f"x{pasted(text)}y") == ["x", f"[{kept}]", "y"]


@pytest.mark.parametrize("size", range(1, 13))
def test_a_paste_may_come_in_parts(size: int) -> None:
    data = "x" + pasted("a\x1bad\x1b[20b") + "yz\x1b[B" + pasted("c\x1b") + "\r"
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    assert read(*parts) == ["x", "[aad[20b]", "y", "z", "down", "[c]", "enter"]


@pytest.mark.parametrize("size", range(1, 13))
def test_a_mark_of_the_end_within_a_paste_ends_it_in_no_read(size: int) -> None:
    data = "x" + pasted("a\x1b[201~ad\x1b[201~\r") + "y"
    assert read(*(data[at : at + size] for at in range(0, len(data), size))) == [
        "x",
        "[a[201~ad[201~\r]",
        "y",
    ]


def test_a_pause_ends_a_paste_and_many_fit_in_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("tui.app.pasting.time.monotonic", lambda: now[0])
    parser = WholePastes()
    assert not [*parser.feed(pasted("a")), *parser.tick()]
    now[0] += 0.06
    assert not [*parser.feed("y"), *parser.tick()]
    now[0] += 0.06
    assert [type(message) for message in parser.tick()] == [Paste, Key]
    assert not [*parser.tick()]
    assert len([*parser.feed(pasted("a") * 2000)]) == 1999


def test_two_pastes_with_a_key_between_stay_two() -> None:
    assert read(f"{pasted('a')}\t{pasted('b')}") == ["[a]", "tab", "[b]"]


def test_escape_before_the_text_of_a_mark_is_a_key() -> None:
    parser = WholePastes()
    assert not [*parser.feed("\x1b")]
    time.sleep(ESCAPE_DELAY)
    keys = [*parser.tick(), *parser.feed("[200~a")]
    assert [key.key for key in keys if isinstance(key, Key)][-1] == "a"
