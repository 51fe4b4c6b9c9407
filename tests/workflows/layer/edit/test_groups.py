"""Groups that change in files of unusual forms."""

from __future__ import annotations

import pytest
from support.layers import edit_layer
from support.nasty_layers import GROUP, with_users

from workflows.layer.edit.groups import AddGroup, RemoveGroup, RenameGroup, SetGroups
from workflows.layer.edit.operation import EditRefused


def test_plain_strings_stay_plain_strings() -> None:
    layer = with_users('["a.a", "b.b"]', groups_tf=GROUP.replace("MEMBERS", '["a.a"]'))
    changed = edit_layer(layer, [SetGroups("b.b", add=("ops",))])
    assert '["a.a", "b.b"]' in changed.files.documents["groups.tf"].data.decode()


@pytest.mark.parametrize(
    ("there", "after"),
    [
        (["audit", "ops", "sec"], ["audit", "ops", "plan", "sec"]),
        (["qa", "sec"], ["qa", "plan", "sec"]),
        (["sec", "audit", "ops"], ["sec", "plan", "audit", "ops"]),
        (["audit", "ops", "sec", "machine"], ["audit", "ops", "plan", "sec", "machine"]),
    ],
    ids=["by the alphabet", "before all others", "in no order", "machines' groups apart"],
)
def test_a_group_is_added_where_the_order_of_the_others_puts_it(there: list[str], after: list[str]) -> None:
    text = "\n".join(GROUP.replace("MEMBERS", "[]").replace("ops", name) for name in there)
    layer = with_users('["a.a"]', groups_tf=text)
    changed = edit_layer(layer, [AddGroup("plan", there[0])])
    assert [group.name for group in sorted(changed.groups, key=lambda group: group.place.line)] == after


def test_a_group_that_two_modules_declare_is_neither_renamed_nor_removed() -> None:
    first = GROUP.replace("MEMBERS", "[]")
    layer = with_users('["a.a"]', groups_tf=first + first.replace("iam_group_ops", "iam_group_ops_too"))
    for operation in (RemoveGroup("ops"), RenameGroup("ops", "x")):
        assert [problem.place for problem in operation.check(layer) if problem.fatal] == [
            layer.groups[1].place
        ]


def test_a_group_named_by_an_expression_is_neither_renamed_nor_a_template() -> None:
    text = GROUP.replace("MEMBERS", "[]").replace('"ops"\n', '"${var.project}-ops"\n')
    layer = with_users('["a.a"]', groups_tf=text)
    assert layer.groups[0].name == "bb-ops"
    for operation in (RenameGroup("bb-ops", "x"), AddGroup("x", "bb-ops")):
        with pytest.raises(EditRefused, match=layer.groups[0].label):
            edit_layer(layer, [operation])
