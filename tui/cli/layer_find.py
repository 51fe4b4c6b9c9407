"""Finds the layer that an argument names: an account or a folder, in a project or on its own."""

from __future__ import annotations

from pathlib import Path

from tui.cli.output import note
from tui.host import Machine
from workflows.core.errors import OnboardError
from workflows.core.files import explained
from workflows.layer.discover import ProjectError, find_project
from workflows.layer.model import LayerLocation, Project
from workflows.layer.read.layer import declares_people, lone_layer


def find_layer(machine: Machine, text: str) -> tuple[Project | None, LayerLocation]:
    """Return the named layer, with its project.

    A folder that declares users or groups is also accepted without a project, or outside its identities
    layers, with a warning on standard error; the project is then None.

    Raises:
        OnboardError: there is none, or the folder holds several.
    """
    inside = machine.path(text).absolute().resolve()
    with explained(inside, "read"):
        is_folder = inside.is_dir()
    try:
        project = find_project(inside if is_folder else machine.working_folder)
    except ProjectError as error:
        if not declares_people(inside):
            raise
        note(f"warning: {error.what} iam-onboard reads the layer without the project's variables.")
        return None, lone_layer(inside)
    found = _in_project(project, text, inside)
    if len(found) == 1:
        _warn_of_links(project, found[0])
        return project, found[0]
    for account, incomplete in project.left_out.items():
        if text == account or inside.is_relative_to(project.root / account):
            raise incomplete
    if not found and declares_people(inside):
        note(f"warning: {inside} isn't one of the project's identities layers.")
        return None, lone_layer(inside)
    known = ", ".join(layer.relative for layer in project.layers) or "none"
    raise OnboardError(
        "Which layer?",
        f"{text} names {'several layers' if found else 'no base-identities layer'} of {project.root}.",
        next=f"Name one of its layers, or an account. The layers: {known}.",
    )


def root_of(project: Project | None, location: LayerLocation) -> Path:
    """Return the folder that a layer's changed paths are relative to."""
    return project.root if project else location.path.parents[len(Path(location.relative).parts) - 1]


def _in_project(project: Project, text: str, folder: Path) -> list[LayerLocation]:
    if not folder.is_dir():
        return [layer for layer in project.layers if text in {layer.account, layer.relative}]
    return [
        layer
        for layer in project.layers
        if folder != project.root and any(_touch(folder, path) for path in (layer.path, layer.path.resolve()))
    ]


def _touch(folder: Path, layer: Path) -> bool:
    """Return whether a folder is a layer's, is in it, or holds it."""
    return folder == layer or folder in layer.parents or layer in folder.parents


def _warn_of_links(project: Project, location: LayerLocation) -> None:
    real = location.path.resolve()
    if real != location.path:
        same = [layer.account for layer in project.layers if layer.path.resolve() == real]
        note(
            f"warning: {location.relative} is a symbolic link to {real}; a change there applies to "
            f"{', '.join(same)}."
        )
