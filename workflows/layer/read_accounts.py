"""Reading the project's accounts from its common variables, as they are written now and until 2021."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workflows.layer.document import Document
from workflows.layer.project import Account
from workflows.layer.values import object_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SINGLE = "_account_id"
"""How the variable of one account ended until 2021: `security_account_id = "…"`, `appsprd_account_id`."""


def read_accounts(values: Mapping[str, object], common: Path, root: Path) -> tuple[Account, ...]:
    """The accounts in the order of the file; empty if it names none.

    Args:
        values: the values of the common variables.
        common: their file.
        root: the project's root, whose folders tell how an account is called.
    """
    declared = values.get("accounts")
    if not isinstance(declared, dict):
        return _single(values, root)
    order = _written_order(common)
    found: list[Account] = []
    for name, one in sorted(declared.items(), key=lambda item: order.get(item[0], len(order))):
        facts = one if isinstance(one, dict) else {}
        found.append(Account(str(name), str(facts.get("email", "")), _identity(facts.get("id", ""))))
    return tuple(found)


def _single(values: Mapping[str, object], root: Path) -> tuple[Account, ...]:
    """The accounts of an older file; one is called as its folder is, or else as its variable."""
    folders = {re.sub("[-_]", "", one.name): one.name for one in sorted(root.iterdir()) if one.is_dir()}
    found = []
    for variable, value in values.items():
        name = variable.removesuffix(SINGLE)
        if name != variable:
            found.append(Account(folders.get(name.replace("_", ""), name), "", _identity(value)))
    return tuple(found)


def _identity(value: object) -> str:
    """An account id as text; one that is written without quotes has lost the zeros it begins with."""
    return f"{value:012d}" if isinstance(value, int) else str(value).strip()


def _written_order(path: Path) -> dict[str, int]:
    """The position of each key of the map in the file; the evaluated map is sorted by name instead."""
    document = Document(path.name, path.read_bytes())
    attribute = document.attributes.get("accounts")
    if attribute is None:
        return {}
    keys = [object_key(document, one) for one in document.elements(attribute.value)]
    return {key: position for position, key in enumerate(keys) if key is not None}
