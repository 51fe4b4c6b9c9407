"""A project whose folder is elsewhere than a session remembers: found again by what is in it.

Only a folder that is gone counts as moved. One that is there, with another branch or no project in it, is a
matter of the step Project.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.layer.discover import find_project
from workflows.steps.shared.module import Context
from workflows.steps.shared.paths import typed_path

_MOST_NEIGHBOURS = 200


def missing(context: Context) -> Path | None:
    """The project's folder if it is not where the session remembers it; None if it is, or none was chosen."""
    return context.root if "project_root" in context.facts and not context.root.exists() else None


def found_at(path: str, context: Context) -> Path:
    """The root of the session's project by a folder in it.

    Args:
        path: the folder as typed.
        context: what the session remembers of the project.

    Raises:
        OnboardError: there is no project, or it is another one.
    """
    return same_project(typed_path(path, context.environment.home), context)


def same_project(folder: Path, context: Context) -> Path:
    """The root of the session's project by a folder in it; `found_at` says what it raises."""
    project = find_project(folder)
    name, layers = str(context.facts["project"]), context.facts["layers"]
    if project.name != name:
        raise OnboardError(
            "Another project",
            f"{project.root} is the project {project.name}, but this session is about {name}.",
            next=f"Enter the folder of {name}.",
        )
    lacking = [account for account in layers if project.layer(account) is None]
    if lacking:
        raise OnboardError(
            "Another checkout",
            f"{project.root} has no identities layer of {', '.join(lacking)}.",
            why="This session works on it.",
            next="Check that its branch is the right one, or enter another folder.",
        )
    return project.root


def proposal(context: Context, working_folder: Path) -> Path | None:
    """Where the project seems to be now: the current folder's, or the only one beside its old place."""
    with_it = {root for folder in (working_folder,) if (root := _root_in(folder, context))}
    with_it = with_it or {root for folder in _neighbours(context.root) if (root := _root_in(folder, context))}
    return with_it.pop() if len(with_it) == 1 else None


def _neighbours(gone: Path) -> Iterator[Path]:
    """The folders beside the nearest one that is still there of those that held the project."""
    above = next((folder for folder in gone.parents if folder.is_dir()), None)
    if above is None:
        return
    try:
        folders = itertools.islice(above.iterdir(), _MOST_NEIGHBOURS)
        found = [folder for folder in folders if (folder / "config").is_dir()]
    except OSError:
        return  # it may not be listed: then nothing is proposed
    yield from found


def _root_in(folder: Path, context: Context) -> Path | None:
    try:
        return same_project(folder, context)
    except OnboardError:
        return None  # no project, or another one
