"""PGP keys that no person has: refused before gpg, whose time is bounded, sees them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.pgp import ENVIRONMENT

from workflows.gpg import inspect, tools
from workflows.gpg.inspect import inspect_key
from workflows.gpg.keyring import NoSuchKey, export_public_key, list_secret_keys
from workflows.gpg.many_keys import check_keys
from workflows.gpg.normalise import KEYS_LIMIT, PARTS_LIMIT, normalise, public_keys
from workflows.gpg.refusals import KeyTooLarge, KeyTooSlow, UnreadableKey
from workflows.gpg.tools import GpgTooSlow, run_gpg


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, len(body)]) + body


def key_packet(tag: int, number: int) -> bytes:
    return packet(tag, b"\x04" + number.to_bytes(4) + b"\x01\x00\x20\x80\x01\x02\x03\x00\x02\x03")


PRIMARY = key_packet(6, 1)


@pytest.mark.parametrize(
    "key",
    [
        PRIMARY + b"".join(key_packet(14, number) for number in range(50_000)),
        PRIMARY + b"".join(packet(13, b"%d" % number) for number in range(PARTS_LIMIT + 1)),
    ],
    ids=["subkeys", "names"],
)
def test_a_key_with_absurdly_many_parts_is_refused_without_gpg(key: bytes) -> None:
    with pytest.raises(KeyTooLarge):
        normalise(key)


def test_a_keyring_with_absurdly_many_keys_is_refused_without_gpg() -> None:
    with pytest.raises(KeyTooLarge):
        public_keys(b"".join(key_packet(6, number) for number in range(KEYS_LIMIT + 1)))


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment whose gpg never ends, and a limit of its time that is nearly over."""
    program = tmp_path / "gpg"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o700)
    monkeypatch.setattr(inspect, "CHECK_SECONDS", 0.01)
    return {**ENVIRONMENT, "PATH": f"{tmp_path}:{ENVIRONMENT['PATH']}"}


def test_a_gpg_that_does_not_end_is_ended(stuck: dict[str, str]) -> None:
    with pytest.raises(GpgTooSlow):
        run_gpg(["--version"], gnupg_home=None, environment=stuck, seconds=0.01)


@pytest.mark.parametrize("work", [list_secret_keys, partial(export_public_key, "A" * 40)])
def test_no_keyring_keeps_anybody_waiting(
    work: Callable[..., object], stuck: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(run_gpg.__kwdefaults__, "seconds", 0.01)
    monkeypatch.setattr(tools, "WORK_SECONDS", 0.01)
    with pytest.raises(GpgTooSlow):
        work(tmp_path, stuck)


def test_a_home_whose_name_is_no_text_is_a_home(tmp_path: Path) -> None:
    home = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    home.mkdir(mode=0o700)
    environment = {**ENVIRONMENT, "HOME": str(home), "GNUPGHOME": str(home)}
    assert list_secret_keys(None, environment) == list_secret_keys(home, environment) == ()
    with pytest.raises(NoSuchKey):
        export_public_key("A" * 40, home, environment)


def test_a_gpg_that_waits_for_a_person_has_all_the_time(stuck: dict[str, str]) -> None:
    asked, enough = [], threading.Event()

    def waits(seconds: float) -> None:
        asked.append(seconds)
        if len(asked) == 3:
            enough.set()

    with pytest.raises(tools.Cancelled):
        run_gpg(
            ["--version"], gnupg_home=None, environment=stuck, progress=waits, cancelled=enough, seconds=None
        )


def test_a_key_that_gpg_does_not_get_done_is_refused_like_any_other(stuck: dict[str, str]) -> None:
    assert issubclass(KeyTooSlow, UnreadableKey)
    with pytest.raises(KeyTooSlow):
        inspect_key(PRIMARY, environment=stuck)


def test_no_folder_of_keys_keeps_anybody_waiting(stuck: dict[str, str]) -> None:
    keys = b"".join(key_packet(6, number) for number in range(9))
    found = check_keys(keys, environment=stuck)
    assert [type(key) for key in found] == [KeyTooSlow] * 9
