"""A new console password for an existing user: Terraform replaces the login profile.

The files don't ask for that, so the plan gets `-replace`. The previous passwords in the state are noted: one
that is unchanged afterwards isn't new, and isn't handed over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.core.files import private_folder, write_atomically
from workflows.core.parsing import read_json
from workflows.core.sentences import Sentence
from workflows.core.shapes import plain, read
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.shared.module import Context
from workflows.terraform.state import State

_MOST = 10_000_000
_FILE = "new-passwords.json"


@dataclass(frozen=True)
class Note:
    """The note about a layer from its plan.

    Attributes:
        asked: people who get a new password.
        before: hashes of their encrypted passwords in the state at that time.
    """

    asked: tuple[str, ...] = ()
    before: Mapping[str, str] = field(default_factory=dict)


def addresses(state: State, context: Context) -> tuple[str, ...]:
    """Return the login profiles to replace in the step's layer, leaving out people without one.

    First note hashes of their current encrypted passwords.

    Raises:
        OnboardError: the note can't be written.
    """
    names = context.decisions.resetting
    found = [state.login_profiles[name] for name in names if name in state.login_profiles]
    write(Note(names, {profile.user: _hash(profile.encrypted_password) for profile in found}), context)
    return tuple(profile.address for profile in found)


def note_of(context: Context, account: str = "") -> Note:
    """Return the note from a layer's last plan (by default the step's own); an empty one if there is none.

    Raises:
        OnboardError: it can't be read.
    """
    file = run_folder(context, account) / _FILE
    return read(Note, read_json(file, _MOST), _FILE) if file.exists() else Note()


def write(note: Note, context: Context) -> None:
    """Store the note for the step's layer: the next apply uses the plan made with it.

    Raises:
        OnboardError: the note can't be written.
    """
    file = run_folder(context) / _FILE
    if note.asked:
        private_folder(file.parent)
        write_atomically(file, json.dumps(plain(note)).encode())
    else:
        file.unlink(missing_ok=True)


def outdated(context: Context) -> Sentence:
    """Return a sentence if the last plan isn't for the people who are to get a new password now; else ""."""
    if set(note_of(context).asked) == set(context.decisions.resetting):
        return ""
    return "You changed who gets a new password since the plan. Plan again."


def unchanged(state: State, context: Context, account: str) -> dict[str, str]:
    """Return people whose password in the state may not be new, with the reason.

    Raises:
        OnboardError: the note of the previous passwords can't be read.
    """
    note = note_of(context, account)
    found = {}
    for name in context.decisions.resetting:
        profile = state.login_profiles.get(name)
        if profile is None or name in context.decisions.named:
            continue
        if name not in note.asked:
            found[name] = "nobody planned it here, so the password may be an old one"
        elif note.before.get(name) == _hash(profile.encrypted_password):
            found[name] = "the password in the state is still the one from before"
    return found


def _hash(encrypted: str) -> str:
    return hashlib.sha256("".join(encrypted.split()).encode()).hexdigest()
