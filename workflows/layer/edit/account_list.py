"""The list of accounts in the project's common variables: add one modelled on a sibling, or remove one.

The list belongs to the whole project, so these are no operations on a layer. But the guards are the same: the
file is spliced, read again, and compared with the intent before anything is offered for writing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tree_sitter import Node

from workflows.core.sentences import Problem, Sentence, enumerated, joined
from workflows.hcl.document import Document, Splice
from workflows.hcl.lists import entry_keys, with_entry, without_entry
from workflows.hcl.parsing import load_hcl, parse_hcl
from workflows.hcl.values import fields_at, quote
from workflows.layer.discover import variables_file
from workflows.layer.edit.cloning import Renaming, cloned, replacing
from workflows.layer.edit.operation import EditRefused, refuse
from workflows.layer.edit.run import EditUnsafe
from workflows.layer.mentioned import account_mentions
from workflows.layer.model import Account, Place, Project
from workflows.layer.write import ChangeSet, FileChange

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")


def check_account(project: Project, account: Account) -> list[Problem]:
    """Return what is wrong with a new account for the project's list.

    The id is "" for an account that AWS has not created yet.
    """
    known, email = project.accounts, account.email.casefold()
    same_email = [listed.name for listed in known if email and listed.email.casefold() == email]
    same_id = [listed.name for listed in known if account.id and listed.id == account.id]
    rules = (
        (
            not _NAME.fullmatch(account.name),
            (
                "An account's name has only lower-case letters, digits and single dashes, and begins with "
                "a letter."
            ),
            "name",
        ),
        (
            any(listed.name == account.name for listed in known),
            f"There is already an account {account.name}.",
            "name",
        ),
        (
            not re.fullmatch(r"[^@\s\"]+@[^@\s\"]+\.[^@\s\"]+", account.email),
            "Enter the address of the account's root user.",
            "email",
        ),
        (
            same_email,
            (
                f"The address {account.email} is taken by {enumerated(same_email)}. AWS wants a different "
                "one for each account."
            ),
            "email",
        ),
        (same_id, f"The id {account.id} is taken by {enumerated(same_id)}.", "id"),
        (account.id and not re.fullmatch(r"[0-9]{12}", account.id), "An account id has 12 digits.", "id"),
    )
    return [Problem(message, field) for broken, message, field in rules if broken]


def _wrong(what: Sentence, why: Sentence) -> EditRefused:
    return EditRefused("Can't make this change", what, why=why, next="Change the request and try again.")


def add_account(project: Project, account: Account) -> ChangeSet:
    """Return the changes that add an account after the last one, in the same form.

    Raises:
        EditRefused: the request is wrong, or the file's shape does not allow it.
        EditUnsafe: the result is not what was intended.
    """
    if wrong := [problem.message for problem in check_account(project, account) if problem.fatal]:
        raise _wrong(f"The account {account.name} can't be added.", joined(wrong))
    path, document, container = _list(project)
    entries = document.elements(container)
    sibling = entries[-1]
    last = entry_keys(document, container)[-1]
    changes = _changes(document, sibling, account)
    text = cloned(document, sibling, changes, Renaming(last, account.name)).decode()
    edited = with_entry(document, container, text, len(entries))
    wanted = _values(document.data)
    known = dict(wanted["accounts"])
    number = isinstance(known[last]["id"], int) and _is_number(account.id)
    known[account.name] = {
        **known[last],
        "email": account.email,
        "id": int(account.id) if number else account.id,
    }
    return _change(path, document, edited, {**wanted, "accounts": known})


def remove_account(project: Project, name: str) -> ChangeSet:
    """Return the changes that remove an account that no layer needs.

    Raises:
        EditRefused: there is no such account, it is the last one, layers still need it (the detail lists the
            places, one per line), or the file's shape does not allow it.
        EditUnsafe: the result is not what was intended.
        OnboardError: a file of the project cannot be read.
    """
    path, document, container = _list(project)
    keys = entry_keys(document, container)
    if name not in keys:
        raise _wrong(f"There is no account {name} in {path.name}.", f"The accounts: {', '.join(keys)}.")
    if len(keys) == 1:
        raise _wrong(f"The account {name} stays.", "A project needs at least one account.")
    if mentions := account_mentions(project, name):
        kept = EditRefused(
            "This account is in use",
            f"The account {name} stays.",
            why="The files below still need it; their plans would fail.",
            next="Change or remove these places first; destroy a layer of the account before you remove it.",
            detail="\n".join(map(str, mentions)),
        )
        kept.place = mentions[0]
        raise kept
    edited = without_entry(document, container, keys.index(name))
    wanted = _values(document.data)
    left = {key: value for key, value in wanted["accounts"].items() if key != name}
    return _change(path, document, edited, {**wanted, "accounts": left})


def warnings_of_removal(project: Project, name: str) -> list[Sentence]:
    """Return what a person should know before removing an account from the list."""
    stays = f"The folder {name}, its state and the AWS account stay."
    return [stays] if (project.root / name).is_dir() else []


def _list(project: Project) -> tuple[Path, Document, Node]:
    folder = project.root / "config"
    path = variables_file(folder, "common") or folder / "common.tfvars"
    document = Document(path.name, load_hcl(path))
    attribute = document.attributes.get("accounts")
    where = f"iam-onboard can't edit the accounts in {path.name}."
    if path.is_symlink():
        raise refuse(where, "The file is a symbolic link.", Place(path.name, 1))
    if document.broken:
        raise refuse(where, f"It has {document.broken}.", Place(path.name, document.broken_at))
    if attribute is None and project.accounts:
        single = [
            attribute.line for name, attribute in document.attributes.items() if name.endswith("_account_id")
        ]
        place = Place(path.name, max(single, default=1))
        raise refuse(where, "They are written as single variables, NAME_account_id.", place)
    if attribute is None or attribute.value.type != "object" or not document.elements(attribute.value):
        line = attribute.line if attribute is not None else 1
        raise refuse(where, "`accounts` isn't a map with an entry to follow.", Place(path.name, line))
    return path, document, attribute.value


def _changes(document: Document, entry: Node, account: Account) -> list[Splice]:
    fields, key = fields_at(document, entry), entry.children[0]
    if not {"email", "id"} <= fields.keys():
        place = Place(document.name, entry.start_point.row + 1)
        raise refuse("The account can't be added.", "Its sibling has no email and id to follow.", place)
    number = fields["id"].value.type == "numeric_lit" and _is_number(account.id)
    quoted = document.text(key).startswith('"')
    return [
        replacing(key, quote(account.name) if quoted else account.name),
        replacing(fields["email"].node.children[-1], quote(account.email)),
        replacing(fields["id"].node.children[-1], account.id if number else quote(account.id)),
    ]


def _is_number(identity: str) -> bool:
    """Return whether an account id can go without quotes: a number would lose leading zeros."""
    return bool(identity) and not identity.startswith("0")


def _values(data: bytes) -> dict[str, Any]:
    return parse_hcl(data.decode("utf-8-sig").replace("\r\n", "\n"))


def _change(path: Path, before: Document, after: Document, wanted: dict[str, Any]) -> ChangeSet:
    try:
        same = not after.broken and _values(after.data) == wanted
        detail = "" if same else "the values read back differ"
    except ValueError as error:
        same, detail = False, str(error)
    if not same:
        raise EditUnsafe(
            "The edit was discarded",
            f"{path} wouldn't have said exactly what it should.",
            next="Nothing was written. Make this change by hand, and report it with the lines below.",
            detail=detail,
        )
    return ChangeSet((FileChange("config", path.name, path, before.data, after.data),))
