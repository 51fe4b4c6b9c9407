"""The decisions as operations on the layers, without those that a layer has already.

So a review that was written, or half written, can be repeated.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from workflows.core.garbage import freeze
from workflows.core.openpgp import fingerprint_in, grouped, holds
from workflows.core.sentences import OnboardError, Sentence, joined
from workflows.core.shapes import WrongShape, moment
from workflows.layer.discover import find_project
from workflows.layer.edit.account import SetSetting
from workflows.layer.edit.groups import (
    AddGroup,
    AddGroupPolicy,
    RemoveGroup,
    RemoveGroupPolicy,
    RenameGroup,
    SetGroups,
)
from workflows.layer.edit.key_files import RenameKeyFile, ReplaceKey
from workflows.layer.edit.operation import EditRefused, Operation
from workflows.layer.edit.people import AddPerson, RemovePerson, SetAccess
from workflows.layer.model import Layer
from workflows.layer.names import ALIAS, is_machine_name
from workflows.layer.read.layer import read_files, read_layer
from workflows.steps.decisions import (
    DecidedKey,
    Decisions,
    GroupChanges,
    LayerDecisions,
    LayerUsers,
    Move,
    SettingChanges,
)
from workflows.steps.ledger import accounts_of
from workflows.steps.shared.module import Context

_MANY = 500
"""Number of people from which layers are worth keeping from the garbage collector."""


def read_layers(context: Context) -> dict[str, Layer]:
    """Read the layers that Project chose from disk, by account name, in order.

    Raises:
        OnboardError: the project or a layer is gone, or can't be read.
    """
    project = find_project(context.root)
    locations = {location.account: location for location in project.layers}
    if missing := [name for name in context.facts["layers"] if name not in locations]:
        raise project.left_out.get(missing[0]) or OnboardError(
            "A layer is gone",
            f"{', '.join(missing)} no longer has an identities layer in {project.root}.",
            why="Somebody moved or removed it, or another branch is checked out.",
            next="Bring it back, or go to Project and choose the layers again.",
        )
    layers = {name: read_layer(locations[name]) for name in context.facts["layers"]}
    if sum(len(layer.people) for layer in layers.values()) > _MANY:
        freeze()
    return layers


def operations(layer: Layer, decisions: Decisions) -> list[Operation]:
    """Return the operations that bring one layer to the decisions.

    Groups come first, so that people can join a new one; people join with their groups in one operation;
    people who leave go last.

    Args:
        layer: as it is on disk.
        decisions: may be incomplete.

    Raises:
        OnboardError: an unconfirmed key lies where a decided one should go.
    """
    refuse_other_keys(layer, decisions)
    here = decisions.of(layer.location.account)
    moves, rename = dict(here.moves), here.groups.rename
    wanted: list[Operation] = list(_group_operations(layer, here.groups))
    for name in here.add:
        if name not in decisions.keys:
            raise WrongShape(f"keys.{name}", "there")
        before = [operation for operation in wanted if isinstance(operation, AddPerson)]
        wanted += _join(layer, name, decisions.keys[name].text, moves.pop(name, Move()), here, before)
    for name, move in moves.items():
        wanted += _regroup(layer, name, move, rename)
    for name in decisions.rekeying:
        if name in decisions.keys:
            wanted += _replaced_key(layer, name, decisions.keys[name])
    wanted += _access_operations(layer, here)
    wanted += (RemovePerson(name) for name in here.remove if layer.person(name))
    return [*_account_operations(layer, here.settings), *wanted]


class KeyToCorrect(OnboardError):  # noqa: N818 - the name says what helps
    """A decided PGP key can't be used, or differs from the one in the layer."""

    step = "pgp-keys"


class LeftOut(OnboardError):  # noqa: N818 - the name says what is wrong
    """Files or a plan without something that was decided; Review writes it again."""

    step = "review"


NOT_WRITTEN = "The files no longer have it: another branch, a stash or an edit removed it."
"""Why something that Review wrote is left out."""
_ANOTHER, _ARRIVED = "There is another key", "It arrived after you added the keys."


def refuse_unusable_keys(context: Context) -> None:
    """Stop before using a key that isn't its owner's, or an expired one, which would leave AWS half changed.

    Raises:
        KeyToCorrect: there is such a key.
    """
    if wrong := rejected(context):
        raise KeyToCorrect(
            "A PGP key belongs to someone else",
            f"The key of {', '.join(wrong)} isn't theirs, as you said.",
            why="They couldn't decrypt the password, but someone else could.",
            next="Ask for their own key, and add it in PGP keys.",
        )
    if gone := expired(context):
        raise KeyToCorrect(
            "A PGP key has expired",
            f"The key of {', '.join(gone)} has expired since you added it.",
            why="AWS would create the user, but couldn't encrypt the password.",
            next="Ask for a new key, and add it in PGP keys.",
        )


def refuse_other_keys(
    layer: Layer, decisions: Decisions, known: Container[tuple[str, str]] = (), *, written: bool = False
) -> None:
    """Stop where an unconfirmed key lies, or the one that a decided key replaces.

    Args:
        layer: as for `other_keys`, like `decisions` and `written`.
        decisions: see there.
        known: pairs of name and fingerprint that may lie there anyway.
        written: see there.

    Raises:
        KeyToCorrect: there is an unconfirmed key.
        LeftOut: there is one that Review replaces.
    """
    others = [other for other in other_keys(layer, decisions, written=written) if other.known_by not in known]
    if unknown := dict.fromkeys(other.words for other in others if not other.rewritten):
        raise KeyToCorrect(
            _ANOTHER,
            joined(unknown),
            why=_ARRIVED,
            next="Find out whose it is. Then go to PGP keys, add the right key and confirm it.",
        )
    if others:
        restored = all(other.replaced for other in others)
        old = "The old key is there again" if len(others) == 1 else "The old keys are there again"
        raise LeftOut(
            old if restored else _ANOTHER,
            joined(dict.fromkeys(other.words for other in others)),
            why=NOT_WRITTEN if restored else _ARRIVED,
            next="Open Review: it shows what is missing, and writes it again."
            if restored
            else "Find out whose it is. Then open Review: it writes the key you added again.",
        )


class OtherKey(NamedTuple):
    """A key in a layer in the place of a decided one.

    Attributes:
        name: the person whose key belongs there.
        file: the key file, relative to the layer's folder.
        fingerprint: of the key that is there, or "" if it isn't a key.
        conflict: equal for the same conflict.
        words: what is there and what was decided.
        rewritten: whether Review writes the decided key in its place, as its effect was confirmed.
        replaced: whether it is the key that the decided one replaces.
    """

    name: str
    file: str
    fingerprint: str
    conflict: str
    words: Sentence
    rewritten: bool
    replaced: bool

    @property
    def known_by(self) -> tuple[str, str]:
        """The pair of person and fingerprint; a key known for somebody else isn't known for this person."""
        return self.name, self.fingerprint


def other_keys(layer: Layer, decisions: Decisions, *, written: bool = False) -> Iterator[OtherKey]:
    """Yield the keys in a layer that stand in the place of decided ones.

    Args:
        layer: as it is on disk.
        decisions: may be incomplete.
        written: whether the decided keys are in the files; until then, a key whose replacement was confirmed
            doesn't count.
    """
    account = layer.location.account
    for name in (*decisions.of(account).add, *decisions.rekeying):
        key, person = decisions.keys.get(name), layer.person(name)
        file = person.key_file if person else f"keys/{name}"
        present = layer.files.keys.get(file or "")
        if key is None or file is None or present is None or (account in key.resets and not written):
            continue
        if not holds(present, key.text.encode()) and (person or name not in decisions.rekeying):
            fingerprint = fingerprint_in(present)
            there = f"the key {grouped(fingerprint)}" if fingerprint else "something that isn't a key"
            own = grouped(key.fingerprint) or "another one"
            reset = key.resets.get(account)
            yield OtherKey(
                name,
                file,
                fingerprint,
                f"{account} {file} {fingerprint} {key.fingerprint}",
                f"{file} in {account} has {there}. The key you added for {name} is {own}.",
                reset is not None,
                reset is not None and reset.present == fingerprint != "",
            )


def with_keys_in_place(layer: Layer, decisions: Decisions, known: Container[tuple[str, str]]) -> Decisions:
    """Return the decisions with the keys in the layer that are `known` as theirs in place of decided ones."""
    keys = {
        other.name: replace(
            decisions.keys[other.name],
            text=layer.files.keys[other.file].decode(),
            fingerprint=other.fingerprint,
        )
        for other in other_keys(layer, decisions)
        if other.known_by in known
    }
    return replace(decisions, keys={**decisions.keys, **keys})


def _has_key(layer: Layer, file: str | None, text: str) -> bool:
    """Return whether a layer's file holds this key, in any wrapping that the provider reads."""
    present = layer.files.keys.get(file or "")
    return present is not None and holds(present, text.encode())


def expired(context: Context) -> list[str]:
    """Return people whose expired key is still needed, by IAM name.

    Where the session has applied everything, the key was used in time; its owner can still decrypt with it.
    """
    now = context.environment.now()
    keys = context.decisions.keys.items()
    gone = [name for name, key in keys if key.expires and moment(key.expires, "expires") <= now]
    return [name for name in gone if not applied_everywhere(name, context)]


def rejected(context: Context) -> list[str]:
    """Return people whose key is still needed and turned out not to be theirs, by IAM name."""
    return [name for name in context.decisions.rejected if not applied_everywhere(name, context)]


def applied_everywhere(name: str, context: Context) -> bool:
    """Return whether every account of somebody's was applied; the step's own never counts as applied."""
    applied = context.of_each_item("applied").keys() - {context.item}
    return {*accounts_of([name], context.facts)[name]} <= applied


def _join(
    layer: Layer, name: str, text: str, move: Move, here: LayerDecisions, before: Sequence[AddPerson]
) -> Iterator[Operation]:
    person = layer.person(name)
    if person is None:
        file = f"keys/{name}"
        if _has_key(layer, file, text):  # a changed file would reset the passwords of everybody who uses it
            text = layer.files.keys[file].decode()
        new = AddPerson(name, text, move.add, machine=is_machine_name(name), leaving=here.remove)
        yield _sharing(layer, new, before)
        return
    if person.key_file and not _has_key(layer, person.key_file, text):
        yield ReplaceKey(name, text)
    yield from _regroup(layer, name, move, here.groups.rename)


def _sharing(layer: Layer, new: AddPerson, before: Sequence[AddPerson]) -> AddPerson:
    """Let a joining machine user share the key file of another with the same key, if the layer can name it.

    Args:
        layer: as it is on disk.
        new: the user who joins.
        before: users who join with them and are added first.
    """
    if not new.machine or f"keys/{new.name}" in layer.files.keys:
        return new
    if shared := _shared(layer, new):
        return shared
    for other in before:
        if other.machine and not other.shared_key and holds(other.key_text.encode(), new.key_text.encode()):
            with suppress(EditRefused):  # the layer reports this itself
                return _shared(read_files(layer.location, other.apply(layer)), new) or new
    return new


def _shared(layer: Layer, new: AddPerson) -> AddPerson | None:
    """Return a joining machine user with the file of one that has the same key; None if there is none."""
    named = Counter(posixpath.basename(path) for path in layer.files.keys)
    for other in layer.people:
        alike = other.machine and _has_key(layer, other.key_file, new.key_text)
        if alike and named[other.key_name] == 1:  # the file name alone identifies it
            shared = replace(new, shared_key=other.key_name)
            with suppress(EditRefused):
                if not any(problem.fatal for problem in replace(shared, groups=()).check(layer)):
                    return shared
    return None


def _regroup(layer: Layer, name: str, move: Move, rename: Mapping[str, str]) -> Iterator[Operation]:
    person = layer.person(name)
    there = {rename.get(group, group).casefold() for group in person.groups} if person else set()
    add = tuple(group for group in move.add if group.casefold() not in there)
    remove = tuple(group for group in move.remove if group.casefold() in there)
    if add or remove:
        yield SetGroups(name, add, remove)


def _replaced_key(layer: Layer, name: str, key: DecidedKey) -> Iterator[Operation]:
    """Return the new key's operation where its resets were confirmed; elsewhere the file holds it already."""
    person = layer.person(name)
    there = _has_key(layer, person.key_file if person else None, key.text)
    if layer.location.account in key.resets and not there:
        yield ReplaceKey(name, key.text)


def _access_operations(layer: Layer, users: LayerUsers) -> Iterator[Operation]:
    """Yield switches and key file names that differ, except for people who leave."""
    for name, switches in users.access.items():
        person = layer.person(name)
        wanted = {fact: value for fact, value in switches.items() if getattr(person, fact, None) is not value}
        if wanted and name not in users.remove:
            yield SetAccess(name, **wanted)
    for name, file in users.key_files.items():
        person = layer.person(name)
        if name not in users.remove and (person is None or person.key_name != file):
            yield RenameKeyFile(name, file)


def _account_operations(layer: Layer, changes: SettingChanges) -> Iterator[Operation]:
    settings = layer.account
    if changes.alias and not (settings and settings.alias and settings.alias.value == changes.alias):
        yield SetSetting(ALIAS, changes.alias)
    now = {setting.name: setting.value for setting in settings.policy} if settings else {}
    for attribute, value in changes.policy.items():
        if now.get(attribute) != value:
            yield SetSetting(attribute, value)


def _group_operations(layer: Layer, changes: GroupChanges) -> Iterator[Operation]:
    """Yield the operations on groups themselves, in a workable order."""
    old_names = {new: old for old, new in changes.rename.items() if layer.group(old)}
    for old, new in changes.rename.items():
        if layer.group(old) or not layer.group(new):
            yield RenameGroup(old, new)
    for group in changes.add:
        if not layer.group(group.name) and group.name not in old_names:
            yield AddGroup(group.name, group.sibling)
    siblings = {group.name: group.sibling for group in changes.add}
    for name, change in changes.policies.items():
        there = _policies_of(layer, name, old_names, siblings)
        # Additions first, so that no list is ever empty.
        yield from (AddGroupPolicy(name, arn) for arn in change.add if arn not in there)
        yield from (RemoveGroupPolicy(name, policy) for policy in change.remove if policy in there)
    yield from (RemoveGroup(name) for name in changes.remove if layer.group(name))


def _policies_of(
    layer: Layer, name: str, old_names: Mapping[str, str], siblings: Mapping[str, str]
) -> tuple[str, ...]:
    """Return a group's policies on disk; for a new group, its sibling's."""
    left = dict(siblings)
    while (found := layer.group(old_names.get(name, name))) is None and name in left:
        name = left.pop(name)
    return found.policies if found else ()
