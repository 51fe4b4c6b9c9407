from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from support.journals import in_version_1
from support.repository import TESTS

from workflows.core.files import cause_of
from workflows.core.secret import Secret
from workflows.machine.events import (
    Acknowledged,
    Event,
    Failed,
    Header,
    Moved,
    Reopened,
    Skipped,
    Started,
    StepKey,
    Succeeded,
    UnstorableFactError,
)
from workflows.machine.journal import (
    SCHEMA,
    BadLineError,
    DamagedJournal,
    FromNewerVersion,
    Journal,
    JournalFailed,
    Loaded,
    decode_event,
    encode_event,
    encode_header,
    read_journal,
    with_sum,
)

HEADER = Header(SCHEMA, "s", "admin", "2026-01-02T03:04:05+00:00", {"project_root": "/srv/bb"})
KEY = StepKey("plan", "security")
EVENTS: tuple[Event, ...] = (
    Started(KEY, "r", "1"),
    Failed(KEY, "r", "2", {"title": "No", "detail": "line\nline\r\n\u2028é"}),
    Started(KEY, "r", "3"),
    Succeeded(KEY, "r", "4", {"a": [1, 2.5, None, True, {"b": "é\0"}], "c": {}}),
    Reopened(KEY, "r", "5", "other input"),
    Skipped(KEY, "r", "6", ""),
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FACTS = st.dictionaries(st.text(), JSON, max_size=3)
KEYS = st.builds(StepKey, st.from_regex(r"[a-z]([-a-z0-9]*[a-z0-9])?", fullmatch=True), st.text())
TEXTS = st.text()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def written(path: Path) -> bytes:
    """Return the bytes of a journal with all sample events."""
    journal = Journal.create(path, HEADER)
    for event in EVENTS:
        journal.add(event)
    journal.close()
    return path.read_bytes()


@given(
    st.one_of(
        st.builds(Started, KEYS, TEXTS, TEXTS),
        st.builds(Succeeded, KEYS, TEXTS, TEXTS, FACTS),
        st.builds(Failed, KEYS, TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3)),
        st.builds(Skipped, KEYS, TEXTS, TEXTS, TEXTS),
        st.builds(Reopened, KEYS, TEXTS, TEXTS, TEXTS),
        st.builds(Acknowledged, KEYS, TEXTS, TEXTS, TEXTS),
        st.builds(Moved, KEYS, TEXTS, TEXTS, TEXTS, TEXTS),
    )
)
def test_every_event_is_one_line_and_comes_back_as_it_was(event: Event) -> None:
    line = encode_event(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_event(line) == event


def test_a_file_name_that_is_no_utf8_comes_back_as_it_was() -> None:
    name = os.fsdecode(b"key-\xff.asc") + "\ud83d\ude00"
    event = Skipped(KEY, "r", "", name)
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize(
    "event",
    [
        Succeeded(KEY, "r", "", {"a": Secret("canary")}),
        Succeeded(KEY, "r", "", {"a": [{"b": (Secret("canary"),)}]}),
        Succeeded(KEY, "r", "", {Secret("canary"): 1}),  # type: ignore[dict-item]
        Succeeded(KEY, "r", "", {"a": {b"canary": 1}}),
        Failed(KEY, "r", "", {"detail": Secret("canary")}),  # type: ignore[dict-item]
        Skipped(KEY, "r", "", Secret("canary")),  # type: ignore[arg-type]
        Reopened(KEY, "r", "", Secret("canary")),  # type: ignore[arg-type]
        Succeeded(KEY, "r", "", {"a": b"canary"}),
        Succeeded(KEY, "r", "", {"a": {"canary"}}),
        Succeeded(KEY, "r", "", {"a": Path("canary")}),
        Succeeded(KEY, "r", "", {"a": float("nan")}),
        Succeeded(KEY, "r", "", {"a": float("inf")}),
    ],
)
def test_what_is_no_json_or_is_secret_is_never_written(event: Event, path: Path, written: bytes) -> None:
    journal = Journal.resume(path, read_journal(path))
    with pytest.raises(UnstorableFactError) as refused:
        journal.add(event)
    journal.close()
    assert "canary" not in str(refused.value)
    assert path.read_bytes() == written


def test_a_header_holds_no_secret_and_leaves_no_file(path: Path) -> None:
    with pytest.raises(UnstorableFactError, match=r"details\.a"):
        Journal.create(path, Header(SCHEMA, "s", "admin", "", {"a": Secret("canary")}))
    assert list(path.parent.iterdir()) == []


def test_a_journal_is_read_as_it_was_written_with_the_end_of_each_line(path: Path, written: bytes) -> None:
    loaded = read_journal(path)
    assert (loaded.header, loaded.events) == (HEADER, EVENTS)
    assert loaded.ends == tuple(index + 1 for index, byte in enumerate(written) if byte == ord("\n"))
    assert loaded.ends[-1] == len(written)
    assert loaded.first(2).events == EVENTS[:2]
    assert loaded.first(2).ends[-1] == loaded.ends[2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_journal_is_never_made_over_another(path: Path, written: bytes) -> None:
    with pytest.raises(FileExistsError):
        Journal.create(path, HEADER)
    assert path.read_bytes() == written


def test_a_last_line_torn_anywhere_is_cut_off_and_nothing_else(path: Path, written: bytes) -> None:
    whole = read_journal(path).ends
    for length in range(whole[0], len(written)):
        path.write_bytes(written[:length])
        loaded = read_journal(path)
        assert loaded.ends[-1] == max(end for end in whole if end <= length)
        assert loaded.events == EVENTS[: len(loaded.events)]
        journal = Journal.resume(path, loaded)
        journal.add(EVENTS[0])
        journal.close()
        assert read_journal(path).events == (*loaded.events, EVENTS[0])


def sound_events(path: Path) -> tuple[Event, ...]:
    try:
        return read_journal(path).events
    except DamagedJournal as damage:
        return damage.sound.events if damage.sound else ()
    except FromNewerVersion:
        return ()


def test_a_changed_lost_or_moved_byte_or_line_is_found(path: Path, written: bytes) -> None:
    lines = written.splitlines(keepends=True)
    flipped = (written[:at] + bytes([written[at] ^ 1]) + written[at + 1 :] for at in range(len(written)))
    moved = ([*lines[:1], *lines[2:]], [*lines[:2], *lines[1:]], [lines[0], lines[2], lines[1], *lines[3:]])
    for content in (*flipped, *map(b"".join, moved)):
        path.write_bytes(content)
        found = sound_events(path)
        assert found == EVENTS[: len(found)]
        assert len(found) < len(EVENTS)


def test_after_a_repair_the_sums_go_on_from_what_was_sound(path: Path, written: bytes) -> None:
    lines = written.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3].replace(b"3", b"4", 1), *lines[4:]]))
    with pytest.raises(DamagedJournal) as found:
        read_journal(path)
    sound = found.value.sound
    assert sound is not None
    journal = Journal.resume(path, sound)
    journal.add(EVENTS[0])
    journal.close()
    assert read_journal(path).events == (*EVENTS[:2], EVENTS[0])


def test_a_journal_of_version_1_goes_on_without_sums(path: Path, written: bytes) -> None:
    path.write_bytes(in_version_1(written))
    loaded = read_journal(path)
    assert (loaded.header, loaded.events) == (replace(HEADER, schema=1), EVENTS)
    journal = Journal.resume(path, loaded)
    journal.add(EVENTS[0])
    journal.close()
    assert b'"sum"' not in path.read_bytes()
    assert read_journal(path).events == (*EVENTS, EVENTS[0])


def test_zeros_that_a_power_failure_left_at_the_end_are_cut_off(path: Path, written: bytes) -> None:
    path.write_bytes(written + bytes(4096))
    assert read_journal(path).ends[-1] == len(written)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"", ""),
        (b"{", ""),
        (bytes(40), ""),
        (b"\xff\xfe", ""),
        (b"[]", ""),
        (b"3", ""),
        (b"[" * 100_000, ""),
        (b"{}", ""),
        (b'{"event":"exploded","step":"plan"}', ""),
        (b'{"event":["started"],"step":"plan"}', ""),
        (b'{"event":"started","run":"r","at":"1"}', ""),
        (b'{"event":"started","step":5,"run":"r","at":"1"}', ""),
        (b'{"event":"started","step":"plan","at":"1"}', "run "),
        (b'{"event":"started","step":"plan","run":1,"at":"1"}', "run "),
        (
            b'{"event":"succeeded","step":"p","run":"r","at":"1","facts":[]}',
            "facts ",
        ),
        (b'{"event":"succeeded","step":"p","run":"r","at":"1","facts":{"a":NaN}}', ""),
        (
            b'{"event":"failed","step":"p","run":"r","at":"1","error":"no"}',
            "error ",
        ),
        (
            b'{"event":"started","step":"p","run":"r","at":"1","key":"x"}',
            " key",
        ),
    ],
)
def test_a_damaged_line_further_up_is_told_with_what_is_sound_before_it(
    line: bytes, named: str, path: Path, written: bytes
) -> None:
    lines = in_version_1(written).splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], line + b"\n", *lines[4:]]))
    damaged = path.read_bytes()
    with pytest.raises(DamagedJournal) as found:
        read_journal(path)
    assert isinstance(found.value.__cause__, BadLineError)
    assert named in found.value.why
    assert found.value.line == 4
    assert found.value.sound is not None
    assert found.value.sound.events == EVENTS[:2]
    assert found.value.sound.ends[-1] == sum(map(len, lines[:3]))
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b'{"schema":1',
        b"garbage\n",
        b"[1]\n",
        b'{"schema":1}\n',
        b'{"schema":"1"}\n',
        b'{"schema":0}\n',
        b'{"schema":true,"session":"s","workflow":"w","created":"c","details":{}}\n',
    ],
)
def test_a_journal_without_a_header_cannot_be_repaired_and_says_so(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(DamagedJournal) as found:
        read_journal(path)
    assert (found.value.line, found.value.sound) == (1, None)


def test_a_journal_of_a_newer_version_is_refused_whatever_else_it_holds(path: Path) -> None:
    content = json.dumps({"schema": SCHEMA + 1, "unheard": "of"}).encode() + b"\nwhatever\n"
    path.write_bytes(content)
    with pytest.raises(FromNewerVersion):
        read_journal(path)
    assert path.read_bytes() == content


def test_a_newer_version_names_the_program_that_reads_it(path: Path) -> None:
    path.write_bytes(json.dumps({"schema": SCHEMA + 1, "needs": "1.4.0"}).encode() + b"\n")
    with pytest.raises(FromNewerVersion) as refused:
        read_journal(path)
    assert refused.value.needs == "1.4.0"
    assert " 1.4.0 " in refused.value.next


def test_a_journal_that_cannot_be_opened_says_why(path: Path) -> None:
    with pytest.raises(JournalFailed) as missing:
        read_journal(path)
    assert missing.value.why == cause_of(OSError(errno.ENOENT, ""))
    path.mkdir()
    with pytest.raises(JournalFailed) as folder:
        Journal.resume(path, Loaded(HEADER, (), (0,)))
    assert folder.value.why == cause_of(OSError(errno.EISDIR, ""))


@pytest.mark.parametrize("taken", [0, 1, 30])
def test_a_full_disk_leaves_the_file_as_it_was_and_the_journal_usable(
    taken: int, path: Path, written: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_write = os.write
    room = [taken]

    def write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = real_write(descriptor, data[: room[0]])
        room[0] -= count
        return count

    journal = Journal.resume(path, read_journal(path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(JournalFailed) as refused:
            journal.add(EVENTS[3])
    assert refused.value.why == cause_of(OSError(errno.ENOSPC, ""))
    assert path.read_bytes() == written
    journal.add(EVENTS[0])
    journal.close()
    assert read_journal(path).events == (*EVENTS, EVENTS[0])


def test_a_tail_that_could_not_be_cut_off_goes_before_the_next_event(
    path: Path, written: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    journal = Journal.resume(path, read_journal(path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(JournalFailed):
            journal.add(EVENTS[3])
    assert path.stat().st_size > len(written)
    journal.add(EVENTS[0])
    journal.close()
    assert read_journal(path).events == (*EVENTS, EVENTS[0])


def test_a_full_disk_leaves_no_half_made_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError) as refused:  # noqa: PT011 - its number is asserted
        Journal.create(path, HEADER)
    assert refused.value.errno == errno.ENOSPC
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        b'{"event":"started","step":"plan","run":"r","at":"1","where":"here"}\n',
        b'{"event":"paused","step":"plan","run":"r","at":"1"}\n',
    ],
)
def test_a_line_as_it_was_written_that_is_unknown_is_no_damage(
    line: bytes, path: Path, written: bytes
) -> None:
    whole, _ = with_sum(line, read_journal(path).sums[-1])
    path.write_bytes(written + whole)
    with pytest.raises(FromNewerVersion, match="doesn't know"):
        read_journal(path)
    assert path.read_bytes() == written + whole


def test_a_header_as_it_was_written_that_is_unknown_is_no_damage(path: Path) -> None:
    fields = encode_header(HEADER).replace(b'"session"', b'"mood":"new","session"')
    path.write_bytes(with_sum(fields, 0)[0])
    with pytest.raises(FromNewerVersion, match="mood"):
        read_journal(path)
    path.write_bytes(path.read_bytes().replace(b"mood", b"m00d"))
    with pytest.raises(DamagedJournal):
        read_journal(path)


def test_a_closed_journal_takes_no_events(path: Path, written: bytes) -> None:
    journal = Journal.resume(path, read_journal(path))
    journal.close()
    journal.close()
    with pytest.raises(ValueError, match="closed"):
        journal.add(EVENTS[0])
    assert path.read_bytes() == written


def test_a_line_that_is_no_event_says_so() -> None:
    with pytest.raises(BadLineError):
        decode_event(b"nonsense")


def test_a_file_of_each_version_so_far_is_read_for_ever() -> None:
    for version in range(1, SCHEMA + 1):
        loaded = read_journal(TESTS / "journals" / f"version-{version}.jsonl")
        assert (loaded.header.schema, loaded.events) == (version, EVENTS)
