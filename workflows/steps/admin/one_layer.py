"""One layer without a session: the context for a command that runs Plan, Apply or Hand over.

In the wizard, earlier steps decide whom the work is for. A command knows only its arguments, so they are put
into the shape that the steps read; everything else is the same.

A plan file kept by a person doesn't show what it was made from. So that is recorded in a private folder by
the file's hash: a moved file is recognised, and a changed one is another file.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from workflows.core.files import private_folder, read_bytes, write_atomically
from workflows.core.parsing import read_json
from workflows.core.sentences import OnboardError
from workflows.core.shapes import plain, read
from workflows.environment import Environment
from workflows.git import Git
from workflows.layer.model import Project
from workflows.steps.admin import new_passwords
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.new_passwords import Note
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.shared.leftovers import running_in
from workflows.steps.shared.module import Context
from workflows.terraform.record import PLAN_FILE, local_modules
from workflows.terraform.runner import Kind, Run

_OF_A_PLAN = (PLAN_FILE, "plan.md", "resources.json", "resources.before.json")


def layer_context(
    environment: Environment, project: Project, account: str, folder: Path, sessions: Path
) -> Context:
    """Return the context for one layer.

    Args:
        folder: a private folder (0700) for the runs of this project's layers.
        sessions: the folder of the sessions, whose answers about keys count here, too.
    """
    facts = {"project_root": str(project.root), "project": project.name, "layers": [account]}
    return Context(environment, facts, facts, account, folder, sessions=sessions)


def meant_for(context: Context, people: Iterable[str], passwords: Iterable[str] = ()) -> Context:
    """Return the context for a plan that is meant for these people; its other changes are foreign.

    Args:
        context: one layer.
        passwords: people who also get a new console password.
    """
    return _knowing(context, named=list(people), resetting=list(passwords))


def with_plan(context: Context, planned: Planned, passwords: Iterable[str] = ()) -> Context:
    """Return the context in which this plan was accepted, with all its foreign changes; see `meant_for`."""
    plan = {**planned.as_facts(), "acknowledged": sorted(change.address for change in planned.foreign)}
    return _knowing(context, plan=plan, resetting=list(passwords))


def with_new_password(context: Context, name: str, other_accounts: Iterable[str] = ()) -> Context:
    """Return the context in which somebody got a new console password in this and other accounts.

    If it was planned here, an unchanged password is an error later; a plan made elsewhere (a pull request)
    has nothing to compare with.
    """
    accounts = [context.item, *other_accounts]
    plans = {f"plan@{account}": {"passwords": [name], "access_keys": []} for account in accounts}
    noted = any(name in new_passwords.note_of(context, account).asked for account in accounts)
    known = _knowing(context, layers=accounts, resetting=[name], named=[] if noted else [name])
    return _over_accounts(known, accounts, plans)


def handing_over(context: Context, name: str, other_accounts: Iterable[str] = ()) -> Context:
    """Return the context in which somebody got everything that the states of these accounts have of them."""
    accounts = [context.item, *other_accounts]
    added = {account: [name] for account in accounts}
    known = _knowing(context, layers=accounts, user_changes={"add": added, "remove": {}})
    return _over_accounts(known, accounts, {})


def _over_accounts(known: Context, accounts: Iterable[str], plans: Mapping[str, object]) -> Context:
    """Return the context in which these accounts are applied."""
    applied: dict[str, object] = {f"applied@{account}": {} for account in accounts}
    return replace(known, every={**known.every, **plans, **applied})


def _knowing(context: Context, **facts: object) -> Context:
    return replace(context, facts={**context.facts, **facts}, every={**context.every, **facts})


def forget_plan(context: Context) -> None:
    """Remove the layer's last plan and its notes, unless Terraform is running there and may read it."""
    if running_in(context.folder, context.item) is None:
        for name in _OF_A_PLAN:
            (run_folder(context) / name).unlink(missing_ok=True)


def take_in_ended_apply(context: Context) -> Path | None:
    """Put away the redacted output of an apply that ended unwatched.

    Returns:
        The path of its log, or None if there was no such apply.
    """
    run = Run.attach(run_folder(context) / Kind.APPLY)
    if run is None or run.is_running():
        return None
    log = run_folder(context) / "apply.log"
    run.keep_redacted(log)
    return log


LARGEST = 1 << 30
_LARGEST_NOTE = 200_000_000
_FORMAT = 1
_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class KeptPlan:
    """A plan file with the record kept about it.

    Attributes:
        planned: the plan as it was shown.
        account: the account of its layer.
        data: the file's content; it can carry the state.
        passwords: people who get a new password from it, and their previous ones (`new_passwords`).
    """

    planned: Planned
    account: str
    data: bytes
    passwords: Note


class KeptPlans:
    """The records of kept plans.

    Args:
        folder: the folder for them; created when needed (0700).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(
        self,
        planned: Planned,
        account: str,
        target: Path,
        now: datetime,
        passwords: Note,
    ) -> None:
        """Record a new plan and copy its file (0600); drop the record of the plan that was there.

        Args:
            account: the account of its layer.
            target: where to keep its file.
            now: the current time; old records are removed.
            passwords: as in `KeptPlan`.

        Raises:
            OnboardError: it can't be written, or the plan file isn't the one that was made.
        """
        data = read_bytes(planned.record.plan, LARGEST)
        if _sha256(data) != planned.record.plan_sha256:
            raise OnboardError(
                "The plan has changed",
                f"{planned.record.plan} has changed since it was made.",
                next="Plan again.",
            )
        private_folder(self._folder)
        self._forget_old(now)
        if target.is_file():
            self.forget(_sha256(read_bytes(target, LARGEST)))
        note = {
            "format": _FORMAT,
            "account": account,
            "plan": planned.as_facts(),
            "passwords": plain(passwords),
        }
        write_atomically(self._note(planned.record.plan_sha256), json.dumps(note).encode())
        write_atomically(target, data)

    def find(self, file: Path) -> KeptPlan:
        """Return the plan in a file.

        Raises:
            OnboardError: it can't be read, or has no record here.
        """
        data = read_bytes(file, LARGEST)
        note = self._note(_sha256(data))
        if not note.is_file() and not _is_plan(data):
            raise OnboardError(
                "This isn't a plan",
                f"{file} isn't a plan file from this computer.",
                next="Make one with: iam-onboard plan LAYER --out FILE",
            )
        if not note.is_file():
            raise OnboardError(
                "This plan is unknown",
                f"{file} is a plan file, but `iam-onboard plan --out` didn't keep it on this computer.",
                why="iam-onboard can't check that files, program and state are unchanged: the plan comes "
                "from `terraform plan -out` or another machine, is more than 30 days old, or was "
                "changed.",
                next="Plan again with `iam-onboard plan LAYER --out FILE`, read that plan, and apply it.",
            )
        found = read_json(note, _LARGEST_NOTE)
        if found["format"] != _FORMAT:
            raise OnboardError(
                "Another version kept this plan",
                f"This version can't read the record of what {file} was made from.",
                next="Plan again.",
            )
        passwords = read(Note, found.get("passwords"), "passwords")
        return KeptPlan(Planned.from_facts(found["plan"]), str(found["account"]), data, passwords)

    def forget(self, sha256: str) -> None:
        """Remove the record of a plan."""
        self._note(sha256).unlink(missing_ok=True)

    def refuse_target(self, target: Path, layer: Path) -> None:
        """Refuse a target that isn't a plan, or that would become part of the layer.

        Raises:
            OnboardError: another file is there, the folder is missing, or the name would make it a file of
                the layer.
        """
        if not target.parent.is_dir():
            raise OnboardError(
                "There is no such folder",
                f"{target.parent} does not exist.",
                next="Create it, or choose another one.",
            )
        kept = target.is_file() and self._note(_sha256(read_bytes(target, LARGEST))).is_file()
        if target.exists() and not kept:
            raise OnboardError(
                "The file exists already",
                f"{target} isn't a plan from --out, so iam-onboard left it alone.",
                next="Choose another name.",
            )
        place = target.parent.resolve() / target.name
        among = any(place.is_relative_to(folder.resolve()) for folder in (layer, *local_modules(layer)))
        if among and not place.name.endswith(".tfplan"):
            raise OnboardError(
                "The plan would be a file of the layer",
                f"{target} is in a folder that the plan depends on.",
                why="A new file there makes the plan stale at once.",
                next="Give it a name that ends in .tfplan, or keep it in another folder.",
            )

    def _note(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.json"

    def _forget_old(self, now: datetime) -> None:
        for note in self._folder.glob("*.json"):
            if note.stat().st_mtime < (now - _KEPT).timestamp():
                note.unlink(missing_ok=True)


def may_be_committed(target: Path, environment: Environment) -> bool:
    """Return whether a file lies in a git checkout that doesn't ignore it."""
    git = Git(target.parent, environment.variables)
    return git.is_repository() and not git.is_ignored(target)


def _is_plan(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "tfplan" in archive.namelist()
    except (zipfile.BadZipFile, ValueError):
        return False


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
