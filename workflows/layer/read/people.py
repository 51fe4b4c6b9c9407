"""Reading the people and machine users of a layer, whatever style declares them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from workflows.core.sentences import Sentence
from workflows.hcl.values import (
    UNKNOWN,
    evaluate,
    fields_of,
    object_key,
    plain_string,
    plain_strings,
    plain_value,
    text_of,
)
from workflows.layer.files import FileSet
from workflows.layer.model import Finding, Owner, Person, Place, Style, Subject
from workflows.layer.read.declarations import (
    KEY,
    VALUE,
    UserModule,
    name_in,
    place_of,
    switched_off,
    template,
    user_modules,
)
from workflows.layer.read.instances import Entry

_LONGEST_NAME = 200
"""Bytes of an expression that may make a name; what is longer, and may be nested deeply, is none."""
_LONGEST_OBJECT = 2000
"""Bytes of an object that may be a person."""
_DEFAULT_OF_MODULE = True
"""terraform-aws-iam, modules/iam-user: login profile and access key are both made unless switched off."""


def read_people(files: FileSet, names: Mapping[str, object]) -> tuple[dict[Owner, Person], list[Finding]]:
    """The people by what declares them, in the order of the files, and what a person should know of them.

    Args:
        files: the layer's files.
        names: constant names and their values, from `constants`.
    """
    people: dict[Owner, Person] = {}
    findings: list[Finding] = []
    for module in user_modules(files):
        off = switched_off(module.block, names)
        if off:
            message = f"The module {module.label} makes no user: {off}."
            findings.append(Finding(message, place_of(module.block), Subject.USER, module.label))
            continue
        if module.style is Style.BLOCK and "name" not in module.block.names:
            message = f"The module {module.label} has no name: whom it makes is not shown."
            findings.append(
                Finding(message, place_of(module.block), Subject.USER, module.label, hand_edit=True)
            )
            continue
        if module.reason:
            findings.append(_not_edited(module, module.reason))
        elif module.container is not None and not module.holds_objects and not _is_named(module, names):
            findings.append(_not_edited(module, "it makes names of its own"))
        found = _from_entries(module, names)
        if module.style is Style.BLOCK or _is_one(module, names):
            found = iter([_from_block(module, names)])
        elif module.style is Style.COMPUTED:
            found = iter(dict(found).items())  # joined lists may name somebody twice
        for owner, person in found:
            if owner in people:
                message = f"{person.iam_name} is declared twice."
                findings.append(Finding(message, person.place, Subject.USER, person.iam_name, hand_edit=True))
            people.setdefault(owner, person)
    return people, findings


def _not_edited(module: UserModule, why: Sentence) -> Finding:
    return Finding(
        f"The users of module {module.label} are shown, not edited: {why}.",
        module.place,
        Subject.USER,
        module.label,
        hand_edit=True,
    )


def _is_one(module: UserModule, names: Mapping[str, object]) -> bool:
    """Whether a module has a `count`, and it is 1."""
    count = module.block.attributes["count"] if "count" in module.block.names else None
    return count is not None and evaluate(count.document, count.value, names) in (1, "1")


def _is_named(module: UserModule, names: Mapping[str, object]) -> bool:
    """Whether the entries of a list or map are the users' names themselves."""
    return template(module, "name", names) in {KEY, VALUE}


def _from_entries(module: UserModule, names: Mapping[str, object]) -> Iterator[tuple[Owner, Person]]:
    flags = flags_of(module, names)
    name_text = template(module, "name", names)
    key_text = _path(template(module, "pgp_key", names))
    machine = is_machine(module, flags)
    label, style = module.label, module.style
    editable = module.editable and name_text in {KEY, VALUE}
    for entry, key, value in _entries(module, names):
        if not key:
            continue
        place = entry.place
        if isinstance(value, dict):
            person = _from_object(module, key, value, names, place)
            if person is None:
                continue
        else:
            shown = value if isinstance(value, str) else ""
            iam_name = _fill(name_text, key, shown) or key
            key_file = _fill(key_text, key, shown)
            person = Person(iam_name, key, label, key_file, *flags, machine, (), style, editable, place)
        yield (label, key), person


def _entries(module: UserModule, names: Mapping[str, object]) -> Iterator[tuple[Entry, str | None, object]]:
    """What names the people, with the key and the value that the module sees; None for a key not known."""
    container, entries = module.container, module.entries
    strings = plain_strings(module.document, container) if container and container.type == "tuple" else None
    for position, entry in enumerate(entries):
        document, node = entry.document, entry.node
        text = strings[position] if strings is not None else None
        if entry.key_field:
            yield entry, *_of_a_field(module, entry, names)
            continue
        if text is None and node.type == "object_elem":
            key = object_key(document, node)
            if entry.key_only:
                yield entry, key, key
                continue
            value: object = plain_string(document, node.children[2])
            yield entry, key, evaluate(document, node.children[2], names) if value is None else value
        else:
            if text is None:
                short = node.end_byte - node.start_byte <= _LONGEST_NAME
                value = evaluate(document, node, names) if short else UNKNOWN
                text = value if isinstance(value, str) else None
            yield entry, text, text


def _of_a_field(module: UserModule, entry: Entry, names: Mapping[str, object]) -> tuple[str | None, object]:
    """The key and the value of a list's object whose field is the key: the object, or just that name."""
    short = entry.node.end_byte - entry.node.start_byte <= _LONGEST_OBJECT
    value = evaluate(entry.document, entry.node, names) if short else UNKNOWN
    key = value.get(entry.key_field) if isinstance(value, dict) else None
    if not isinstance(key, str):
        return None, None
    return key, value if fields_of(module.block) else key


def _from_object(
    module: UserModule, key: str, value: Mapping[str, object], names: Mapping[str, object], place: Place
) -> Person | None:
    """A person whose entry is an object: the module's attributes are evaluated with its fields.

    Returns:
        The person; None where a field switches it off.
    """
    bound: dict[str, object] = {**names, "each.key": key}
    bound.update({f"each.value.{field}": content for field, content in value.items()})
    if switched_off(module.block, bound):
        return None
    name = text_of(module.block.attributes.get("name"), bound)
    return _person(module, key, name, bound, place)


def _from_block(module: UserModule, names: Mapping[str, object]) -> tuple[Owner, Person]:
    name = template(module, "name", names)
    person = _person(module, module.label, name, names, place_of(module.block))
    return person.owner, person


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
        module.editable and name is not None,
        place,
    )


def flags_of(module: UserModule, names: Mapping[str, object]) -> tuple[bool | None, bool | None]:
    """Whether a module makes a login profile and an access key; None where that is computed."""
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
        value = evaluate(block.document, block.attributes[name].value, names)
    if value in ("true", "false"):
        return value == "true"  # Terraform takes such text for a switch
    return value if isinstance(value, bool) else None


def is_machine(
    module: UserModule, flags: tuple[bool | None, bool | None], name: str = "", key_file: str | None = None
) -> bool:
    """Whether a module makes machine users: keys and no passwords, or names or key files that say so."""
    if flags == (False, True) or module.label.startswith("machine") or name.startswith("machine."):
        return True
    return posixpath.basename(key_file or "").startswith("machine.")


def _fill(text: str | None, key: str, value: str) -> str | None:
    if text is None:
        return None
    return key if text == KEY else text.replace(KEY, key).replace(VALUE, value)


def _path(text: str | None) -> str | None:
    return None if text is None else posixpath.normpath(text)
