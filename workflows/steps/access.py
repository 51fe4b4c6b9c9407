"""What people sign in with: a console password, an access key, each switched on or off; and their key file.

Where a layer has one switch for all users of a module, nobody is switched alone: that is refused with the
place. A decision holds what is wanted other than the layer says; one written in this session stays in
it, so that the plan is known to be about these people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workflows.core.sentences import Sentence
from workflows.layer.model import Layer, Person
from workflows.layer.operations import EditRefused, Operation, RenameKeyFile, SetAccess
from workflows.layer.operations.base import refuse
from workflows.layer.operations.home_blocks import SWITCHES
from workflows.layer.operations.values_of_person import own_key_path, own_switch

if TYPE_CHECKING:
    from workflows.services.terraform.state import State

Access = Mapping[str, Mapping[str, Mapping[str, bool]]]
"""Account name to IAM name to `login_profile` or `access_key` to whether it is wanted."""

KeyFiles = Mapping[str, Mapping[str, str]]
"""Account name to IAM name to the new name of the key file, without folders."""

WORDS: Mapping[str, str] = {"login_profile": "console password", "access_key": "access key"}
"""What each switch is about, in words."""


def operations(layer: Layer, users: Mapping[str, Any]) -> Iterator[Operation]:
    """The operations for one layer; none for what it says already, or for who leaves it.

    Args:
        layer: as it is on disk.
        users: the fact `user_changes`.
    """
    account = layer.location.account
    leaving = set(users.get("remove", {}).get(account, ()))
    for name, switches in users.get("access", {}).get(account, {}).items():
        person = layer.person(name)
        wanted = {fact: value for fact, value in switches.items() if getattr(person, fact, None) is not value}
        if wanted and name not in leaving:
            yield SetAccess(name, **wanted)
    for name, file in users.get("key_files", {}).get(account, {}).items():
        person = layer.person(name)
        if name not in leaving and (person is None or file_of(person) != file):
            yield RenameKeyFile(name, file)


def file_of(person: Person) -> str:
    """The name of a person's key file without folders, "" if it is not known."""
    return (person.key_file or "").rpartition("/")[2]


def people_in(users: Mapping[str, Any], account: str) -> set[str]:
    """The people of an account's layer whose password, access key or key file changes."""
    return {name for kind in ("access", "key_files") for name in users.get(kind, {}).get(account, {})}


def switch_refusal(layer: Layer, person: Person, fact: str, *, wanted: bool) -> EditRefused | None:
    """Why a person cannot be switched alone, or None if they can.

    Args:
        layer: the person's layer.
        person: who.
        fact: `login_profile` or `access_key`.
        wanted: whether it is to be on.
    """
    if not person.editable:
        return _computed(person)
    if wanted and person.key_file not in layer.files.keys:
        what = f"{person.iam_name} has no PGP key to encrypt the {WORDS[fact]} for."
        return refuse(what, f"There is no {person.key_file or 'key file that can be told'}.", person.place)
    try:
        own_switch(layer, person, SWITCHES[fact])
    except EditRefused as refusal:
        return refusal
    return None


def rename_refusal(layer: Layer, person: Person) -> EditRefused | None:
    """Why a person's key file cannot have another name, or None if it can."""
    if not person.editable:
        return _computed(person)
    try:
        own_key_path(layer, person)
    except EditRefused as refusal:
        return refusal
    return None


def wrong_file(layer: Layer, person: Person, name: str) -> Sentence:
    """What is wrong with a new name for a person's key file, "" if nothing is."""
    found = RenameKeyFile(person.iam_name, name).check(layer)
    return next((one.message for one in found if one.fatal), "")


def _computed(person: Person) -> EditRefused:
    what = f"{person.iam_name} is declared in a way that is shown, not edited."
    return refuse(what, "Its declaration is computed, or in a file that cannot be parsed.", person.place)


def consequence(
    person: Person, fact: str, *, wanted: bool, left: bool, shared: tuple[str, ...] = ()
) -> Sentence:
    """What switching does to the person, in a sentence or two.

    Args:
        person: who, as the layer is now.
        fact: `login_profile` or `access_key`.
        wanted: whether it is switched on.
        left: whether the other of the two is on.
        shared: who else has the same key file.
    """
    if wanted:
        words = f"Gets a new {WORDS[fact]} at the apply, encrypted for {person.key_file}; Hand over has it."
        return words + (f" That key file is also of {', '.join(shared)}." if shared else "")
    words = (
        "The console password is deleted at the apply: no more signing in to the console."
        if fact == "login_profile"
        else "The access key is deleted at the apply: whatever signs with it stops working."
    )
    return words if left else f"{words} Then nothing is left to sign in with."


def not_in_state(state: State, users: Mapping[str, Any], account: str) -> list[Sentence]:
    """What a state lacks of the switches that were decided, each in words."""
    missing: list[Sentence] = []
    for name, switches in users.get("access", {}).get(account, {}).items():
        there = {"login_profile": name in state.login_profiles, "access_key": name in state.access_keys}
        for fact, wanted in switches.items():
            if there[fact] is not wanted:
                missing.append(f"{name} {'has no' if wanted else 'still has the'} {WORDS[fact]} in it")
    return missing


def told_in_short(users: Mapping[str, Any]) -> list[Sentence]:
    """What changes, for a commit's message."""
    parts: list[Sentence] = []
    for kind, words in (("access", "change the access of"), ("key_files", "rename the key file of")):
        names = sorted({name for some in users.get(kind, {}).values() for name in some})
        if names:
            parts.append(f"{words} {', '.join(names)}")
    return parts


def trimmed(changes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same decision as JSON values, without accounts and people for whom nothing is decided."""
    kept = {
        account: {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in people.items()
            if value
        }
        for account, people in changes.items()
    }
    return {account: people for account, people in kept.items() if people}


def switched(access: Access, account: str, person: Person, fact: str, decided: Access) -> Access:
    """The decision with one switch turned over.

    What the layer says is not kept, except where it was written for an earlier decision of this session.

    Args:
        access: as it is.
        account: the person's layer.
        person: who, as the layer is now; the switch's state is known.
        fact: `login_profile` or `access_key`.
        decided: what was accepted before.
    """
    now = getattr(person, fact)
    own = dict(access.get(account, {}).get(person.iam_name, {}))
    value = not own.get(fact, now)
    before = decided.get(account, {}).get(person.iam_name, {}).get(fact)
    if value is now and before is not value:
        own.pop(fact, None)
    else:
        own[fact] = value
    return {**access, account: {**access.get(account, {}), person.iam_name: own}}
