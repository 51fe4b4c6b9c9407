"""The program that runs a layer.

Asking it for its version takes as long as this program takes to load, so the commands ask first. That is why
this module imports little.
"""

from __future__ import annotations

from workflows.core.processes import child_environment
from workflows.environment import Environment
from workflows.layer.model import LayerLocation, Project
from workflows.terraform.binary import Binary, TrustedPrograms, Wanted, choose_binary, find_program
from workflows.terraform.commands import inherited


def wanted_binary(project: Project, location: LayerLocation, environment: Environment) -> Wanted:
    """Return a layer's requirements for `choose_binary`."""
    return Wanted(
        layer=location.relative,
        explicit=environment.binary,
        build_env=project.binary,
        registry=location.locked.registry if location.locked else None,
        required_version=location.required_version,
        toolbox_image=project.build_env.get("TERRAFORM_IMAGE_TAG"),
        project=project.root,
        trusted=TrustedPrograms(environment.trusted_programs_file),
    )


def find_layer_program(project: Project, location: LayerLocation, environment: Environment) -> None:
    """Check that a layer's program is on this computer, without running it.

    Raises:
        OnboardError: as `find_program`.
    """
    find_program(wanted_binary(project, location, environment), environment.variables.get("PATH", ""))


def layer_binary(project: Project, location: LayerLocation, environment: Environment) -> Binary:
    """Return the program that a layer requires, after asking it for its version.

    Raises:
        OnboardError: there is none, or it doesn't fit.
    """
    variables = child_environment(environment.variables)
    inherited(variables)
    return choose_binary(
        wanted_binary(project, location, environment),
        path=variables.get("PATH", ""),
        environment=variables,
        folder=location.path,
    )
