"""Reading the account alias and the password policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workflows.layer.declarations import account_module, place_of, uneditable
from workflows.layer.model import AccountSettings, Setting
from workflows.layer.names import POLICY_NUMBERS, POLICY_SWITCHES
from workflows.layer.values import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workflows.layer.document import Attribute
    from workflows.layer.files import FileSet

POLICY_ATTRIBUTES: Final = (
    "create_account_password_policy",
    "minimum_password_length",
    "require_lowercase_characters",
    "require_uppercase_characters",
    "require_numbers",
    "require_symbols",
    "max_password_age",
    "password_reuse_prevention",
    "hard_expiry",
    "allow_users_to_change_password",
)
"""The password policy's attributes of terraform-aws-iam, modules/iam-account."""

_LITERALS = {"string_lit", "numeric_lit", "bool_lit", "null_lit"}


def read_account(files: FileSet, names: Mapping[str, object]) -> AccountSettings | None:
    """The account's settings, or None when the layer has no module for them.

    Args:
        files: the layer's files.
        names: constant names and their values, from `constants`.
    """
    block = account_module(files)
    if block is None:
        return None
    alias = block.attributes.get("account_alias")
    return AccountSettings(
        label=block.label,
        alias=_setting(alias, names) if alias else None,
        policy=tuple(
            _setting(one, names) for one in block.attributes.values() if one.name in POLICY_ATTRIBUTES
        ),
        editable=not uneditable(files, block.document, block),
        place=place_of(block),
    )


def _setting(attribute: Attribute, names: Mapping[str, object]) -> Setting:
    value = evaluate(attribute.document, attribute.value, names)
    return Setting(
        name=attribute.name,
        value=_meant(attribute.name, value) if isinstance(value, str | int | float | bool) else None,
        source=attribute.document.text(attribute.value),
        literal=attribute.value.type in _LITERALS,
        place=place_of(attribute),
    )


def _meant(name: str, value: str | float | bool) -> str | float | bool:  # noqa: FBT001 - a setting's value
    """What Terraform makes of text where it wants a number or a switch, as layers for 0.11 have it."""
    if name in POLICY_SWITCHES and value in ("true", "false"):
        return value == "true"
    is_number = name in POLICY_NUMBERS and isinstance(value, str) and value.isascii() and value.isdecimal()
    return int(value) if is_number else value
