"""A project whose folder has moved since the session: found again by its contents.

Only a missing folder counts as moved. An existing one with another branch, or without a project, is for the
step Project.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from workflows.core.sentences import OnboardError
from workflows.layer.discover import find_project
from workflows.steps.shared.module import Context
from workflows.steps.shared.paths import typed_path

_MOST_NEIGHBOURS = 200


def missing(context: Context) -> Path | None:
    """Return the project's recorded folder if it is missing; None if it is there, or none was chosen."""
    return context.root if "project_root" in context.facts and not context.root.exists() else None


def found_at(path: str, context: Context) -> Path:
    """Return the root of the session's project from a folder in it.

    Args:
        path: the folder as typed.
        context: what the session knows about the project.

    Raises:
        OnboardError: there is no project, or another one.
    """
    return same_project(typed_path(path, context.environment.home), context)


def same_project(folder: Path, context: Context) -> Path:
    """Return the root of the session's project from a folder in it, raising as `found_at`."""
    project = find_project(folder)
    name, layers = str(context.facts["project"]), context.facts["layers"]
    if project.name != name:
        raise OnboardError(
            "Another project",
            f"{project.root} is the project {project.name}, but this session is about {name}.",
            next=f"Enter the folder of {name}.",
        )
    if lacking := [account for account in layers if project.layer(account) is None]:
        raise OnboardError(
            "Another checkout",
            f"{project.root} has no identities layer of {', '.join(lacking)}.",
            why="This session works on it.",
            next="Check that its branch is the right one, or enter another folder.",
        )
    return project.root


def proposal(context: Context, working_folder: Path) -> Path | None:
    """Return where the project seems to be: the current folder's, or the only one beside its old place."""
    with_it = {root for folder in (working_folder,) if (root := _root_in(folder, context))}
    with_it = with_it or {root for folder in _neighbours(context.root) if (root := _root_in(folder, context))}
    return with_it.pop() if len(with_it) == 1 else None


def _neighbours(gone: Path) -> Iterator[Path]:
    """Yield the folders beside the nearest remaining parent of the project."""
    for above in [folder for folder in gone.parents if folder.is_dir()][:1]:
        with suppress(OSError):  # it can't be listed, so nothing is proposed
            folders = itertools.islice(above.iterdir(), _MOST_NEIGHBOURS)
            yield from [folder for folder in folders if (folder / "config").is_dir()]


def _root_in(folder: Path, context: Context) -> Path | None:
    with suppress(OnboardError):  # no project, or another one
        return same_project(folder, context)
    return None
