"""`iam-onboard layer accounts`: the project's accounts in its common variables, told and changed."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from tui.cli.exit_codes import DONE, UsageError
from tui.cli.layer_edits import propose_and_write, warn_of_half_written, writes_of
from tui.cli.output import answer, columns
from tui.places import Machine
from workflows.core.sentences import Sentence
from workflows.layer.account_list import add_account, remove_account, warnings_of_removal
from workflows.layer.change_set import ChangeSet
from workflows.layer.discover import find_project
from workflows.layer.project import Account, Project
from workflows.services.git import Git


def accounts(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard layer accounts [PROJECT] [--add NAME --email E [--id ID]] [--remove NAME]`.

    Raises:
        OnboardError: there is no project there, or the change is refused.
        UsageError: the options do not fit together.
    """
    _refuse_misuse(options)
    folder = machine.working_folder / Path(options.project).expanduser()
    project = find_project(folder)
    writes = writes_of(machine, project.root)
    if not (options.add or options.remove):
        warn_of_half_written(writes)
        rows = [(one.name, one.id or "no id yet", one.email) for one in project.accounts]
        records = [asdict(one) for one in project.accounts]
        answer(records, columns(rows, indent=""), as_json=options.json)
        return DONE

    def make() -> tuple[ChangeSet, list[Sentence]]:
        return _changes(machine, find_project(folder), options)

    request = (str(project.root), options.add, options.email, options.id, options.remove)
    return propose_and_write(writes, request, make, _done(options), options)


def _refuse_misuse(options: argparse.Namespace) -> None:
    if options.add and options.remove:
        raise UsageError("--add and --remove are given one at a time.")
    if options.add and not options.email:
        raise UsageError("--add needs --email, the address of the account's root user.")
    if not options.add and (options.email or options.id):
        raise UsageError("--email and --id belong to --add NAME.")


def _changes(
    machine: Machine, project: Project, options: argparse.Namespace
) -> tuple[ChangeSet, list[Sentence]]:
    if options.add:
        changes = add_account(project, Account(options.add, options.email, options.id))
        warnings: list[Sentence] = (
            [] if options.id else ["AWS has not made the account yet: give its id later, by hand."]
        )
    else:
        changes = remove_account(project, options.remove)
        warnings = warnings_of_removal(project, options.remove)
    repository = Git(project.root, machine.environment)
    paths = [one.path for one in changes.changes]
    if repository.is_repository() and any(repository.is_ignored(one) for one in paths):
        warnings.append(
            f"{paths[0].name} is kept out of git: nobody gets this change by a pull. Tell your colleagues."
        )
    return changes, warnings


def _done(options: argparse.Namespace) -> str:
    if options.add:
        return f"The account {options.add} is added to the project's accounts."
    return f"The account {options.remove} is removed from the project's accounts; its folder and layers stay."
