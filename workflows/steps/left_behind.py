"""What a wizard that was left, or killed, can have left behind in its session's folder.

Terraform goes on when the wizard is left, so a session may not be deleted under it. A wizard that is killed
cannot remove the temporary credentials it had written, so whoever opens the session next does.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from workflows.errors import OnboardError
from workflows.services.terraform.runner import Kind, Run

RUNS = "terraform"
"""The folder of a session that holds the folders of its layers' runs."""

CREDENTIALS = "aws"
"""The folder of a session that holds temporary credentials while Terraform is started with them."""

_A = {Kind.INIT: "An init", Kind.PLAN: "A plan", Kind.APPLY: "An apply"}


def running_in(session: Path) -> Run | None:
    """A run of Terraform that goes on in a session's folder, the apply first, or None."""
    folders = sorted((session / RUNS).glob("*/"))
    runs = (Run.attach(folder / kind) for kind in (Kind.APPLY, Kind.PLAN, Kind.INIT) for folder in folders)
    return next((run for run in runs if run is not None and run.is_running()), None)


def refuse_while_running(session: Path) -> None:
    """Let nobody delete a session's folder while Terraform writes into it.

    Raises:
        OnboardError: a run goes on in it.
    """
    run = running_in(session)
    if run is not None:
        raise OnboardError(
            f"{_A[run.kind]} is still running in this session",
            f"Terraform has not ended yet in {run.layer}.",
            why="It goes on by itself when the wizard is left, and how it ends would be lost.",
            next="Resume the session and wait for its end, then delete it.",
        )


def remove_credentials(session: Path) -> None:
    """Remove temporary credentials that a killed wizard left, unless a run goes on that may read them.

    Raises:
        OnboardError: they are there and cannot be removed.
    """
    folder = session / CREDENTIALS
    if not folder.exists() or running_in(session) is not None:
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OnboardError(
            "Temporary credentials are left",
            f"An earlier run left temporary AWS credentials in {folder}, and they cannot be removed.",
            why=str(error),
            next="Remove that folder, then resume the session.",
        ) from error
