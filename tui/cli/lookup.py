"""Find the project or the layer that a command's argument names.

A new user often has no checkout, only a handoff. Then the project's short name is enough and, outside a
project folder, the only project that this computer knows. A layer is named by its account or its folder, in a
project or on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tui.cli.output import note
from tui.host import Machine
from tui.session_catalogue import SessionCatalogue
from workflows.core.files import explained
from workflows.core.sentences import OnboardError
from workflows.layer.discover import ProjectError, find_project
from workflows.layer.model import LayerLocation, Project
from workflows.layer.read.layer import declares_people, lone_layer
from workflows.messages.handoff import Handoff, handoff_from

_SHORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Named:
    """A project.

    Attributes:
        name: its short name.
        checkout: its checkout, or None without one.
    """

    name: str
    checkout: Project | None


def named_project(machine: Machine, text: str) -> Named:
    """Return the named project.

    Args:
        text: a folder in a checkout, or a short name; "" for the folder that the program was started in.

    Raises:
        OnboardError: there is none, or the checkout's variables can't be read.
    """
    folder = machine.path(text).resolve()
    known = _known_names(machine)
    if text and not folder.is_dir():
        here = _checkout_here(machine, text)
        if here is not None or text in known:
            return Named(text, here)
    try:
        checkout = find_project(folder)
    except ProjectError as error:
        if text in known:
            return Named(text, None)
        if text or len(known) != 1:
            raise _none(error, text, known) from None
        return Named(known[0], None)
    if not _SHORT_NAME.fullmatch(checkout.name):
        raise OnboardError(
            "Not a project name",
            f"“{checkout.name}” in the project's common variables isn't a short name.",
            next="Use letters, digits, - and _ there, as in bb.",
        )
    return Named(checkout.name, checkout)


def _checkout_here(machine: Machine, name: str) -> Project | None:
    """Return the checkout that the program was started in, if it has this short name."""
    try:
        checkout = find_project(machine.working_folder)
    except ProjectError:
        return None  # the user named the project, which may be known without a checkout
    return checkout if checkout.name == name else None


def session_handoff(machine: Machine, project: str) -> Handoff | None:
    """Return the handoff of the user's latest own session for a project; None without one.

    Raises:
        MessageError: the session holds no handoff.
    """
    found = (payload for payload in _handoffs(machine) if payload.get("project") == project)
    return next(map(handoff_from, found), None)


def _known_names(machine: Machine) -> list[str]:
    """Return the projects with profiles here, or with a handoff in a session."""
    folder = machine.home / ".aws"
    with explained(folder, "read"):
        written = [config.parent.name for config in folder.glob("*/config")] if folder.is_dir() else []
    joined = [str(payload.get("project")) for payload in _handoffs(machine)]
    return sorted({name for name in (*written, *joined) if _SHORT_NAME.fullmatch(name)})


def _handoffs(machine: Machine) -> Iterator[Mapping[str, object]]:
    """Yield the handoffs of the user's own sessions, the latest first."""
    for summary in SessionCatalogue(machine).sessions_of().summaries():
        payload = summary.facts.get("handoff")
        if summary.workflow == "new-user" and isinstance(payload, dict):
            yield payload


def _none(error: ProjectError, text: str, known: list[str]) -> OnboardError:
    names = f" Known here: {', '.join(known)}." if known else ""
    return OnboardError(
        "Which project?",
        f"“{text}” is neither in a project's checkout nor the short name of a known project."
        if text
        else "This folder isn't in a project's checkout.",
        why=error.what,
        next=f"Name a folder of the project, or its short name.{names}",
    )


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
    named = f"{text} names {'several layers' if found else 'no base-identities layer'} of {project.root}."
    raise OnboardError(
        "Which layer?",
        f"The account {text} has no base-identities layer in {project.root}."
        if text in {account.name for account in project.accounts}
        else named,
        next=f"Name one of these layers, or its account: {known}.",
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
        if folder != project.root
        and any(
            folder.is_relative_to(path) or path.is_relative_to(folder)
            for path in (layer.path, layer.path.resolve())
        )
    ]


def _warn_of_links(project: Project, location: LayerLocation) -> None:
    real = location.path.resolve()
    if real != location.path:
        same = [layer.account for layer in project.layers if layer.path.resolve() == real]
        note(
            f"warning: {location.relative} is a symbolic link to {real}; a change there applies to "
            f"{', '.join(same)}."
        )
