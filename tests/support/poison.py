"""Hostile texts that control a terminal or hide, and the places in a project that can contain them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

POISON = "\x1b]52;c;UE9JU09O\x07\x1b]2;OWNED\x07\x9b31m\x7f\u202e\u200b\U000e0041\r\x1b[5m"
"""A text that sets the clipboard and the title, changes colours, deletes, reverses and hides text."""
LAYER = "security/global/base-identities"


def _replaced(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Return a function that replaces a text in a file of the project."""

    def poison(root: Path) -> None:
        file = root / path
        text = file.read_text()
        assert old in text, f"{path} has no {old!r} any more"
        file.write_text(text.replace(old, new), newline="")

    return poison


def _named(path: str) -> Callable[[Path], None]:
    """Return a function that adds a file with an odd name to the project."""

    def poison(root: Path) -> None:
        (root / path).write_text("x")

    return poison


USERS = "security/global/base-identities/locals.tf"


def places(poison: str = POISON) -> Mapping[str, Callable[[Path], None]]:
    """Return place -> function that puts the text there; HCL rejects a carriage return in strings."""
    return {
        "project": _replaced("config/common.tfvars", '= "bb"', f'= "bb{poison}"'),
        "project_long": _replaced("config/common.tfvars", '"binbash"', f'"bin{poison}"'),
        "email": _replaced("config/common.tfvars", "aws+shared@", f"aws{poison}@"),
        "account id": _replaced("config/common.tfvars", '"222222222222"', f'"222{poison}"'),
        "account name": _replaced("config/common.tfvars", "apps-prd = {", f'"apps{poison}" = {{'),
        "region": _replaced("config/common.tfvars", '"us-west-2"', f'"us-west-2{poison}"'),
        "profile": _replaced("security/config/backend.tfvars", '"bb-security-devops"', f'"bb{poison}"'),
        "binary": _replaced("build.env", "TF_BINARY=terraform", f"TF_BINARY=terra{poison}"),
        "user": _replaced(USERS, '"dana.lopez"', f'"dana{poison}", "dana.lopez"'),
        "alias": _replaced(f"{LAYER}/account.tf", "account_alias", f"# {poison}\n  account_alias"),
        "damage": _replaced(f"{LAYER}/users.tf", "module", f"{poison} module"),
        "comment": _replaced(f"{LAYER}/users.tf", "# People", f"# People {poison}"),
        "key file": _named(f"{LAYER}/keys/ev{poison}il"),
        "layer file": _named(f"{LAYER}/ev{poison}il.tf"),
    }
