"""A new console password for somebody who is there: Terraform makes the login profile anew.

Nothing in the files says so, so the plan is told (`-replace`), and what the state held before is noted:
a password that is still the same afterwards was not made anew, and is not handed over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflows.core.files import private_folder, read_text, write_atomically
from workflows.core.sentences import Sentence
from workflows.services.terraform.state import State
from workflows.steps.base import Context
from workflows.steps.intents import RESETTING, named
from workflows.steps.terraform_runs import run_folder

if TYPE_CHECKING:
    from workflows.steps.planned import Planned

_MOST = 10_000_000


def wanted(context: Context) -> tuple[str, ...]:
    """Who gets a new password, in any of the layers."""
    return named(context.facts, RESETTING)


def addresses(state: State, context: Context) -> tuple[str, ...]:
    """The login profiles that are to be replaced in the step's layer; who has none in it is left out.

    What they hold now is noted first, as hashes of the encrypted passwords.

    Raises:
        OnboardError: the note cannot be written.
    """
    names = wanted(context)
    found = [state.login_profiles[name] for name in names if name in state.login_profiles]
    before = {profile.user: _hash(profile.encrypted_password) for profile in found}
    note = {"asked": list(names), "before": before}
    write_atomically(_file(context, context.item), json.dumps(note).encode())
    return tuple(profile.address for profile in found)


def note_of(context: Context) -> Mapping[str, Any]:
    """What was noted for the step's layer when it was planned last, as JSON values; {} if nothing was."""
    return _note(context, context.item)


def note_again(note: Mapping[str, Any], context: Context) -> None:
    """Note for the step's layer what `note_of` gave when a plan was made that is applied only now.

    Raises:
        OnboardError: the note cannot be written.
    """
    file = _file(context, context.item)
    if note:
        private_folder(file.parent)
        write_atomically(file, json.dumps(note).encode())
    else:
        file.unlink(missing_ok=True)


def outdated(context: Context) -> Sentence:
    """Why the last plan is not for those who are to get a new password now, as a sentence; "" if it is."""
    asked = _note(context, context.item).get("asked", ())
    if set(asked) == set(wanted(context)):
        return ""
    return "Who gets a new password was changed since the plan was made. Plan again."


def unchanged(state: State, context: Context, account: str) -> dict[str, str]:
    """Whose password is not known to be new in an account's state, each with the reason in words.

    Raises:
        OnboardError: the note of the passwords before cannot be read.
    """
    note = _note(context, account)
    found = {}
    for name in wanted(context):
        profile = state.login_profiles.get(name)
        if profile is None:
            continue
        if name not in note.get("asked", ()):
            found[name] = "it cannot be told whether the password is new: no plan for it was made here"
        elif note["before"].get(name) == _hash(profile.encrypted_password):
            found[name] = "the password in the state is still the one from before"
    return found


def replaced(planned: Planned | None, context: Context) -> tuple[str, ...]:
    """Whose password in the step's layer a plan makes anew because a new one was asked for."""
    made = planned.passwords if planned else ()
    return tuple(name for name in wanted(context) if name in made)


def question(names: tuple[str, ...], account: str) -> tuple[str, str]:
    """What to ask before passwords are made anew: the question, and what a yes does."""
    whom = ", ".join(names)
    body = (
        f"The present console password of {whom} in {account} stops working as soon as this is applied. "
        "The new one is encrypted to the key in the layer, and handed over in the next step. Access keys, "
        "MFA devices and groups stay as they are."
    )
    return f"A new password for {whom}?", body


def _file(context: Context, account: str) -> Path:
    return run_folder(context, account) / "new-passwords.json"


def _note(context: Context, account: str) -> Mapping[str, Any]:
    """Who was asked for in the last plan of a layer, and what they had; {} if there was none."""
    file = _file(context, account)
    found: Mapping[str, Any] = json.loads(read_text(file, _MOST)) if file.exists() else {}
    return found


def _hash(encrypted: str) -> str:
    return hashlib.sha256("".join(encrypted.split()).encode()).hexdigest()
