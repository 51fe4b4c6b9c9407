"""A Terraform layer's people, groups, outputs and account as plain values.

The readers make a `Layer` from files, the screens show it, operations declare how it should be afterwards,
and the editor compares the two. It holds no secrets, only public keys and names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from workflows.core.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.hcl.document import Attribute, Block
    from workflows.layer.files import FileSet
    from workflows.layer.project import LayerLocation


class Style(StrEnum):
    """How a layer declares its people; the value is the displayed text."""

    LIST = "list of names"
    MACHINE_MAP = "map of machine users"
    VARIABLE_MAP = "map in a variable"
    BLOCK = "a block for each user"
    COMPUTED = "computed"


class Place(NamedTuple):
    """A position in the layer: a file relative to the layer folder, and a line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def place_of(part: Block | Attribute) -> Place:
    """Return the place of a block or attribute."""
    return Place(part.document.name, part.line)


Owner = tuple[str, str | None]
"""The declaration of a person, and the target of a reference: a module's label, and an instance key or
None."""


class Subject(StrEnum):
    """The subject of a finding; the value is the displayed text."""

    USER = "user"
    GROUP = "group"
    MEMBER = "member"
    OUTPUT = "output"
    ACCOUNT = "account"
    FILE = "file"
    KEY = "PGP key"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the layer that a person should know.

    Attributes:
        message: a sentence, without the place.
        place: where it is written.
        subject: the kind of subject; MEMBER for a group's members, KEY for a user without a key file.
        label: the subject's name or block label; "" for several at once.
        group: for MEMBER, the group's label; else "".
        hand_edit: True if it can only be changed by hand, at that place.
        hidden: whether it is commented out.
    """

    message: Sentence
    place: Place
    subject: Subject
    label: str = ""
    group: str = ""
    hand_edit: bool = False
    hidden: bool = False


class Person(NamedTuple):
    """An IAM user of the layer, a human or a machine.

    Attributes:
        iam_name: the user's name in IAM.
        declaration: the list entry, map key or block label that declares it.
        module: the label of the module block, such as `user`.
        key_file: the PGP key's path relative to the layer folder, such as `keys/jane.doe`; None if unknown.
        login_profile: whether the module makes a console password; None if unknown.
        access_key: whether the module makes an access key; None if unknown.
        machine: whether it is a machine user: an access key and no console password, or named like one.
        groups: the IAM names of its groups, in file order.
        style: how it is declared.
        editable: whether the editor can change or remove it.
        place: where it is declared.
    """

    iam_name: str
    declaration: str
    module: str
    key_file: str | None
    login_profile: bool | None
    access_key: bool | None
    machine: bool
    groups: tuple[str, ...]
    style: Style
    editable: bool
    place: Place

    @property
    def key_name(self) -> str:
        """The name of the key file without folders, or "" if unknown."""
        return (self.key_file or "").rpartition("/")[2]

    @property
    def owner(self) -> Owner:
        """The person's declaration."""
        return self.module, None if self.style is Style.BLOCK else self.declaration

    @property
    def kind(self) -> tuple[bool, bool | None, bool | None]:
        """The facts that determine the outputs: whether it is a machine, has a password, an access key."""
        return self.machine, self.login_profile, self.access_key


@dataclass(frozen=True, slots=True)
class Group:
    """An IAM group of the layer.

    Attributes:
        name: the group's name in IAM.
        label: the module block's label.
        members: IAM names in file order.
        machine: whether it is for machine users: most members are, or an empty group is named like one.
        policies: managed policy ARNs, or the source text of references to policies.
        editable: whether the editor can change its members.
        place: where its block begins.
        reason: why the editor can't, as a sentence without a full stop; "" if it can.
        followed: the members from a `for` over the users, who come and go with their declaration.
        computed: whether its members are computed, so that some may be unknown.
    """

    name: str
    label: str
    members: tuple[str, ...]
    machine: bool
    policies: tuple[str, ...]
    editable: bool
    place: Place
    reason: Sentence = ""
    followed: frozenset[str] = frozenset()
    computed: bool = False


class Output(NamedTuple):
    """An output of the layer.

    Attributes:
        name: the output's label.
        person: the IAM name of the one person it concerns, or "".
        attribute: the module's attribute that it returns, such as `iam_user_name`, or "".
        sensitive: whether Terraform hides its value.
    """

    name: str
    person: str
    attribute: str
    sensitive: bool


Constant = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One attribute of the account's module.

    Attributes:
        name: the attribute's name.
        value: its value, evaluated with the project's variables; None if unknown.
        source: the source text of the expression.
        literal: whether it is a plain value that the editor may replace.
        place: where it is written.
    """

    name: str
    value: Constant
    source: str
    literal: bool
    place: Place


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The account alias and the password policy.

    Attributes:
        alias: the account alias, or None if the layer sets none.
        policy: the password policy's attributes that the layer sets, in file order.
        editable: whether the editor can change them.
        place: where the block begins.
    """

    alias: Setting | None
    policy: tuple[Setting, ...]
    editable: bool
    place: Place


@dataclass(frozen=True)
class Layer:
    """A base-identities layer; everything is in file order.

    Attributes:
        location: the folder and everything found about it.
        people: people and machine users.
        groups: the groups.
        outputs: the live outputs.
        hidden_outputs: the outputs that are commented out.
        account: the account's settings, or None if the layer has none.
        findings: what a person should know.
        files: the files that all of this was read from.
        names: the layer's constant names and their values.
    """

    location: LayerLocation
    people: tuple[Person, ...]
    groups: tuple[Group, ...]
    outputs: tuple[Output, ...]
    hidden_outputs: tuple[Output, ...]
    account: AccountSettings | None
    findings: tuple[Finding, ...]
    files: FileSet = field(repr=False, compare=False)
    names: Mapping[str, object] = field(repr=False, compare=False)

    def person(self, name: str) -> Person | None:
        """Return the person of that IAM name, ignoring case, or None."""
        return self._named.get(name.casefold())

    @cached_property
    def _named(self) -> Mapping[str, Person]:
        return {person.iam_name.casefold(): person for person in reversed(self.people)}  # the first one wins

    def group(self, name: str) -> Group | None:
        """Return the group of that name, ignoring case, or None."""
        wanted = name.casefold()
        return next((group for group in self.groups if group.name.casefold() == wanted), None)

    @property
    def humans(self) -> tuple[Person, ...]:
        """The users who are not machines."""
        return tuple(person for person in self.people if not person.machine)
