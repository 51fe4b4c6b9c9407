"""Top-level blocks and comments of a file: what a comment hides, and what comes and goes with a block."""

from __future__ import annotations

import pytest

from workflows.hcl.blocks import (
    comments_of,
    hiding_comments,
    hiding_starts,
    insert_after,
    insert_before,
    remove_items,
)
from workflows.hcl.document import Document

A = 'output "a" {\n  value = 1\n}'
B = 'output "b" {\n  value = 2\n}'
C = 'output "c" {\n  value = 3\n}'


def of(*parts: str) -> Document:
    return Document("outputs.tf", ("\n\n".join(parts) + "\n").encode())


def text_of(document: Document) -> str:
    return document.data.decode()


@pytest.mark.parametrize(
    "hidden",
    [
        f"/*\n{B}\n*/",
        "\n".join(f"# {line}" for line in B.splitlines()),
        "\n".join(f"//{line}" for line in B.splitlines()),
    ],
    ids=["block", "hash", "slashes"],
)
def test_a_block_in_a_comment_is_found_at_its_place_in_the_file(hidden: str) -> None:
    document = of(A, hidden, "# no output { is here")
    assert [block.label for block in document.blocks] == ["a"]
    (comment,) = hiding_comments(document)
    (block,) = comment.blocks
    assert (block.label, comment.inner.data[block.item.start_byte :][:6]) == ("b", b"output")
    assert document.data[comment.start + block.item.start_byte :][:6] == b"output"
    assert (comment.inner.data.split(), len(comment.inner.data)) == (B.encode().split(), len(hidden))
    assert hiding_starts(document) == {item.start_byte for item in comment.items}


def test_lines_of_a_comment_are_one_until_a_line_is_between_them() -> None:
    document = of("# one\n# two", "# three\n/* four */\n# five")
    assert [len(comment.items) for comment in comments_of(document)] == [2, 1, 1, 1]
    assert hiding_comments(document) == ()


@pytest.mark.parametrize("gap", ["\n\n", "\n", "\n\n\n"])
def test_a_block_comes_with_a_line_between_and_goes_without_a_trace(gap: str) -> None:
    document = Document("outputs.tf", f"{A} # the first\n\n{C}{gap}# end\n".encode())
    first, last = (block.item for block in document.blocks)
    for splice in (insert_after(document, first, B.encode()), insert_before(document, last, B.encode())):
        longer = document.splice([splice])
        assert text_of(longer) == f"{A} # the first\n\n{B}\n\n{C}{gap}# end\n"
        new = longer.blocks[1].item
        assert longer.splice(remove_items(longer, [new])).data == document.data


def test_a_comment_above_a_block_stays_unless_it_goes_too() -> None:
    document = of("# all of them\n" + A, B)
    headline, first, second = document.items
    assert text_of(document.splice(remove_items(document, [first]))) == f"# all of them\n{B}\n"
    assert text_of(document.splice(remove_items(document, [headline, first]))) == f"{B}\n"
    assert text_of(document.splice(remove_items(document, [second]))) == f"# all of them\n{A}\n"


def test_neighbours_go_at_once() -> None:
    document = of(A, B, C)
    first, second, third = document.items
    assert text_of(document.splice(remove_items(document, [third, second]))) == f"{A}\n"
    assert text_of(document.splice(remove_items(document, [first, third]))) == f"{B}\n"
    assert text_of(document.splice(remove_items(document, document.items))).strip() == ""
