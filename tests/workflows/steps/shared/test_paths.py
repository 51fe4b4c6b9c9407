from __future__ import annotations

from pathlib import Path

import pytest

from workflows.steps.shared.paths import existing_path, is_path


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("~/key.csv", True),
        ("key.csv", True),
        ("'~/key.csv'", True),
        ("~/other.csv", False),
        ("/A/secret/key+of/forty/characters/0123456", False),
        ("A" * 5_000, False),
        ("a\0b", False),
        ("", False),
        (" ", False),
    ],
)
def test_only_what_leads_to_a_file_is_kept_in_a_draft(tmp_path: Path, text: str, kept: bool) -> None:
    (tmp_path / "key.csv").touch()
    assert existing_path(text, tmp_path) == (text if kept else "")
    assert is_path(text, tmp_path) is (kept or text.startswith(("~", "/")))
