"""Read the groups of a layer: their members as IAM names, and their policies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from workflows.core.sentences import Sentence
from workflows.hcl.document import Attribute, Block
from workflows.hcl.values import evaluate, object_key, plain_string, text_of
from workflows.layer.files import FileSet
from workflows.layer.model import Finding, Group, Owner, Person, Subject, place_of
from workflows.layer.read.declarations import (
    attribute_of,
    group_modules,
    name_in,
    overridden,
    uneditable,
)
from workflows.layer.read.instances import Entry, computed_entries
from workflows.layer.read.people import not_shown
from workflows.layer.read.references import Reference, read_reference

_EVERYBODY = re.compile(
    r"\[ ?for (?:\w+, ?)?(\w+) in module\.([\w-]+) ?: ?(\w+)(?:\.\w+|\[\"\w+\"\]) ?\]"
    r"|values\(module\.([\w-]+)\)\[\*\](?:\.\w+|\[\"\w+\"\])"
    r"|module\.([\w-]+)(?:\[\*\]|\.\*)(?:\.\w+|\[\"\w+\"\])"
)
"""Matches a list of all users of one module."""
POLICY_LISTS = ("custom_group_policy_arns", "policies", "group_policy_arns")
"""Lists of managed policies in terraform-aws-iam, modules/iam-group-with-policies, the usual one first."""


def read_groups(
    files: FileSet, names: Mapping[str, object], people: Mapping[Owner, Person]
) -> tuple[tuple[Group, ...], list[Finding]]:
    """Return the groups in file order, and the findings about them.

    Args:
        files: the layer's files.
        names: constant names and their values, from `constants`.
        people: the layer's people by owner, from `read_people`.
    """
    findings: list[Finding] = []
    machine_names = {person.iam_name for person in people.values() if person.machine}
    groups = []
    for block in group_modules(files):
        lacks = "name" not in block.names and name_in(block, "group_users") not in block.names
        named = f"The Terraform module “{block.label}”"
        reason = f"{named} has neither a name nor members, so its groups aren't shown."
        if (unshown := not_shown(block, names, Subject.GROUP, reason if lacks else "")) is not None:
            findings.append(unshown)
            continue
        members, followed, why, computed = _members(files, block, people, findings)
        if why:
            message = f"iam-onboard can't edit the members of group module {block.label}: {why}."
            place = place_of(attribute_of(block, "group_users") or block)
            findings.append(Finding(message, place, Subject.MEMBER, group=block.label, hand_edit=True))
        groups.append(
            Group(
                name=text_of(block.attributes.get("name"), names) or block.label,
                label=block.label,
                members=tuple(members),
                machine=_is_machine(block.label, members, machine_names),
                policies=tuple(_policies(block, names)),
                editable=not why,
                place=place_of(block),
                reason=why,
                followed=followed,
                computed=computed,
            )
        )
    return tuple(groups), findings


def _members(
    files: FileSet, block: Block, people: Mapping[Owner, Person], findings: list[Finding]
) -> tuple[list[str], frozenset[str], Sentence, bool]:
    """Return the members, those that follow their declaration, why none can be edited, and if computed."""
    why = uneditable(files, block.document, block)
    computed = overridden(files, block) is not None
    if "for_each" in block.attributes or "count" in block.attributes:
        why = why or "the block repeats"
    attribute = attribute_of(block, "group_users")
    if attribute is None:
        return [], frozenset(), why or f"it has no {name_in(block, 'group_users')} list", computed
    node = attribute.value
    everybody = _EVERYBODY.fullmatch(" ".join(block.document.text(node).split()))
    if everybody is not None and everybody[1] == everybody[3]:
        label = everybody[2] or everybody[4] or everybody[5]
        members = [person.iam_name for person in people.values() if person.module == label]
        return members, frozenset(members), why or "the list is computed", True
    entries, unknown = computed_entries(files, block.document, node)
    if node.type != "tuple":
        computed = True
        why = why or f"the list is computed{f', and who is in {unknown} is unknown' if unknown else ''}"
    members = []
    followed: set[str] = set()
    for entry in entries:
        document, element = entry.document, entry.node
        reference = _instance(entry) if entry.instance_of else read_reference(document, element)
        if reference is None:
            why, computed = why or f"the entry at line {entry.place.line} is computed", True
        elif not reference.module:
            members.append(str(reference.key))
        elif reference.owner in people:
            person = people[reference.owner]
            members.append(person.iam_name)
            if entry.instance_of and entry.place == person.place:
                followed.add(person.iam_name)
        else:
            text = document.text(element)
            message = f"The group {block.label} names {text}, which no user module declares."
            findings.append(Finding(message, entry.place, Subject.GROUP, block.label, hand_edit=True))
    twice = {member for member, number in Counter(members).items() if number > 1}
    own = members if node.type == "tuple" else list(dict.fromkeys(members))
    return own, frozenset(followed - twice), why, computed


def _instance(entry: Entry) -> Reference | None:
    """Return the module instance that a `for` derives from an entry's name."""
    read_key = object_key if entry.key_only else plain_string
    key = read_key(entry.document, entry.node)
    return Reference(entry.instance_of, key, "") if key is not None else None


def _is_machine(label: str, members: list[str], machine_names: set[str]) -> bool:
    if members:
        return sum(member in machine_names for member in members) * 2 > len(members)
    return any(word in label for word in ("machine", "deploy", "robot", "bot_"))


def _policies(block: Block, names: Mapping[str, object]) -> list[str]:
    found: list[str] = []
    for attribute in policy_lists(block):
        if attribute.value.type == "tuple":
            for element in block.document.elements(attribute.value):
                value = evaluate(block.document, element, names)
                found.append(value if isinstance(value, str) else block.document.text(element))
        else:
            found.append(block.document.text(attribute.value))
    return found


def policy_lists(block: Block) -> list[Attribute]:
    """Return the attributes of a group's module that list its managed policies."""
    return [block.attributes[name] for name in POLICY_LISTS if name in block.attributes]
