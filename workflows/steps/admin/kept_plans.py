"""Plan files that a person keeps, and what has to be known of each before it may be applied.

A plan file doesn't show what it was made from. So that is recorded here, in a private folder, by the
file's hash: a file that was moved is known, and one that anybody changed is another file.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import private_folder, read_bytes, write_atomically
from workflows.core.parsing import read_json
from workflows.core.shapes import plain, read
from workflows.environment import World
from workflows.git import Git
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.new_passwords import Note
from workflows.terraform.record import local_modules

LARGEST = 1 << 30
_LARGEST_NOTE = 200_000_000
_FORMAT = 1
_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class KeptPlan:
    """A plan file with what is noted of it.

    Attributes:
        planned: the plan as it was shown when it was made.
        account: the account of its layer.
        data: the file's content; it can carry the state.
        passwords: who gets a new password by it, with what they had before (`new_passwords`).
    """

    planned: Planned
    account: str
    data: bytes
    passwords: Note


class KeptPlans:
    """The notes.

    Args:
        folder: where they are; made when it is needed (0700).
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
        """Note a plan that was just made, and copy its file (0600); a plan that was there is given up.

        Args:
            planned: the plan.
            account: the account of its layer.
            target: where its file is kept.
            now: the time; notes that are too old go.
            passwords: as in `KeptPlan`.

        Raises:
            OnboardError: it cannot be written, or the plan file is not the one that was made.
        """
        data = read_bytes(planned.record.plan, LARGEST)
        if _sha256(data) != planned.record.plan_sha256:
            raise OnboardError(
                "This is another plan",
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
        """The plan in a file.

        Raises:
            OnboardError: it cannot be read, or it was not kept here.
        """
        data = read_bytes(file, LARGEST)
        note = self._note(_sha256(data))
        if not note.is_file():
            raise _unknown(file, data)
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
        """Remove the note on a plan."""
        self._note(sha256).unlink(missing_ok=True)

    def refuse_target(self, target: Path, layer: Path) -> None:
        """Let a plan replace nothing but another plan, and never become a part of what it is made from.

        Raises:
            OnboardError: there is another file, no folder, or the name would make it a file of the layer.
        """
        if not target.parent.is_dir():
            raise OnboardError(
                "There is no such folder",
                f"{target.parent} does not exist.",
                next="Create it, or choose another one.",
            )
        if target.exists() and not (target.is_file() and self._is_kept(target)):
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

    def _is_kept(self, target: Path) -> bool:
        return self._note(_sha256(read_bytes(target, LARGEST))).is_file()

    def _note(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.json"

    def _forget_old(self, now: datetime) -> None:
        for note in self._folder.glob("*.json"):
            if note.stat().st_mtime < (now - _KEPT).timestamp():
                note.unlink(missing_ok=True)


def may_be_committed(target: Path, world: World) -> bool:
    """Whether a file would be in a git checkout that does not ignore it."""
    git = Git(target.parent, world.environment)
    return git.is_repository() and not git.is_ignored(target)


def _unknown(file: Path, data: bytes) -> OnboardError:
    if not _is_plan(data):
        return OnboardError(
            "This isn't a plan",
            f"{file} isn't a plan file from this computer.",
            next="Make one with: iam-onboard plan LAYER --out FILE",
        )
    return OnboardError(
        "This plan is unknown",
        f"{file} is a plan file, but `iam-onboard plan --out` didn't keep it on this computer.",
        why="Whether files, program and state are still those that it was made from cannot be told: it was "
        "made by `terraform plan -out`, on another machine, more than 30 days ago, or changed since.",
        next="Plan again with `iam-onboard plan LAYER --out FILE`, read that plan, and apply it.",
    )


def _is_plan(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "tfplan" in archive.namelist()
    except (zipfile.BadZipFile, ValueError):
        return False


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
