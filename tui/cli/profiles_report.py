"""What `profiles` prints, for people and for programs; no secret is ever in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tui.cli.profiles_wish import Wish
from workflows.core.sentences import Sentence
from workflows.numbers import count
from workflows.services.profiles.plan import WantedProfiles
from workflows.services.profiles.write import Prepared, Written, preview
from workflows.steps.places import told_path

_MARKS = {"new": "+", "other values": "~", "changed by hand": "!", "as wanted": "="}


def show_lines(wish: Wish, wanted: WantedProfiles, prepared: Prepared) -> Iterator[str]:
    """The profiles with their state, what is worth knowing, and the difference."""
    home = wish.paths.folder.parent.parent
    place = told_path(wish.paths.folder, home)
    yield f"{wish.project}, {wish.owner.account_name}: from {wish.owner.source}; in {place}"
    states, roles = _states(wanted, prepared), {role.name: role.role_arn for role in wanted.roles}
    width = max(map(len, states))
    for name, state in states.items():
        yield f"  {_MARKS[state]} {name:<{width}}  {roles.get(name, 'your user')}  ({state})"
    for change in prepared.by_hand:
        yield f"  ! {change.words}"
    for stale in prepared.stale:
        yield f"  - {stale.words}: no longer wanted"
    for words in _remarks(wish, prepared):
        yield f"  {words}"
    yield from (f"\n{preview(prepared)}".splitlines() if prepared.changes else ["Nothing would change."])


def show_record(wish: Wish, wanted: WantedProfiles, prepared: Prepared) -> dict[str, Any]:
    """The same for programs."""
    states = _states(wanted, prepared)
    return {
        **_head(wish),
        "profiles": [{**one, "state": states[str(one["name"])]} for one in _profiles(wanted)],
        "changed_by_hand": [
            {
                "profile": one.profile,
                "ours": one.ours,
                "differences": [diff.words for diff in one.differences],
            }
            for one in prepared.by_hand
        ],
        "stale": [
            {"profile": one.profile, "role_arn": one.role_arn, "changed_by_hand": one.changed_by_hand}
            for one in prepared.stale
        ],
        "remarks": _remarks(wish, prepared),
        "diff": preview(prepared),
    }


def written_lines(wish: Wish, wanted: WantedProfiles, written: Written) -> Iterator[str]:
    """What was done."""
    home = wish.paths.folder.parent.parent
    folder = told_path(wish.paths.folder, home)
    if not written.changed:
        yield f"{count(len(wanted.names), 'profile')} in {folder}: nothing had to be changed."
    else:
        yield f"{count(len(wanted.names), 'profile')} in {folder}: {', '.join(wanted.names)}."
    for word, names in (("New", written.added), ("Changed", written.updated), ("Taken out", written.removed)):
        if names:
            yield f"{word}: {', '.join(names)}."
    for path in written.tightened:
        yield f"{told_path(path, home)} was open to others; it is private now."
    for path in written.backups:
        yield f"As it was before: {told_path(path, home)}."
    yield f"Try them: iam-onboard verify {wish.project}"


def written_record(
    wish: Wish, wanted: WantedProfiles, written: Written, told: tuple[Sentence, ...]
) -> dict[str, Any]:
    """The same for programs."""
    return {
        **_head(wish),
        "profiles": _profiles(wanted),
        "added": list(written.added),
        "updated": list(written.updated),
        "removed": list(written.removed),
        "kept": list(written.kept),
        "changed_files": [str(path) for path in written.changed],
        "backups": [str(path) for path in written.backups],
        "tightened": [str(path) for path in written.tightened],
        "told": list(told),
    }


def _head(wish: Wish) -> dict[str, Any]:
    return {
        "project": wish.project,
        "account": wish.owner.account_name,
        "source": wish.owner.source,
        "config": str(wish.paths.config),
        "credentials": str(wish.paths.credentials),
        "region": wish.region,
        "mfa_serial": wish.mfa_serial,
    }


def _profiles(wanted: WantedProfiles) -> list[dict[str, Any]]:
    bases = [{"name": base.name, "role_arn": "", "source_profile": ""} for base in wanted.bases]
    roles = [
        {"name": role.name, "role_arn": role.role_arn, "source_profile": role.source_profile}
        for role in wanted.roles
    ]
    return [*bases, *roles]


def _states(wanted: WantedProfiles, prepared: Prepared) -> dict[str, str]:
    by_hand = {one.profile for one in prepared.by_hand}
    updated = {*prepared.config.updated, *prepared.credentials.updated}

    def state(name: str) -> str:
        if name in by_hand:
            return "changed by hand"
        if name in prepared.config.added:
            return "new"
        return "other values" if name in updated else "as wanted"

    return {name: state(name) for name in wanted.names}


def _remarks(wish: Wish, prepared: Prepared) -> list[str]:
    remarks = []
    if not wish.mfa_serial:
        remarks.append("Without an MFA device's serial, roles that ask for a code will refuse.")
    texts = (prepared.config.text, prepared.credentials.text)
    if not any(word in text for text in texts for word in ("credential_process", "aws_access_key_id")):
        remarks.append(f"No access key is here: {wish.base} works only when it has one.")
    return remarks
