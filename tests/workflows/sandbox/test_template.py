from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflows.core.files import FileError, cause_of
from workflows.sandbox import sandbox


def build(folder: Path) -> None:
    folder.mkdir()
    (folder / "file").write_text("prepared")
    (folder / "link").symlink_to("file")


def never(folder: Path) -> None:
    raise AssertionError(f"built again in {folder}")


def test_a_template_is_built_once_and_copied_with_its_links(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sandbox.copy_template(cache, tmp_path / "one", build)
    sandbox.copy_template(cache, tmp_path / "two", never)
    for copy in (tmp_path / "one", tmp_path / "two"):
        assert (copy / "file").read_text() == "prepared"
        assert (copy / "link").readlink() == Path("file")


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        build(folder)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        sandbox.copy_template(tmp_path / "cache", tmp_path / "one", fail)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["template.lock"]
    assert not (tmp_path / "one").exists()


def test_a_copy_that_fails_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_the_disk(source: Path, target: Path, **_: object) -> None:
        target.touch()
        raise OSError(errno.ENOSPC, "", str(source))  # as shutil names it

    monkeypatch.setattr(shutil, "copy2", fill_the_disk)
    (tmp_path / "sandboxes").mkdir()
    with pytest.raises(FileError) as failed:
        sandbox.copy_template(tmp_path / "cache", tmp_path / "sandboxes" / "one", build)
    assert failed.value.why == cause_of(OSError(errno.ENOSPC, ""))
    assert not [*(tmp_path / "sandboxes").iterdir()]


def test_an_older_template_is_removed(tmp_path: Path) -> None:
    older = tmp_path / "cache" / "template-older"
    older.mkdir(parents=True)
    sandbox.copy_template(tmp_path / "cache", tmp_path / "one", build)
    assert not older.exists()


def test_what_a_killed_build_left_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    left = tmp_path / "cache" / f"io.{gone.pid}.x"
    left.mkdir(parents=True)
    sandbox.copy_template(tmp_path / "cache", tmp_path / "one", build)
    assert not left.exists()


def test_another_version_of_a_package_makes_another_template() -> None:
    assert sandbox.template_name({"moto": "1"}) == sandbox.template_name({"moto": "1"})
    assert sandbox.template_name({"moto": "1"}) != sandbox.template_name({"moto": "2"})
