"""A new console password for an existing user: Terraform replaces the login profile.

Nothing in the files says so, so the plan gets `-replace`, and what the state held before is recorded:
a password that is still the same afterwards is not new, and is not handed over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
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
    """What is noted of a layer when it is planned.

    Attributes:
        asked: who is to get a new password.
        before: hashes of the encrypted passwords that the state holds of them now.
    """

    asked: tuple[str, ...] = ()
    before: Mapping[str, str] = field(default_factory=dict)


def addresses(state: State, context: Context) -> tuple[str, ...]:
    """The login profiles that are to be replaced in the step's layer; who has none in it is left out.

    What they hold now is noted first, as hashes of the encrypted passwords.

    Raises:
        OnboardError: the note cannot be written.
    """
    names = context.decisions.resetting
    found = [state.login_profiles[name] for name in names if name in state.login_profiles]
    write(Note(names, {profile.user: _hash(profile.encrypted_password) for profile in found}), context)
    return tuple(profile.address for profile in found)


def note_of(context: Context, account: str = "") -> Note:
    """What was noted when a layer (by default the step's own) was planned last; an empty one if nothing was.

    Raises:
        OnboardError: it cannot be read.
    """
    file = run_folder(context, account) / _FILE
    return read(Note, read_json(file, _MOST), _FILE) if file.exists() else Note()


def write(note: Note, context: Context) -> None:
    """Note it for the step's layer: the plan that is applied next was made with it.

    Raises:
        OnboardError: the note cannot be written.
    """
    file = run_folder(context) / _FILE
    if note.asked:
        private_folder(file.parent)
        write_atomically(file, json.dumps(plain(note)).encode())
    else:
        file.unlink(missing_ok=True)


def outdated(context: Context) -> Sentence:
    """Why the last plan is not for those who are to get a new password now, as a sentence; "" if it is."""
    if set(note_of(context).asked) == set(context.decisions.resetting):
        return ""
    return "You changed who gets a new password since the plan. Plan again."


def unchanged(state: State, context: Context, account: str) -> dict[str, str]:
    """Whose password is not known to be new in an account's state, each with the reason in words.

    Raises:
        OnboardError: the note of the passwords before cannot be read.
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


def replaced(made: Collection[str], context: Context) -> tuple[str, ...]:
    """Whose password in the step's layer a plan resets because a new one, or a new key, was asked for."""
    here = context.decisions.of(context.item)
    asked = dict.fromkeys((*context.decisions.resetting, *here.new_keys))
    return tuple(name for name in asked if name in made and name not in here.add)


def _hash(encrypted: str) -> str:
    return hashlib.sha256("".join(encrypted.split()).encode()).hexdigest()
