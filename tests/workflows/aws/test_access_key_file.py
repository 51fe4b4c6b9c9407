from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from workflows.aws.access_key_file import (
    AccessKeyFileError,
    Flaw,
    check_access_key,
    parse_access_key,
    read_access_key_file,
)
from workflows.core.files import FileError
from workflows.core.secret import Secret

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HEADER = "Access key ID,Secret access key"
ROW = f"{KEY_ID},{SECRET}"
PLAIN = f"{HEADER}\n{ROW}\n"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        f"{HEADER}\n{ROW}".encode(),
        f'"Access key ID","Secret access key"\n"{KEY_ID}","{SECRET}"\n'.encode(),
        b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", ", ").encode(),
        b"sep=,\r\n" + PLAIN.replace("\n", "\r\n").encode(),
        b"sep=;\n" + PLAIN.replace(",", ";").encode(),
        f'"Access key ID", "Secret access key"\n"{KEY_ID}", "{SECRET}"\n'.encode(),
        PLAIN.replace(HEADER, HEADER.upper()).encode(),
        PLAIN.replace(HEADER, "aws_access_key_id,aws_secret_access_key").encode(),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        b"\n\n" + PLAIN.encode() + b"\n\n,\n",
        PLAIN.replace("\n", "\r").encode(),
        f"Secret access key,Access key ID\n{SECRET},{KEY_ID}\n".encode(),
        (
            "User name,Password,Access key ID,Secret access key,Console login link\n"
            f"jane.doe,,{KEY_ID},{SECRET},https://bb-security.signin.aws.amazon.com/console\n"
        ).encode(),
    ],
)
def test_every_form_of_the_console_is_read(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "jane.doe_accessKeys.csv"
    path.write_bytes(data)
    key = read_access_key_file(path)
    assert (key.access_key_id, key.secret_access_key.reveal()) == (KEY_ID, SECRET)
    assert key.session_token is None
    assert SECRET not in repr(key)


def test_a_temporary_key_comes_with_its_token() -> None:
    key = parse_access_key(f"{HEADER},Session token\nASIAIOSFODNN7EXAMPLE,{SECRET},token\n", "x.csv")
    assert key.session_token is not None
    assert key.session_token.reveal() == "token"


@pytest.mark.parametrize(
    ("text", "flaw", "named"),
    [
        ("", Flaw.EMPTY, "x.csv"),
        (",,\n,", Flaw.EMPTY, "x.csv"),
        (" \r\n\n", Flaw.EMPTY, "x.csv"),
        ("sep=,\n", Flaw.EMPTY, "x.csv"),
        (HEADER, Flaw.ONLY_HEADINGS, "x.csv"),
        (f"{HEADER}\n{KEY_ID}\n", Flaw.CUT, " 1 field"),
        (f"{HEADER}\n{ROW},more\n", Flaw.MORE_FIELDS, "x.csv"),
        (f"{HEADER}\n{ROW}\n{ROW}\n", Flaw.SEVERAL, " 2 "),
        (f"{HEADER}\n{KEY_ID},{SECRET}x\n", Flaw.LENGTH, " 41."),
        (f"{HEADER}\n{KEY_ID},{SECRET[:-1]}\n", Flaw.LENGTH, " 39."),
        (f"{HEADER}\n{KEY_ID},{SECRET[:-1]}=\n", Flaw.CHARACTERS, "x.csv"),
        (f"{HEADER}\n{KEY_ID},\n", Flaw.VALUE_EMPTY, " secret access key "),
        (f"{HEADER}\n,{SECRET}\n", Flaw.VALUE_EMPTY, " access key id "),
        (f"{HEADER}\nBKIA{KEY_ID[4:]},{SECRET}\n", Flaw.KEY_ID, "x.csv"),
        (f"{HEADER}\n{KEY_ID.lower()},{SECRET}\n", Flaw.KEY_ID, "x.csv"),
        (f"{HEADER}\nASIAIOSFODNN7EXAMPLE,{SECRET}\n", Flaw.TOKEN_MISSING, "x.csv"),
        (ROW, Flaw.NO_HEADINGS, "x.csv"),
        ("User name,Password,Console sign-in URL\na,b,c\n", Flaw.NEW_USER, "x.csv"),
        (f"Access key ID\n{KEY_ID}\n", Flaw.NO_COLUMN, " Secret access key."),
        ("a,b\n1,2\n", Flaw.NO_COLUMN, " Access key ID "),
        (
            f"Access key ID,access key id,Secret access key\n{KEY_ID},{KEY_ID},{SECRET}\n",
            Flaw.COLUMN_TWICE,
            "",
        ),
        (f'{HEADER}\n"{KEY_ID},{SECRET}\n', Flaw.QUOTES, "x.csv"),
        (f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n", Flaw.NO_COLUMN, ""),
        (f'{{"AccessKey": {{"AccessKeyId": "{KEY_ID}", "SecretAccessKey": "{SECRET}"}}}}', Flaw.QUOTES, ""),
    ],
)
def test_each_failure_has_its_own_flaw_and_repeats_no_secret(text: str, flaw: Flaw, named: str) -> None:
    with pytest.raises(AccessKeyFileError) as caught:
        parse_access_key(text, "x.csv")
    assert caught.value.flaw is flaw
    assert named in caught.value.what
    assert SECRET[:20] not in caught.value.as_text()


def test_only_a_file_with_a_key_in_it_has_the_key_made_again() -> None:
    kept = {flaw for flaw in Flaw if flaw.value.next != Flaw.EMPTY.value.next}
    assert kept == {Flaw.QUOTES, Flaw.SEVERAL, Flaw.NEW_USER, Flaw.NO_COLUMN}


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0", b"PK\x03\x04\xff\xfe\xfa", b"\xff\xfe\x00"])
def test_a_file_that_is_no_text_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(data)
    with pytest.raises(AccessKeyFileError) as caught:
        read_access_key_file(tmp_path / "x.csv")
    assert caught.value.flaw is Flaw.NO_TEXT


def test_a_folder_a_missing_and_a_huge_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "huge.csv").write_bytes(b"x" * 20_000)
    for name in (".", "missing.csv", "huge.csv"):
        with pytest.raises(FileError, match=re.escape(str(tmp_path / name))):
            read_access_key_file(tmp_path / name)


@given(st.one_of(st.text(), st.from_regex(rf"{HEADER}\n[^\n]+\Z")))
def test_whatever_the_text_it_is_a_key_or_an_explanation(text: str) -> None:
    try:
        key = parse_access_key(text, "x.csv")
    except AccessKeyFileError:
        return  # any other exception fails this test
    assert check_access_key(key.access_key_id, key.secret_access_key, key.session_token) == []


@pytest.mark.parametrize(
    "key_id", [KEY_ID + "\n", "AKIA" + "A" * 11, "AKIA" + "A" * 125, "", "AKIA" + "É" * 16]
)
def test_an_id_is_matched_whole(key_id: str) -> None:
    assert [problem.field for problem in check_access_key(key_id, Secret(SECRET))] == ["key_id"]
