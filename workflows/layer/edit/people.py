"""Add or remove a person or a machine user: entry, key file, groups and outputs.

Also switch a person's console password or access key on or off, if the layer has a switch for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tree_sitter import Node

from workflows.core.sentences import Problem, Sentence, listed
from workflows.hcl.document import Document, remembered
from workflows.hcl.lists import entry_keys, out_of_order
from workflows.hcl.values import fields_at, quote
from workflows.layer.edit.account import least_length, lengthened
from workflows.layer.edit.cloning import replacing
from workflows.layer.edit.groups import add_member, remove_member
from workflows.layer.edit.key_files import (
    check_key_text,
    key_data,
    key_goes,
    refuse_binary,
    sharing_key,
    why_not_shared,
    with_key_text,
)
from workflows.layer.edit.operation import (
    OF_PEOPLE,
    Change,
    check_joined,
    check_known_person,
    facts_of,
    find_person,
    key_facts,
    person_fact,
    refuse,
    refuse_mentioned,
    text_in_no_group,
    with_attribute,
)
from workflows.layer.edit.outputs import (
    NewOutputs,
    add_entries,
    most_have_outputs,
    outputs_to_join,
    plan_outputs,
    remove_outputs,
    siblings_of,
)
from workflows.layer.edit.styles import (
    BlockStyle,
    Declarations,
    ListStyle,
    NewDeclaration,
    ObjectStyle,
    without_block,
)
from workflows.layer.files import FileSet
from workflows.layer.model import Group, Layer, Owner, Person, Place, Style, place_of
from workflows.layer.names import check_name
from workflows.layer.read.declarations import (
    SWITCHED,
    SWITCHES,
    UserModule,
    attribute_of,
    field_behind,
    module_of,
    name_in,
    switched_off,
    user_modules,
)
from workflows.layer.read.instances import shortened
from workflows.layer.read.layer import read_files
from workflows.layer.read.references import mentions

_FIRST_BY_HAND = (
    "Write the first user's module by hand, or get the last one back from git (git log -p). iam-onboard "
    "adds later users in the same way."
)


class _Plan(NamedTuple):
    """How a person is added.

    Attributes:
        declared: the declaration.
        siblings: the people whose outputs are the example.
        wants_outputs: whether outputs are wanted and most siblings have some.
        outputs: the outputs; None without an example.
        joined: the labels of the collecting outputs that get an entry.
    """

    declared: NewDeclaration
    siblings: Sequence[Person]
    wants_outputs: bool
    outputs: NewOutputs | None
    joined: Sequence[str]


@dataclass(frozen=True)
class AddPerson:
    """Add a person.

    Attributes:
        name: the IAM user name.
        key_text: the exact content of the key file, a public PGP key.
        groups: the names of the groups to join.
        machine: True for a machine user: an access key and no console password.
        outputs: True adds the same outputs as the siblings', if at least half of them have any.
        shared_key: the name of an existing key file for a machine user to share, which stays unchanged
            whatever `key_text` holds; "" for a new key file.
        leaving: IAM names that a later operation removes; they cause no warning.
    """

    name: str
    key_text: str
    groups: tuple[str, ...] = ()
    machine: bool = False
    outputs: bool = True
    shared_key: str = ""
    leaving: tuple[str, ...] = ()

    def check(self, layer: Layer) -> list[Problem]:
        """Return what is wrong with the name, the groups or the key."""
        place = _commented_at(layer.files, self.name)
        comment = f"{self.name} is in a comment at {place}, which stays: check whether you still need it."
        folder = f"{self.name} can't name a key file: it is a folder's name."
        problems = [
            *check_name(self.name, "user", [person.iam_name for person in layer.people]),
            *check_joined(layer, self.groups, self.name, machine=self.machine),
            *check_key_text(self.key_text),
            *([Problem(folder, "name")] if self.name in {".", ".."} else []),
            *([Problem(comment, "name", fatal=False)] if place else []),
        ]
        if any(problem.fatal for problem in problems):
            return problems
        if left := self._left_of_an_edit(layer):
            return [*problems, left]
        if not self.groups and not self.taken_in_by(layer):
            problems.append(Problem(text_in_no_group(self.name, machine=self.machine), "groups", fatal=False))
        return [*problems, *self._check_shared_key(layer), *self._check_plan(layer)]

    def _left_of_an_edit(self, layer: Layer) -> Problem | None:
        """Return a problem if lines refer to the person already, as after a partly reverted edit."""
        owner = _plan(layer, self).declared.person.owner
        places = [] if _is_taken(layer, owner) else list(map(str, mentions(layer.files, *owner)))
        if not places:
            return None
        return Problem(
            f"Lines of an earlier edit still refer to {self.name}: {listed(places, 5)}. Bring the rest of "
            "that edit back (git stash pop, git checkout), or delete these lines.",
            "name",
        )

    def _check_shared_key(self, layer: Layer) -> Iterator[Problem]:
        path = str(_plan(layer, self).declared.person.key_file)
        if self.shared_key and path not in layer.files.keys:
            yield Problem(f"There is no key file {path} in {layer.location.relative}.", "key")
        if self.shared_key and (why := why_not_shared(layer, path, machine=self.machine)):
            yield Problem(why, "key")

    def _check_plan(self, layer: Layer) -> Iterator[Problem]:
        plan = _plan(layer, self)
        declared, planned = plan.declared, plan.outputs
        names = [sibling.iam_name for sibling in declared.among or declared.siblings]
        exception = out_of_order(names)
        odd = names[exception] if exception is not None else ""
        gone = {person.declaration for person in map(layer.person, self.leaving) if person}
        warnings = (
            (
                planned is None and plan.wants_outputs and any(output.person for output in layer.outputs),
                (
                    "iam-onboard adds no outputs: none are labelled after a user's name, so there is no "
                    "pattern to follow."
                ),
                "outputs",
            ),
            (
                self.outputs and not layer.people,
                (
                    f"iam-onboard adds no outputs: {layer.location.relative} has no user whose outputs it "
                    "could follow. Write the first user's by hand, or get them back from git (git log -p)."
                ),
                "outputs",
            ),
            (
                declared.copied,
                (
                    f"{self.name} gets {', '.join(declared.copied)} from {declared.sibling}: check whether "
                    "it fits."
                ),
                "name",
            ),
            (
                odd and odd not in gone,
                (
                    f"The users around {self.name} are in alphabetical order, except {odd}. {odd} stays "
                    f"where it is; {self.name} goes by the alphabet."
                ),
                "name",
            ),
        )
        yield from (Problem(message, field, fatal=False) for applies, message, field in warnings if applies)
        taken = {output.name for output in layer.outputs}
        for kind, (label, *_) in planned.facts if planned is not None else ():
            if kind == "outputs" and label in taken:
                yield Problem(f"There is already an output {label}; add the user without outputs.", "outputs")
        if _is_taken(layer, declared.person.owner):
            label = declared.person.declaration
            yield Problem(f"{label} is taken in this layer; choose another name.", "name")

    def taken_in_by(self, layer: Layer) -> tuple[str, ...]:
        """Return the groups whose computed members would include the person.

        Raises:
            EditRefused: as for `apply`.
        """
        if not any(group.followed or group.computed for group in layer.groups):
            return ()
        person = read_files(layer.location, self.apply(layer)).person(self.name)
        joined = {group.casefold() for group in self.groups}
        return tuple(group for group in (person.groups if person else ()) if group.casefold() not in joined)

    def apply(self, layer: Layer) -> FileSet:
        """Return the files with the person added.

        Raises:
            EditRefused: no list or map of the layer fits the person, or the key file belongs to somebody
                else.
        """
        plan = _plan(layer, self)
        person, siblings, outputs = plan.declared.person, plan.siblings, plan.outputs
        files = layer.files.with_document(plan.declared.edit())
        if not self.shared_key:
            path = str(person.key_file)
            sharing = sharing_key(layer, path)
            if sharing and files.keys.get(path) != key_data(files, path, self.key_text):
                raise refuse(
                    f"{path} is the key of {', '.join(sharing)}.", "A key file that is in use stays."
                )
            files = with_key_text(files, path, self.key_text)
        if outputs and files.documents[outputs.document] is not layer.files.documents[outputs.document]:
            outputs = plan_outputs(files, person, siblings)  # the declaration changed the same file
        if outputs:
            files = files.spliced(files.documents[outputs.document], [outputs.splice])
        if self.outputs:
            files = add_entries(files, person, siblings)
        labels = {group.label for group in self._joined(layer)}
        files = add_member(files, labels, person.owner, self.name)
        if self.machine or not least_length(layer):
            return files
        return lengthened(read_files(layer.location, files), self.name)

    def intend(self, layer: Layer) -> Change:
        """Return the change: one more person."""
        plan = _plan(layer, self)
        path = str(plan.declared.person.key_file)
        present = layer.files.keys.get(path)
        key = key_data(layer.files, path, self.key_text) if not self.shared_key else present
        return Change(
            key_facts(path, present),
            [
                person_fact(plan.declared.person),
                *key_facts(path, key),
                *(plan.outputs.facts if plan.outputs else ()),
                *(("members", (group.label, self.name)) for group in self._joined(layer)),
                *(("entries", (label, self.name)) for label in plan.joined),
            ],
        )

    def _joined(self, layer: Layer) -> list[Group]:
        wanted = {group.casefold() for group in self.groups}
        return [group for group in layer.groups if group.name.casefold() in wanted]


@remembered
def _plan(layer: Layer, wanted: AddPerson) -> _Plan:
    """Plan how to add a person, once for checking, editing and comparing."""
    style = style_for(layer, wanted.name, machine=wanted.machine)
    declared = style.plan(wanted.name, machine=wanted.machine, key_file=wanted.shared_key)
    followed = layer.person(declared.sibling) if declared.sibling else None
    if not wanted.shared_key:
        block = module_of(layer.files, followed.module).block if followed else style.module.block
        refuse_binary(wanted.name, block)
    person = declared.person
    siblings = siblings_of(layer, person, declared.siblings)
    wants = wanted.outputs and most_have_outputs(layer.files, siblings)
    outputs = plan_outputs(layer.files, person, siblings) if wants else None
    joined = outputs_to_join(layer.files, person, siblings) if wanted.outputs else []
    return _Plan(declared, siblings, wants, outputs, joined)


def _is_taken(layer: Layer, owner: Owner) -> bool:
    """Return whether a declaration is taken: by a person's entry, or by any module of that label."""
    label, key = owner
    return any(person.owner == owner for person in layer.people) or (
        key is None and any(module.label == label for module in layer.files.blocks_of("module"))
    )


def style_for(layer: Layer, name: str, *, machine: bool) -> Declarations:
    """Choose the declarations for a new person: of those that fit, the one with most users of that kind.

    Args:
        machine: whether it is a machine user.

    Raises:
        EditRefused: none fits; the error has the place to edit by hand.
    """
    kind = "machine user" if machine else "user"
    modules = [(module, switched_off(module.block, layer.names)) for module in user_modules(layer.files)]
    usable = [module for module, off in modules if not off]
    judged = [(style, style.refusal(machine=machine)) for style in _styles(layer, usable)]
    fitting = [style for style, why in judged if why is None]
    if fitting:  # of equals, a list for this kind is better than one that can be adapted; else the first
        return max(
            fitting, key=lambda style: (len(style.of_kind(machine=machine)), isinstance(style, ListStyle))
        )
    if others := [(style, why) for style, why in judged if why]:
        style, why = others[-1]
        what = f"The {kind} {name} can't be added to {layer.location.relative}."
        raise refuse(what, f"{why}.", style.place)
    broken = layer.files.broken
    raise refuse(
        f"{name} can't be added: {layer.location.relative} has no list for a {kind}.",
        f"{broken.name} has {broken.broken}." if broken else _why_none(layer, modules),
        Place(broken.name, broken.broken_at) if broken else None,
        _FIRST_BY_HAND,
    )


def _why_none(layer: Layer, modules: Sequence[tuple[UserModule, str]]) -> Sentence:
    """Explain why no module fits a new person, if no module gave a reason."""
    if modules and all(off for _, off in modules):
        module, off = modules[0]
        return f"The Terraform module “{module.label}” makes no user: {off}."
    resources = layer.files.blocks_of("resource")
    single = next((block for block in resources if block.header[1:2] == ("aws_iam_user",)), None)
    if single is not None and not modules:
        return (
            f"Its users are resources, as at {place_of(single)}, and iam-onboard edits only users that "
            "modules make."
        )
    return "No module there makes such users."


def _styles(layer: Layer, modules: Sequence[UserModule]) -> list[Declarations]:
    single = tuple(module for module in modules if module.style is Style.BLOCK)
    return [
        *(
            ObjectStyle(layer, (module,)) if module.holds_objects else ListStyle(layer, (module,))
            for module in modules
            if module.style is not Style.BLOCK
        ),
        *([BlockStyle(layer, single)] if single else []),
    ]


def _commented_at(files: FileSet, name: str) -> Place | None:
    """Return the first comment that contains a quoted name, or None."""
    found = (
        Place(document.name, document.data.count(b"\n", 0, start) + 1)
        for document in files.documents.values()
        for start, node in document.nodes_with(quote(name))
        if node.type == "comment"
    )
    return next(found, None)


_LONGEST = 200
"""Maximum characters of a value, which may be a module's address."""


@dataclass(frozen=True)
class RemovePerson:
    """Remove a person.

    Attributes:
        name: the IAM user name.
    """

    name: str

    def check(self, layer: Layer) -> Iterator[Problem]:
        """Yield what is wrong with the name, and warnings about leftovers or later users without an example.

        Raises:
            EditRefused: as for `apply`.
        """
        yield from check_known_person(layer, self.name)
        if (person := layer.person(self.name)) is not None and person.editable:
            yield from (Problem(remark, "name", fatal=False) for remark in self._remarks(layer, person))

    def _remarks(self, layer: Layer, person: Person) -> Iterator[Sentence]:
        if person.key_file in layer.files.linked:
            yield f"{person.key_file} stays: a symbolic link leads to it, so other layers may use it."
        yield from _last_of_a_kind(layer, person)

    def apply(self, layer: Layer) -> FileSet:
        """Return the files without the person; a key file that others use stays.

        Raises:
            EditRefused: one of the person's groups cannot be edited, or something else refers to the person.
        """
        return _removed(layer, self.name)

    def intend(self, layer: Layer) -> Change:
        """Return the change: no fact of the person."""
        person = find_person(layer, self.name)
        path, goes = str(person.key_file), key_goes(layer, person)
        facts = (
            fact
            for fact in facts_of(layer).elements()
            if fact[0] in OF_PEOPLE and fact[1][1] == person.iam_name
        )
        return Change(
            [person_fact(person), *facts, *key_facts(path, layer.files.keys.get(path) if goes else None)]
        )


@remembered
def _removed(layer: Layer, name: str) -> FileSet:
    """Remove a person from the files, once for checking and editing."""
    person = find_person(layer, name)
    what = f"{person.iam_name} can't be removed."
    inside = [group for group in layer.groups if person.iam_name in group.members]
    joined = [group for group in inside if person.iam_name not in group.followed]
    for group in joined:
        if not group.editable:
            raise refuse(
                what,
                f"It is in the group {group.name}, whose members iam-onboard can't edit: {group.reason}.",
                group.place,
            )
    files = remove_member(layer.files, {group.label for group in joined}, person)
    files = remove_outputs(files, person.owner)
    files = _undeclared(files, person)
    if key_goes(layer, person):
        files = files.with_key(str(person.key_file), None)
    refuse_mentioned(what, layer.files, files, person.owner)
    return files


def _last_of_a_kind(layer: Layer, person: Person) -> Iterator[Sentence]:
    """Yield the settings of the last user of a kind, since later users will have no example."""
    single = person.style is Style.BLOCK
    alike = (sibling for sibling in layer.people if sibling.style is person.style)
    kin = [sibling for sibling in alike if single or sibling.module == person.module]
    module = module_of(layer.files, person.module)
    entry = module.entry(person.declaration)
    attributes = module.block.attributes if single else fields_at(module.document, entry) if entry else {}
    if len(kin) > 1 or not attributes:
        return
    sets = [
        f"{name} = {shortened(attribute.document, attribute.value, _LONGEST)}"
        for name, attribute in attributes.items()
        if name not in {"name", "pgp_key"}
    ]
    key = f" The key file {person.key_file} {'is deleted' if key_goes(layer, person) else 'stays'}."
    yield (
        f"{person.iam_name} is the last user, so a later one has no example. Keep a note of these "
        f"settings: {', '.join(sets)}.{key if person.key_file else ''}"
    )


def _undeclared(files: FileSet, person: Person) -> FileSet:
    """Remove every declaration of a person."""
    if person.style is Style.BLOCK:
        return without_block(files, person)
    return files.without_entries(
        lambda files: (
            (module.document, module.container, keys.index(person.declaration))
            for module in user_modules(files)
            if module.label == person.module and module.container is not None
            if person.declaration in (keys := entry_keys(module.document, module.container))
        )
    )


@dataclass(frozen=True)
class SetAccess:
    """Switch a person's login profile or access key on or off; None keeps the current value.

    Attributes:
        name: the IAM user name.
        login_profile: whether the user gets a console password.
        access_key: whether the user gets an access key.
    """

    name: str
    login_profile: bool | None = None
    access_key: bool | None = None

    def check(self, layer: Layer) -> Iterator[Problem]:
        """Yield what is wrong with the name, and warnings about secrets that are lost."""
        yield from check_known_person(layer, self.name)
        person = layer.person(self.name)
        if person is None or not person.editable:
            return
        for fact, secret in (("login_profile", "console password"), ("access_key", "access key")):
            if getattr(self, fact) is False and getattr(person, fact) is not False:
                yield Problem(
                    f"The {secret} of {person.iam_name} is deleted at the next apply.", fact, fatal=False
                )

    def apply(self, layer: Layer) -> FileSet:
        """Return the files with the switches set.

        Raises:
            EditRefused: the layer has one switch for all users, or an expression.
        """
        person = find_person(layer, self.name)
        files = layer.files
        for fact, wanted in self._wanted(person).items():
            files = _switched(replace(layer, files=files), person, fact, wanted=wanted)
        return files

    def intend(self, layer: Layer) -> Change:
        """Return the change: the switches set."""
        person = find_person(layer, self.name)
        return Change([person_fact(person)], [person_fact(person._replace(**self._wanted(person)))])

    def _wanted(self, person: Person) -> dict[str, Any]:
        return {
            fact: wanted
            for fact in SWITCHES
            if (wanted := getattr(self, fact)) is not None and wanted is not getattr(person, fact)
        }


def _switched(layer: Layer, person: Person, fact: str, *, wanted: bool) -> FileSet:
    own = own_switch(layer, person, fact)
    text = str(wanted).lower()
    if own is not None:
        document, node = own
        return layer.files.spliced(document, [replacing(node, text)])
    block = module_of(layer.files, person.module).block
    kin = tuple(name_in(block, switch) for switch in SWITCHES.values())
    return layer.files.with_document(with_attribute(block, name_in(block, SWITCHES[fact]), text, after=kin))


def own_switch(layer: Layer, person: Person, fact: str) -> tuple[Document, Node] | None:
    """Find where a person's switch is written; None if the block relies on the module's default.

    Raises:
        EditRefused: the module has one switch for all users, or it is an expression.
    """
    module = module_of(layer.files, person.module)
    document, block, attribute = module.document, module.block, SWITCHES[fact]
    what = f"The {SWITCHED[fact]} can't be changed for {person.iam_name} alone."
    if module.style is Style.BLOCK:
        found = attribute_of(block, attribute)
        if found is not None and found.value.type != "bool_lit":
            raise refuse(what, "It is an expression.", place_of(found))
        return (document, found.value) if found is not None else None
    field = field_behind(block, attribute)
    if field is None:
        raise refuse(
            what,
            f"The Terraform module “{module.label}” has one setting for all its users.",
            place_of(block.attributes.get(attribute) or block),
        )
    entry = module.entry(person.declaration)
    value = fields_at(document, entry).get(field) if entry is not None else None
    if value is None or value.value.type != "bool_lit":
        raise refuse(what, f"Its entry doesn't set {field} to true or false.", person.place)
    return document, value.value
