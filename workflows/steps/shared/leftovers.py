"""Everything that a closed or killed wizard can leave behind in its session's folder.

Terraform continues after the wizard closes, so its session must not be deleted meanwhile, and its temporary
credentials stay until it ends. The first run that sees it end removes them; otherwise the program's next
start does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from workflows.core.sentences import OnboardError
from workflows.terraform.runner import Kind, Run

RUNS = "terraform"
"""The session subfolder that holds the folders of its layers' runs."""

CREDENTIALS = "aws"
"""The session subfolder for temporary credentials, a folder per account, while Terraform runs."""

_A = {
    Kind.INIT: "An init",
    Kind.PLAN: "A plan",
    Kind.APPLY: "An apply",
    Kind.IMPORT: "An import",
    Kind.PUSH: "A state write",
}


def running_in(session: Path, account: str = "*") -> Run | None:
    """Return a Terraform run in progress in a session's folder, an apply first, or None.

    Args:
        session: the session's folder.
        account: the account of the layer; by default every one.
    """
    folders = sorted((session / RUNS).glob(f"{account}/"))
    runs = (
        Run.attach(folder / kind)
        for kind in (Kind.APPLY, Kind.IMPORT, Kind.PUSH, Kind.PLAN, Kind.INIT)
        for folder in folders
    )
    return next((run for run in runs if run is not None and run.is_running()), None)


def untaken_apply(session: Path) -> Run | None:
    """Return an apply of a session whose result no wizard has recorded yet, or None."""
    runs = (Run.attach(folder / Kind.APPLY) for folder in sorted((session / RUNS).glob("*/")))
    return next(filter(None, runs), None)


def refuse_while_running(session: Path) -> None:
    """Refuse to delete a session's folder while Terraform writes into it.

    Raises:
        OnboardError: a run is in progress.
    """
    run = running_in(session)
    if run is not None:
        raise OnboardError(
            f"{_A[run.description.kind]} is still running in this session",
            f"Terraform hasn't ended yet in {run.description.layer}.",
            why="It continues by itself when you leave the wizard, but you wouldn't see how it ended.",
            next="Resume the session, wait until it ends, then delete it.",
        )


def credentials_folder(session: Path, account: str) -> Path:
    """Return the folder of temporary credentials for an account's layer."""
    return session / CREDENTIALS / account


def release_credentials(session: Path, account: str) -> None:
    """Remove the temporary credentials of an account's layer, unless its Terraform is still using them.

    Raises:
        OnboardError: they can't be removed.
    """
    folder = credentials_folder(session, account)
    if os.path.lexists(folder) and running_in(session, account) is None:
        _remove(folder)
        with contextlib.suppress(OSError):  # another account's are still in it
            folder.parent.rmdir()


def remove_credentials(session: Path) -> None:
    """Remove temporary credentials that an earlier wizard left, except those still in use by a run.

    Raises:
        OnboardError: they can't be removed.
    """
    folder = session / CREDENTIALS
    if not os.path.lexists(folder):
        return
    if running_in(session) is None:
        _remove(folder)
        return
    for account in folder.iterdir():
        release_credentials(session, account.name)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OnboardError(
            "Temporary credentials are left",
            f"An earlier run left temporary AWS credentials in {folder}, and iam-onboard can't remove them.",
            why=str(error),
            next="Remove that folder, then resume the session.",
        ) from error
