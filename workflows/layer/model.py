"""A Leverage project and its identities layers, with people, groups, outputs and account, as plain values.

The readers make a `Layer` from files, the screens show it, operations declare how it should be afterwards,
and the editor compares the two. It holds no secrets, only public keys and names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from workflows.core.sentences import OnboardError, Sentence

if TYPE_CHECKING:
    from workflows.hcl.document import Attribute, Block
    from workflows.layer.files import FileSet


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

    def key_of(self, name: str) -> bytes | None:
        """Return somebody's key file, by its usual name if the layer doesn't say which; None without one."""
        person = self.person(name)
        return self.files.keys.get((person.key_file if person else None) or f"keys/{name}")

    def group(self, name: str) -> Group | None:
        """Return the group of that name, ignoring case, or None."""
        wanted = name.casefold()
        return next((group for group in self.groups if group.name.casefold() == wanted), None)

    @property
    def humans(self) -> tuple[Person, ...]:
        """The users who are not machines."""
        return tuple(person for person in self.people if not person.machine)


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account of the project, from `accounts` in `common.tfvars`.

    Attributes:
        name: its name in the project, such as `security`.
        email: the address of its root user, or "".
        id: the 12-digit account id as text, or "" if not in the project yet.
    """

    name: str
    email: str
    id: str


@dataclass(frozen=True, slots=True)
class LockedProvider:
    """The AWS provider that a lock file pins.

    Attributes:
        version: the version, such as `3.39.0`, or "" if the file lacks it.
        registry: the registry in the lock file; None for any other registry.
    """

    version: str
    registry: Literal["terraform", "opentofu"] | None


@dataclass(frozen=True, slots=True)
class LayerLocation:
    """A base-identities layer on disk.

    Attributes:
        account: the account's name in the project.
        path: the layer folder, absolute.
        relative: the layer folder relative to the project's root, with forward slashes.
        account_id: 12 digits, or None if not in the project.
        backend: the values of the account's backend file: `profile`, `bucket`, `region`, `dynamodb_table` …;
            empty if an override file replaces the layer's backend by another kind.
        backend_config: the account's backend file.
        var_files: the `-var-file=` files, in order.
        variables: their merged values; later files win.
        locked: the AWS provider of `.terraform.lock.hcl`, or None without one.
        required_version: the `required_version` of the layer's Terraform block, or None.
        backend_configs: the files for `terraform init -backend-config=`: the backend file, or none.
        named_backend: the type and the settings of its backend, by its files, as init records them.
        region: the first region found in its variables, its backend file or its backend block, or "".
        root: the project's root folder; no link of the layer may lead outside it.
    """

    account: str
    path: Path
    relative: str
    account_id: str | None
    backend: Mapping[str, object]
    backend_config: Path
    var_files: tuple[Path, ...]
    variables: Mapping[str, object] = field(repr=False)
    locked: LockedProvider | None = None
    required_version: str | None = None
    backend_configs: tuple[Path, ...] = ()
    named_backend: Mapping[str, object] = field(default_factory=dict)
    region: str = ""
    root: Path | None = None

    @property
    def profile(self) -> str:
        """The profile that its backend file names, or ""."""
        profile = self.backend.get("profile")
        return profile if isinstance(profile, str) else ""


@dataclass(frozen=True, slots=True)
class Project:
    """A Leverage project.

    Attributes:
        root: its root folder, absolute.
        name: the short name, such as `bb`: the prefix of profiles and the folder under `~/.aws`.
        long_name: the long name, such as `binbash`.
        region_primary: the AWS region of the backend and of most resources, from the common variables or else
            from the first layer with a region; or "".
        region_secondary: the other region, or "".
        regions_allowed: the regions that the project permits; may be empty.
        accounts: in the order of `common.tfvars`.
        build_env: the settings of `build.env`.
        binary: `TF_BINARY` of `build.env`, or None.
        mfa_enabled: `MFA_ENABLED` of `build.env`.
        sso_enabled: `sso_enabled` of `common.tfvars`: IAM users are then the exception.
        layers: management first, then security, then the others by name.
        warnings: sentences about oddities that stop nothing.
        left_out: why a layer can't be used, by account.
    """

    root: Path
    name: str
    long_name: str
    region_primary: str
    region_secondary: str
    regions_allowed: tuple[str, ...]
    accounts: tuple[Account, ...]
    build_env: Mapping[str, str]
    binary: str | None
    mfa_enabled: bool
    sso_enabled: bool
    layers: tuple[LayerLocation, ...]
    warnings: tuple[Sentence, ...]
    left_out: Mapping[str, OnboardError] = field(default_factory=dict, compare=False)

    def account(self, name: str) -> Account | None:
        """Return the account of that name, or None."""
        return next((account for account in self.accounts if account.name == name), None)

    def region_of(self, account: str) -> str:
        """Return the region of an account's layer, or else the project's."""
        layer = self.layer(account)
        return (layer.region if layer else "") or self.region_primary

    def layer(self, account: str) -> LayerLocation | None:
        """Return the layer of that account, or None."""
        return next((layer for layer in self.layers if layer.account == account), None)
