from __future__ import annotations

import pygohcl
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from support.edits import propose
from support.examples import examples
from support.layers import NAMES, contents, edit_layer, layers, slug, within

from workflows.layer.edit.account import SetSetting
from workflows.layer.edit.groups import AddGroup, RemoveGroup, RenameGroup, SetGroups
from workflows.layer.edit.outputs import plan_outputs, remove_outputs
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.model import Layer
from workflows.layer.read.layer import read_files

unhurried = settings(
    max_examples=examples(50, 120),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def new_name(layer: Layer, name: str) -> str:
    assume(slug(name) not in {slug(person.iam_name) for person in layer.people})
    return name


def assert_valid(layer: Layer) -> None:
    for document in layer.files.documents.values():
        pygohcl.loads(document.data.decode().replace("\r\n", "\n"))
        if b"\r\n" in document.data:
            assert document.data.count(b"\n") == document.data.count(b"\r\n")


@unhurried
@given(layers(), NAMES, st.sets(st.sampled_from(["devops", "finops"])))
def test_adding_then_removing_gives_the_very_bytes_back(layer: Layer, name: str, groups: set[str]) -> None:
    name = new_name(layer, name)
    added = edit_layer(layer, [AddPerson(name, "NEW\n", tuple(sorted(groups)))])
    assert_valid(added)
    assert contents(edit_layer(added, [RemovePerson(name)])) == contents(layer)


@unhurried
@given(layers(), NAMES, st.sets(st.sampled_from(["devops", "finops"])))
def test_adding_only_inserts_and_the_person_is_there(layer: Layer, name: str, groups: set[str]) -> None:
    name = new_name(layer, name)
    added = edit_layer(layer, [AddPerson(name, "NEW\n", tuple(sorted(groups)))])
    person = added.person(name)
    assert person is not None
    assert set(person.groups) == groups
    assert person.key_file == f"keys/{name}"
    assert added.files.keys[f"keys/{name}"] == b"NEW\n"
    for path, before in contents(layer).items():
        after = added.files.contents.get(path)
        assert before is not None
        assert after is not None
        # everything is still there, in the same order: text was only inserted, except in `[]`
        assert within(before, after)


@unhurried
@given(layers(), st.data())
def test_removing_leaves_no_trace_and_no_other_change(layer: Layer, data: st.DataObject) -> None:
    assume(layer.people)
    person = data.draw(st.sampled_from(layer.people))
    left = edit_layer(layer, [RemovePerson(person.iam_name)])
    assert_valid(left)
    assert left.person(person.iam_name) is None
    assert [member.iam_name for member in left.people] == [
        member.iam_name for member in layer.people if member.iam_name != person.iam_name
    ]
    assert [output.name for output in left.outputs] == [
        output.name for output in layer.outputs if output.person != person.iam_name
    ]
    for path, before in contents(layer).items():
        after = left.files.contents.get(path)
        if after is None:
            assert path == person.key_file
        else:
            assert before is not None
            assert within(after, before) or person.machine


@unhurried
@given(layers(), st.data())
def test_groups_change_and_change_back(layer: Layer, data: st.DataObject) -> None:
    people = [member for member in layer.people if not member.machine]
    assume(people)
    person = data.draw(st.sampled_from(people))
    name = data.draw(st.sampled_from(["devops", "finops"]))
    inside = name in person.groups
    changed = edit_layer(
        layer,
        [SetGroups(person.iam_name, remove=(name,)) if inside else SetGroups(person.iam_name, add=(name,))],
    )
    assert_valid(changed)
    found = changed.person(person.iam_name)
    assert found is not None
    assert (name in found.groups) is not inside
    if not inside:
        assert contents(edit_layer(changed, [SetGroups(person.iam_name, remove=(name,))])) == contents(layer)


@unhurried
@given(layers(), st.sampled_from(["devops", "finops"]))
def test_a_group_cloned_and_removed_leaves_the_very_bytes(layer: Layer, sibling: str) -> None:
    added = edit_layer(layer, [AddGroup("secops-team", sibling)])
    assert_valid(added)
    group = added.group("secops-team")
    assert group is not None
    assert group.members == ()
    assert group.policies == layer.group(sibling).policies  # type: ignore[union-attr]
    assert contents(edit_layer(added, [RemoveGroup("secops-team")])) == contents(layer)


@unhurried
@given(layers())
def test_renaming_a_group_there_and_back_is_nothing(layer: Layer) -> None:
    renamed = edit_layer(layer, [RenameGroup("devops", "operations")])
    assert renamed.group("devops") is None
    assert contents(edit_layer(renamed, [RenameGroup("operations", "devops")])) == contents(layer)


@unhurried
@given(layers(), st.data())
def test_outputs_added_and_removed_leave_the_very_bytes(layer: Layer, data: st.DataObject) -> None:
    having = {output.person for output in layer.outputs}
    bare = [member for member in layer.people if not member.machine and member.iam_name not in having]
    assume(bare)
    person = data.draw(st.sampled_from(bare))
    name, owner = person.iam_name, person.owner
    kin = [member for member in layer.people if not member.machine and member is not person]
    planned = plan_outputs(layer.files, person, kin)
    assume(
        planned and not {name for _, (name, *_) in planned.facts} & {output.name for output in layer.outputs}
    )
    document = layer.files.documents[planned.document]
    added = read_files(layer.location, layer.files.spliced(document, [planned.splice]))
    assert_valid(added)
    assert {output.attribute for output in added.outputs if output.person == name} == {
        "iam_user_name",
        "iam_user_login_profile_encrypted_password",
    }
    assert contents(read_files(layer.location, remove_outputs(added.files, owner))) == contents(layer)


@unhurried
@given(layers(), NAMES)
def test_a_machine_user_comes_and_goes_in_the_column_of_the_others(layer: Layer, name: str) -> None:
    name = f"machine.{new_name(layer, f'machine.{name}').removeprefix('machine.')}.much.longer"
    added = edit_layer(layer, [AddPerson(name, "NEW\n", machine=True)])
    assert_valid(added)
    person = added.person(name)
    assert person is not None
    assert person.machine
    text = b"".join(document.data for document in added.files.documents.values()).decode()
    columns = {line.index("=") for line in text.splitlines() if line.strip().startswith('"machine.')}
    assert len(columns) == 1
    assert contents(edit_layer(added, [RemovePerson(name)])) == contents(layer)


@unhurried
@given(layers(), st.booleans(), st.integers(6, 128))
def test_the_password_policy_takes_the_value(layer: Layer, switch: bool, length: int) -> None:
    changed = edit_layer(
        layer,
        [SetSetting("hard_expiry", switch), SetSetting("minimum_password_length", length)],
    )
    assert_valid(changed)
    assert changed.account is not None
    values = {setting.name: setting.value for setting in changed.account.policy}
    assert values["hard_expiry"] is switch
    assert values["minimum_password_length"] == length


@given(layers())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_doing_nothing_changes_no_byte(layer: Layer) -> None:
    assert propose([(layer, [])]).is_empty
