"""What a wizard that was left, or killed, can have left behind in its session's folder.

Terraform continues when the wizard is left, so a session may not be deleted under it, and the temporary
credentials that it was started with stay until it has ended. The first run to see that end removes them;
where nobody does, because the wizard was left or killed, the next start of the program is the one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.terraform.runner import Kind, Run

RUNS = "terraform"
"""The folder of a session that holds the folders of its layers' runs."""

CREDENTIALS = "aws"
"""The folder of a session with temporary credentials, a folder an account, for as long as Terraform runs."""

_A = {
    Kind.INIT: "An init",
    Kind.PLAN: "A plan",
    Kind.APPLY: "An apply",
    Kind.IMPORT: "An import",
    Kind.PUSH: "The writing of a state",
}


def running_in(session: Path, account: str = "*") -> Run | None:
    """A run of Terraform that goes on in a session's folder, the apply first, or None.

    Args:
        session: the session's folder.
        account: the account whose layer is asked about; by default every one.
    """
    folders = sorted((session / RUNS).glob(f"{account}/"))
    runs = (
        Run.attach(folder / kind)
        for kind in (Kind.APPLY, Kind.IMPORT, Kind.PUSH, Kind.PLAN, Kind.INIT)
        for folder in folders
    )
    return next((run for run in runs if run is not None and run.is_running()), None)


def untaken_apply(session: Path) -> Run | None:
    """An apply that was begun in a session, and whose end no wizard has taken in yet, or None."""
    runs = (Run.attach(folder / Kind.APPLY) for folder in sorted((session / RUNS).glob("*/")))
    return next(filter(None, runs), None)


def refuse_while_running(session: Path) -> None:
    """Let nobody delete a session's folder while Terraform writes into it.

    Raises:
        OnboardError: a run goes on in it.
    """
    run = running_in(session)
    if run is not None:
        raise OnboardError(
            f"{_A[run.description.kind]} is still running in this session",
            f"Terraform hasn't ended yet in {run.description.layer}.",
            why="It continues by itself when you leave the wizard, but its end would be lost.",
            next="Resume the session, wait until it ends, then delete it.",
        )


def credentials_folder(session: Path, account: str) -> Path:
    """Where the temporary credentials of an account's layer are."""
    return session / CREDENTIALS / account


def release_credentials(session: Path, account: str) -> None:
    """Remove the temporary credentials of an account's layer, unless its Terraform still runs with them.

    Raises:
        OnboardError: they are there and cannot be removed.
    """
    folder = credentials_folder(session, account)
    if os.path.lexists(folder) and running_in(session, account) is None:
        _remove(folder)
        with contextlib.suppress(OSError):  # another account's are still in it
            folder.parent.rmdir()


def remove_credentials(session: Path) -> None:
    """Remove the temporary credentials that an earlier wizard left, but those that a run still reads.

    Raises:
        OnboardError: they are there and cannot be removed.
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
