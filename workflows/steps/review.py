"""The review: one unified diff over all layers, shown whole before a byte is written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.errors import OnboardError, Problem
from workflows.layer.change_set import ChangeSet
from workflows.layer.discover import find_project
from workflows.layer.edit import propose
from workflows.layer.formatting import fmt_clean
from workflows.machine.declaration import Step
from workflows.machine.events import Facts
from workflows.services.git import Git
from workflows.services.processes import child_environment
from workflows.services.terraform.binary import choose_binary
from workflows.steps.base import AGREES, Context, Observation, Progress, Report
from workflows.steps.edits import operations, read_layers
from workflows.steps.pending_writes import PendingWrites
from workflows.steps.project import wanted_binary

STEP = Step(
    id="review",
    title="Review",
    purpose="Read every line that is going to change, in all layers; Next writes it.",
    needs=(
        *("project_root", "layers", "keys", "user_changes"),
        *("memberships", "group_changes", "account_changes"),
    ),
    gives=("changed_files", "commit"),
    blocked_words="Review needs users and groups to be decided",
)


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        digest: of the diff that was shown (`digest_of`); nothing else is written.
        branch: a new branch to make for it, or "" to stay on the current one.
        commit: whether to commit the files.
        message: the commit's message.
    """

    digest: str
    branch: str = ""
    commit: bool = False
    message: str = ""


def prepare(context: Context, report: Report) -> ChangeSet:
    """What would be written, from the files as they are on disk now; what a crash cut off is finished first.

    Raises:
        OnboardError: a layer's shape does not allow a change, or a file would not be formatted as it should.
    """
    PendingWrites(context.folder).finish()
    report(Progress("Reading the layers"))
    edits = []
    for layer in read_layers(context).values():
        context.raise_if_cancelled()
        report(Progress(f"Editing {layer.location.relative} in memory"))
        edits.append((layer, operations(layer, context.facts)))
    change_set = propose(edits)
    report(Progress("Checking the format"))
    _check_format(change_set, context)
    return change_set


def digest_of(change_set: ChangeSet) -> str:
    """A digest of the whole diff, hexadecimal."""
    return hashlib.sha256(change_set.diff().encode()).hexdigest()


def proposed_message(context: Context) -> str:
    """A commit message that says who and where."""
    users = context.facts.get("user_changes") or {}
    parts = []
    for verb, kind in (("Add", "add"), ("Remove", "remove")):
        names = sorted({name for some in users.get(kind, {}).values() for name in some})
        if names:
            parts.append(f"{verb} {', '.join(names)}")
    layers = ", ".join(context.facts["layers"])
    return f"{' and '.join(parts) or 'Change groups'} ({layers} base-identities)"


def validate(request: Request, context: Context) -> list[Problem]:
    """A commit has a message, and there is something that was shown."""
    del context
    problems = []
    if not request.digest:
        problems.append(Problem("Wait until the difference is shown.", ""))
    if request.commit and not request.message.strip():
        problems.append(Problem("A commit needs a message.", "message"))
    if request.branch and not request.commit:
        problems.append(Problem("A branch without a commit helps nobody; mark “commit” too.", "commit"))
    return problems


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Write exactly what was shown, then make the branch and the commit that were asked for.

    Raises:
        OnboardError: the files changed since they were shown, could not be written, or git refused.
    """
    change_set = prepare(context, report)
    if digest_of(change_set) != request.digest:
        raise OnboardError(
            "Something changed meanwhile",
            "What would be written now differs from what was shown.",
            why="A file of the layers was edited after this step was opened.",
            next="Read the difference once more: it is shown anew when you come back to this step.",
        )
    report(Progress("Writing"))
    if not change_set.is_empty:
        PendingWrites(context.folder).write(change_set)
    files = _changed_files(change_set, context)
    commit = _commit(request, files, context) if request.commit else None
    return {"changed_files": files, "commit": commit}


def _changed_files(change_set: ChangeSet, context: Context) -> list[dict[str, Any]]:
    """The files of this review and of the one before it in this session, with their hashes; sorted."""
    paths = {(one.layer, str(one.path)) for one in change_set.changes}
    paths |= {(one["layer"], one["path"]) for one in context.facts.get("changed_files") or ()}
    return [{"layer": layer, "path": path, "sha256": _sha256(Path(path))} for layer, path in sorted(paths)]


def _sha256(path: Path) -> str:
    """The file's hash, or "" for a file that is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _commit(request: Request, files: Sequence[dict[str, Any]], context: Context) -> dict[str, Any] | None:
    git = Git(Path(str(context.facts["project_root"])), context.world.environment)
    if not git.is_repository():
        raise OnboardError(
            "No git checkout",
            "The files are written, but there is no git checkout to commit them in.",
            next="Unmark “commit” and press Next again.",
        )
    if request.branch and git.branch() != request.branch:
        git.create_branch(request.branch)
    paths = [Path(one["path"]) for one in files]
    dirty = {file.path.resolve() for file in git.dirty_files(paths)}
    changed = [path for path in paths if path.resolve() in dirty]
    sha = git.commit(changed, request.message) if changed else git.head()
    return {"branch": git.branch() or "", "sha": sha}


def _check_format(change_set: ChangeSet, context: Context) -> None:
    """Refuse a file that was formatted and would not be any more; one that never was is left alone."""
    after = {one.layer + "/" + one.name: one for one in change_set.changes if one.name.endswith(".tf")}
    if not after:
        return
    project = find_project(Path(str(context.facts["project_root"])))
    environment = child_environment(context.world.environment)
    location = project.layer(context.facts["layers"][0]) or project.layers[0]
    binary = choose_binary(
        wanted_binary(project, location, context), path=environment.get("PATH", ""), environment=environment
    )
    files = {name: one.after for name, one in after.items() if one.after is not None}
    unclean = fmt_clean(binary.argv, files, environment=environment)
    before = {name: data for name in unclean if (data := after[name].before) is not None}
    already = fmt_clean(binary.argv, before, environment=environment) if before else {}
    spoiled = [name for name in unclean if name not in already]
    if spoiled:
        raise OnboardError(
            "Not formatted",
            f"{', '.join(spoiled)} would not be as `{binary.product.program} fmt` writes it.",
            next="Nothing was written. Make this change by hand, and report it with the lines below.",
            detail="\n".join(unclean[name] for name in spoiled),
        )


def observe(context: Context) -> Observation:
    """The files are as they were written."""
    changed = [
        one["path"] for one in context.facts["changed_files"] if _sha256(Path(one["path"])) != one["sha256"]
    ]
    if not changed:
        return AGREES
    root = str(context.facts["project_root"])
    names = ", ".join(path.removeprefix(root).lstrip("/") for path in changed)
    return Observation(holds=False, words=f"{names} was changed since it was written.")
