"""The git work left after a session wrote files: commit them, or push the commit."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflows.core.sentences import Sentence, count, joined, listed
from workflows.git import Git
from workflows.steps.admin.other_sessions import written_since
from workflows.steps.shared.module import Context


def push_command(commit: Mapping[str, Any]) -> str:
    """Return the command that pushes a session's commit; "" if it is on no branch or there is no remote."""
    remote, branch = commit.get("remote", "origin"), commit.get("branch")
    return shlex.join(["git", "push", "-u", remote, branch]) if remote and branch else ""


def left_by_facts(facts: Mapping[str, Any]) -> Sentence:
    """Return what is left by the session's own facts: a commit, or a push; "" if it wrote nothing."""
    if not facts.get("changed_files"):
        return ""
    if not facts.get("commit"):
        return "Commit the files Review wrote, if you haven't."
    command = push_command(facts["commit"])
    return f"Push your commit, if you haven't: {command}" if command else ""


def left_in_git(context: Context) -> Sentence:
    """Return what is left according to git; "" if it sees nothing.

    Nothing is known about a commit that is no longer on its branch: it was rewritten or merged some other
    way. Without a checkout, the session's own facts count.

    Raises:
        OnboardError: git fails.
    """
    facts, git = context.facts, Git(context.root, context.environment.variables)
    commit = facts.get("commit") or {}
    command = push_command(commit) if commit else ""
    if not git.is_repository():
        return left_by_facts(facts)
    paths = [Path(file["path"]) for file in facts["changed_files"]]
    if dirty := {file.path.resolve() for file in git.dirty_files(paths)}:
        uncommitted = [str(path) for path in paths if path.resolve() in dirty]
        verb = "has" if len(uncommitted) == 1 else "have"
        words = (
            f"Commit the files Review wrote: {count(len(uncommitted), 'file')} {verb} uncommitted changes."
        )
        if not (later := written_since(uncommitted, context)):
            return words
        works = listed([*dict.fromkeys(later.values())], 2)
        which = "it" if len(uncommitted) == 1 else f"{len(later)} of them"
        return joined((words, f"A later session ({works}) wrote to {which}, too."))
    if not command:
        return ""
    branches = git.branches_with(commit.get("sha") or "")
    if any(branch.startswith("refs/remotes/") for branch in branches):
        return ""
    return f"Push your commit: {command}" if f"refs/heads/{commit['branch']}" in branches else ""
