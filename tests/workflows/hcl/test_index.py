from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from support.styles import styled_layers

from workflows.hcl.document import Document, Splice
from workflows.layer.model import Layer

OUTPUT = 'output "a" {\n  value     = module.user["a.b"].iam_user_name # not here\n}\n'
PIECES = (
    'output "a" {\n  value       = module.user["a.b"].iam_user_name\n\n  sensitive = true\n}\n',
    'module "user_a_b" {\n  name    = "a.b"\n  pgp_key = file("keys/a.b")\n  length  = 30\n}\n',
    "locals {\n}\n",
    "# a comment } {\n",
    "// another\n",
    "/* one\n  over lines * / */\n",
    "\n",
    "  \t\n",
    'variable "x" {\n  default = null\n} # tail\n',
    'output "ñ" {\n  value = "日本"\n}\n',
    'data "a" "b" {\n\tx = var.y\n}\n',
)
PLAIN = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def from_tree(data: bytes) -> Document:
    """Return a document whose tree is made first, so that the index is not used."""
    document = Document("x.tf", data)
    assert document.root is not None
    return document


@given(PLAIN, st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_plain_file_has_the_same_items_by_its_index_and_by_its_tree(
    text: str, newline: str, final: bool
) -> None:
    data = (text if final else text.rstrip("\n")).replace("\n", newline).encode()
    plain, whole = Document("x.tf", data), from_tree(data)
    assert plain.is_plain
    assert not whole.is_plain
    assert plain.items == whole.items
    for block, other in zip(plain.blocks, whole.blocks, strict=True):
        assert block.attributes.keys() == other.attributes.keys()
        for name in block.attributes:
            assert block.source_of(name) == other.source_of(name)
            assert block.attributes[name].node.start_byte == other.attributes[name].node.start_byte
            assert block.attributes[name].line == other.attributes[name].line


@given(styled_layers())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_file_has_the_same_items_either_way(layer: Layer) -> None:
    for document in layer.files.documents.values():
        again = Document(document.name, document.data)
        assert again.items == from_tree(document.data).items


@pytest.mark.parametrize(
    "text",
    [
        OUTPUT,
        'output "a" {\n  value = "${var.x}"\n}\n',
        'output "a" {\n  value = [\n  ]\n}\n',
        'output "a" {\n  value = {}\n}\n',
        'output "a" {\n  value = <<EOF\n}\nEOF\n}\n',
        'output "a" { value = 1 }\n',
        'output "a" {\n  value = 1\n} output "b" {\n}\n',
        'output "a" {\n  value = 1\n',
        'output "a" {\n  value = "x\\"y"\n}\n',
        'output "a" {\n  nested {\n  }\n}\n',
        "x = 1\n",
        "/* not closed\n",
        "/ ",
        "\ufeff# bom\n",
    ],
)
def test_whatever_is_not_plain_gets_its_tree(text: str) -> None:
    assert not Document("x.tf", text.encode()).is_plain


@given(PLAIN, st.data())
@settings(max_examples=100, deadline=None)
def test_a_spliced_document_is_as_one_parsed_anew(text: str, data: st.DataObject) -> None:
    document = from_tree(text.encode())
    start = data.draw(st.integers(0, len(document.data)))
    end = data.draw(st.integers(start, len(document.data)))
    piece = data.draw(st.sampled_from(PIECES)).encode()
    spliced = document.splice([Splice(start, end, piece)])
    assert str(spliced.root) == str(from_tree(spliced.data).root)


@given(PLAIN, PLAIN, st.sampled_from(["\n", "\r\n"]), st.data())
@settings(max_examples=400, deadline=None)
def test_after_an_edit_the_index_is_the_one_of_the_whole_file(
    text: str, other: str, newline: str, data: st.DataObject
) -> None:
    content = text.replace("\n", newline).encode()
    document = Document("x.tf", content)
    assert document.items is not None
    edges = [0, len(content), *(end for pair in document.items for end in (pair.start_byte, pair.end_byte))]
    place = st.one_of(st.sampled_from(edges), st.integers(0, len(content)))
    start, end = sorted((data.draw(place), data.draw(place)))
    put = data.draw(st.sampled_from([other.replace("\n", newline).encode(), b"/* ", b"# ", b"}", b'"']))
    edited = document.splice([Splice(start, end, put)])
    whole = Document("x.tf", edited.data)
    assert edited.is_plain == whole.is_plain
    assert edited.items == whole.items
