"""Read the people and machine users of a layer, in any style, and its groups with members and policies."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from workflows.core.sentences import Sentence
from workflows.hcl.document import Attribute, Block
from workflows.hcl.values import (
    UNKNOWN,
    evaluate,
    fields_of,
    object_key,
    plain_string,
    plain_strings,
    plain_value,
    text_of,
    value_of,
)
from workflows.layer.files import FileSet
from workflows.layer.model import Finding, Group, Owner, Person, Place, Style, Subject, place_of
from workflows.layer.read.declarations import (
    KEY,
    VALUE,
    UserModule,
    attribute_of,
    group_modules,
    name_in,
    overridden,
    switched_off,
    template,
    uneditable,
    user_modules,
)
from workflows.layer.read.instances import Entry, computed_entries
from workflows.layer.read.references import Reference, read_reference

_LONGEST_NAME = 200
"""Maximum bytes of an expression evaluated as a name; a longer one may be nested too deeply."""
_LONGEST_OBJECT = 2000
"""Maximum bytes of an object evaluated as a person."""
_DEFAULT_OF_MODULE = True
"""terraform-aws-iam, modules/iam-user creates login profile and access key unless they are switched off."""


def read_people(files: FileSet, names: Mapping[str, object]) -> tuple[dict[Owner, Person], list[Finding]]:
    """Return the people by owner, in file order, and the findings about them.

    Args:
        files: the layer's files.
        names: constant names and their values, from `constants`.
    """
    people: dict[Owner, Person] = {}
    findings: list[Finding] = []
    for module in user_modules(files):
        lacks = module.style is Style.BLOCK and "name" not in module.block.names
        why = (
            f"The Terraform module “{module.label}” has no name, so its users aren't shown." if lacks else ""
        )
        if (unshown := not_shown(module.block, names, Subject.USER, why)) is not None:
            findings.append(unshown)
            continue
        if module.reason:
            findings.append(_not_edited(module, module.reason))
        elif (
            module.container is not None
            and not module.holds_objects
            and template(module, "name", names) not in {KEY, VALUE}
        ):
            findings.append(_not_edited(module, "it makes names of its own"))
        found: Iterable[Person] = _from_entries(module, names)
        if module.style is Style.BLOCK or _is_one(module, names):
            name = template(module, "name", names)
            found = [_person(module, module.label, name, names, place_of(module.block))]
        elif module.style is Style.COMPUTED:
            found = {
                person.owner: person for person in found
            }.values()  # joined lists may name somebody twice
        for person in found:
            if person.owner in people:
                message = f"{person.iam_name} is declared twice."
                findings.append(Finding(message, person.place, Subject.USER, person.iam_name, hand_edit=True))
            people.setdefault(person.owner, person)
    return people, findings


def not_shown(block: Block, names: Mapping[str, object], subject: Subject, lacks: Sentence) -> Finding | None:
    """Return a finding about a module block that isn't shown: it is switched off or lacks something.

    Args:
        names: constant names and their values, from `constants`.
        subject: what the module would make.
        lacks: a sentence about what is missing, or "".
    """
    off = switched_off(block, names)
    message = f"The Terraform module “{block.label}” makes no {subject}: {off}." if off else lacks
    return Finding(message, place_of(block), subject, block.label, hand_edit=not off) if message else None


def _not_edited(module: UserModule, why: Sentence) -> Finding:
    return Finding(
        f"iam-onboard can't edit the users of module {module.label}: {why}.",
        module.place,
        Subject.USER,
        module.label,
        hand_edit=True,
    )


def _is_one(module: UserModule, names: Mapping[str, object]) -> bool:
    """Return whether a module has `count = 1`."""
    return value_of(module.block.attribute("count"), names) in (1, "1")


def _from_entries(module: UserModule, names: Mapping[str, object]) -> Iterator[Person]:
    """Yield the people of a list or map, except objects with a field that switches them off."""
    flags = flags_of(module, names)
    name_text = template(module, "name", names)
    key_text = _path(template(module, "pgp_key", names))
    machine = is_machine(module, flags)
    editable = not module.reason and name_text in {KEY, VALUE}
    for entry, key, value in _entries(module, names):
        if key and isinstance(value, dict):
            fields = {f"each.value.{field}": content for field, content in value.items()}
            bound = {**names, "each.key": key, **fields}
            if not switched_off(module.block, bound):
                name = text_of(module.block.attributes.get("name"), bound)
                yield _person(module, key, name, bound, entry.place)
        elif key:
            shown = value if isinstance(value, str) else ""
            yield Person(
                _fill(name_text, key, shown) or key,
                key,
                module.label,
                _fill(key_text, key, shown),
                *flags,
                machine,
                (),
                module.style,
                editable,
                entry.place,
            )


def _entries(module: UserModule, names: Mapping[str, object]) -> Iterator[tuple[Entry, str | None, object]]:
    """Yield the people's entries with the key and value that the module sees; None for an unknown key."""
    container, entries = module.container, module.source.entries
    strings = plain_strings(module.document, container) if container and container.type == "tuple" else None
    for position, entry in enumerate(entries):
        document, node = entry.document, entry.node
        text = strings[position] if strings is not None else None
        if entry.key_field:
            yield entry, *_of_a_field(module, entry, names)
        elif text is None and node.type == "object_elem":
            key = object_key(document, node)
            value: object = key if entry.key_only else plain_string(document, node.children[2])
            yield entry, key, evaluate(document, node.children[2], names) if value is None else value
        else:
            if text is None:
                short = node.end_byte - node.start_byte <= _LONGEST_NAME
                value = evaluate(document, node, names) if short else UNKNOWN
                text = value if isinstance(value, str) else None
            yield entry, text, text


def _of_a_field(module: UserModule, entry: Entry, names: Mapping[str, object]) -> tuple[str | None, object]:
    """Return key and value of a list's object with a key field: the value is the object, or just the key."""
    short = entry.node.end_byte - entry.node.start_byte <= _LONGEST_OBJECT
    value = evaluate(entry.document, entry.node, names) if short else UNKNOWN
    key = value.get(entry.key_field) if isinstance(value, dict) else None
    return (key, value if fields_of(module.block) else key) if isinstance(key, str) else (None, None)


def _person(
    module: UserModule, declaration: str, name: str | None, names: Mapping[str, object], place: Place
) -> Person:
    flags = flags_of(module, names)
    key_file = _path(template(module, "pgp_key", names))
    return Person(
        name or declaration,
        declaration,
        module.label,
        key_file,
        *flags,
        is_machine(module, flags, name or "", key_file),
        (),
        module.style,
        not module.reason and name is not None,
        place,
    )


def flags_of(module: UserModule, names: Mapping[str, object]) -> tuple[bool | None, bool | None]:
    """Return whether a module makes a login profile and an access key; None if computed."""
    return (
        _flag(module, "create_iam_user_login_profile", names),
        _flag(module, "create_iam_access_key", names),
    )


def _flag(module: UserModule, attribute: str, names: Mapping[str, object]) -> bool | None:
    block = module.block
    name = name_in(block, attribute)
    if name not in block.names:
        return _DEFAULT_OF_MODULE
    value = plain_value(block.plain_values[name], names) if block.plain_values is not None else UNKNOWN
    if value is UNKNOWN:
        value = value_of(block.attributes[name], names)
    if value in ("true", "false"):
        return value == "true"  # Terraform converts such text to a boolean
    return value if isinstance(value, bool) else None


def is_machine(
    module: UserModule, flags: tuple[bool | None, bool | None], name: str = "", key_file: str | None = None
) -> bool:
    """Return whether a module makes machine users: keys without passwords, or such names or key files."""
    if flags == (False, True) or module.label.startswith("machine") or name.startswith("machine."):
        return True
    return (key_file or "").rpartition("/")[2].startswith("machine.")


def _fill(text: str | None, key: str, value: str) -> str | None:
    if text is None:
        return None
    return key if text == KEY else text.replace(KEY, key).replace(VALUE, value)


def _path(text: str | None) -> str | None:
    return None if text is None else posixpath.normpath(text)


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
            findings.append(
                Finding(message, entry.place, Subject.MEMBER, text, group=block.label, hand_edit=True)
            )
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
    document = block.document
    nodes = (
        node
        for attribute in policy_lists(block)
        for node in (
            document.elements(attribute.value) if attribute.value.type == "tuple" else [attribute.value]
        )
    )
    return [
        value if isinstance(value := evaluate(document, node, names), str) else document.text(node)
        for node in nodes
    ]


def policy_lists(block: Block) -> list[Attribute]:
    """Return the attributes of a group's module that list its managed policies."""
    return [block.attributes[name] for name in POLICY_LISTS if name in block.attributes]
