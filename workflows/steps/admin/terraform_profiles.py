"""The profiles that a layer's Terraform will ask for: what for, and where their credentials are from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from workflows.aws.clients import ProfileFiles, profile_map
from workflows.aws.sso import is_sso
from workflows.core.errors import OnboardError
from workflows.layer.profile_names import NamedProfile, Use, account_in_name, named_profiles
from workflows.layer.project import LayerLocation, Project
from workflows.steps.shared.module import Context

_OF_THE_LAYER = (Use.STATE, Use.PROVIDER)


class Source(Enum):
    """Where a profile's credentials are from.

    Attributes:
        FILES: Terraform reads them itself, from the profile files.
        CODE: a role is assumed with an MFA code, which Terraform cannot ask for.
        SSO: a token of `aws sso login`; older Terraform and AWS providers do not know its newer form.
    """

    FILES = "files"
    CODE = "code"
    SSO = "sso"


@dataclass(frozen=True)
class LayerProfile:
    """A profile that a layer's Terraform will ask for.

    Attributes:
        name: its name.
        chain: its name with its settings, then those of its `source_profile`, and so on.
        source: where its credentials are from.
        serial: the MFA device, where a code is wanted.
        account: the account that it has to answer for, or "" where any will do.
        account_id: that account's twelve digits, or "".
        place: where it is named.
    """

    name: str
    chain: tuple[tuple[str, Mapping[str, Any]], ...]
    source: Source
    serial: str
    account: str
    account_id: str
    place: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its own settings."""
        return self.chain[0][1]

    @property
    def base(self) -> str:
        """The profile whose key signs first."""
        return self.chain[-1][0]


def project_files(context: Context, project: Project) -> ProfileFiles:
    """The project's profile files in the person's home, and where the aws CLI keeps its SSO tokens."""
    aws = context.world.home / ".aws"
    folder = aws / project.name
    return ProfileFiles(folder / "config", folder / "credentials", aws / "sso" / "cache")


def layer_profile(location: LayerLocation) -> str:
    """The profile that a layer is planned and applied with: its state's, else its provider's.

    Raises:
        OnboardError: it names none.
    """
    named = location.backend.get("profile", "") or next(
        (one.name for one in named_profiles(location) if one.use in _OF_THE_LAYER and one.name), ""
    )
    if not named:
        raise OnboardError(
            "The layer names no profile",
            f"{location.backend_config} has no `profile`, and neither has the provider.",
            why="It says with which credentials the state is read and the account is changed.",
            next='Add a line such as  profile = "bb-security-devops"  to it.',
        )
    return named


def profiles_of(context: Context, project: Project, location: LayerLocation) -> tuple[LayerProfile, ...]:
    """The profiles that a layer's Terraform will ask for, its own first; files are read, nobody is asked.

    Raises:
        OnboardError: one is not there, or the files cannot be parsed.
    """
    files = project_files(context, project)
    profiles = profile_map(files)
    found: dict[str, LayerProfile] = {}
    for named in _named(location):
        if named.name not in profiles:
            if named.certain:
                raise _missing(named, location, files)
            continue
        if named.name not in found:
            found[named.name] = _profile(named, profiles, project, location)
    return tuple(found.values())


def settings_without_code(
    context: Context, project: Project, location: LayerLocation
) -> Mapping[str, Mapping[str, str]]:
    """The settings of what Terraform can use as it is, with their sources, for a pair of files of its own.

    Where the name of a profile is only known to Terraform, those of all such profiles of the project.
    """
    profiles = profile_map(project_files(context, project))
    wanted = [one.name for one in _named(location)]
    computed = any(not one.name for one in named_profiles(location))
    chains = [_chain(name, profiles) for name in (profiles if computed else wanted) if name in profiles]
    plain = [chain for chain in chains if _source(chain) is Source.FILES]
    return {
        name: {key: value for key, value in settings.items() if isinstance(value, str)}
        for chain in plain
        for name, settings in chain
    }


def _named(location: LayerLocation) -> Iterator[NamedProfile]:
    """What the layer names, beginning with the profile that it is planned with."""
    own = layer_profile(location)
    named = [one for one in named_profiles(location) if one.name]
    yield from sorted(named, key=lambda one: one.name != own)


def _profile(
    named: NamedProfile, profiles: Mapping[str, Mapping[str, Any]], project: Project, location: LayerLocation
) -> LayerProfile:
    chain = _chain(named.name, profiles)
    if named.use in _OF_THE_LAYER:
        account, account_id = location.account, location.account_id or ""
    else:
        other = account_in_name(project, named.name)
        account, account_id = (other.name, other.id) if other else ("", "")
    serials = (str(own["mfa_serial"]) for _, own in chain if own.get("role_arn") and own.get("mfa_serial"))
    return LayerProfile(
        named.name, chain, _source(chain), next(serials, ""), account, account_id, named.place
    )


def _chain(name: str, profiles: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    chain: list[tuple[str, Mapping[str, Any]]] = []
    while name in profiles and name not in [before for before, _ in chain]:
        chain.append((name, profiles[name]))
        if not profiles[name].get("role_arn"):
            break
        name = str(profiles[name].get("source_profile", ""))
    return tuple(chain)


def _source(chain: Sequence[tuple[str, Mapping[str, Any]]]) -> Source:
    if any(own.get("role_arn") and own.get("mfa_serial") for _, own in chain):
        return Source.CODE
    return Source.SSO if any(is_sso(own) for _, own in chain) else Source.FILES


def _missing(named: NamedProfile, location: LayerLocation, files: ProfileFiles) -> OnboardError:
    if named.use in _OF_THE_LAYER:
        return OnboardError(
            "The layer's profile is missing",
            f"There is no profile {named.name} in {files.config_file} or {files.credentials_file}.",
            why=f"{location.relative} is planned and applied with it.",
            next="Add the profile to these files, or ask a colleague how it is set up.",
        )
    return OnboardError(
        "A profile that the layer names is missing",
        f"There is no profile {named.name} in {files.config_file} or {files.credentials_file}.",
        why=f"{location.relative} names it for {named.use} ({named.place}).",
        next="Add the profile to these files, or ask a colleague how it is set up.",
    )
