from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support import layers
from support.layers import edit_layer, layer_of
from support.styles import styled_layers

from screens.admin.groups import (
    JOINS,
    LEAVES,
    OUT,
    STAYS,
    UNKNOWN,
    MatrixLayout,
    Section,
    about_group,
    about_layer,
    about_person,
)
from workflows.layer.edit.run import check
from workflows.layer.model import Layer
from workflows.layer.read.layer import read_files
from workflows.steps.admin.edits import operations
from workflows.steps.admin.groups import (
    Chosen,
    LayerChoice,
    LayerView,
    Request,
    drafted,
    removed,
    validate,
    view_of,
)
from workflows.steps.decisions import Decisions, Move, NewGroup

USERS = (
    """locals {
  users = ["sam.okafor", "alex.kim", "dana.lopez"]
  machine_users = { "machine.ci" = "machine.ci" }
}

"""
    + layers.USERS
)
GROUPS = """module "iam_group_devops" {
  source = "../modules/iam-group-with-policies"
  name   = "devops"
  group_users = [
    module.user["alex.kim"].iam_user_name,
    module.user["sam.okafor"].iam_user_name,
  ]
  custom_group_policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
}

module "iam_group_machines" {
  source = "../modules/iam-group-with-policies"
  name   = "machines"
  group_users = [
    module.machine_user["machine.ci"].iam_user_name,
  ]
}

module "iam_group_all" {
  source = "../modules/iam-group-with-policies"
  name   = "all"
  group_users = concat([module.user["alex.kim"].iam_user_name], [])
}

/*
module "iam_group_old" {
  source = "../modules/iam-group-with-policies"
  name   = "old"
  group_users = []
}
*/
"""


def layer() -> Layer:
    return layer_of({"users.tf": USERS, "groups.tf": GROUPS})


def view(**chosen: tuple[str, ...]) -> LayerView:
    return view_of(
        layer(), chosen.get("joining", ()), chosen.get("regrouping", ()), chosen.get("leaving", ())
    )


def cells(layout: MatrixLayout, name: str) -> dict[str, str]:
    return {column.group: layout.cell(name, column) for column in layout.columns}


def test_those_who_were_chosen_come_first_then_everybody_else_and_machines_apart() -> None:
    seen = view(joining=("jane.doe",), regrouping=("SAM.okafor", "nobody.here"), leaving=("dana.lopez",))
    assert seen.chosen == {
        "jane.doe": Chosen.JOINS,
        "sam.okafor": Chosen.REGROUPS,
        "dana.lopez": Chosen.LEAVES,
    }
    layout = MatrixLayout(seen, LayerChoice())
    assert layout.lines[1::2] == ("jane.doe", "sam.okafor", "dana.lopez", "alex.kim", "machine.ci")
    assert [isinstance(line, Section) for line in layout.lines] == [True, False] * 5
    assert [column.group for column in layout.columns] == ["devops", "all", "machines"]
    assert [layout.sign(name) for name in seen.people] == ["+", "~", "-", " ", " "]


def test_people_and_machine_users_are_kept_out_of_each_others_groups() -> None:
    seen, choice = view(joining=("jane.doe",)), LayerChoice()
    layout = MatrixLayout(seen, choice)
    assert cells(layout, "jane.doe") == {"devops": OUT, "all": UNKNOWN, "machines": ""}
    assert cells(layout, "machine.ci") == {"devops": "", "all": "", "machines": STAYS}
    assert seen.refusal(choice, "jane.doe", "machines").startswith("machines ")
    assert seen.refusal(choice, "machine.ci", "devops").startswith("devops ")
    assert not seen.refusal(choice, "jane.doe", "devops")
    assert not seen.refusal(choice, "machine.ci", "machines")
    new = LayerChoice(add=(NewGroup("robots", "machines"), NewGroup("more", "robots")))
    assert not seen.refusal(new, "machine.ci", "more")
    assert seen.refusal(new, "jane.doe", "more")


def test_a_person_in_a_machine_group_can_be_taken_out_of_it_and_put_back() -> None:
    text = GROUPS.replace(
        '    module.machine_user["machine.ci"].iam_user_name,\n',
        '    module.machine_user["machine.ci"].iam_user_name,\n    "machine.b",\n    "dana.lopez",\n',
    )
    users = USERS.replace('"machine.ci" }', '"machine.ci", "machine.b" = "b" }')
    seen = view_of(layer_of({"users.tf": users, "groups.tf": text}), (), (), ())
    assert "machines" in seen.before("dana.lopez")
    out = seen.toggled(LayerChoice(), "dana.lopez", "machines")
    assert not seen.refusal(out, "dana.lopez", "machines")


def test_computed_groups_are_shown_and_refused_with_the_place() -> None:
    seen, choice = view(), LayerChoice()
    line = GROUPS[: GROUPS.index("concat")].count("\n") + 1
    refused = seen.refusal(choice, "alex.kim", "all")
    assert f"groups.tf:{line}" in refused
    assert seen.spots_for("all")[0].place.line == line
    assert seen.spots_for("all")[0].path.name == "groups.tf"
    assert "by hand" in {column.note for column in MatrixLayout(seen, choice).columns}
    assert f"groups.tf:{line}" in about_group(seen, choice, "all")
    assert "iam_group_old" in about_layer(seen)
    assert "is hidden" in seen.spots_for("devops")[-1].words


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"linked": frozenset({"groups.tf"})}, "groups.tf is shared with other layers"),
        ({"text": ('name   = "devops"', 'name   = "devops"\n  count = 1')}, "the block repeats"),
        ({"override": 'module "iam_group_devops" {\n  path = "/"\n}\n'}, "an override file changes it at"),
    ],
)
def test_the_true_reason_is_told_for_a_group_that_is_edited_by_hand(
    other: Mapping[str, Any], reason: str
) -> None:
    text = GROUPS.replace(*other["text"]) if "text" in other else GROUPS
    files = {"users.tf": USERS, "groups.tf": text}
    if "override" in other:
        files["zz_override.tf"] = other["override"]
    read = layer_of(files)
    read = read_files(read.location, replace(read.files, linked=other.get("linked", frozenset())))
    seen, choice = view_of(read, (), (), ()), LayerChoice()
    for words in (seen.refusal(choice, "dana.lopez", "devops"), about_group(seen, choice, "devops")):
        assert f" {seen.place_of('devops')}" in words
        assert f"because {reason}" in words
        assert "computed" not in words
    assert cells(MatrixLayout(seen, choice), "dana.lopez")["devops"] == (
        UNKNOWN if "override" in other else OUT
    )


def test_who_joins_is_taken_in_by_a_computed_group() -> None:
    everybody = GROUPS.replace('concat([module.user["alex.kim"].iam_user_name], [])', "EVERYBODY").replace(
        "EVERYBODY", "[for one in module.user : one.iam_user_name]"
    )
    read = layer_of({"users.tf": USERS, "groups.tf": everybody})
    seen = view_of(read, ("jane.doe", "machine.new"), (), ())
    assert seen.follow == {"jane.doe": frozenset({"all"}), "machine.new": frozenset()}
    choice = LayerChoice(members={"jane.doe": frozenset(), "machine.new": frozenset()})
    assert cells(MatrixLayout(seen, choice), "jane.doe") == {"devops": OUT, "all": JOINS, "machines": ""}
    told = validate(Request({"security": choice}, {"security": seen.follow}), None)  # type: ignore[arg-type]
    (problem,) = told
    assert "machine.new " in problem.message


def test_nobody_in_a_shared_group_is_known_to_be_nobody() -> None:
    empty = GROUPS[: GROUPS.index('module "iam_group_machines"')].replace(
        '    module.user["alex.kim"].iam_user_name,\n', ""
    )
    empty = empty.replace('    module.user["sam.okafor"].iam_user_name,\n', "")
    read = layer_of({"users.tf": USERS, "groups.tf": empty})
    read = read_files(read.location, replace(read.files, linked=frozenset({"groups.tf"})))
    seen, choice = view_of(read, (), (), ()), LayerChoice()
    assert "; 0 members; " in about_group(seen, choice, "devops")
    assert about_person(seen, choice, "alex.kim").startswith("! alex.kim")


def test_nobody_is_said_to_be_in_no_group_if_a_file_cannot_be_parsed() -> None:
    for broken in ("", "<<<<<<< HEAD\n"):
        read = layer_of({"users.tf": USERS, "groups.tf": f"{broken}=======\n" if broken else ""})
        seen = view_of(read, ("jane.doe",), ("alex.kim",), ("sam.okafor",))
        choice = LayerChoice(members={"alex.kim": frozenset(), "jane.doe": frozenset()})
        assert set(seen.alone(choice)) == {"jane.doe"} | ({"alex.kim"} if not broken else set())
        for name in ("alex.kim", "sam.okafor"):
            assert ("not known" in about_person(seen, choice, name)) is bool(broken)


def test_changes_are_shown_in_cells_and_signs() -> None:
    seen = view(joining=("jane.doe",))
    choice = LayerChoice(members={"jane.doe": frozenset()})
    assert about_person(seen, choice, "jane.doe").startswith("! jane.doe")
    choice = seen.toggled(choice, "jane.doe", "devops")
    choice = seen.toggled(choice, "alex.kim", "devops")
    choice = seen.toggled(choice, "dana.lopez", "devops")
    choice = seen.toggled(choice, "dana.lopez", "devops")
    assert set(choice.members) == {"jane.doe", "alex.kim"}
    assert seen.pending(choice) == 2
    layout = MatrixLayout(seen, choice)
    assert (cells(layout, "jane.doe")["devops"], cells(layout, "alex.kim")["devops"]) == (JOINS, LEAVES)
    assert layout.sign("alex.kim") == "*"
    assert {"devops;", "all"} <= set(about_person(seen, choice, "alex.kim").split())
    assert "devops" in about_person(seen, choice, "sam.okafor")


def test_who_leaves_is_shown_and_left_alone() -> None:
    seen = view(leaving=("alex.kim",))
    layout = MatrixLayout(seen, LayerChoice())
    assert cells(layout, "alex.kim")["devops"] == LEAVES
    assert "leaves security" in seen.refusal(LayerChoice(), "alex.kim", "devops")
    stale = LayerChoice(members={"alex.kim": frozenset(), "gone.away": frozenset({"devops"})})
    assert drafted(seen, LayerChoice(), stale).members == {}


def test_a_group_that_goes_takes_nobody_in_and_tells_who_is_left_without_one() -> None:
    seen = view()
    choice = removed(LayerChoice(), "devops", written=True)
    assert seen.alone_without(LayerChoice(), "devops") == ("sam.okafor",)
    assert "devops" in seen.refusal(choice, "dana.lopez", "devops")
    assert cells(MatrixLayout(seen, choice), "sam.okafor")["devops"] == LEAVES


def test_everybody_who_ends_in_no_group_is_named_and_nobody_who_leaves() -> None:
    seen = view(joining=("jane.doe",), leaving=("alex.kim",))
    choice = LayerChoice(members={"jane.doe": frozenset(), "dana.lopez": frozenset({"devops"})})
    assert seen.alone(choice) == ("jane.doe",)
    assert seen.alone(removed(choice, "devops", written=True)) == ("jane.doe", "dana.lopez", "sam.okafor")


@pytest.mark.parametrize(
    ("words", "names", "meant"),
    [
        (("SAM",), ["sam.okafor"], ""),
        (("devops",), ["jane.doe", "alex.kim", "sam.okafor"], "devops"),
        (("a", "devops", "okafor"), ["sam.okafor"], "devops"),
        (("machine",), ["machine.ci"], "machines"),
        (("nothing",), [], ""),
    ],
)
def test_the_filter_looks_at_names_and_groups(words: tuple[str, ...], names: list[str], meant: str) -> None:
    seen = view(joining=("jane.doe",))
    choice = LayerChoice(members={"jane.doe": frozenset({"devops"})})
    layout = MatrixLayout(seen, choice, words)
    assert [line for line in layout.lines if not isinstance(line, Section)] == names
    assert layout.shown == len(names)
    if meant:
        assert layout.group_meant == meant


@given(st.data(), styled_layers())
def test_what_is_put_in_the_matrix_is_what_the_layer_says_afterwards_in_every_style(
    data: st.DataObject, start: Layer
) -> None:
    seen, choice = view_of(start, (), (), ()), LayerChoice()
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(seen.people))
        group = data.draw(st.sampled_from(list(seen.by_name)))
        if not seen.refusal(choice, name, group):
            choice = seen.toggled(choice, name, group)
    moves = {
        name: Move(tuple(sorted(some - seen.before(name))), tuple(sorted(seen.before(name) - some)))
        for name, some in choice.members.items()
    }
    wanted = operations(start, Decisions(memberships={"security": moves}))
    assert not [problem for problem in check(start, wanted) if problem.fatal]
    after = view_of(edit_layer(start, wanted), (), (), ())
    assert {name: after.before(name) for name in seen.people} == {
        name: seen.after(name, choice) for name in seen.people
    }


def test_a_person_in_many_groups_leaves_room_for_the_marked_one() -> None:
    names = [f"team{number}" for number in range(9)]
    groups = "".join(
        f'module "iam_group_{name}" {{\n  source = "x"\n  name = "{name}"\n'
        '  group_users = [module.user["alex.kim"].iam_user_name]\n}\n'
        for name in names
    )
    seen = view_of(layer_of({"users.tf": USERS, "groups.tf": groups}), (), (), ())
    shown = about_person(seen, LayerChoice(), "alex.kim")
    assert [name in shown for name in names] == [True] * 6 + [False] * 3


def test_nobody_is_counted_in_a_list_that_names_nobody() -> None:
    everybody = 'module "iam_group_all" {\n  source = "x"\n  name = "all"\n'
    everybody += "  group_users = [for one in module.user : one.iam_user_name if one.new]\n}\n"
    seen = view_of(layer_of({"users.tf": USERS, "groups.tf": everybody}), (), (), ())
    assert "; members unknown; " in about_group(seen, LayerChoice(), "all")


def test_a_group_counts_who_joins_it() -> None:
    seen = view(joining=("jane.doe",))
    choice = seen.toggled(LayerChoice(members={"jane.doe": frozenset()}), "jane.doe", "devops")
    (now, then) = (about_group(seen, chosen, "devops") for chosen in (LayerChoice(), choice))
    members = len(seen.by_name["devops"].members)
    assert f"{members + 1} after" in then
    assert "after" not in now
