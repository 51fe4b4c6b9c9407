"""The interface of an operation on a layer: checks, the edit, and the facts that must hold afterwards.

`apply` makes new files by splicing; `intend` derives how the layer's facts must change from the model alone,
independently of the edit. `workflows.layer.edit.run` runs both and compares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, repeat
from typing import NamedTuple, Protocol, TypeVar

from workflows.core.sentences import OnboardError, Problem, Sentence
from workflows.hcl.document import Block, Document, Splice, remembered
from workflows.hcl.lists import realigned
from workflows.layer.files import FileSet
from workflows.layer.model import Group, Layer, Owner, Person, Place, place_of
from workflows.layer.read.declarations import module_of
from workflows.layer.read.outputs import collections_of
from workflows.layer.read.references import mentions, place_on_disk

Fact = tuple[str, tuple[object, ...]]
"""One fact of a layer: its kind as displayed, and its parts, beginning with the name of what it is about.

Layers with equal facts give Terraform the same users and groups.
"""

OF_PEOPLE = frozenset({"outputs", "hidden outputs", "entries", "members"})
"""Kinds of facts whose second part is a person's IAM name."""


class Change(NamedTuple):
    """The facts that an operation takes away, and those that it adds."""

    lost: Iterable[Fact] = ()
    gained: Iterable[Fact] = ()


@remembered
def facts_of(layer: Layer) -> Counter[Fact]:
    """Return the facts of a layer as read."""
    account, names = layer.account, {person.owner: person.iam_name for person in layer.people}
    settings = [*account.policy, *filter(None, [account.alias])] if account else []
    entries = (
        (collection.block.label, names.get(entry.owner, ""))
        for collection in collections_of(layer.files)
        for entry in collection.entries
    )
    return Counter(
        chain(
            map(person_fact, layer.people),
            (fact for group in layer.groups for fact in group_facts(group)),
            zip(repeat("outputs"), layer.outputs),  # there may be thousands
            zip(repeat("hidden outputs"), layer.hidden_outputs),
            zip(repeat("entries"), entries),
            (("settings", (setting.name, setting.value)) for setting in settings),
            zip(repeat("keys"), layer.files.keys.items()),
        )
    )


def person_fact(person: Person) -> Fact:
    """Return the fact of a person, without the place and anything declared elsewhere or derived."""
    return "people", person[:6]


def group_facts(group: Group) -> list[Fact]:
    """Return the facts of a group, without members that follow other lists."""
    members = (member for member in group.members if member not in group.followed)
    return [
        ("groups", (group.label, group.name)),
        *(("members", (group.label, member)) for member in members),
        *(("policies", (group.label, policy)) for policy in group.policies),
    ]


def key_facts(path: str, data: bytes | None) -> list[Fact]:
    """Return the fact of a key file; none for a missing one."""
    return [("keys", (path, data))] if data is not None else []


T = TypeVar("T")


class EditRefused(OnboardError):  # noqa: N818 - it reads better where it is raised
    """The editor can't do an operation; explains why and where to do it by hand. Nothing was written.

    Attributes:
        place: where to edit by hand, or None if there is no single place.
    """

    place: Place | None = None


class Operation(Protocol):
    """One change of a layer."""

    def check(self, layer: Layer) -> Iterable[Problem]:
        """Return what is wrong with the request, given the current layer."""

    def apply(self, layer: Layer) -> FileSet:
        """Return the layer's files afterwards.

        Raises:
            EditRefused: the layer's shape does not allow it.
        """

    def intend(self, layer: Layer) -> Change:
        """Return how the layer's facts must change."""


def refuse(what: Sentence, why: Sentence, place: Place | None = None, remedy: Sentence = "") -> EditRefused:
    """Return an `EditRefused` with the place to edit by hand, or another remedy."""
    where = f"Edit it by hand at {place}." if place is not None else remedy
    refused = EditRefused("Can't edit this automatically", what, why=why, next=where)
    refused.place = place
    return refused


def refuse_mentioned(what: Sentence, before: FileSet, after: FileSet, owner: Owner) -> None:
    """Reject an edit whose files still refer to something that they no longer declare.

    Args:
        what: a sentence about what can't be done.
        before: the current files.
        after: the edited files.
        owner: the removed declaration; without a key, the whole module.

    Raises:
        EditRefused: a reference is left.
    """
    if (left := next(mentions(after, *owner), None)) is not None:
        raise refuse(
            what,
            "Something else in the layer refers to it, and Terraform would fail on that.",
            place_on_disk(before, after, left, *owner),
        )


def find_person(layer: Layer, name: str) -> Person:
    """Return the person of that name.

    Raises:
        EditRefused: there is none.
    """
    return _declared(layer, layer.person(name), f"user {name}")


def find_group(layer: Layer, name: str) -> Group:
    """Return the group of that name.

    Raises:
        EditRefused: there is none.
    """
    return _declared(layer, layer.group(name), f"group {name}")


def _declared(layer: Layer, found: T | None, what: str) -> T:
    if found is None:
        raise EditRefused(
            "Not in this layer",
            f"There is no {what} in {layer.location.relative}.",
            next=f"Check the name: `iam-onboard layer show {layer.location.account}` lists all.",
        )
    return found


def check_groups(layer: Layer, names: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what is wrong with groups whose members are to change."""
    for name in names:
        group = layer.group(name)
        if group is None:
            yield from check_known_group(layer, name, "groups")
        elif not group.editable:
            yield Problem(
                f"iam-onboard can't edit the members of the group {name}: {group.reason}. Edit them by "
                f"hand at {group.place}.",
                "groups",
                place=group.place,
            )


def check_joined(layer: Layer, names: tuple[str, ...], person: str, *, machine: bool) -> Iterator[Problem]:
    """Yield what is wrong with groups that a person is to join; current memberships pass."""
    yield from check_groups(layer, names)
    for group in filter(None, map(layer.group, names)):
        member = person.casefold() in map(str.casefold, group.members)
        if group.editable and not member and is_for_others(group, machine=machine):
            yield Problem(text_for_others(group.name, person, machine=machine), "groups")


def is_for_others(group: Group, *, machine: bool) -> bool:
    """Return whether a group is for machine users but the user isn't one, or vice versa."""
    return bool(group.members) and not group.machine if machine else group.machine


def text_for_others(group: str, person: str, *, machine: bool) -> Sentence:
    """Explain that a group is not for people, or not for machine users."""
    whom, why = ("people", "is a machine user") if machine else ("machine users", "isn't one")
    return f"{group} is for {whom}, and {person} {why}."


def text_in_no_group(name: str, account: str = "", *, machine: bool) -> Sentence:
    """Explain what being in no group means, naming the account if given."""
    means = "it has no permissions" if machine else "they can sign in, but can do almost nothing"
    return f"{name} is in no group{account and f' of {account}'}: {means}."


def check_known_group(layer: Layer, name: str, field: str) -> Iterator[Problem]:
    """Yield a problem if there is no such group."""
    if layer.group(name) is None:
        known = ", ".join(group.name for group in layer.groups) or "none"
        yield Problem(f"There is no group {name} in this layer. Its groups: {known}.", field)


def check_known_person(layer: Layer, name: str) -> Iterator[Problem]:
    """Yield a problem if there is no such person, or the editor can't change them."""
    person = layer.person(name)
    if person is None:
        yield Problem(f"There is no user {name} in {layer.location.relative}.", "name")
    elif not person.editable:
        message = f"iam-onboard can't edit the user {name}: change it by hand at {person.place}."
        if why := module_of(layer.files, person.module).refusal:
            message += f" {why}."
        yield Problem(message, "name", place=person.place)


def with_attribute(block: Block, name: str, text: str, *, after: Collection[str]) -> Document:
    """Add an attribute after the last of some related ones, or else after the block's last.

    Args:
        name: the attribute's name.
        text: its value as HCL.
        after: names of the related attributes.

    Raises:
        EditRefused: the block's attributes do not have lines of their own.
    """
    document, own = block.document, list(block.attributes.values())
    what, place = f"{name} can't be added to {block.label}.", place_of(block)
    if not own:
        raise refuse(what, "Its block is empty, so there is no line to follow.", place)
    last = ([attribute for attribute in own if attribute.name in after] or own)[-1].node
    indent = document.data[document.line_start(last.start_byte) : last.start_byte]
    if indent.strip() or last.end_point.row == block.node.end_point.row:
        raise refuse(what, "Its attributes aren't on lines of their own.", place)
    end = document.line_end(last.end_byte)
    line = indent + f"{name} = {text}".encode() + document.newline
    if last.start_point.row != last.end_point.row:
        line = document.newline + line  # a multi-line value stands apart
    edited = document.splice([Splice(end, end, line)])
    new = next(written for written in edited.blocks if written.item.start_byte == block.item.start_byte)
    return realigned(document, block.attribute_nodes, edited, new.attribute_nodes)
