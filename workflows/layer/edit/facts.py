"""What must be true of a layer, without places and order.

The editor compares the facts that an operation intends with the facts read back from the edited files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from workflows.core.sentences import Sentence
from workflows.layer.model import Constant, Group, Layer, Output
from workflows.layer.read.outputs import collections_of


class PersonFacts(NamedTuple):
    """A person without its place: module, declaration, key file, login profile and access key."""

    module: str
    declaration: str
    key_file: str | None
    login_profile: bool | None
    access_key: bool | None


class GroupFacts(NamedTuple):
    """A group without its place; members and policies are sorted, members that follow others left out."""

    label: str
    members: tuple[str, ...]
    policies: tuple[str, ...]


class OutputFacts(NamedTuple):
    """An output without its place; `person` is "" for an output of nobody."""

    name: str
    person: str
    attribute: str
    sensitive: bool


@dataclass(frozen=True)
class Facts:
    """The facts of a layer: two layers with equal facts mean the same to Terraform, as far as people go.

    Attributes:
        people: by IAM name.
        groups: by name.
        outputs: sorted.
        hidden_outputs: those that are commented out, sorted.
        collected: output and person of each entry in the outputs that collect people, sorted.
        settings: the account's settings by attribute name, as values and source text.
        keys: key files by path.
    """

    people: Mapping[str, PersonFacts]
    groups: Mapping[str, GroupFacts]
    outputs: tuple[OutputFacts, ...]
    hidden_outputs: tuple[OutputFacts, ...]
    collected: tuple[tuple[str, str], ...]
    settings: Mapping[str, Constant]
    keys: Mapping[str, bytes]

    def with_person(self, name: str, **changes: Any) -> Facts:
        """The facts with something else about a person of that IAM name."""
        return replace(self, people={**self.people, name: self.people[name]._replace(**changes)})

    def with_group(self, name: str, **changes: Any) -> Facts:
        """The facts with something else about a group of that name."""
        return replace(self, groups={**self.groups, name: self.groups[name]._replace(**changes)})

    def differences(self, other: Facts) -> Iterator[Sentence]:
        """What differs from other facts, a few words each, for the detail of an error."""
        for what in ("people", "groups", "settings", "keys"):
            mine, theirs = getattr(self, what), getattr(other, what)
            for name in sorted(mine.keys() | theirs.keys()):
                if mine.get(name) != theirs.get(name):
                    yield f"{what}: {name}"
        for what in ("outputs", "hidden_outputs"):
            mine, theirs = Counter(getattr(self, what)), Counter(getattr(other, what))
            for one in sorted((mine - theirs) + (theirs - mine)):
                yield f"{what.replace('_', ' ')}: {one.name}"
        entries = Counter(self.collected), Counter(other.collected)
        for name, person in sorted((entries[0] - entries[1]) + (entries[1] - entries[0])):
            yield f"entries: {person or 'somebody'} in {name}"


def facts_of(layer: Layer) -> Facts:
    """The facts of a layer as it was read."""
    account = layer.account
    settings = [*account.policy, *([account.alias] if account.alias else [])] if account else []
    return Facts(
        people={
            one.iam_name: PersonFacts(
                one.module, one.declaration, one.key_file, one.login_profile, one.access_key
            )
            for one in layer.people
        },
        groups={
            one.name: GroupFacts(one.label, _own_members(one), tuple(sorted(one.policies)))
            for one in layer.groups
        },
        outputs=_outputs(layer.outputs),
        hidden_outputs=_outputs(layer.hidden_outputs),
        collected=_collected(layer),
        settings={one.name: one.value for one in settings},
        keys=dict(layer.files.keys),
    )


def _own_members(group: Group) -> tuple[str, ...]:
    return tuple(sorted(one for one in group.members if one not in group.followed))


def _collected(layer: Layer) -> tuple[tuple[str, str], ...]:
    names = {one.owner: one.iam_name for one in layer.people}
    return tuple(
        sorted(
            (collection.block.label, names.get(entry.owner, ""))
            for collection in collections_of(layer.files)
            for entry in collection.entries
        )
    )


def _outputs(outputs: tuple[Output, ...]) -> tuple[OutputFacts, ...]:
    return tuple(
        sorted(OutputFacts(one.name, one.person or "", one.attribute, one.sensitive) for one in outputs)
    )
