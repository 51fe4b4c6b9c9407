"""Every operation on layers in every style and mixture, by generated examples."""

from __future__ import annotations

import pygohcl
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings, strategies as st
from support.examples import examples
from support.layers import NAMES, contents, edit_layer, slug, within
from support.styles import styled_layers

from workflows.layer.edit.groups import AddGroupPolicy, RemoveGroupPolicy, SetGroups
from workflows.layer.edit.key_files import RenameKeyFile
from workflows.layer.edit.operation import EditRefused, Operation, facts_of
from workflows.layer.edit.outputs import remove_outputs
from workflows.layer.edit.people import AddPerson, RemovePerson, SetAccess
from workflows.layer.model import Layer, Style
from workflows.layer.read.layer import read_files

unhurried = settings(
    max_examples=examples(40, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
POLICY = "arn:aws:iam::aws:policy/job-function/Billing"


def assert_valid(layer: Layer) -> None:
    for document in layer.files.documents.values():
        assert not document.broken
        pygohcl.loads(document.data.decode().replace("\r\n", "\n"))
        if b"\r\n" in document.data:
            assert document.data.count(b"\n") == document.data.count(b"\r\n")


def refused(layer: Layer, operation: Operation) -> None:
    with pytest.raises(EditRefused) as refusal:
        edit_layer(layer, [operation])
    assert refusal.value.place is not None


def only_put_in(before: Layer, after: Layer) -> None:
    """Check that the layer's files still contain everything that they contained."""
    for name, old in contents(before).items():
        new = after.files.contents.get(name)
        if new is not None and old is not None and name.endswith(".tf"):
            assert within(old, new)


def somebody_new(layer: Layer, name: str, *, machine: bool) -> str:
    name = f"machine.{name}" if machine else name
    assume(slug(name) not in {slug(person.iam_name) for person in layer.people})
    assume(f"user_{slug(name)}" not in {person.declaration for person in layer.people})
    return name


def added(layer: Layer, name: str, groups: tuple[str, ...], *, machine: bool) -> Layer:
    """Return the layer with another person; the edit may fail only if no declaration can be copied."""
    try:
        return edit_layer(layer, [AddPerson(name, "NEW\n", groups, machine=machine)])
    except EditRefused:
        assert not [person for person in layer.people if person.machine is machine]
        reject()
        raise


@unhurried
@given(styled_layers(), NAMES, st.booleans())
def test_a_person_comes_with_groups_and_outputs_and_goes_without_a_trace(
    layer: Layer, name: str, machine: bool
) -> None:
    name = somebody_new(layer, name, machine=machine)
    groups = ("machines",) if machine else ("devops", "finops")
    edited = added(layer, name, groups, machine=machine)
    assert_valid(edited)
    only_put_in(layer, edited)
    person = edited.person(name)
    assert person is not None
    assert person.groups == groups
    assert person.machine is machine
    assert edited.files.keys[f"keys/{name}"] == b"NEW\n"
    siblings = [member for member in layer.people if member.machine is machine]
    if siblings:
        outputs = (*edited.outputs, *edited.hidden_outputs)
        assert sum(output.person == name for output in outputs) == 2
        assert {sibling.style for sibling in siblings} == {person.style}
    assert contents(edit_layer(edited, [RemovePerson(name)])) == contents(layer)


@unhurried
@given(styled_layers(), st.data())
def test_whoever_is_removed_goes_wholly_and_alone(layer: Layer, data: st.DataObject) -> None:
    person = data.draw(st.sampled_from(layer.people))
    left = edit_layer(layer, [RemovePerson(person.iam_name)])
    assert_valid(left)
    assert [member.iam_name for member in left.people] == [
        member.iam_name for member in layer.people if member is not person
    ]
    assert person.key_file not in left.files.keys
    text = b"".join(document.data for document in left.files.documents.values())
    for spelled in (
        f"user_{slug(person.iam_name)}_",
        f'"{person.iam_name}"',
        f"user_{slug(person.iam_name)}.",
    ):
        assert spelled.encode() not in text
    words = " ".join(part.capitalize() for part in slug(person.iam_name).split("_"))
    if person.style is Style.BLOCK:
        assert f"# {words}\n".encode() not in text
        assert f"# User: {words:<11}#".encode() not in text


@unhurried
@given(styled_layers(), st.data())
def test_groups_change_and_change_back(layer: Layer, data: st.DataObject) -> None:
    person = data.draw(st.sampled_from(layer.people))
    name = "machines" if person.machine else data.draw(st.sampled_from(["devops", "finops"]))
    if name in person.groups:
        changed = edit_layer(layer, [SetGroups(person.iam_name, remove=(name,))])
        assert name not in changed.person(person.iam_name).groups  # type: ignore[union-attr]
        return
    changed = edit_layer(layer, [SetGroups(person.iam_name, add=(name,))])
    assert_valid(changed)
    only_put_in(layer, changed)
    assert contents(edit_layer(changed, [SetGroups(person.iam_name, remove=(name,))])) == contents(layer)


@unhurried
@given(styled_layers(), st.data(), st.booleans(), st.booleans())
def test_switches_go_on_and_off_where_each_has_its_own(
    layer: Layer, data: st.DataObject, login: bool, key: bool
) -> None:
    person = data.draw(st.sampled_from(layer.people))
    operation = SetAccess(person.iam_name, login_profile=login, access_key=key)
    if person.style in {Style.BLOCK, Style.VARIABLE_MAP}:
        changed = edit_layer(layer, [operation])
        assert_valid(changed)
        found = changed.person(person.iam_name)
        assert found is not None
        assert (found.login_profile, found.access_key) == (login, key)
        back = SetAccess(person.iam_name, person.login_profile, person.access_key)
        assert contents(edit_layer(changed, [back])) == contents(layer)
    elif (login, key) != (person.login_profile, person.access_key):
        refused(layer, operation)


@unhurried
@given(styled_layers(), st.data())
def test_a_key_file_gets_another_name_where_each_has_its_own(layer: Layer, data: st.DataObject) -> None:
    person = data.draw(st.sampled_from(layer.people))
    operation = RenameKeyFile(person.iam_name, "renamed.key")
    if person.style is Style.LIST:
        refused(layer, operation)
        return
    changed = edit_layer(layer, [operation])
    assert_valid(changed)
    assert changed.files.keys["keys/renamed.key"] == f"KEY{person.iam_name}\n".encode()
    assert f"keys/{person.iam_name}" not in changed.files.keys
    assert contents(edit_layer(changed, [RenameKeyFile(person.iam_name, person.iam_name)])) == contents(layer)


@unhurried
@given(styled_layers(), st.sampled_from(["devops", "finops", "machines"]))
def test_a_policy_is_attached_and_taken_off(layer: Layer, group: str) -> None:
    changed = edit_layer(layer, [AddGroupPolicy(group, POLICY)])
    assert_valid(changed)
    assert changed.group(group).policies == (POLICY,)  # type: ignore[union-attr]
    off = edit_layer(changed, [RemoveGroupPolicy(group, POLICY)])
    assert off.group(group).policies == ()  # type: ignore[union-attr]
    again = edit_layer(off, [AddGroupPolicy(group, POLICY)])
    assert contents(again) == contents(changed)


@unhurried
@given(styled_layers(), st.data())
def test_outputs_go_alone(layer: Layer, data: st.DataObject) -> None:
    person = data.draw(st.sampled_from(layer.people))
    left = read_files(layer.location, remove_outputs(layer.files, person.owner))
    assert_valid(left)
    assert [fact for fact in facts_of(left) if fact[0] == "people"] == [
        fact for fact in facts_of(layer) if fact[0] == "people"
    ]
    assert not [
        output for output in (*left.outputs, *left.hidden_outputs) if output.person == person.iam_name
    ]
    assert len(left.outputs) + len(left.hidden_outputs) == len(layer.outputs) + len(layer.hidden_outputs) - 2
