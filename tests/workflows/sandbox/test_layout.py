from __future__ import annotations

from pathlib import Path

from workflows.sandbox.layout import ensure_short, remove_short


def test_a_short_folder_needs_nothing() -> None:
    assert ensure_short(Path("/tmp/io-x/sandbox"), "") == ""


def test_a_long_folder_gets_a_short_link_that_is_kept_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    short = ensure_short(folder, "")
    try:
        assert len(short) < 30
        assert Path(short).resolve() == folder.resolve()
        assert Path(short).parent.stat().st_mode & 0o777 == 0o700
        assert ensure_short(folder, short) == short
    finally:
        remove_short(folder, short)
    assert not Path(short).parent.exists()
    assert folder.is_dir()


def test_a_link_that_vanished_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    first = ensure_short(folder, "")
    remove_short(folder, first)
    second = ensure_short(folder, first)
    try:
        assert Path(second).resolve() == folder.resolve()
    finally:
        remove_short(folder, second)


def test_somebody_elses_link_is_neither_used_nor_removed(tmp_path: Path) -> None:
    folder, other = tmp_path / ("long" * 20), tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    foreign = tmp_path / "place" / "s"
    foreign.parent.mkdir()
    foreign.symlink_to(other)
    remove_short(folder, str(foreign))
    assert foreign.is_symlink()
    short = ensure_short(folder, str(foreign))
    try:
        assert short != str(foreign)
    finally:
        remove_short(folder, short)
