from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from workflows.core.files import FileError, cause_of
from workflows.core.secret import Secret
from workflows.machine.drafts import Drafts
from workflows.machine.events import StepKey, UnstorableFactError

KEY = StepKey("plan", "security")


@pytest.fixture
def drafts(tmp_path: Path) -> Drafts:
    return Drafts(tmp_path / "drafts")


def test_a_draft_comes_back_until_it_is_dropped(drafts: Drafts, tmp_path: Path) -> None:
    assert drafts.load(KEY) == {}
    drafts.save(KEY, {"people": ("a.example",), "note": "é"})
    drafts.save(KEY, {"people": ["a.example", "b.sample"]})
    assert Drafts(tmp_path / "drafts").load(KEY) == {"people": ["a.example", "b.sample"]}
    drafts.drop(KEY)
    drafts.drop(KEY)
    assert drafts.load(KEY) == {}


def test_a_draft_is_a_private_file_and_the_only_one(drafts: Drafts, tmp_path: Path) -> None:
    drafts.save(KEY, {"a": 1})
    (found,) = (tmp_path / "drafts").iterdir()
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "drafts").stat().st_mode) == 0o700


SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "entered",
    [
        SECRET.replace("EXAMPLE", "1234567"),
        f" jane.doe {SECRET}",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nx\n",
        "ghp_0123456789abcdef0123",
    ],
)
def test_a_secret_in_the_wrong_field_reaches_no_disk(drafts: Drafts, tmp_path: Path, entered: str) -> None:
    drafts.save(KEY, {"path": entered, "joining": ["jane.doe", entered], "layers": {"a": {"alias": entered}}})
    kept = {"path": "", "joining": ["jane.doe", ""], "layers": {"a": {"alias": ""}}}
    assert drafts.load(KEY) == kept
    assert all(entered.strip() not in path.read_text() for path in (tmp_path / "drafts").iterdir())


@pytest.mark.parametrize(
    "entered",
    [
        "0123456789ABCDEF0123456789ABCDEF01234567",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "a-very-long-name-of-somebody-that-goes-on",
        f"wcFMA0\n{SECRET}\n-----END PGP MESSAGE-----\n",
    ],
)
def test_what_is_like_a_secret_stays(drafts: Drafts, entered: str) -> None:
    drafts.save(KEY, {"text": entered})
    assert drafts.load(KEY) == {"text": entered}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.text(max_size=12), st.text(max_size=12))
def test_two_steps_never_share_a_draft_whatever_their_items_are(tmp_path: Path, one: str, other: str) -> None:
    drafts = Drafts(tmp_path / "drafts")
    drafts.drop(StepKey("plan", other))
    drafts.save(StepKey("plan", one), {"mine": one})
    assert drafts.load(StepKey("plan", one)) == {"mine": one}
    if other != one:
        assert drafts.load(StepKey("plan", other)) == {}


@pytest.mark.parametrize(
    "value", [Secret("canary"), [Secret("canary")], {"a": {"b": Secret("canary")}}, b"canary"]
)
def test_a_draft_holds_no_secret_and_the_earlier_one_stays(
    drafts: Drafts, tmp_path: Path, value: object
) -> None:
    drafts.save(KEY, {"note": "earlier"})
    with pytest.raises(UnstorableFactError, match="passphrase"):
        drafts.save(KEY, {"note": "now", "passphrase": value})
    assert drafts.load(KEY) == {"note": "earlier"}
    assert len(list((tmp_path / "drafts").iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b'{"note": "tor', b"[1]", b"\xff\xff", bytes(30)])
def test_a_torn_draft_is_no_draft(drafts: Drafts, tmp_path: Path, content: bytes) -> None:
    drafts.save(KEY, {"note": "whole"})
    (found,) = (tmp_path / "drafts").iterdir()
    found.write_bytes(content)
    assert drafts.load(KEY) == {}


def test_a_full_disk_leaves_the_earlier_draft(
    drafts: Drafts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts.save(KEY, {"note": "earlier"})

    class Full:
        def __init__(self, descriptor: int, _mode: str) -> None:
            self.descriptor = descriptor

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            os.close(self.descriptor)

        def write(self, _content: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", Full)
        with pytest.raises(FileError) as refused:
            drafts.save(KEY, {"note": "now"})
    assert refused.value.why == cause_of(OSError(errno.ENOSPC, ""))
    assert drafts.load(KEY) == {"note": "earlier"}
    assert len(list((tmp_path / "drafts").iterdir())) == 1


def test_a_draft_that_was_edited_is_as_good_as_none(drafts: Drafts, tmp_path: Path) -> None:
    drafts.save(KEY, {"message": "x"})
    (found,) = (tmp_path / "drafts").iterdir()
    found.write_bytes(found.read_bytes().replace(b'"x"', b"5"))
    assert drafts.load(KEY) == {}
