"""What a person may choose when Terraform refuses to begin: force a lock open, initialise another way."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workflows.core.secret import Secret
from workflows.core.sentences import Sentence
from workflows.services.terraform.failures import InitWay, LockInfo
from workflows.steps.base import Context, Progress, Report
from workflows.steps.terraform_runs import open_layer, watching

WAYS = {
    InitWay.UPGRADE: (
        "Initialise with upgrade",
        (
            "init -upgrade takes the newest providers and modules that the layer's constraints "
            "allow, and writes them into .terraform.lock.hcl. That file belongs to the repository: commit it "
            "with the layer's files, since your colleagues' next init uses it too."
        ),
    ),
    InitWay.RECONFIGURE: (
        "Initialise with reconfigure",
        (
            "init -reconfigure forgets where this checkout kept its state before, and uses what "
            "the backend files say now. Nothing is copied: if the new place holds no state, the next plan "
            "wants to make everything anew. Look at the bucket and the key in them first."
        ),
    ),
}
"""What is on the button, and what it does."""


def unlock(lock: LockInfo, context: Context, report: Report, code: Secret | None = None) -> Sentence:
    """Release a state's lock by force. The person has typed whose it is.

    Returns:
        What was done, as a sentence.

    Raises:
        OnboardError: it could not be released; a lock that is gone meanwhile is told in Terraform's words.
    """
    with open_layer(context, report, code=code) as layer:
        report(Progress(f"Releasing the lock of {lock.who or 'somebody'}"))
        layer.terraform.force_unlock(lock.lock_id)
    return f"The lock of {lock.who or lock.lock_id} is released."


def write_state(context: Context, report: Report, code: Secret | None = None) -> Sentence:
    """Write the state that the last apply of the step's layer could not write.

    Returns:
        What was done, as a sentence.

    Raises:
        Cancelled: the person stopped it.
        LockHeld: the state is locked, perhaps by that very apply.
        OnboardError: it could not be written; the file is still there.
    """
    with open_layer(context, report, code=code) as layer:
        report(Progress("Writing the state that the last apply left"))
        layer.terraform.push_unwritten(watch=watching(context, report))
    return "The state is written: it holds what the last apply made. The file is removed."


def initialise(way: InitWay, context: Context, report: Report, code: Secret | None = None) -> Sentence:
    """Initialise the step's layer the way that was chosen.

    Returns:
        What was done, and whether the lock file is another one now.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: it failed; the detail has Terraform's own words.
    """
    with open_layer(context, report, code=code) as layer:
        lock_file = layer.location.path / ".terraform.lock.hcl"
        before = _digest(lock_file)
        report(Progress(WAYS[way][0]))
        layer.terraform.init(
            upgrade=way is InitWay.UPGRADE,
            reconfigure=way is InitWay.RECONFIGURE,
            watch=watching(context, report),
        )
        if _digest(lock_file) == before:
            return "Initialised; the lock file is as it was."
        changed = lock_file.relative_to(layer.project.root)
        return f"Initialised. {changed} was changed: commit it with the layer's files."


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
