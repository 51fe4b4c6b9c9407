from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workflows.aws.access_key_file import (
    AccessKeyFileError,
    delete_access_key_file,
    find_access_keys,
    looks_like_access_key,
    refusal,
)
from workflows.core.files import FileError

ROW = f"AKIAEXAMPLEEXAMPLE01,{'x' * 40}"
KEY = f"Access key ID,Secret access key\n{ROW}\n"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


def put(folder: Path, name: str, data: bytes | str = KEY, *, age: float = -60) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    written = SINCE.timestamp() - age
    os.utime(path, (written, written))
    return path


@pytest.mark.parametrize(
    "data",
    [
        KEY,
        KEY.replace("\n", "\r\n"),
        f'"Access key ID","Secret access key"\n{ROW}',
        "\ufeff" + KEY,
        KEY.encode("utf-16"),
        KEY.encode("utf-16-le"),
        KEY.encode("utf-16-be"),
        KEY.replace(",", ";"),
        KEY.upper(),
        f"sep=,\n{KEY}",
        f"User name,Password,Access key ID,Secret access key,Console login link\na,b,{ROW},c\n",
        f"\nAccess key ID, Secret access key\n\n{ROW}\n",
    ],
)
def test_every_form_of_the_file_is_noticed(tmp_path: Path, data: bytes | str) -> None:
    path = put(tmp_path, "juan.delacruz_accessKeys.CSV", data)
    assert find_access_keys(tmp_path, SINCE) == [path]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a_accessKeys.csv.crdownload", KEY),
        ("a_accessKeys.csv.part", KEY),
        (".a_accessKeys.csv", KEY),
        ("~a.csv", KEY),
        ("a_accessKeys.txt", KEY),
        ("a_accessKeys.csv", ""),
        ("a_accessKeys.csv", "Access key ID,Secret access key\n"),
        ("a_credentials.csv", "User name,Password,Console sign-in URL\na,b,c\n"),
        ("a.csv", "name,amount\nx,1\n"),
        ("a.csv", b"\x00\xff\xfe\x80" * 100),
        ("a.csv", KEY + "x" * 20_000),
    ],
)
def test_what_is_no_access_key_is_left_alone(tmp_path: Path, name: str, data: bytes | str) -> None:
    put(tmp_path, name, data)
    assert find_access_keys(tmp_path, SINCE) == []


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a_accessKeys.csv", "name,amount\nx,1\n", AccessKeyFileError),
        ("a_accessKeys (1).csv", b"\x00\xff\xfe\x80" * 100, AccessKeyFileError),
        ("a_accessKeys.csv", KEY + "x" * 20_000, FileError),
        ("a_accessKeys.csv.part", "", None),
        ("a_accessKeys.csv", KEY, None),
        ("a.csv", "name,amount\nx,1\n", None),
    ],
)
def test_a_file_named_as_a_key_that_is_none_is_refused(
    tmp_path: Path, name: str, data: bytes | str, kind: type[Exception] | None
) -> None:
    put(tmp_path, name, data)
    put(tmp_path, "old_accessKeys.csv", "", age=60)
    error = refusal(tmp_path, SINCE)
    assert (type(error) if error else None) == kind
    assert error is None or name in str(error.what)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_without_permission_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a_accessKeys.csv").chmod(0)
    assert isinstance(refusal(tmp_path, SINCE), FileError)


def test_an_old_file_is_not_offered_and_the_newest_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "old.csv", age=60)
    first, second = put(tmp_path, "first.csv", age=-10), put(tmp_path, "second.csv", age=-20)
    just = put(tmp_path, "just.csv", age=1)
    assert find_access_keys(tmp_path, SINCE) == [second, first, just]


def test_links_pipes_and_folders_are_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "downloads"
    outside.mkdir()
    folder.mkdir()
    target = put(outside, "key.csv")
    (folder / "link.csv").symlink_to(target)
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    assert find_access_keys(folder, SINCE) == []
    assert not looks_like_access_key(folder / "link.csv")
    assert not looks_like_access_key(folder / "pipe.csv")


def test_a_missing_folder_is_empty(tmp_path: Path) -> None:
    assert find_access_keys(tmp_path / "missing", SINCE) == []


def test_deleting_says_that_copies_may_remain(tmp_path: Path) -> None:
    path = put(tmp_path, "a_accessKeys.csv")
    said = delete_access_key_file(path)
    assert not path.exists()
    assert "copies" in said
    with pytest.raises(FileError):
        delete_access_key_file(path)


def test_deleting_a_link_leaves_its_target(tmp_path: Path) -> None:
    target = put(tmp_path, "target.csv")
    (tmp_path / "link.csv").symlink_to(target)
    assert str(target) in delete_access_key_file(tmp_path / "link.csv")
    assert target.exists()
