"""Adding a person or a machine user: its entry, its key file, its groups and its outputs."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workflows.errors import Problem
from workflows.layer.declarations import KEY, VALUE, constants, template, user_modules
from workflows.layer.facts import PersonFacts, facts_of
from workflows.layer.names import check_user_name
from workflows.layer.operations.base import check_groups, refuse
from workflows.layer.operations.entries import aligned_as, entry_keys
from workflows.layer.operations.keys import check_key_text, same_key
from workflows.layer.operations.membership import add_member
from workflows.layer.operations.person_outputs import add_outputs, plan_outputs
from workflows.layer.read_people import flags_of, is_machine
from workflows.layer.sequences import insert_entry, position_for
from workflows.layer.values import quote

if TYPE_CHECKING:
    from workflows.layer.declarations import UserModule
    from workflows.layer.facts import Facts
    from workflows.layer.files import FileSet
    from workflows.layer.model import Layer
    from workflows.layer.operations.person_outputs import NewOutputs


@dataclass(frozen=True)
class AddPerson:
    """Add a person.

    Attributes:
        name: the IAM user name.
        key_text: the public PGP key as the key file will hold it, byte for byte.
        groups: the groups to join, by name.
        machine: True for a machine user: an access key and no console password.
        outputs: True gives the outputs that the siblings have, if at least half of them have any.
    """

    name: str
    key_text: str
    groups: tuple[str, ...] = ()
    machine: bool = False
    outputs: bool = True

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the name, the groups or the key."""
        problems = check_user_name(self.name, [one.iam_name for one in layer.people])
        problems += check_groups(layer, self.groups, machine=self.machine)
        problems += check_key_text(self.key_text)
        if not self.groups:
            message = "A user in no group can sign in and do next to nothing."
            problems.append(Problem(message, "groups", fatal=False))
        if problems and any(one.fatal for one in problems):
            return problems
        planned = self._planned(layer)
        if planned is None and self._wants_outputs(layer, _module_for(layer, machine=self.machine)):
            present = any(one.person for one in layer.outputs)
            message = (
                "No outputs are added: nobody's are labelled after the name, so there is none to follow."
            )
            problems += [Problem(message, "outputs", fatal=False)] if present else []
        taken = {one.name for one in layer.outputs}
        problems += [
            Problem(f"There is an output {one.name} already; add the user without outputs.", "outputs")
            for one in (planned.facts if planned else ())
            if one.name in taken
        ]
        return problems

    def apply(self, layer: Layer) -> FileSet:
        """The files with the person added.

        Raises:
            EditRefused: no list or map of the layer can take the person, or its key file is somebody else's.
        """
        module = _module_for(layer, machine=self.machine)
        files = _with_entry(layer.files, module, self.name)
        path = _key_path(layer, module, self.name)
        present = files.keys.get(path)
        data = self.key_text.encode()
        if present is None or not same_key(present, data):
            sharing = [one.iam_name for one in layer.people if one.key_file == path]
            if sharing:
                raise refuse(
                    f"{path} is the key of {', '.join(sharing)}.", "A key file that is in use is kept."
                )
            files = files.with_key(path, data)
        labels = _labels(layer, self.groups)
        files = add_member(files, labels, (module.label, self.name), self.name)
        if not self._wants_outputs(layer, module):
            return files
        return add_outputs(files, module.label, self.name, self.name)

    def intend(self, layer: Layer) -> Facts:
        """The facts with one person more."""
        facts = facts_of(layer)
        names = constants(layer.files, layer.location.variables)
        module = _module_for(layer, machine=self.machine)
        path = _key_path(layer, module, self.name)
        data = self.key_text.encode()
        present = layer.files.keys.get(path)
        login_profile, access_key = flags_of(module, names)
        person = PersonFacts(module.label, self.name, path, login_profile, access_key)
        joined = {one.casefold() for one in self.groups}
        planned = self._planned(layer)
        return replace(
            facts,
            people={**facts.people, self.name: person},
            groups={
                name: replace(group, members=tuple(sorted([*group.members, self.name])))
                if name.casefold() in joined
                else group
                for name, group in facts.groups.items()
            },
            outputs=tuple(sorted([*facts.outputs, *(planned.facts if planned else ())])),
            keys={**facts.keys, path: present if present is not None and same_key(present, data) else data},
        )

    def _planned(self, layer: Layer) -> NewOutputs | None:
        module = _module_for(layer, machine=self.machine)
        if not self._wants_outputs(layer, module):
            return None
        return plan_outputs(layer.files, module.label, self.name, self.name)

    def _wants_outputs(self, layer: Layer, module: UserModule) -> bool:
        siblings = {one.iam_name for one in layer.people if one.module == module.label}
        having = {one.person for one in layer.outputs if one.person in siblings}
        return self.outputs and len(having) * 2 >= len(siblings)


def _labels(layer: Layer, groups: tuple[str, ...]) -> set[str]:
    wanted = {one.casefold() for one in groups}
    return {one.label for one in layer.groups if one.name.casefold() in wanted}


def _module_for(layer: Layer, *, machine: bool) -> UserModule:
    """The module that a new person goes to.

    Raises:
        EditRefused: none can take one.
    """
    names = constants(layer.files, layer.location.variables)
    kind = "machine user" if machine else "user"
    refusal = refuse(
        f"{layer.location.relative} has no list that a {kind} could be added to.",
        "No module there makes such users.",
    )
    for module in user_modules(layer.files):
        if is_machine(module, flags_of(module, names)) != machine:
            continue
        if module.reason:
            why = f"In module {module.label} {module.reason}."
            refusal = refuse(f"The {kind} cannot be added to {layer.location.relative}.", why, module.place)
        elif template(module, "name", names) not in {KEY, VALUE}:
            why = f"The module {module.label} makes names of its own from the entries."
            refusal = refuse(f"The {kind} cannot be added to {layer.location.relative}.", why, module.place)
        else:
            return module
    raise refusal


def _key_path(layer: Layer, module: UserModule, name: str) -> str:
    names = constants(layer.files, layer.location.variables)
    text = template(module, "pgp_key", names)
    if text is None:
        why = f"The module {module.label} does not read its PGP key from a file of the layer."
        raise refuse(f"The key of {name} has no place in {layer.location.relative}.", why, module.place)
    return posixpath.normpath(text.replace(KEY, name).replace(VALUE, name))


def _with_entry(files: FileSet, module: UserModule, name: str) -> FileSet:
    container, document = module.container, module.document
    if container is None:
        raise refuse(f"{name} cannot be added.", "There is no list to add to.", module.place)
    keys = entry_keys(document, container)
    text = quote(name) if container.type == "tuple" else f"{quote(name)} = {quote(name)}"
    edited = document.splice(insert_entry(document, container, text, position_for(keys, name)))
    return files.with_document(aligned_as(document, edited, container.start_byte))
