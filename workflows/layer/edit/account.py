"""Change the account alias and the password policy, if they are plain values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workflows.core.errors import Problem
from workflows.hcl.values import quote
from workflows.layer.edit.cloning import replacing
from workflows.layer.edit.operation import Change, facts_of, refuse, with_attribute
from workflows.layer.edit.password_length import LEAST, least_length, shortest_password
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, Setting
from workflows.layer.names import ALIAS, POLICY_ATTRIBUTES, check_account_alias, check_password_policy
from workflows.layer.read.declarations import account_module


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
