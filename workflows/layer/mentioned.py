"""Regions, accounts and AWS profiles that a project's files mention, in any account and layer.

Layers refer to others (a group's policy in `security` names an account by `var.accounts.NAME`, a remote state
names another account's profile and bucket), so removing something from one file can break another layer.

Terraform would report a missing profile only in the middle of a plan. The names are constants once the
project's variables are known (`var.profile`, `"${var.project}-shared-devops"`); a name that only Terraform
can determine is "".
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from workflows.core.files import OWN_LIMIT, cause_of, load_file
from workflows.core.sentences import OnboardError
from workflows.hcl.document import Attribute, Document, unwrap
from workflows.hcl.values import evaluate, fields_at, read_variables, text_of
from workflows.layer.discover import variables_file
from workflows.layer.files import FileSet, read_documents, refuse_outside
from workflows.layer.model import Account, LayerLocation, Place, Project, place_of
from workflows.layer.read.declarations import constants

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
    found: set[bytes] = {
        region
        for path, data in (_files(root, _READ) if regions else ())
        for text in (data, os.fsencode(path.relative_to(root)))
        for region in pattern.findall(text)
    }
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


_SHORT: Final = {"OrganizationAccountAccessRole": "oaar"}
"""Roles with another name in Leverage's profiles."""


def account_profile(project: Project, account: str, role: str) -> str:
    """Return the profile that assumes a role in an account.

    By convention it is `<project>-<account>-<role in lower case>` (`bb-shared-devops`), or `-oaar` for the
    organisation's role. If the account's own `backend.tfvars` has a longer or shorter name for the same role
    (`bb-management-administrator` for Admin), that one is used.

    Args:
        account: the account's name in it.
        role: the role's name in IAM.

    Raises:
        BadVariables: the account's backend file cannot be read.
    """
    word = _SHORT.get(role, role.lower())
    lead = f"{project.name}-{account}-"
    named = backend_profile(project, account)
    suffix = named.removeprefix(lead) if named.startswith(lead) else ""
    same = suffix and (suffix.startswith(word) or word.startswith(suffix))
    return named if same else lead + word


def backend_profile(project: Project, account: str) -> str:
    """Return the profile in an account's backend file, or "".

    Raises:
        BadVariables: the file cannot be read.
    """
    file = variables_file(project.root / account / "config", "backend")
    return str(read_variables(file).get("profile") or "") if file is not None else ""


def account_in_name(project: Project, profile: str) -> Account | None:
    """Return the account in a profile's name (`bb-apps-devstg-devops`), or None.

    Account names may contain dashes, so the longest match wins.
    """
    fitting = [
        account for account in project.accounts if f"{profile}-".startswith(f"{project.name}-{account.name}-")
    ]
    return max(fitting, key=lambda account: len(account.name), default=None)


_BACKEND: Final = ("backend",)
_WORTH_READING = re.compile(
    rb'\bprofile"?[ \t]*[=:]|^[ \t]*variable\b|"terraform_remote_state"|\b(?:backend|cloud)\b', re.MULTILINE
)


class Use(StrEnum):
    """What a profile is for."""

    STATE = "the state"
    PROVIDER = "the provider"
    OTHER_PROVIDER = "another provider"
    OTHER_STATE = "the state of another layer"


@dataclass(frozen=True, slots=True)
class NamedProfile:
    """A profile that a layer names.

    Attributes:
        name: the profile, or "" if only Terraform can tell.
        use: the purpose.
        place: where it is named, such as `config.tf:12`, or the backend file.
        certain: whether Terraform needs it in any case: a data source with `count` or `for_each` may have no
            instance, and a provider with an alias may be unused.
    """

    name: str
    use: Use
    place: str
    certain: bool = True


def named_profiles(location: LayerLocation) -> tuple[NamedProfile, ...]:
    """Return the profiles that a layer names, the state's first."""
    documents = {document.name: document for document in read_documents(location.path, _WORTH_READING)}
    names = constants(FileSet(documents, {}), location.variables)
    merged = _merged(documents.values(), names)
    found: list[NamedProfile] = []
    if location.profile:
        place = f"{location.account}/config/{location.backend_config.name}"
        found.append(NamedProfile(location.profile, Use.STATE, place))
        merged.pop(_BACKEND, None)
    found += [profile for block in merged.items() for profile in _of_block(*block, names)]
    return tuple(sorted(found, key=lambda profile: list(Use).index(profile.use)))


def _merged(
    documents: Iterable[Document], names: Mapping[str, object]
) -> dict[tuple[str, ...], dict[str, Attribute]]:
    """Return the attributes of blocks that can name a profile, merged as Terraform does, overrides last.

    An override file's argument replaces the one of the same name, a `config` as a whole; a backend replaces
    another entirely (Terraform, "Override Files"). A provider is identified by its alias.
    """
    found: dict[tuple[str, ...], dict[str, Attribute]] = {}
    for block in (block for document in documents for block in document.blocks):
        match block.header:
            case ("provider", "aws"):
                alias = block.attributes.get("alias")
                word = str(evaluate(block.document, alias.value, names)) if alias else ""
                found.setdefault((*block.header, word), {}).update(block.attributes)
            case ("data", "terraform_remote_state", _):
                found.setdefault(block.header, {}).update(block.attributes)
            case ("terraform",):
                for backend in (*block.nested("backend"), *block.nested("cloud")):
                    found[_BACKEND] = backend.attributes
    return found


def _of_block(
    header: tuple[str, ...], attributes: Mapping[str, Attribute], names: Mapping[str, object]
) -> Iterator[NamedProfile]:
    profile, config = attributes.get("profile"), attributes.get("config")
    if header[0] == "data":
        if config is not None:
            yield from _of_config(config, names, certain=not {"count", "for_each"} & attributes.keys())
    elif profile is not None and unwrap(profile.value).type != "null_lit":
        alias = header[0] == "provider" and bool(header[-1])
        use = Use.STATE if header == _BACKEND else Use.OTHER_PROVIDER if alias else Use.PROVIDER
        yield _named(profile, names, use, certain=not alias)


def _of_config(config: Attribute, names: Mapping[str, object], *, certain: bool) -> Iterator[NamedProfile]:
    """Yield the profile in the `config` of a remote state's data source."""
    if config.value.type != "object":
        yield NamedProfile("", Use.OTHER_STATE, str(place_of(config)), certain)
    elif (profile := fields_at(config.document, config.node).get("profile")) is not None:
        yield _named(profile, names, Use.OTHER_STATE, certain=certain)


def _named(
    attribute: Attribute, names: Mapping[str, object], use: Use, *, certain: bool = True
) -> NamedProfile:
    return NamedProfile(text_of(attribute, names) or "", use, str(place_of(attribute)), certain)
