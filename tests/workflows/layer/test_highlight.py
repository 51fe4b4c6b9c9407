from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from support.growth import growth

from workflows.hcl.diff import DiffLine
from workflows.layer.highlight import Token, diff_tokens, tokens
from workflows.layer.write import FileChange

LAYER = b"""# people
module "user" {
  source   = "../modules/user" // here
  for_each = toset(local.users)
  count    = 5
  on       = true
  path     = "keys/${each.key}"
  text     = <<-EOF
    "a" = ${var.x}
  EOF
  own      = null
}
"""


def change(before: bytes | None, after: bytes | None, name: str = "users.tf") -> FileChange:
    return FileChange("security/global/base-identities", name, Path(name), before, after)


def words(line: DiffLine, found: Sequence[Token]) -> dict[str, str]:
    """The text of each token, with its kind."""
    return {line.text[1:][holding.start : holding.end]: holding.kind for holding in found}


def test_words_have_their_kinds() -> None:
    rows = LAYER.decode().split("\n")
    found = tokens(LAYER, [(0, len(rows))])
    kinds = {
        (row, rows[row][holding.start : holding.end]): holding.kind
        for row, some in found.items()
        for holding in some
    }
    assert kinds[0, "# people"] == "comment"
    assert kinds[1, "module"] == "keyword"
    assert kinds[1, "user"] == "string"
    assert kinds[2, "source"] == "name"
    assert kinds[2, "// here"] == "comment"
    assert kinds[3, "toset"] == "function"
    assert kinds[4, "5"] == "number"
    assert kinds[5, "true"] == "constant"
    assert kinds[6, "keys/"] == "string"
    assert (6, "each") not in kinds
    assert kinds[7, "EOF"] == "keyword"
    assert kinds[8, '"a" ='] == "string"
    assert kinds[10, "null"] == "constant"


def test_only_the_wanted_lines_are_looked_at() -> None:
    assert set(tokens(LAYER, [(4, 5)])) == {4, 5}


def test_columns_are_characters() -> None:
    data = 'a = "é" # ü\n'.encode()
    assert [data.decode()[token.start : token.end] for token in tokens(data, [(0, 0)])[0]] == [
        *("a", '"', "é", '"', "# ü"),
    ]


def test_a_removed_line_has_the_words_of_before_and_the_number_to_edit() -> None:
    after = LAYER.replace(b"count    = 5", b"count    = true").replace(b"  own      = null\n", b"")
    changed = change(LAYER, after)
    lines = list(zip(changed.lines, diff_tokens(changed), strict=True))
    removed = [line for line in lines if line[0].mark == "-"]
    added = [line for line in lines if line[0].mark == "+"]
    assert [line.mark for line, _ in lines[:3]] == ["=", "=", "@"]
    assert [line.old for line, _ in removed] == [5, 11]
    assert words(*removed[0]) == {"count": "name", "5": "number"}
    assert words(*added[0]) == {"count": "name", "true": "constant"}


def test_a_file_that_is_not_hcl_has_no_tokens() -> None:
    changed = change(b"a = 1\n", b"a = 2\n", "keys/jane.doe")
    assert diff_tokens(changed) == [()] * len(changed.lines)


def test_a_line_in_ten_thousand_is_shown_at_once() -> None:
    def shown(people: int) -> None:
        before = b"".join(
            b'output "o%d" {\n  value = module.user["%d"].name\n}\n\n' % (n, n) for n in range(people)
        )
        changed = change(before, before.replace(b'["125"]', b'["x"]'), "outputs.tf")
        assert sum(bool(found) for found in diff_tokens(changed)) == 4
        assert changed.counts() == (1, 1)

    assert growth(partial(shown, 250), partial(shown, 2_500), 30) < 30


def test_a_plain_file_is_coloured_as_its_whole_tree_would_be() -> None:
    block = b'# why\noutput "o" {\n  value = module.user["a"].name\n  on    = true\n}\n\n'
    plain = block * 20
    odd = plain + b'x = "${y}"\n'  # a template: such a file is parsed whole
    rows = [(8, 11), (13, 13), (17, 22), (30, 80)]
    assert tokens(plain, rows) == tokens(odd, rows)
    assert {holding.kind for some in tokens(plain, rows).values() for holding in some} == {
        *("comment", "keyword", "string", "name", "constant"),
    }


def test_of_a_large_file_only_the_lines_around_are_parsed() -> None:
    entry = b'    a = {\n      name = "a" # why\n      on   = true\n    }\n'
    data = b'variable "users" {\n  default = {\n' + entry * 5_000 + b"  }\n}\n"
    small = b'variable "users" {\n  default = {\n' + entry * 50 + b"  }\n}\n"
    found = tokens(data, [(10_003, 10_004)])
    assert found.keys() == {10_003, 10_004}
    assert list(found.values()) == list(tokens(small, [(3, 4)]).values())
    assert {kind for _, _, kind in found[10_003]} == {"name", "string", "comment"}
