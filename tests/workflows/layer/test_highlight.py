from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from support.growth import growth

from workflows.layer.highlight import Token, diff_tokens, tokens
from workflows.layer.write import DiffLine, FileChange

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
    """Return text -> kind of each token."""
    return {line.text[1:][holding.start : holding.end]: holding.kind for holding in found}


def test_words_have_their_kinds() -> None:
    rows = LAYER.decode().split("\n")
    kinds = {
        (number, rows[number - 1][holding.start : holding.end].strip()): holding.kind
        for number, some in tokens(LAYER, []).items()
        for holding in some
    }
    assert kinds[1, "# people"] == "comment"
    assert kinds[2, "module"] == "keyword"
    assert kinds[2, '"user"'] == "string"
    assert kinds[3, "source"] == "name"
    assert kinds[3, "// here"] == "comment"
    assert kinds[4, "toset"] == "function"
    assert kinds[5, "5"] == "number"
    assert kinds[6, "true"] == "constant"
    assert kinds[7, '"keys/${each.key}"'] == "string"
    assert kinds[9, '"a" = ${var.x}'] == "string"
    assert kinds[11, "null"] == "constant"


def test_columns_are_characters() -> None:
    data = 'a = "é" # ü\n'.encode()
    assert [data.decode()[token.start : token.end] for token in tokens(data, [])[1]] == ["a", '"é"', " # ü"]


def test_what_a_comment_hides_has_its_colour() -> None:
    found = tokens(b'/*\noutput "x" {\n  value = 1\n}\n*/\n', [])
    assert {token.kind for some in found.values() for token in some} == {"comment"}


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


def test_of_a_long_file_only_the_wanted_lines_are_looked_at() -> None:
    entry = b'    a = {\n      name = "a" # why\n      on   = true\n    }\n'
    data = b'variable "users" {\n  default = {\n' + entry * 5_000 + b"  }\n}\n"
    found = tokens(data, [10_004, 10_005])
    assert found.keys() == {10_004, 10_005}
    assert [token.kind for token in found[10_004]] == ["name", "string", "comment"]
    assert [token.kind for token in found[10_005]] == ["name", "constant"]


def test_a_word_of_a_million_letters_is_not_waited_for() -> None:
    def found(letters: int) -> None:
        assert tokens(b"a = " + b"x" * letters, [])[1] == [Token(0, 1, "name")]

    assert growth(partial(found, 1_000), partial(found, 100_000), 30) < 30
