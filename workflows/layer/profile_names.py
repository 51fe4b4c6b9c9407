"""The AWS profiles of a project: which ones a layer's Terraform asks for, and how those of roles are named.

Terraform would report a missing one only in the middle of a plan. The names are constants once the project's
variables are known (`var.profile`, `"${var.project}-shared-devops"`); a name that only Terraform can work out
is given as "".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflows.hcl.document import Attribute, Document, unwrap
from workflows.hcl.values import evaluate, fields_at, read_variables, text_of
from workflows.layer.discover import variables_file
from workflows.layer.files import FileSet, read_documents
from workflows.layer.model import place_of
from workflows.layer.project import Account, LayerLocation, Project
from workflows.layer.read.declarations import constants

_SHORT: Final = {"OrganizationAccountAccessRole": "oaar"}
"""Roles that Leverage's profiles call by another name."""


def account_profile(project: Project, account: str, role: str) -> str:
    """The profile that assumes a role in an account.

    By convention `<project>-<account>-<role in lower case>` (`bb-shared-devops`), or `-oaar` for the
    organisation's role. Where the account's own `backend.tfvars` names a profile for the same role by a
    longer or shorter word (`bb-management-administrator` for Admin), that one is taken.

    Args:
        project: the project.
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
    """The profile that an account's backend file names, or "".

    Raises:
        BadVariables: the file cannot be read.
    """
    file = variables_file(project.root / account / "config", "backend")
    return str(read_variables(file).get("profile") or "") if file is not None else ""


def account_in_name(project: Project, profile: str) -> Account | None:
    """The account that a profile's name says it is for (`bb-apps-devstg-devops`); None if it says none.

    Account names may have dashes, so the longest one that fits is meant.
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
        name: the profile, or "" where only Terraform can tell.
        use: what it is for.
        place: where it is named, as `config.tf:12`, or the backend file.
        certain: whether it is asked for in any case: a data source with `count` or `for_each` may have none,
            and nobody may use a provider with an alias.
    """

    name: str
    use: Use
    place: str
    certain: bool = True


def named_profiles(location: LayerLocation) -> tuple[NamedProfile, ...]:
    """The profiles that a layer names, the state's first."""
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
    """The attributes of the blocks that can name a profile, as Terraform merges them, override files last.

    An override file's argument takes the place of that of the same name, a `config` as a whole; a backend
    takes the place of the other whole (Terraform, "Override Files"). A provider is known by its alias.
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
    """The profile in the `config` of a remote state's data source."""
    if config.value.type != "object":
        yield NamedProfile("", Use.OTHER_STATE, str(place_of(config)), certain)
    elif (profile := fields_at(config.document, config.node).get("profile")) is not None:
        yield _named(profile, names, Use.OTHER_STATE, certain=certain)


def _named(
    attribute: Attribute, names: Mapping[str, object], use: Use, *, certain: bool = True
) -> NamedProfile:
    return NamedProfile(text_of(attribute, names) or "", use, str(place_of(attribute)), certain)
