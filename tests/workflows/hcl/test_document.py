"""A file that was read before with the same bytes keeps its structure."""

from __future__ import annotations

import pytest

from workflows.hcl import document
from workflows.hcl.document import document_of

TEXT = b'module "user" {\n  source = "./users"\n}\n'


def test_a_small_file_with_the_same_bytes_is_not_parsed_again() -> None:
    first = document_of("users.tf", TEXT)
    assert document_of("users.tf", bytes(bytearray(TEXT))) is first
    assert document_of("groups.tf", TEXT).name == "groups.tf"
    assert document_of("users.tf", TEXT + b"\n").data == TEXT + b"\n"


def test_a_long_file_takes_no_memory_after_it_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_SMALL", len(TEXT) - 1)
    assert document_of("users.tf", TEXT) is not document_of("users.tf", TEXT)
