"""A file that was read before with the same bytes isn't parsed again."""

from __future__ import annotations

import pytest

from workflows.hcl import document
from workflows.hcl.document import Document, Splice

TEXT = b'module "user" {\n  source = "./users"\n}\n'


def test_a_small_file_with_the_same_bytes_is_not_parsed_again() -> None:
    first = Document("users.tf", TEXT)
    assert Document("copy.tf", bytes(bytearray(TEXT))).root == first.root
    assert Document("users.tf", TEXT + b"\n").root != first.root


def test_what_is_made_of_a_shared_tree_is_each_documents_own() -> None:
    first, second = Document("users.tf", TEXT), Document("users.tf", TEXT)
    assert first.root == second.root
    assert first.blocks[0] is not second.blocks[0]
    assert first.splice([Splice(0, len(TEXT), b"")]).blocks == ()
    assert second.root.end_byte == len(TEXT)


def test_an_unresolved_merge_conflict_is_where_invalid_hcl_is_broken() -> None:
    sides = b"<<<<<<< HEAD\n  source = 1\n=======\n  source = 2\n>>>>>>> other\n"
    conflicted = Document("users.tf", TEXT + b'module "other" {\n' + sides + b"}\n" + b'x = "' * 2)
    assert conflicted.broken_at == TEXT.count(b"\n") + 2
    assert "conflict" in conflicted.broken
    quoted = Document("users.tf", TEXT + b"locals {\n  text = <<-END\n" + sides + b"  END\n}\n")
    assert (quoted.broken_at, quoted.broken) == (0, "")


def test_a_long_file_takes_no_memory_after_it_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_SMALL", len(TEXT) - 1)
    assert Document("users.tf", TEXT).root != Document("users.tf", TEXT).root
