"""What a person should know about a project before anything is chosen in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import read_text
from workflows.core.sentences import Sentence
from workflows.layer.model import Layer
from workflows.layer.project import Project
from workflows.messages.envelope import MAX_TEXT
from workflows.messages.request import open_request
from workflows.services.git import Git
from workflows.steps.base import Context


def remarks_on(project: Project, layers: Sequence[Layer], context: Context) -> list[Sentence]:
    """Remarks, each a sentence: on the project's own files, its checkout, and requests that wait.

    Args:
        project: the project.
        layers: its identities layers.
        context: what the step may read.

    Raises:
        OnboardError: git fails.
    """
    remarks = list(project.warnings)
    if project.sso_enabled:
        remarks.append("People here sign in through SSO as a rule; an IAM user is then the exception.")
    return [*remarks, *_git_remarks(project, context), *_requests(layers, context)]


def _requests(layers: Sequence[Layer], context: Context) -> list[Sentence]:
    """Requests in the sandbox's mailbox for another key, of people who are there already."""
    mailbox = context.world.mailbox
    if mailbox is None:
        return []
    people = sorted({person.iam_name for layer in layers for person in layer.people})
    sent = {name: mailbox / f"request-{name}.txt" for name in people}
    return [
        f"{name} asks for a new key (in the mailbox): enter the name under “New PGP key for?”."
        for name, file in sent.items()
        if file.is_file() and _is_replacement(file)
    ]


def _is_replacement(file: Path) -> bool:
    try:
        return open_request(read_text(file, MAX_TEXT)).replacement
    except OnboardError:
        return False  # the step PGP keys tells what is wrong with it


def _git_remarks(project: Project, context: Context) -> list[Sentence]:
    git = Git(project.root, context.world.environment)
    if not git.is_repository():
        return ["This folder is no git checkout: nobody can review or undo what is changed in it."]
    remarks: list[Sentence] = []
    if not git.upstream().name:
        remarks.append(
            "This checkout has no remote to compare it with: it is not known whether it is current."
        )
    folders = [layer.path for layer in project.layers]
    dirty = git.dirty_files(folders)
    if dirty:
        names = ", ".join(str(file.path.relative_to(git.root())) for file in dirty[:3])
        more = f" and {len(dirty) - 3} more" if len(dirty) > 3 else ""
        remarks.append(f"Changed here and not committed: {names}{more}. They will be part of the plan.")
    return remarks
