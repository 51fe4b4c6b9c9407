"""Change the account alias and the password policy, and compare the passwords that modules make with it.

AWS rejects a short password only in the middle of an apply, when the user already exists
(`PasswordPolicyViolation`). Both numbers are in the files: the policy's minimum in the account's settings, a
password's length in its module's `password_length`, or else in the module's default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from workflows.core.sentences import Problem
from workflows.hcl.document import Attribute, Block
from workflows.hcl.values import fields_at, quote, value_of
from workflows.layer.edit.cloning import replacing
from workflows.layer.edit.operation import Change, EditRefused, facts_of, refuse, with_attribute
from workflows.layer.files import FileSet, read_documents
from workflows.layer.model import Layer, Person, Setting, Style, place_of
from workflows.layer.names import ALIAS, POLICY_ATTRIBUTES, check_account_alias, check_password_policy
from workflows.layer.read.declarations import account_module, field_behind, module_of


@dataclass(frozen=True)
class SetSetting:
    """Set the account alias or an attribute of the password policy, if the layer has a plain value for it.

    A missing policy attribute is added after the others.

    Attributes:
        name: `ALIAS`, or one of `POLICY_ATTRIBUTES`.
        value: the alias, an integer or a boolean.
    """

    name: str
    value: str | int | bool

    def check(self, layer: Layer) -> list[Problem]:
        """Return what is wrong with the value, or why it cannot be set here."""
        if self.name == ALIAS:
            problems = check_account_alias(str(self.value))
        else:
            problems = [*check_password_policy(self.name, self.value), *self._rejected(layer)]
        account = layer.account
        settings = (account.alias, *account.policy) if account else ()
        setting = next((known for known in settings if known and known.name == self.name), None)
        if setting is None and account is not None and account.editable and self.name != ALIAS:
            return problems
        return problems + _check_setting(layer, setting, self.name)

    def _rejected(self, layer: Layer) -> Iterator[Problem]:
        """Warn if AWS would then reject the passwords that the layer makes."""
        least = self.value if self.name == LEAST and least_length(layer) is not None else None
        if isinstance(least, int) and (short := shortest_password(layer, least)) is not None:
            yield Problem(short.warning, self.name, fatal=False)

    def apply(self, layer: Layer) -> FileSet:
        """Return the files with the value set.

        Raises:
            EditRefused: the layer has no account module.
        """
        block = account_module(layer.files)
        if block is None:
            where = layer.location.relative
            raise refuse(f"{where} doesn't set the account's settings.", "It has no module for them.")
        text = quote(self.value) if isinstance(self.value, str) else str(self.value).lower()
        if attribute := block.attributes.get(self.name):
            edited = block.document.splice([replacing(attribute.value, text)])
        else:
            edited = with_attribute(block, self.name, text, after=POLICY_ATTRIBUTES)
        return layer.files.with_document(edited)

    def intend(self, layer: Layer) -> Change:
        """Return the change: the new value."""
        lost = [fact for fact in facts_of(layer) if fact[0] == "settings" and fact[1][0] == self.name]
        return Change(lost, [("settings", (self.name, self.value))])


def _check_setting(layer: Layer, setting: Setting | None, name: str) -> list[Problem]:
    if layer.account is None:
        return [Problem(f"{layer.location.relative} has no module for the account's settings.", name)]
    place = layer.account.place
    if not layer.account.editable:
        message = f"iam-onboard can't edit the account's settings; see {place}."
    elif setting is None:
        message = f"The layer doesn't set {name}; add it by hand at {place}."
    elif not setting.literal:
        place = setting.place
        message = f"{name} is the expression {setting.source}, which iam-onboard leaves alone; see {place}."
        if variables := dict.fromkeys(re.findall(r"\b(?:var|local)\.[A-Za-z_][\w-]*", setting.source)):
            message += f" To change it, change the value of {' or '.join(variables)}."
    else:
        return []
    return [Problem(message, name, place=place)]


_ARGUMENT = "password_length"
LEAST = "minimum_password_length"
_BESIDE = ("password_reset_required", "force_destroy", "name")
_OF_MODULE = 20
"""terraform-aws-iam, modules/iam-user, variables.tf: the default of `password_length`."""
_LEAST_OF_MODULE = 8
"""terraform-aws-iam, modules/iam-account: the default of `minimum_password_length`."""


class ShortPassword(NamedTuple):
    """A password that AWS would reject.

    Attributes:
        person: its user.
        length: its length in characters.
        least: the minimum in the account's policy.
        argument: the attribute that sets the length; None for the module's default.
        block: the module block.
    """

    person: Person
    length: int
    least: int
    argument: Attribute | None
    block: Block

    @property
    def warning(self) -> str:
        """What to change before such a password is made, if the policy is not in force yet."""
        place = place_of(self.argument or self.block)
        return (
            f"New passwords have {self.length} characters, and AWS would reject them. Set {_ARGUMENT} = "
            f"{self.least} at {place} too, then plan: the plan shows whether that replaces passwords."
        )

    def refusal(self) -> EditRefused:
        """Return an error that says which line to write, and where."""
        place, line = place_of(self.argument or self.block), f"{_ARGUMENT} = {self.least}"
        name, block = self.person.iam_name, self.block.label
        refused = refuse(
            f"AWS would reject the password of {name}: it has {self.length} characters, and the account's "
            f"password policy requires {self.least}.",
            f"The length is set at {place}."
            if self.argument
            else f"Module {block} sets no {_ARGUMENT}, and its default is {self.length}.",
            place,
        )
        where = f"at {place}" if self.argument else f"to module {block} at {place}"
        refused.next = (
            f"{'Write' if self.argument else 'Add the line'}  {line}  {where}, then plan: the plan shows "
            "whether that replaces other people's passwords."
        )
        return refused


def least_length(layer: Layer) -> int | None:
    """Return the minimum length in the layer's password policy; None without a policy."""
    module = account_module(layer.files)
    created = module.attributes.get("create_account_password_policy") if module else None
    if value_of(created, layer.names) in (False, "false"):
        module = None
    policies = (
        block
        for block in layer.files.blocks_of("resource")
        if block.header[1:2] == ("aws_iam_account_password_policy",)
    )
    block = module or next(policies, None)
    found = block.attributes.get(LEAST) if block else None
    if found is None:
        return _LEAST_OF_MODULE if module else None
    return _number(value_of(found, layer.names))


def short_passwords(layer: Layer, names: Iterable[str]) -> tuple[ShortPassword, ...]:
    """Return the passwords that AWS would reject among some people's; computed lengths are ignored."""
    least = least_length(layer)
    people = map(layer.person, names) if least else ()
    return _shorter(layer, filter(None, people), least or 0)


def shortest_password(layer: Layer, least: int) -> ShortPassword | None:
    """Return the shortest password in a layer that a policy with this minimum would reject, or None."""
    return min(_shorter(layer, layer.people, least), key=lambda short: short.length, default=None)


def _shorter(layer: Layer, people: Iterable[Person], least: int) -> tuple[ShortPassword, ...]:
    having = (person for person in people if person.login_profile is not False)
    return tuple(short for person in having if (short := _short(layer, person, least)) is not None)


def lengthened(layer: Layer, name: str) -> FileSet:
    """Return the files with a new user's password long enough for the policy.

    If the module is shared with others who have passwords, nothing is edited, since theirs could change too.

    Args:
        layer: the layer with the new declaration.
    """
    files = layer.files
    for short in short_passwords(layer, (name,)):
        person, argument, block = short.person, short.argument, short.block
        sharers = [
            sharer for sharer in layer.people if sharer.module == person.module and sharer is not person
        ]
        shared = any(sharer.login_profile is not False for sharer in sharers)
        own = block.item
        in_block = argument is None or (
            argument.document is block.document and own.start_byte <= argument.node.start_byte < own.end_byte
        )
        if shared and in_block:
            continue
        if argument is None:
            files = files.with_document(with_attribute(block, _ARGUMENT, str(short.least), after=_BESIDE))
        elif argument.value.type == "numeric_lit":
            files = files.spliced(argument.document, [replacing(argument.value, str(short.least))])
    return files


def _short(layer: Layer, person: Person, least: int) -> ShortPassword | None:
    module = module_of(layer.files, person.module)
    argument = module.block.attributes.get(_ARGUMENT)
    if argument is None:
        length: int | None = _default(module.block, layer.location.path)
    else:
        entry = module.entry(person.declaration) if person.style is not Style.BLOCK else None
        fields = fields_at(module.document, entry) if entry is not None and entry.children else {}
        values = {f"each.value.{name}": value_of(field, layer.names) for name, field in fields.items()}
        length = _number(value_of(argument, {**layer.names, **values, "each.key": person.declaration}))
        argument = fields.get(field_behind(module.block, _ARGUMENT) or "", argument)
    if length is None or length >= least:
        return None
    return ShortPassword(person, length, least, argument, module.block)


def _default(block: Block, folder: Path) -> int | None:
    """Return a module's default `password_length`; a local module defines it in its own variables."""
    source = (block.source_of("source") or "").strip('"')
    if not source.startswith("."):
        return _OF_MODULE
    for document in read_documents(folder / source, re.compile(_ARGUMENT.encode())):
        for variable in document.blocks_of("variable"):
            if variable.label == _ARGUMENT and "default" in variable.attributes:
                return _number(value_of(variable.attributes["default"], {}))
    return _OF_MODULE


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
