"""Groups: add one modelled on a sibling, remove or rename one, change its policies and its members."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial

from tree_sitter import Node

from workflows.core.sentences import Problem
from workflows.hcl.blocks import insert_after, remove_items
from workflows.hcl.document import Block, Document
from workflows.hcl.lists import (
    position_for,
    realigned,
    uses_trailing_comma,
    with_entry,
    without_entry,
)
from workflows.hcl.values import plain_string, quote
from workflows.layer.edit.cloning import replacing, spellings, spliced
from workflows.layer.edit.operation import (
    Change,
    check_groups,
    check_joined,
    check_known_group,
    check_known_person,
    find_group,
    find_person,
    group_facts,
    refuse,
    refuse_mentioned,
    text_in_no_group,
    with_attribute,
)
from workflows.layer.files import FileSet
from workflows.layer.model import Group, Layer, Owner, Person, place_of
from workflows.layer.names import check_name, check_policy_arn
from workflows.layer.read.declarations import (
    attribute_of,
    group_modules,
    module_of,
    name_in,
    user_modules,
    version_of,
)
from workflows.layer.read.people import POLICY_LISTS, policy_lists
from workflows.layer.read.references import Reference, read_reference, written


@dataclass(frozen=True)
class AddGroup:
    """Add a group with a sibling's source, policies and form, and no members yet.

    Attributes:
        name: the group's name in IAM.
        sibling: the name of the group to copy.
    """

    name: str
    sibling: str

    def check(self, layer: Layer) -> Iterator[Problem]:
        """Yield what is wrong with the name or the sibling."""
        wrong = check_name(self.name, "group", [group.name for group in layer.groups])
        label = self._label(layer) if layer.group(self.sibling) and not wrong else ""
        if any(group.label == label for group in layer.groups if label):
            yield Problem(f"The module label {label} is taken; choose another name.", "name")
        yield from (*wrong, *_check_group(layer, self.sibling, "sibling"))

    def apply(self, layer: Layer) -> FileSet:
        """Return the files with the group added where the alphabet of its kind puts it, or after its sibling.

        Raises:
            EditRefused: the sibling's name is an expression, or its members are computed.
        """
        block, label = _block(layer, self.sibling), self._label(layer)
        document, members = block.document, block.attributes[name_in(block, "group_users")].value
        splices = [
            replacing(block.label_node, quote(label)),
            replacing(_literal_name(block), quote(self.name)),
            replacing(members, "[]"),
        ]
        text = spliced(block.data, splices, block.item.start_byte)
        added = document.splice([insert_after(document, self._followed(layer, block).item, text)])
        new = next(module for module in added.blocks_of("module") if module.label == label)
        aligned = realigned(document, block.attribute_nodes, added, new.attribute_nodes)
        return layer.files.with_document(aligned)

    def intend(self, layer: Layer) -> Change:
        """Return the change: one more group."""
        sibling = find_group(layer, self.sibling)
        return Change(
            gained=group_facts(replace(sibling, name=self.name, label=self._label(layer), members=()))
        )

    def _followed(self, layer: Layer, sibling: Block) -> Block:
        kind = find_group(layer, self.sibling).machine
        home = sibling.document.name
        here = [group for group in layer.groups if group.place.file == home and group.machine is kind]
        here.sort(key=lambda group: group.place.line)
        names = [group.name.casefold() for group in here]
        smaller = bisect_left(names, self.name.casefold())
        return _block(layer, here[smaller - 1].name) if smaller and names == sorted(names) else sibling

    def _label(self, layer: Layer) -> str:
        sibling = find_group(layer, self.sibling)
        old, new = spellings(sibling.name)[0], spellings(self.name)[0]
        return sibling.label.replace(old, new) if old and old in sibling.label else f"iam_group_{new}"


@dataclass(frozen=True)
class RemoveGroup:
    """Remove a group; its members stay users.

    Attributes:
        name: the group's name.
    """

    name: str

    def check(self, layer: Layer) -> Iterator[Problem]:
        """Yield what is wrong with the name; an `Edit` names the users who end in no group."""
        yield from _check_group(layer, self.name, "name")

    def apply(self, layer: Layer) -> FileSet:
        """Return the files without the group's block.

        Raises:
            EditRefused: something else in the layer refers to the group.
        """
        group = find_group(layer, self.name)
        block = _block(layer, self.name)
        files = layer.files.spliced(block.document, remove_items(block.document, [block.item]))
        refuse_mentioned(f"The group {group.name} can't be removed.", layer.files, files, (group.label, None))
        return files

    def intend(self, layer: Layer) -> Change:
        """Return the change: no such group."""
        return Change(lost=group_facts(find_group(layer, self.name)))


@dataclass(frozen=True)
class RenameGroup:
    """Rename a group in IAM; the module's label stays, so Terraform renames instead of replacing.

    Attributes:
        name: the current name.
        new_name: the new name.
    """

    name: str
    new_name: str

    def check(self, layer: Layer) -> list[Problem]:
        """Return what is wrong with either name."""
        taken = [group.name for group in layer.groups if group.name.casefold() != self.name.casefold()]
        return [*_check_group(layer, self.name, "name"), *check_name(self.new_name, "group", taken)]

    def apply(self, layer: Layer) -> FileSet:
        """Return the files with the name changed.

        Raises:
            EditRefused: the name is an expression.
        """
        block = _block(layer, self.name)
        return layer.files.spliced(block.document, [replacing(_literal_name(block), quote(self.new_name))])

    def intend(self, layer: Layer) -> Change:
        """Return the change: another name."""
        group = find_group(layer, self.name)
        return Change(group_facts(group), group_facts(replace(group, name=self.new_name)))


def _check_group(layer: Layer, name: str, field: str) -> Iterator[Problem]:
    yield from check_known_group(layer, name, field)
    same = [group for group in layer.groups if group.name.casefold() == name.casefold()]
    if len(same) > 1:
        yield Problem(
            f"{len(same)} modules declare the group {name}, but AWS has one of a name; see {same[1].place}.",
            field,
            place=same[1].place,
        )
    elif same and not same[0].editable:
        yield Problem(
            f"iam-onboard can't edit the group {name}; see {same[0].place}.", field, place=same[0].place
        )


def _block(layer: Layer, name: str) -> Block:
    """Return the block of the group of that name.

    Raises:
        EditRefused: there is none.
    """
    group = find_group(layer, name)
    return next(
        block
        for block in group_modules(layer.files)
        if block.label == group.label and block.document.name == group.place.file
    )


def _literal_name(block: Block) -> Node:
    attribute = block.attributes.get("name")
    if attribute is None or attribute.value.type != "string_lit":
        what = f"iam-onboard can't change the name of the group module {block.label}."
        raise refuse(what, "It is an expression.", place_of(attribute or block))
    return attribute.value


@dataclass(frozen=True)
class AddGroupPolicy:
    """Attach a managed policy to a group.

    Attributes:
        group: the group's name.
        arn: the policy's ARN.
    """

    group: str
    arn: str

    def check(self, layer: Layer) -> Iterator[Problem]:
        """Yield what is wrong with the group or the ARN."""
        yield from check_known_group(layer, self.group, "group")
        yield from check_policy_arn(self.arn, layer.location.account_id)
        if (group := layer.group(self.group)) is not None and self.arn in group.policies:
            yield Problem(f"{group.name} already has the policy {self.arn}.", "arn")

    def apply(self, layer: Layer) -> FileSet:
        """Return the files with the policy appended to the group's list, which is added if missing.

        Raises:
            EditRefused: the list is computed.
        """
        block = _block(layer, self.group)
        document, attribute = block.document, next(iter(policy_lists(block)), None)
        if attribute is None:
            text = document.newline.decode().join(("[", f"    {quote(self.arn)},", "  ]"))
            return layer.files.with_document(with_attribute(block, POLICY_LISTS[0], text, after=()))
        if attribute.value.type != "tuple":
            raise refuse(
                f"The policies of the group {self.group} are computed.",
                "There is no plain list to add to.",
                place_of(attribute),
            )
        last = len(document.elements(attribute.value))
        return layer.files.with_document(with_entry(document, attribute.value, quote(self.arn), last))

    def intend(self, layer: Layer) -> Change:
        """Return the change: one more policy."""
        return Change(gained=[("policies", (find_group(layer, self.group).label, self.arn))])


@dataclass(frozen=True)
class RemoveGroupPolicy:
    """Detach a policy from a group.

    Attributes:
        group: the group's name.
        policy: its ARN, or the reference as written, as in `Group.policies`.
    """

    group: str
    policy: str

    def check(self, layer: Layer) -> Iterator[Problem]:
        """Yield what is wrong with the group or the policy."""
        yield from check_known_group(layer, self.group, "group")
        group = layer.group(self.group)
        if group is not None and self.policy not in group.policies:
            known = ", ".join(group.policies) or "none"
            yield Problem(f"{group.name} has no policy {self.policy}; it has: {known}.", "policy")

    def apply(self, layer: Layer) -> FileSet:
        """Return the files without the policy.

        Raises:
            EditRefused: it is not an entry of a plain list.
        """
        group, block = find_group(layer, self.group), _block(layer, self.group)
        document = block.document
        for container in (found.value for found in policy_lists(block) if found.value.type == "tuple"):
            for position, entry in enumerate(document.elements(container)):
                if self.policy in {plain_string(document, entry), document.text(entry)}:
                    return layer.files.with_document(without_entry(document, container, position))
        raise refuse(
            f"The policy {self.policy} can't be removed from {group.name}.",
            "It isn't an entry of a plain list.",
            group.place,
        )

    def intend(self, layer: Layer) -> Change:
        """Return the change: one policy fewer."""
        return Change(lost=[("policies", (find_group(layer, self.group).label, self.policy))])


_ATTRIBUTE = "iam_user_name"
"""terraform-aws-iam, modules/iam-user: the output with the user's name."""
_SINCE_PLAIN = 4
"""Before this version of the module, its output names began with `this_`."""
_SINCE_SHORT = 6
"""Since this version, they lack `iam_user_`."""


def add_member(files: FileSet, labels: Collection[str], owner: Owner, name: str) -> FileSet:
    """Add a person to some groups' lists, in the style of the existing members.

    Args:
        files: the layer's files.
        labels: the labels of the group modules, which have plain lists.
        owner: the person's declaration, as `Person.owner`.
        name: the person's IAM name.
    """
    habits = [uses_trailing_comma(block.document, container) for block, container in _lists(files)]
    trailing_comma = habits.count(False) <= habits.count(True)
    edited = files
    for block, _ in _lists(files, labels):
        text, number = _written(files, block, owner, name), block.document.blocks_of("module").index(block)
        document = edited.documents[block.document.name]
        home = document.blocks_of("module")[number]
        container = home.attributes[name_in(home, "group_users")].value
        position = position_for(list(map(document.text, document.elements(container))), text)
        edited = edited.with_document(
            with_entry(document, container, text, position, trailing_comma=trailing_comma)
        )
    return edited


def check_member(layer: Layer, labels: Collection[str], person: Person) -> Iterator[Problem]:
    """Yield why groups' lists can't name a person: one in a counted module has no stable reference."""
    lists = _lists(layer.files, labels) if module_of(layer.files, person.module).source.counted else ()
    for block, _ in lists:
        if _written(layer.files, block, person.owner, person.iam_name) != quote(person.iam_name):
            place = place_of(block)
            yield Problem(
                f"The group module {block.label} names its members by reference, and those of module "
                f"{person.module} have numbers that change. Edit it by hand at {place}.",
                "groups",
                place=place,
            )


def remove_member(files: FileSet, labels: Collection[str], person: Person) -> FileSet:
    """Remove every occurrence of a person from some groups' lists."""
    owners = {person.owner, ("", person.iam_name)}

    def found_in(label: str, files: FileSet) -> Iterator[tuple[Document, Node, int]]:
        for block, container in _lists(files, {label}):
            document = block.document
            for number, element in enumerate(document.elements(container)):
                reference = read_reference(document, element)
                if reference is not None and reference.owner in owners:
                    yield document, container, number

    for label in labels:
        files = files.without_entries(partial(found_in, label))
    return files


def _lists(files: FileSet, labels: Collection[str] | None = None) -> Iterator[tuple[Block, Node]]:
    """Yield the groups whose members are a plain list, with that list; all, or those with some labels."""
    for block in group_modules(files):
        attribute = attribute_of(block, "group_users") if labels is None or block.label in labels else None
        if attribute is not None and attribute.value.type == "tuple":
            yield block, attribute.value


def _written(files: FileSet, block: Block, owner: Owner, name: str) -> str:
    """Return the person's entry for a list, in the style of its members, else of other groups' members."""
    lists = list(_lists(files))
    for module, container in [*(pair for pair in lists if pair[0] is block), *lists]:
        members = module.document.elements(container)[:50]
        found = [read_reference(module.document, element) for element in members]
        references = [reference for reference in found if reference is not None]
        if references and all(not reference.module for reference in references):
            return quote(name)
        if forms := Counter(reference.to(owner) for reference in references if reference.module):
            text = written(forms.most_common(1)[0][0])
            wrapped = sum(1 for element in members if module.document.text(element).startswith('"${'))
            return f'"${{{text}}}"' if wrapped * 2 > len(members) else text
    return written(Reference(*owner, _name_attribute(files, owner[0])))


def _name_attribute(files: FileSet, module: str) -> str:
    """Return the module output with the user's name if no group has one: as elsewhere, or by version."""
    texts = [document.data for document in files.documents.values()]
    for attribute in (_ATTRIBUTE, f"this_{_ATTRIBUTE}"):
        if any(f".{attribute}".encode() in text for text in texts):
            return attribute
    blocks = [declared.block for declared in user_modules(files) if declared.label == module]
    version = (version_of(blocks[0]) if blocks else None) or _SINCE_PLAIN
    if version >= _SINCE_SHORT:
        return "name"
    return f"this_{_ATTRIBUTE}" if version < _SINCE_PLAIN else _ATTRIBUTE


@dataclass(frozen=True)
class SetGroups:
    """Change a person's groups. Joining a group twice, or leaving a group they aren't in, changes nothing.

    Attributes:
        name: the IAM user name.
        add: names of groups to join.
        remove: names of groups to leave.
    """

    name: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def check(self, layer: Layer) -> Iterator[Problem]:
        """Yield what is wrong with the name or the groups."""
        person = layer.person(self.name)
        if person is None:
            yield from check_known_person(layer, self.name)
            return
        yield from check_joined(layer, self.add, person.iam_name, machine=person.machine)
        yield from check_member(layer, {group.label for group in self._changed(layer, person)[0]}, person)
        yield from check_groups(layer, self.remove)
        into, out_of = ({name.casefold() for name in names} for names in (self.add, self.remove))
        for name in sorted(into & out_of):
            yield Problem(f"{name} can't both join and leave.", "groups")
        if not self.add and person.groups and all(group.casefold() in out_of for group in person.groups):
            yield Problem(text_in_no_group(person.iam_name, machine=person.machine), "groups", fatal=False)

    def apply(self, layer: Layer) -> FileSet:
        """Return the files with the group lists changed.

        Raises:
            EditRefused: there is no such person.
        """
        person = find_person(layer, self.name)
        joining, leaving = ({group.label for group in groups} for groups in self._changed(layer, person))
        return add_member(remove_member(layer.files, leaving, person), joining, person.owner, person.iam_name)

    def intend(self, layer: Layer) -> Change:
        """Return the change: other members in these groups."""
        person = find_person(layer, self.name)
        joining, leaving = self._changed(layer, person)
        facts = (fact for group in leaving for fact in group_facts(group))
        return Change(
            [fact for fact in facts if fact[0] == "members" and fact[1][1] == person.iam_name],
            [("members", (group.label, person.iam_name)) for group in joining],
        )

    def _changed(self, layer: Layer, person: Person) -> tuple[list[Group], list[Group]]:
        """Return the groups to join and the groups to leave."""
        add, remove = ({name.casefold() for name in names} for names in (self.add, self.remove))
        inside = [group for group in layer.groups if person.iam_name in group.members]
        outside = [group for group in layer.groups if person.iam_name not in group.members]
        joined = [group for group in outside if group.name.casefold() in add]
        return joined, [group for group in inside if group.name.casefold() in remove]
