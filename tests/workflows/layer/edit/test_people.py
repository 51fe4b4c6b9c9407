"""People who come and go in files of unusual forms."""

from __future__ import annotations

import pytest
from support.edits import propose
from support.layers import BUCKET, USERS, contents, edit_layer, layer_of, pair
from support.nasty_layers import users_of, with_users

from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson

LISTS = {
    "one line": ('["a.a", "c.c"]', '["a.a", "b.b", "c.c"]'),
    "one line, first": ('["c.c"]', '["b.b", "c.c"]'),
    "one line, trailing comma": ('["a.a",]', '["a.a", "b.b",]'),
    "one line without blanks": ('["a.a","c.c"]', '["a.a","b.b","c.c"]'),
    "one line without blanks, first": ('["c.c","d.d"]', '["b.b","c.c","d.d"]'),
    "one line with blanks before the commas": ('["a.a" , "b.a"]', '["a.a" , "b.a" , "b.b"]'),
    "one line, mostly without blanks": ('["a.a","a.b", "a.c","a.d"]', '["a.a","a.b", "a.c","a.d","b.b"]'),
    "one line with a comment": ('["a.a" /* ] */]', '["a.a", "b.b" /* ] */]'),
    "not sorted": ('[\n    "c.c",\n    "a.a",\n  ]', '[\n    "c.c",\n    "a.a",\n    "b.b",\n  ]'),
    "no trailing comma": ('[\n    "a.a"\n  ]', '[\n    "a.a",\n    "b.b"\n  ]'),
    "a note and no trailing comma": (
        '[\n    "a.a" # "x", ]\n  ]',
        '[\n    "a.a", # "x", ]\n    "b.b"\n  ]',
    ),
    "a headline over the first": (
        '[\n    # people\n    "c.c",\n  ]',
        '[\n    # people\n    "b.b",\n    "c.c",\n  ]',
    ),
    "a headline over the next": (
        '[\n    "a.a",\n    # the c\n    "c.c",\n  ]',
        '[\n    "a.a",\n    "b.b",\n    # the c\n    "c.c",\n  ]',
    ),
    "commented out people": (
        '[\n    "a.a",\n    # "old.one",\n    /* "b.a",\n    "x" */\n  ]',
        '[\n    "a.a",\n    "b.b",\n    # "old.one",\n    /* "b.a",\n    "x" */\n  ]',
    ),
    "two on a line": (
        '[\n    "a.a", "c.c",\n    "d.d"\n  ]',
        '[\n    "a.a", "b.b", "c.c",\n    "d.d"\n  ]',
    ),
    "tabs": ('[\n\t\t"a.a",\n\t]', '[\n\t\t"a.a",\n\t\t"b.b",\n\t]'),
    "empty": ("[]", '[\n    "b.b",\n  ]'),
    "empty with a comment": ("[\n    # nobody\n  ]", '[\n    # nobody\n    "b.b",\n  ]'),
    "commas first": ('[\n      "a.a"\n    , "c.c"\n  ]', '[\n      "a.a"\n    , "b.b"\n    , "c.c"\n  ]'),
    "commas first, at the start": (
        '[\n      "c.c" # "x", ]\n    , "d.d"\n  ]',
        '[\n      "b.b"\n    , "c.c" # "x", ]\n    , "d.d"\n  ]',
    ),
    "commas first, with notes": (
        '[\n      "a.a" # one\n    , "a.b" # two\n  ]',
        '[\n      "a.a" # one\n    , "a.b" # two\n    , "b.b"\n  ]',
    ),
    "commas first, brackets hang": (
        '[ "a.a"\n          , "c.c" ]',
        '[ "a.a"\n          , "b.b"\n          , "c.c" ]',
    ),
    "brackets hang": ('["a.a",\n    "c.c"]', '["a.a", "b.b",\n    "c.c"]'),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_keeps_its_form_and_gives_its_bytes_back(name: str) -> None:
    before, after = LISTS[name]
    layer = with_users(before)
    added = edit_layer(layer, [AddPerson("b.b", "KEY\n")])
    assert users_of(added) == after
    assert contents(edit_layer(added, [RemovePerson("b.b")])) == contents(layer)


@pytest.mark.parametrize("note", ["", " # the first"])
@pytest.mark.parametrize("last", [" ]", "\n  ]"])
def test_anybody_can_leave_a_list_with_the_commas_first(note: str, last: str) -> None:
    users = f'[\n      "a.a"{note}\n    , "b.b"\n    , "c.c"{last}'
    for name in ("a.a", "b.b", "c.c"):
        left = edit_layer(with_users(users), [RemovePerson(name)])
        assert [person.iam_name for person in left.people] == [
            person for person in ("a.a", "b.b", "c.c") if person != name
        ]
        assert "\n\n" not in users_of(left)
        assert ("# the first" in users_of(left)) is (bool(note) and name != "a.a")


def test_of_as_many_forms_the_one_with_a_banner_of_its_own_is_followed() -> None:
    def block(name: str, banner: str) -> str:
        return (
            f'{banner}module "user_{name}" {{\n  source = "../modules/iam-user"\n  name   = "{name}"\n\n'
            f'  pgp_key = file("keys/{name}")\n}}\n'
        )

    users = [
        block("ann", "#\n# User: ann\n#\n"),
        block("bob", "#\n# User: somebody else\n#\n"),
        block("cat", ""),
    ]
    layer = layer_of({"users.tf": "\n".join(users)})
    edited = edit_layer(layer, [AddPerson("dan", "D")])
    assert b'#\n# User: dan\n#\nmodule "user_dan"' in edited.files.documents["users.tf"].data
    assert contents(edit_layer(edited, [RemovePerson("dan")])) == contents(layer)


def test_an_empty_list_over_two_lines_is_closed_when_it_is_empty_again() -> None:
    layer = edit_layer(with_users("[\n  ]"), [AddPerson("b.b", "KEY\n")])
    assert users_of(layer) == '[\n    "b.b",\n  ]'
    assert users_of(edit_layer(layer, [RemovePerson("b.b")])) == "[]"


def test_the_heredoc_and_the_star_slash_in_strings_stay() -> None:
    layer = with_users('["jane.doe"]', policies_tf=BUCKET)
    left = edit_layer(layer, [RemovePerson("jane.doe")])
    assert left.files.documents["policies.tf"].data.decode() == BUCKET


def test_an_output_is_cloned_with_its_labels_strings_and_place() -> None:
    layer = with_users(
        '["a.a", "c.c"]', outputs_tf=f"# all\n{pair('a.a')}\n\n{pair('c.c')} # end\n\n# machines\n"
    )
    added = edit_layer(layer, [AddPerson("b.b", "KEY\n")])
    expected = f"# all\n{pair('a.a')}\n\n{pair('b.b')}\n\n{pair('c.c')} # end\n\n# machines\n"
    assert added.files.documents["outputs.tf"].data.decode() == expected
    last = edit_layer(layer, [AddPerson("d.d", "KEY\n")])
    expected = f"# all\n{pair('a.a')}\n\n{pair('c.c')} # end\n\n{pair('d.d')}\n\n# machines\n"
    assert last.files.documents["outputs.tf"].data.decode() == expected


def test_a_misspelt_sibling_is_no_template() -> None:
    odd = pair("m.pagnucco").replace("m_pagnucco", "m_pagnuco")
    layer = with_users('["a.a", "m.pagnucco"]', outputs_tf=f"{pair('a.a')}\n\n{odd}\n")
    added = edit_layer(layer, [AddPerson("z.z", "KEY\n")])
    assert added.files.documents["outputs.tf"].data.decode() == f"{pair('a.a')}\n\n{odd}\n\n{pair('z.z')}\n"


def test_an_unusual_sibling_is_followed_when_no_usual_one_is_labelled_after_itself() -> None:
    short = "".join(
        f'output "user_{number}" {{\n  value = module.user["{person}"].iam_user_name\n}}\n\n'
        for number, person in enumerate(("c.c", "d.d"))
    )
    layer = with_users('["a.a", "c.c", "d.d"]', outputs_tf=f"{short}{pair('a.a')}\n")
    added = edit_layer(layer, [AddPerson("b.b", "K\n")])
    assert pair("b.b") in added.files.documents["outputs.tf"].data.decode()
    bare = with_users('["c.c", "d.d"]', outputs_tf=short)
    assert [problem.field for problem in AddPerson("b.b", "K\n").check(bare)] == ["groups", "outputs"]
    assert (
        "b_b" not in edit_layer(bare, [AddPerson("b.b", "K\n")]).files.documents["outputs.tf"].data.decode()
    )


def test_outputs_are_not_invented_where_most_people_have_none() -> None:
    layer = with_users('["a.a", "c.c", "d.d"]', outputs_tf=f"{pair('a.a')}\n")
    added = edit_layer(layer, [AddPerson("b.b", "K\n")])
    assert added.files.documents["outputs.tf"] is layer.files.documents["outputs.tf"]


def test_a_label_that_is_taken_is_told_before() -> None:
    layer = with_users('["a.b"]', outputs_tf=f"{pair('a.b')}\n")
    with pytest.raises(EditRefused, match="user_a_b_name"):
        edit_layer(layer, [AddPerson("a_b", "KEY\n")])
    edit_layer(layer, [AddPerson("a_b", "KEY\n", outputs=False)])


def test_a_shared_key_file_stays_until_the_last_user_goes() -> None:
    layer = layer_of(
        {
            "users.tf": USERS,
            "locals.tf": 'locals {\n  users = []\n  machine_users = {\n    "machine.a" = "infra"\n'
            '    "machine.b" = "infra"\n  }\n}\n',
        },
        {"infra": "KEY\n"},
    )
    edited = edit_layer(layer, [RemovePerson("machine.a")])
    assert edited.files.keys == {"keys/infra": b"KEY\n"}
    assert edit_layer(edited, [RemovePerson("machine.b")]).files.keys == {}


def test_a_person_that_something_else_refers_to_is_not_removed() -> None:
    layer = with_users('["a.a", "b.b"]', roles_tf='locals {\n  boss = module.user["a.a"].iam_user_arn\n}\n')
    with pytest.raises(EditRefused) as refusal:
        edit_layer(layer, [RemovePerson("a.a")])
    assert "roles.tf:2" in refusal.value.next
    edit_layer(layer, [RemovePerson("b.b")])


def test_a_mention_in_a_comment_or_a_string_does_not_hold_a_person() -> None:
    extra = '# module.user["a.a"].iam_user_arn\nlocals {\n  note = "a.a"\n}\n'
    edit_layer(with_users('["a.a"]', notes_tf=extra), [RemovePerson("a.a")])


def test_names_beyond_ascii_around_the_edit_stay() -> None:
    layer = with_users('[\n    "a.a", # José, «ñ» 日本\n    "ñ.x",\n  ]')
    added = edit_layer(layer, [AddPerson("b.b", "KEY\n")])
    assert users_of(added) == '[\n    "a.a", # José, «ñ» 日本\n    "b.b",\n    "ñ.x",\n  ]'
    assert contents(edit_layer(added, [RemovePerson("b.b")])) == contents(layer)


def test_several_people_and_layers_are_one_set() -> None:
    first, second = with_users('["a.a"]'), with_users('["x.x"]')
    changes = propose(
        [(first, [AddPerson("b.b", "K\n"), AddPerson("c.c", "K\n")]), (second, [RemovePerson("x.x")])]
    )
    assert [(change.name, change.counts()) for change in changes.changes] == [
        ("locals.tf", (1, 1)),
        ("keys/b.b", (1, 0)),
        ("keys/c.c", (1, 0)),
        ("locals.tf", (1, 1)),
    ]


@pytest.mark.parametrize("gap", ["\n", "\n\n", "\n\n\n", "\n# people\n", "\n\n# people\n\n"])
def test_a_first_persons_outputs_come_and_go_whatever_is_before_them(gap: str) -> None:
    before = f'output "other" {{\n  value = 1\n}}{gap}{pair("c.c")}\n'
    layer = with_users('["c.c"]', outputs_tf=before)
    added = edit_layer(layer, [AddPerson("b.b", "K\n")])
    text = added.files.documents["outputs.tf"].data.decode()
    assert text.index("user_b_b_name") < text.index("user_c_c_name")
    assert contents(edit_layer(added, [RemovePerson("b.b")])) == contents(layer)


def test_a_group_that_two_modules_make_gets_the_person_in_both() -> None:
    block = (
        'module "{}" {{\n  source = "../modules/iam-group-with-policies"\n  name = "ops"\n'
        "  group_users = []\n}}\n"
    )
    groups = "\n".join(map(block.format, ("ops_now", "ops_later")))
    added = edit_layer(with_users('["a.a"]', groups_tf=groups), [AddPerson("b.b", "K\n", ("ops",))])
    assert [group.members for group in added.groups] == [("b.b",), ("b.b",)]
