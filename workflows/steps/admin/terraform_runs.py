"""How the steps Plan, Apply and Hand over run Terraform in one layer: one way for all three."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from workflows.aws.clients import AwsClient, ProfileFiles
from workflows.core.errors import OnboardError
from workflows.core.processes import child_environment
from workflows.core.secret import Secret
from workflows.desktop.ambient import endpoints
from workflows.layer.discover import find_project
from workflows.layer.project import LayerLocation, Project
from workflows.steps.admin.project import wanted_binary
from workflows.steps.admin.terraform_credentials import (
    Source,
    credential_files,
    factory_for,
    kept_role,
    layer_profile,
    profiles_of,
    project_files,
)
from workflows.steps.shared.half_written import finish_half_written
from workflows.steps.shared.leftovers import RUNS
from workflows.steps.shared.module import Context, Progress, Report
from workflows.stores.kept_credentials import SHORTEST_REST
from workflows.terraform.binary import choose_binary
from workflows.terraform.commands import inherited
from workflows.terraform.failures import refuse_unwritten
from workflows.terraform.runner import Update, Watch
from workflows.terraform.service import Terraform
from workflows.terraform.state import State


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
    """The private folder of a layer's runs in this session; by default the step's own layer."""
    return context.folder / RUNS / (account or context.item)


def located(context: Context, account: str = "") -> tuple[Project, LayerLocation]:
    """The project and a layer of it; by default the step's own.

    Raises:
        OnboardError: the project or the layer is not there any more.
    """
    project = find_project(context.root)
    name = account or context.item
    location = project.layer(name)
    if location is None:
        raise OnboardError(
            "The layer is gone",
            f"{project.root} no longer has a base-identities layer of {name}.",
            next="Check that the checkout is on the right branch, or choose the layers again in Project.",
        )
    return project, location


def code_wanted(context: Context, rest: timedelta = SHORTEST_REST) -> str:
    """The MFA device whose code a profile of the layer wants now, or "" for none.

    Args:
        context: what the step may read.
        rest: how long credentials have to last at least.

    Raises:
        OnboardError: the layer or its profile is not there.
    """
    project, location = located(context)
    for one in profiles_of(context, project, location):
        if one.source is Source.CODE:
            kept = kept_role(context, project, one, rest)
            if kept is None:
                return one.serial
            kept.drop()
    return ""


@contextlib.contextmanager
def open_layer(
    context: Context,
    report: Report,
    account: str = "",
    *,
    code: Secret | None = None,
    rest: timedelta = SHORTEST_REST,
) -> Iterator[OpenLayer]:
    """A layer with credentials that were checked to be for its account.

    Args:
        context: what the step may read.
        report: takes the progress.
        account: the account of the layer; by default the step's own.
        code: an MFA code, where the layer's profile wants one.
        rest: how long temporary credentials have to last at least.

    Yields:
        The layer; temporary credentials are gone afterwards.

    Raises:
        CodeWanted, WrongAccount: as `credential_files`.
        OnboardError: the layer or its binary is not there, or AWS does not answer.
    """
    project, location = located(context, account)
    if finished := finish_half_written(context.folder.parent.parent, project.root):
        report(Progress(finished))
    with credential_files(context, project, location, code, report, rest) as files:
        yield _layer(context, project, location, files)


def reopen_layer(context: Context) -> OpenLayer:
    """The step's own layer for a run that goes on already: AWS is not asked for anything.

    Raises:
        OnboardError: the layer or its binary is not there.
    """
    project, location = located(context)
    return _layer(context, project, location, project_files(context, project))


def _layer(context: Context, project: Project, location: LayerLocation, files: ProfileFiles) -> OpenLayer:
    world = context.world
    environment = child_environment(world.environment)
    inherited(environment)
    binary = choose_binary(
        wanted_binary(project, location, context),
        path=environment.get("PATH", ""),
        environment=environment,
        folder=location.path,
    )
    terraform = Terraform(
        binary,
        location.path,
        run_folder(context, location.account),
        environment=world.environment,
        variables=_variables(context, location, files),
        backend_configs=location.backend_configs,
        var_files=location.var_files,
        now=world.now,
    )
    return OpenLayer(project, location, terraform, files)


def _variables(context: Context, location: LayerLocation, files: ProfileFiles) -> dict[str, str]:
    """What Terraform, its backend and its provider need to find the profile."""
    world = context.world
    variables = {
        "AWS_CONFIG_FILE": str(files.config_file),
        "AWS_SHARED_CREDENTIALS_FILE": str(files.credentials_file),
        "AWS_PROFILE": layer_profile(location),
        "AWS_SDK_LOAD_CONFIG": "1",
        **endpoints(world.environment),
    }
    if world.endpoint_url:
        variables["AWS_ENDPOINT_URL"] = world.endpoint_url
    if metadata := world.environment.get("AWS_EC2_METADATA_DISABLED"):
        variables["AWS_EC2_METADATA_DISABLED"] = metadata
    return variables


def read_state(layer: OpenLayer, context: Context, report: Report) -> State:
    """What a layer's state says, after an init where that is needed.

    Raises:
        StateUnwritten: it lacks what an apply made.
        OnboardError: it cannot be read.
    """
    terraform = layer.terraform
    refuse_unwritten(layer.location.path)
    if terraform.init_reasons():
        report(Progress(f"Initialising {layer.location.relative}"))
        terraform.init(watch=watching(context, report))
    report(Progress(f"Reading the state of {layer.location.account}"))
    return terraform.show_state(cancelled=context.cancelled)


def watching(context: Context, report: Report, *, counting: bool = False) -> Watch:
    """Watches a run: what Terraform says becomes progress, with the update as its payload.

    Args:
        context: says when to stop it, and when to leave it.
        report: takes the progress.
        counting: whether operations are counted (in an apply).
    """

    def on_update(update: Update) -> None:
        progress = update.progress
        running = ", ".join(progress.running)
        words = running or next((line for line in reversed(update.lines) if line.strip()), "")
        done, total = (progress.operations, progress.total) if counting else (0, 0)
        report(Progress(words[:120], done, total, payload=update))

    return Watch(on_update, context.cancelled, context.leaving)


@contextlib.contextmanager
def administrator(context: Context, report: Report, code: Secret | None = None) -> Iterator[AwsClient]:
    """An IAM client in the account of the step's layer, which was checked to be that account.

    Args:
        context: what the step may read.
        report: takes the progress.
        code: an MFA code, where the layer's profile wants one.

    Yields:
        The client; temporary credentials are gone afterwards.

    Raises:
        CodeWanted, WrongAccount: as `credential_files`.
        OnboardError: the layer or its profile is not there, or AWS does not answer.
    """
    project, location = located(context)
    with (
        credential_files(context, project, location, code, report) as files,
        iam_client(context, project, location, files) as client,
    ):
        yield client


@contextlib.contextmanager
def iam_client(
    context: Context, project: Project, location: LayerLocation, files: ProfileFiles
) -> Iterator[AwsClient]:
    """An IAM client that signs as a layer's profile of these files.

    Raises:
        AwsError: the profile cannot be used.
    """
    with factory_for(context, project).profile_client("iam", files, layer_profile(location)) as client:
        yield client


def own_device(context: Context) -> str:
    """The MFA device that the layer's profile itself asks a code of, or "".

    Raises:
        OnboardError: the layer or its profile is not there.
    """
    return profiles_of(context, *located(context))[0].serial
