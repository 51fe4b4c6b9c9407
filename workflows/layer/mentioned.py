"""Regions and accounts that a project's files mention, in any account and layer.

Layers refer to others (a group's policy in `security` names an account by `var.accounts.NAME`, a remote state
names another account's profile and bucket), so removing something from one file can break another layer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import OWN_LIMIT, cause_of, load_file
from workflows.hcl.document import Document
from workflows.layer.files import refuse_outside
from workflows.layer.model import Place
from workflows.layer.profile_names import account_in_name
from workflows.layer.project import Project

_HCL = (".tf", ".tofu", ".tfvars", ".config")
_READ = (*_HCL, ".json", ".hcl", ".env", ".example", ".yaml", ".yml")
_NAMED = re.compile(rb'\b(?:\w*profile|bucket|dynamodb_table)"?\s*[=:]\s*"([^"\n]+)"')
"""Attributes whose values contain an account's name: `bb-shared-devops`, `${var.project}-shared-devops`."""


def named_regions(root: Path, regions: Collection[str]) -> tuple[str, ...]:
    """Return the regions that a project's files mention in their text or path, in alphabetical order.

    Args:
        root: the project's root.
        regions: the names to search for, such as `eu-west-1`; an availability zone mentions its region.

    Raises:
        OnboardError: a file or folder cannot be read.
    """
    longest_first = sorted(regions, key=len, reverse=True)
    pattern = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, longest_first))})(?![0-9])".encode())
    found: set[bytes] = set()
    for path, data in _files(root, _READ) if regions else ():
        found.update(pattern.findall(data), pattern.findall(os.fsencode(path.relative_to(root))))
    return tuple(sorted(region.decode() for region in found))


def account_mentions(project: Project, name: str) -> tuple[Place, ...]:
    """Return each place where the project's layers need an account in `accounts`, ignoring comments.

    Such a place is `accounts.NAME`, a path into the account's folder, or a profile, bucket or lock table
    named after it. Each layer in the account's own folder also counts, once (line 1 of its first file).

    Raises:
        OnboardError: a file or folder cannot be read.
    """
    word = re.escape(name)
    key = rf'\.{word}(?![\w-])|\s*\[\s*"{word}"\s*\]|\s*,\s*"{word}"'
    mention = re.compile(rf'\baccounts(?:{key})|["/]{word}/'.encode())
    found: dict[Place, None] = {}
    layers: set[Path] = set()
    for path, data in _files(project.root, _HCL):
        relative = path.relative_to(project.root)
        if relative.parts[0] == name:
            if path.suffix in {".tf", ".tofu"} and path.parent not in layers:
                layers.add(path.parent)
                found[Place(relative.as_posix(), 1)] = None
            continue
        matches = [match.start() for match in mention.finditer(data)]
        matches += [match.start(1) for match in _NAMED.finditer(data) if _is_of(project, match[1], name)]
        document = Document(relative.as_posix(), data) if matches else None
        for start in sorted(matches):
            node = document.root.descendant_for_byte_range(start, start + 1) if document else None
            if node is not None and node.type != "comment":
                found[Place(relative.as_posix(), node.start_point.row + 1)] = None
    return tuple(found)


def _is_of(project: Project, value: bytes, name: str) -> bool:
    """Return whether a profile, bucket or table is named after an account."""
    text = value.decode("utf-8", "replace").replace("${var.project}", project.name)
    account = account_in_name(project, text)
    return account is not None and account.name == name


def _files(root: Path, endings: tuple[str, ...]) -> Iterator[tuple[Path, bytes]]:
    """Yield the project's own files and their bytes by path, except hidden folders (`.git`, `.terraform`)."""

    def refuse(error: OSError) -> None:
        raise OnboardError(
            "Can't read the whole project",
            f"{error.filename} can't be read.",
            why=cause_of(error),
            next="Make it readable, then try again.",
        ) from error

    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if name.endswith(endings) and path.is_file():
                refuse_outside(root, (path,))
                try:
                    yield path, load_file(path, OWN_LIMIT)
                except OSError as error:
                    refuse(error)
