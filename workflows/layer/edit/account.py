"""Changing the account alias and the password policy, where they are plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from workflows.core.errors import Problem
from workflows.hcl.document import Block
from workflows.hcl.values import quote
from workflows.layer.edit.cloning import replacing
from workflows.layer.edit.operation import Facts, PlacedProblem, facts_of, refuse, with_attribute
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Setting
from workflows.layer.names import check_account_alias, check_password_policy
from workflows.layer.read.declarations import account_module
from workflows.layer.read.layer import POLICY_ATTRIBUTES


@dataclass(frozen=True)
class SetAccountAlias:
    """Set the account alias, where the layer has it as a plain string.

    Attributes:
        alias: the new alias: the first part of the sign-in address.
    """

    alias: str

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the alias, or why it cannot be set here."""
        problems = check_account_alias(self.alias)
        setting = layer.account.alias if layer.account else None
        return problems + _check_setting(layer, setting, "account_alias", "alias")

    def apply(self, layer: Layer) -> FileSet:
        """The files with the alias set.

        Raises:
            EditRefused: the layer has no alias.
        """
        return _set_value(layer, "account_alias", quote(self.alias))

    def intend(self, layer: Layer) -> Facts:
        """The facts with another alias."""
        facts = facts_of(layer)
        return replace(facts, settings={**facts.settings, "account_alias": self.alias})


@dataclass(frozen=True)
class SetPasswordPolicy:
    """Set one attribute of the password policy; one that is not there yet is added after the others.

    Attributes:
        attribute: its name, one of `POLICY_ATTRIBUTES`.
        value: a whole number or a switch.
    """

    attribute: str
    value: int | bool

    def check(self, layer: Layer) -> list[Problem]:
        """What is wrong with the value, or why it cannot be set here."""
        problems = check_password_policy(self.attribute, self.value)
        policy = layer.account.policy if layer.account else ()
        setting = next((setting for setting in policy if setting.name == self.attribute), None)
        if setting is None and layer.account is not None and layer.account.editable:
            return problems
        return problems + _check_setting(layer, setting, self.attribute, self.attribute)

    def apply(self, layer: Layer) -> FileSet:
        """The files with the attribute set.

        Raises:
            EditRefused: the layer has no account module.
        """
        text = str(self.value).lower()
        block = _account_block(layer)
        if self.attribute in block.attributes:
            return _set_value(layer, self.attribute, text)
        return layer.files.with_document(with_attribute(block, self.attribute, text, after=POLICY_ATTRIBUTES))

    def intend(self, layer: Layer) -> Facts:
        """The facts with another value."""
        facts = facts_of(layer)
        return replace(facts, settings={**facts.settings, self.attribute: self.value})


_VARIABLE = re.compile(r"\b(?:var|local)\.[A-Za-z_][\w-]*")


def _check_setting(layer: Layer, setting: Setting | None, name: str, field: str) -> list[Problem]:
    if layer.account is None:
        return [Problem(f"{layer.location.relative} has no module for the account's settings.", field)]
    place = layer.account.place
    if not layer.account.editable:
        message = f"The account's settings are shown, not edited; see {place}."
    elif setting is None:
        message = f"The layer does not set {name}; add it by hand at {place}."
    elif not setting.literal:
        place = setting.place
        message = f"{name} is the expression {setting.source}, which is left alone; see {place}."
        if variables := dict.fromkeys(_VARIABLE.findall(setting.source)):
            message += f" To change it, change the value of {' or '.join(variables)}."
    else:
        return []
    return [PlacedProblem(message, field, place=place)]


def _account_block(layer: Layer) -> Block:
    block = account_module(layer.files)
    if block is None:
        raise refuse(
            f"{layer.location.relative} does not set the account's settings.", "It has no module for them."
        )
    return block


def _set_value(layer: Layer, name: str, text: str) -> FileSet:
    block = _account_block(layer)
    attribute = block.attributes.get(name)
    if attribute is None:
        raise refuse(f"The layer does not set {name}.", "There is no value to change.")
    return layer.files.with_document(block.document.splice([replacing(attribute.value, text)]))
