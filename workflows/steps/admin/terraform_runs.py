"""How the steps run Terraform in a layer: its AWS credentials, account and folder.

Terraform reads the project's own profile files as they are, unless a profile that the layer names needs an
MFA code or signs in through SSO. Terraform can't ask for a code and doesn't always support SSO, so the wizard
assumes the role and keeps the credentials in a private pair of files while Terraform runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from threading import Event
from typing import Any

from workflows.aws.clients import (
    USUAL,
    USUAL_REGION,
    AwsClient,
    ClientFactory,
    Patience,
    ProfileFiles,
    is_sso,
    profile_map,
)
from workflows.aws.errors import AwsError, AwsFailure, about_key_of
from workflows.aws.sts import SESSION_NAME, assume_role, caller_identity, session_token
from workflows.core.later import on_demand
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, Sentence, enumerated, joined
from workflows.desktop.ambient import endpoints
from workflows.environment import Environment
from workflows.layer.discover import find_project
from workflows.layer.mentioned import NamedProfile, Use, account_in_name, named_profiles
from workflows.layer.model import LayerLocation, Project
from workflows.steps.admin.layer_program import find_layer_program, layer_binary
from workflows.steps.admin.upstream import check_upstream
from workflows.steps.admin.written import finish_half_written
from workflows.steps.shared.leftovers import RUNS, credentials_folder, release_credentials
from workflows.steps.shared.module import Context, Progress, Refused, Report
from workflows.stores.kept_credentials import SHORTEST_REST, keep_credentials, kept_credentials, write_pair
from workflows.stores.vault import Vault, VaultUnavailable
from workflows.terraform.binary import Binary, BinaryMissing
from workflows.terraform.failures import refuse_unwritten
from workflows.terraform.runner import Update, Watch
from workflows.terraform.service import Terraform
from workflows.terraform.state import NEVER_WRITTEN, State, StoredState, kept_state

with on_demand():
    from workflows.steps.shared import role_profiles

_OF_THE_LAYER = (Use.STATE, Use.PROVIDER)
_NOT_TAKEN = (AwsFailure.EXPIRED, AwsFailure.KEY_UNKNOWN)


class Source(Enum):
    """Where a profile's credentials come from.

    Attributes:
        FILES: Terraform reads them itself, from the profile files.
        CODE: a role assumed with an MFA code, which Terraform can't ask for.
        SSO: a token from `aws sso login`; older Terraform and AWS providers don't support its newer form.
    """

    FILES = "files"
    CODE = "code"
    SSO = "sso"


@dataclass(frozen=True)
class LayerProfile:
    """A profile that a layer's Terraform will use.

    Attributes:
        name: its name.
        chain: its name and settings, then those of its `source_profile`, and so on.
        source: where its credentials come from.
        serial: the MFA device, if a code is needed.
        account: the account that it must belong to, or "" for any.
        account_id: that account's twelve digits, or "".
        place: where the layer names it.
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
    """Return the project's profile files in the home folder, and the aws CLI's folder of SSO tokens."""
    aws = context.environment.home / ".aws"
    folder = aws / project.name
    return ProfileFiles(folder / "config", folder / "credentials", aws / "sso" / "cache")


def layer_profile(location: LayerLocation) -> str:
    """Return the profile that plans and applies a layer: its state's, else its provider's.

    Raises:
        OnboardError: it names none.
    """
    named = location.profile or next(
        (
            profile.name
            for profile in named_profiles(location)
            if profile.use in _OF_THE_LAYER and profile.name
        ),
        "",
    )
    if not named:
        raise OnboardError(
            "The layer names no profile",
            f"{location.backend_config} has no `profile`, and neither has the provider.",
            why="It names the credentials that read the state and change the account.",
            next='Add a line such as  profile = "bb-security-devops"  to it.',
        )
    return named


def profiles_of(context: Context, project: Project, location: LayerLocation) -> tuple[LayerProfile, ...]:
    """Return the profiles that a layer's Terraform will use, its own first; reads files and asks nobody.

    Raises:
        OnboardError: one is missing, or the files can't be parsed.
    """
    files = project_files(context, project)
    profiles = profile_map(files)
    found: dict[str, LayerProfile] = {}
    missing: dict[str, NamedProfile] = {}
    for named in _named(location):
        if named.name not in profiles:
            if named.certain:
                missing.setdefault(named.name, named)
        elif named.name not in found:
            found[named.name] = _profile(named, profiles, project, location)
    if missing:
        raise _missing(tuple(missing.values()), project, location, files)
    return tuple(found.values())


def settings_without_code(
    context: Context, project: Project, location: LayerLocation
) -> Mapping[str, Mapping[str, str]]:
    """Return settings and sources of profiles that Terraform can use as they are, for a private file pair."""
    profiles = profile_map(project_files(context, project))
    wanted = [profile.name for profile in _named(location)]
    computed = any(not profile.name for profile in named_profiles(location))
    chains = [_chain(name, profiles) for name in (profiles if computed else wanted) if name in profiles]
    plain = [chain for chain in chains if _source(chain) is Source.FILES]
    return {
        name: {key: value for key, value in settings.items() if isinstance(value, str)}
        for chain in plain
        for name, settings in chain
    }


def _named(location: LayerLocation) -> Iterator[NamedProfile]:
    """Yield the profiles that the layer names, starting with the one that plans it."""
    own = layer_profile(location)
    named = [profile for profile in named_profiles(location) if profile.name]
    yield from sorted(named, key=lambda profile: profile.name != own)


def _profile(
    named: NamedProfile, profiles: Mapping[str, Mapping[str, Any]], project: Project, location: LayerLocation
) -> LayerProfile:
    chain = _chain(named.name, profiles)
    if named.use in _OF_THE_LAYER:
        account, account_id = location.account, location.account_id or ""
    else:
        target = account_in_name(project, named.name)
        account, account_id = (target.name, target.id) if target else ("", "")
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


def _missing(
    named: Sequence[NamedProfile], project: Project, location: LayerLocation, files: ProfileFiles
) -> OnboardError:
    uses = (
        f"{profile.name} plans and applies it"
        if profile.use in _OF_THE_LAYER
        else f"{profile.name} is for {profile.use} ({profile.place})"
        for profile in named
    )
    names = [profile.name for profile in named]
    return OnboardError(
        "The layer's profile is missing" if len(named) == 1 else "Profiles of the layer are missing",
        f"Neither {files.config_file} nor {files.credentials_file} has {enumerated(names)}.",
        why=f"In {location.relative}, {enumerated(list(uses))}.",
        next=joined(_bring(names, project, location)),
    )


def _bring(names: Sequence[str], project: Project, location: LayerLocation) -> Iterator[Sentence]:
    """Say how to get these profiles: the command for those of an account's users, SSO for the rest."""
    rest = list(names)
    for account in project.accounts:
        if mine := [name for name in rest if role_profiles.has_by_convention(project, account.name, name)]:
            rest = [name for name in rest if name not in mine]
            yield (
                f"`iam-onboard profiles write --as {account.name}` writes {enumerated(mine)}, "
                f"if you have a user in {account.name}."
            )
    sso = location.variables.get("sso_role") and location.variables.get("sso_enabled") is not False
    if rest and sso:
        yield (
            f"The settings of {location.account} name SSO (sso_role), which may bring {enumerated(rest)}: "
            "run `leverage aws configure sso`, then `leverage tf refresh-credentials` in the layer's folder."
        )
    elif rest:
        yield f"Ask a colleague how to set up {enumerated(rest)}."


class CodeWanted(Refused):
    """A profile of the layer needs an MFA code, and none was given; `serial` is the device."""

    def __init__(self, profile: str, serial: str) -> None:
        super().__init__(
            "Terraform needs an MFA code",
            f"The profile {profile} can assume its role only with a code from {serial}.",
            next="Enter the six digits that the device shows now, and press ^n again.",
        )
        self.serial = serial


class WrongAccount(OnboardError):  # noqa: N818 - the name says what is wrong
    """Credentials belong to another account than the one they are for."""


@contextlib.contextmanager
def credential_files(
    context: Context,
    project: Project,
    location: LayerLocation,
    code: Secret | None,
    report: Report,
) -> Iterator[ProfileFiles]:
    """Yield profile files for Terraform, after checking each profile's account.

    Args:
        code: the MFA code, if a profile needs one; it is dropped.

    Yields:
        The project's own files, or a temporary private pair. The pair is removed afterwards, unless the
            wizard was left and Terraform continues: then it stays while Terraform runs (see `left_behind`).

    Raises:
        CodeWanted: a code is needed and wasn't given.
        WrongAccount: a profile belongs to another account.
        OnboardError: AWS rejects it, or can't be reached.
    """
    profiles = profiles_of(context, project, location)
    with contextlib.ExitStack() as stack:
        files = project_files(context, project)
        if any(profile.source is not Source.FILES for profile in profiles):
            stack.callback(release_credentials, context.folder, location.account)
            with _given(context, project, profiles, code, report) as given:
                settings = dict(settings_without_code(context, project, location))
                regions = {
                    profile.name: profile.settings.get("region")
                    for profile in profiles
                    if profile.name in given
                }
                settings |= {
                    name: {"region": str(region)} if region else {} for name, region in regions.items()
                }
                files = write_pair(credentials_folder(context.folder, location.account), settings, given)
        for profile in profiles:
            report(Progress(f"Asking AWS which account {profile.name} is for"))
            _check_account(context, project, profile, files)
        yield files


@contextlib.contextmanager
def _given(
    context: Context,
    project: Project,
    profiles: Sequence[LayerProfile],
    code: Secret | None,
    report: Report,
) -> Iterator[dict[str, Credentials]]:
    """Yield temporary credentials by name for the profiles that need some; they are dropped afterwards."""
    given: dict[str, Credentials] = {}
    try:
        for profile in profiles:
            if profile.source is Source.SSO:
                report(Progress(f"Asking SSO for the credentials of {profile.name}"))
                files = project_files(context, project)
                given[profile.name] = factory_for(context, project).profile_credentials(files, profile.name)
            elif profile.source is Source.CODE:
                session = device_session(context, project, profile, code, report)
                report(Progress(f"Assuming the role of {profile.name}"))
                given[profile.name] = _role(context, factory_for(context, project), profile, session)
        yield given
    finally:
        for credentials in given.values():
            credentials.drop()
        if code is not None:
            code.drop()


def device_session(
    context: Context, project: Project, profile: LayerProfile, code: Secret | None, report: Report
) -> Credentials:
    """Return the session of a profile's device: an existing one, or one started with the code.

    Raises:
        CodeWanted: a code is needed, and there is none or it was used for another device.
        WrongCode, RepeatedCode: the code can't be used.
        AwsError: the user's key can't be used.
    """
    sessions = DeviceSessions(context.environment)
    if (session := sessions.find(profile.serial)) is not None:
        return session
    if not code:
        raise CodeWanted(profile.name, profile.serial)
    report(Progress(f"Starting a session with your code from {profile.serial}"))
    client = factory_for(context, project).profile_client(
        "sts", project_files(context, project), profile.base
    )
    with _signing(context, project, profile), client as sts:
        return sessions.begin(sts, profile.serial, code, report)


@contextlib.contextmanager
def _signing(context: Context, project: Project, profile: LayerProfile) -> Iterator[None]:
    """Name a profile whose key AWS rejects, and the command that creates a key for a profile without one.

    Raises:
        AwsError: AWS couldn't be asked.
    """
    try:
        with about_key_of(profile.base):
            yield
    except AwsError as error:
        failed = error
        if error.failure is AwsFailure.PROFILE and "aws_access_key_id" not in profile.chain[-1][1]:
            doing = f"signing with the profile {profile.base}"
            failed = AwsError(AwsFailure.NO_CREDENTIALS, error.code, doing=doing, detail=error.detail)
        if failed.failure is AwsFailure.NO_CREDENTIALS:
            file = project_files(context, project).credentials_file
            own = f"--project {project.name} --profile {profile.base}"
            failed.next = (
                f"`iam-onboard access-key import {own}` keeps one and tests it; or put it into {file}."
            )
        raise failed from None


def _check_account(context: Context, project: Project, profile: LayerProfile, files: ProfileFiles) -> None:
    """Check that the answering account is the one that the profile is for.

    Raises:
        WrongAccount: they differ.
        OnboardError: the project doesn't know the layer's account, or AWS doesn't answer.
    """
    if profile.account and not profile.account_id:
        raise OnboardError(
            "The account is unknown",
            f"The project doesn't give the id of {profile.account}.",
            why="Without the id iam-onboard can't check that the credentials are for the right account.",
            next=f"Add {profile.account} with its id to `accounts` in config/common.tfvars.",
        )
    try:
        client = factory_for(context, project).profile_client("sts", files, profile.name)
        with _signing(context, project, profile), client as sts:
            identity = caller_identity(sts)
    except AwsError as error:
        if error.failure not in _NOT_TAKEN:
            raise
        raise _over(error, context, project, profile) from error
    if profile.account_id and identity.account != profile.account_id:
        raise WrongAccount(
            "Wrong account",
            f"The profile {profile.name} is for the account {identity.account}, but {profile.account} "
            f"is {profile.account_id}.",
            why=f"Planning with it would compare this layer with the wrong account ({profile.place}).",
            next=f"Put the credentials of {profile.account} under {profile.name} in the project's files, "
            f"{project_files(context, project).config_file.parent}.",
        )


def _over(error: AwsError, context: Context, project: Project, profile: LayerProfile) -> OnboardError:
    """Return the advice for credentials that AWS no longer accepts."""
    file = project_files(context, project).credentials_file
    if error.failure is AwsFailure.KEY_UNKNOWN:
        return OnboardError(
            error.title,
            f"AWS rejected the access key of {profile.name} ({file}).",
            why=error.why,
            next=f"Wait a moment and try again. If it keeps failing, put a working key under {profile.name}.",
            detail=error.detail,
        )
    return OnboardError(
        "The credentials have expired",
        f"The temporary credentials of {profile.name} in {file} are no longer valid.",
        why="They expire after a few hours and need renewing.",
        next="Renew them the way you got them (for example by `leverage aws sso login`), then try again.",
        detail=error.detail,
    )


def factory_for(context: Context, project: Project, patience: Patience = USUAL) -> ClientFactory:
    """Create the client factory for a project's profiles."""
    environment, region = context.environment, project.region_primary or USUAL_REGION
    return ClientFactory(
        environment.endpoint_url, region, environment=environment.variables, patience=patience
    )


def role_credentials(context: Context, factory: ClientFactory, profile: LayerProfile) -> Credentials | None:
    """Assume a profile's role; None if that needs a code. The caller drops the credentials.

    Raises:
        AwsError: the role can't be assumed.
    """
    session = DeviceSessions(context.environment).find(profile.serial)
    return _role(context, factory, profile, session) if session is not None else None


def _role(
    context: Context, factory: ClientFactory, profile: LayerProfile, session: Credentials
) -> Credentials:
    """Assume a profile's role through its chain of roles.

    Raises:
        CodeWanted: AWS no longer accepts the session, which is forgotten.
        AwsError: a role can't be assumed.
    """
    credentials = session
    for own in reversed([own for _, own in profile.chain if own.get("role_arn")]):
        seconds = own.get("duration_seconds")
        region = str(own.get("region") or "") or None
        try:
            with factory.client("sts", credentials, region) as sts:
                taken, _ = assume_role(
                    sts,
                    str(own["role_arn"]),
                    session_name=str(own.get("role_session_name") or SESSION_NAME),
                    external_id=own.get("external_id"),
                    seconds=int(seconds) if seconds else None,
                )
        except AwsError as error:
            if error.failure not in _NOT_TAKEN:
                raise
            DeviceSessions(context.environment).forget(profile.serial)
            raise CodeWanted(profile.name, profile.serial) from error
        finally:
            if credentials is not session:
                credentials.drop()
        credentials = taken
    return credentials


@dataclass(frozen=True)
class OpenLayer:
    """A layer with the Terraform that runs it.

    Attributes:
        project: the project.
        location: the layer.
        terraform: its Terraform.
        files: the profile files that it uses.
    """

    project: Project
    location: LayerLocation
    terraform: Terraform
    files: ProfileFiles


def run_folder(context: Context, account: str = "") -> Path:
    """Return the private folder of a layer's runs in this session; by default the step's own layer."""
    return context.folder / RUNS / (account or context.item)


def located(context: Context, account: str = "") -> tuple[Project, LayerLocation]:
    """Return the project and one of its layers; by default the step's own.

    Raises:
        OnboardError: the project or the layer is gone.
    """
    project = context.found.project if context.found else find_project(context.root)
    name = account or context.item
    location = project.layer(name)
    if location is None:
        raise project.left_out.get(name) or OnboardError(
            "The layer is gone",
            f"{project.root} no longer has a base-identities layer of {name}.",
            next="Check that the checkout is on the right branch, or choose the layers again in Project.",
        )
    return project, location


def code_wanted(context: Context) -> str:
    """Return the MFA device whose code a profile of the layer needs now, or "".

    Raises:
        OnboardError: the layer, its program or its profile is missing.
    """
    project, location = located(context)
    sessions = DeviceSessions(context.environment)
    try:
        profiles = profiles_of(context, project, location)
    except OnboardError:
        find_layer_program(project, location, context.environment)  # comes first: without it no profile helps
        raise
    serials = (profile.serial for profile in profiles if profile.source is Source.CODE)
    return next((serial for serial in serials if sessions.find(serial) is None), "")


@contextlib.contextmanager
def open_layer(
    context: Context,
    report: Report,
    account: str = "",
    *,
    code: Secret | None = None,
    current: bool = False,
) -> Iterator[OpenLayer]:
    """Open a layer with credentials that belong to its account.

    Args:
        account: the account of the layer; by default the step's own.
        code: an MFA code, if the layer's profile needs one.
        current: whether to refuse a checkout that is behind its upstream.

    Yields:
        The layer; temporary credentials are removed afterwards.

    Raises:
        CodeWanted, WrongAccount: as `credential_files`.
        OnboardError: the layer or its binary is missing, the checkout is behind, or AWS doesn't answer.
    """
    project, location = located(context, account)
    if finished := finish_half_written(context.folder.parent.parent, project.root):
        report(Progress(finished))
    found = context.found if location.account == context.item else None
    asking = replace(context, cancelled=_Abandoned(context.cancelled))
    with ThreadPoolExecutor(2) as beside:  # each takes about as long as AWS's answer
        binary = (
            found.binary if found else beside.submit(layer_binary, project, location, context.environment)
        )
        upstream = found.upstream if found else None
        if current and upstream is None:
            upstream = beside.submit(check_upstream, project.root, asking, needed=False)
        if upstream:
            report(Progress("Asking the checkout's upstream"))
        try:
            with credential_files(context, project, location, code, report) as files:
                if upstream:
                    upstream.result()
                yield _layer(context, project, location, files, binary.result())
        except OnboardError as refused:
            missing = binary.exception()
            if isinstance(missing, BinaryMissing) and missing is not refused:
                raise missing from refused  # without it no credentials help
            raise
        finally:
            asking.cancelled.set()  # nobody waits for the upstream any more


class _Abandoned(Event):
    """Set when nobody waits for a question any more, and while the person wants to stop."""

    def __init__(self, cancelled: Event) -> None:
        super().__init__()
        self._cancelled = cancelled

    def is_set(self) -> bool:
        return super().is_set() or self._cancelled.is_set()


def reopen_layer(context: Context) -> OpenLayer:
    """Return the step's own layer for a run that is already in progress, without asking AWS.

    Raises:
        OnboardError: the layer or its binary is missing.
    """
    project, location = located(context)
    files = project_files(context, project)
    binary = layer_binary(project, location, context.environment)
    return _layer(context, project, location, files, binary)


def _layer(
    context: Context, project: Project, location: LayerLocation, files: ProfileFiles, binary: Binary
) -> OpenLayer:
    environment = context.environment
    terraform = Terraform(
        binary,
        location.path,
        run_folder(context, location.account),
        environment=environment.variables,
        variables=_variables(context, location, files),
        backend_configs=location.backend_configs,
        backend=location.backend,
        var_files=location.var_files,
        now=environment.now,
    )
    return OpenLayer(project, location, terraform, files)


def _variables(context: Context, location: LayerLocation, files: ProfileFiles) -> dict[str, str]:
    """Return the variables that Terraform, its backend and its provider need to find the profile."""
    environment = context.environment
    variables = {
        "AWS_CONFIG_FILE": str(files.config_file),
        "AWS_SHARED_CREDENTIALS_FILE": str(files.credentials_file),
        "AWS_PROFILE": layer_profile(location),
        "AWS_SDK_LOAD_CONFIG": "1",
        **endpoints(environment.variables),
    }
    if environment.endpoint_url:
        variables["AWS_ENDPOINT_URL"] = environment.endpoint_url
    if metadata := environment.variables.get("AWS_EC2_METADATA_DISABLED"):
        variables["AWS_EC2_METADATA_DISABLED"] = metadata
    return variables


def read_state(layer: OpenLayer, context: Context, report: Report, *, planning: bool = False) -> State:
    """Read a layer's state, after an init if needed.

    Args:
        planning: whether the layer is planned next, or just was. Then Terraform itself compares its backend
            with init's record, and the state is read from where it is stored if possible.

    Raises:
        StateUnwritten: it lacks what an apply made.
        OnboardError: it can't be read.
    """
    terraform, location = layer.terraform, layer.location
    refuse_unwritten(location.path)
    if terraform.init_needed():
        report(Progress(f"Initialising {location.relative}"))
        terraform.init(watch=watching(context, report))
    report(Progress(f"Reading the state of {location.account}"))
    kept = _kept(layer, context) if planning else None
    context.raise_if_cancelled()
    return kept.state if kept else terraform.state(cancelled=context.cancelled)


def _kept(layer: OpenLayer, context: Context) -> StoredState | None:
    """Return the stored state; None if only Terraform can read it, or report why it can't be read."""
    environment, location = context.environment, layer.location
    factory, profile = factory_for(context, layer.project), layer_profile(location)
    with contextlib.suppress(OnboardError, OSError):
        kept = kept_state(
            location.path,
            location.named_backend,
            environment.variables,
            lambda region: factory.profile_client("s3", layer.files, profile, region=region),
            own_endpoint=environment.endpoint_url is not None,
        )
        return None if kept == NEVER_WRITTEN else kept
    return None


def watching(context: Context, report: Report, *, counting: bool = False) -> Watch:
    """Watch a run, turning Terraform's output into progress with the update as its payload.

    Args:
        context: says when to stop the run, and when to leave it.
        counting: whether to count resources (in an apply).
    """

    def on_update(update: Update) -> None:
        progress = update.progress
        # Terraform's warnings and plain text are in its log: as progress, a warning would read like a
        # failure, and a wrapped line of text has no beginning.
        words = ", ".join(progress.running) or update.said
        done, total = (len(progress.done), progress.total) if counting else (0, 0)
        report(Progress(words[:120], done, total, payload=update))

    return Watch(on_update, context.cancelled, context.leaving)


@contextlib.contextmanager
def administrator(context: Context, report: Report, code: Secret | None = None) -> Iterator[AwsClient]:
    """Open an IAM client in the account of the step's layer, after checking that account.

    Args:
        code: an MFA code, if the layer's profile needs one.

    Yields:
        The client; temporary credentials are removed afterwards.

    Raises:
        CodeWanted, WrongAccount: as `credential_files`.
        OnboardError: the layer or its profile is missing, or AWS doesn't answer.
    """
    project, location = located(context)
    with (
        credential_files(context, project, location, code, report) as files,
        iam_client(context, project, location, files) as client,
    ):
        yield client


def iam_client(
    context: Context, project: Project, location: LayerLocation, files: ProfileFiles
) -> contextlib.AbstractContextManager[AwsClient]:
    """Return an IAM client that signs with a layer's profile from these files.

    Raises:
        AwsError: the profile can't be used.
    """
    return factory_for(context, project).profile_client("iam", files, layer_profile(location))


def own_profile(context: Context) -> LayerProfile:
    """Return the profile that plans and applies the step's layer.

    Raises:
        OnboardError: the layer or its profile is missing.
    """
    return profiles_of(context, *located(context))[0]


class DeviceSessions:
    """The sessions started with MFA codes, by device serial as in `mfa_serial`.

    One code of a device serves all accounts that its owner may enter. A code works once, so its session is
    kept while it lasts: in memory while the program runs, and in the keyring if there is one. Each use of a
    role assumes it with the session.

    Args:
        environment: holds sessions in memory, and provides the keyring and the clock.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._held = environment.sessions

    def find(self, serial: str) -> Credentials | None:
        """Return a device's session if it lasts a while longer; the caller must not drop it.

        An unreadable keyring counts as none.
        """
        now, held = self._environment.now(), self._held.get(serial)
        if held is not None and held.expires_at is not None and held.expires_at - now >= SHORTEST_REST:
            return held
        try:
            found = kept_credentials(self._keyring(), _session_name(serial), now)
        except VaultUnavailable:
            return None
        if found is not None:
            self._held[serial] = found
        return found

    def begin(self, sts: AwsClient, serial: str, code: Secret, report: Report) -> Credentials:
        """Start a device's session with a code, and keep it; a failing keyring stops nothing.

        Args:
            sts: signs with the key of the device's owner.
            code: the six digits; dropped once used.

        Raises:
            WrongCode, RepeatedCode: the code can't be used.
            AwsError: the key can't be used.
        """
        session = session_token(sts, serial, code.reveal(), memory=self._environment.codes)
        code.drop()  # another device can't use it
        self._held[serial] = session
        try:
            keep_credentials(self._keyring(), _session_name(serial), session)
        except VaultUnavailable as error:
            words = f"The session isn't kept, so iam-onboard asks for a code again later: {error.what}"
            report(Progress(words))
        return session

    def forget(self, serial: str) -> None:
        """Forget a session that AWS no longer accepts.

        Raises:
            VaultUnavailable: the keyring can't be written.
        """
        self._held.pop(serial, None)  # not wiped: another thread may be using it
        if (keyring := self._keyring()) is not None:
            keyring.delete(_session_name(serial))

    def _keyring(self) -> Vault | None:
        try:
            return self._environment.vault("").vault
        except VaultUnavailable:
            return None


def _session_name(serial: str) -> str:
    return f"sessions/{serial}"
