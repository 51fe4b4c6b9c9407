"""`iam-onboard profiles`: the step Profiles without a screen, with or without a handoff.

What was asked for goes to standard output, without any secret; questions go to the terminal, everything else
to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli import asking
from tui.cli.arguments import JSON, PROJECT_OR_NAME, STORE, Commands, argument, flag, option, repeatable
from tui.cli.context import own_context
from tui.cli.exit_codes import DONE
from tui.cli.output import answer, columns, note, say, say_json
from workflows.core.counts import count
from workflows.core.errors import OnboardError
from workflows.core.sentences import joined

if TYPE_CHECKING:
    import argparse

    from tui.cli.key_input import Kept, KeyPlace
    from tui.cli.project_named import Named
    from tui.host import Machine
    from workflows.aws.sts import Identity
    from workflows.core.sentences import Sentence
    from workflows.profiles.plan import KeyFromProcess, KeySource, WantedProfiles
    from workflows.profiles.record import Record, Stale
    from workflows.profiles.write import Decisions, Prepared, ProfilePaths, Written
    from workflows.steps.new_user.profile_source import ProfileOwner
    from workflows.steps.shared.module import Context

_MARKS = {"new": "+", "other values": "~", "changed by hand": "!", "as wanted": "="}


def add_to(commands: Commands) -> None:
    """Declare the command and its parts."""
    wanted = (
        PROJECT_OR_NAME,
        argument(
            "--as",
            "ACCOUNT",
            "the account of your user: security, management, or another one of the handoff",
            dest="account",
            required=True,
        ),
        argument("--mfa-serial", "ARN", "your MFA device; '' for none (default: as AWS or the file says)"),
        option("--region", "REGION", "the profiles' region (default: the project's)"),
        flag(
            "--mfa-names",
            "also write names with -mfa, for Leverage CLI (default if build.env has MFA_ENABLED=true)",
        ),
        JSON,
    )
    parts = commands.group("profiles")
    parts.add(
        "show",
        show,
        "show your profiles, and what writing them would change",
        *wanted,
        description="Reads both files and writes nothing.",
    )
    parts.add(
        "write",
        write,
        "write the profiles, and an access key if one is given",
        *wanted,
        flag("--dry-run", "print the diff with secrets masked, and stop"),
        option("--access-keys", "CSV", "check and keep the key in this file from the console"),
        STORE,
        repeatable("--overwrite", "NAME", "overwrite this profile even if you changed it by hand"),
        flag("--prune", "remove profiles that iam-onboard wrote and you no longer need"),
        description="Merges the profiles into both files; everything else in them stays as it is. Asks on "
        "the terminal about profiles that you changed by hand. Without a terminal, those stay as they are.",
    )


def show(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard profiles show [PROJECT]`.

    Raises:
        OnboardError: the wanted profiles are unknown, or a file cannot be read.
    """
    wish, _ = _wish(machine, options)
    wanted = wish.profiles(_kept_source(machine, wish))
    prepared = _prepared(wish, wanted)
    record, lines = _show_record(wish, wanted, prepared), _show_lines(wish, wanted, prepared)
    answer(record, lines, as_json=options.json)
    return DONE


def write(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard profiles write [PROJECT]`.

    Raises:
        OnboardError: the wanted profiles are unknown, or a file cannot be read, changed or written; both
            files are as they were.
    """
    wish, before = _wish(machine, options)
    if options.dry_run:
        _dry_run(machine, wish, options)
    else:
        _write(machine, wish, options, before)
    return DONE


def _prepared(wish: Wish, wanted: WantedProfiles, decided: Decisions | None = None) -> Prepared:
    """What writing would change; unless it is decided otherwise, what was changed by hand stays."""
    from workflows.profiles.write import Decisions, prepare

    return prepare(wish.paths, wanted, decided or Decisions(overwrite=()))


def _dry_run(machine: Machine, wish: Wish, options: argparse.Namespace) -> None:
    """What writing would change; no key is kept, nobody is asked."""
    from workflows.profiles.write import preview

    wanted = wish.profiles(_source_that_would_be(machine, wish, options))
    prepared = _prepared(wish, wanted, _given(options, wanted, _prepared(wish, wanted)))
    if options.json:
        say_json(_show_record(wish, wanted, prepared))
    else:
        say(*preview(prepared).split("\n")[:-1])
    _note_left(prepared)
    if options.access_keys and not wish.mfa_serial:
        note("AWS wasn't asked for your MFA device. `profiles write` asks, unless you add --mfa-serial.")


def _source_that_would_be(machine: Machine, wish: Wish, options: argparse.Namespace) -> KeySource:
    from tui.cli.key_input import given_key
    from workflows.profiles.plan import KeyInFile

    if options.access_keys:
        key = given_key(options.access_keys)
        if options.credentials_file:
            return KeyInFile(key.access_key_id, key.secret_access_key)
        key.drop()
        return _process_source(machine, wish)
    if _names_a_store(options):
        return None if options.credentials_file else _process_source(machine, wish)
    return _kept_source(machine, wish)


def _write(machine: Machine, wish: Wish, options: argparse.Namespace, before: Prepared) -> None:
    from workflows.profiles.write import write_profiles

    older = _backups(wish)
    kept = _keep_key(options, wish, own_context(machine))
    note(*kept.done)
    if options.mfa_serial is None and kept.mfa_serial:
        wish = replace(wish, mfa_serial=kept.mfa_serial)
    wanted = wish.profiles(_kept_source(machine, wish))
    found = _prepared(wish, wanted)
    decided = _given(options, wanted, found)
    if asking.has_terminal():
        decided = _asked(found, decided)
    written = _in_all(write_profiles(wish.paths, wanted, machine.now(), decided), before, wish, older)
    record = _written_record(wish, wanted, written, kept.done)
    answer(record, _written_lines(wish, wanted, written), as_json=options.json)
    _note_left(_prepared(wish, wanted))


def _names_a_store(options: argparse.Namespace) -> bool:
    """Whether the command line says where a key is to be kept."""
    return bool(options.keyring or options.pgp_file or options.credentials_file)


def _keep_key(options: argparse.Namespace, wish: Wish, context: Context) -> Kept:
    """Keep the key of `--access-keys`; without it, move the kept one to the store that is named.

    Raises:
        OnboardError: it is not this user's, does not work, or could not be kept; nothing is changed.
    """
    from tui.cli.key_input import Kept, KeyPlace, given_key

    place = KeyPlace(context, wish.project, wish.base, wish.region)
    if options.access_keys:
        store, fingerprint = place.store(options)
        key = given_key(options.access_keys)
        return place.keep(key, store, fingerprint, csv=options.access_keys, check=wish.check_owner)
    return _moved(options, wish, place) if _names_a_store(options) else Kept(None, ())


def _moved(options: argparse.Namespace, wish: Wish, place: KeyPlace) -> Kept:
    from tui.cli.key_input import Kept
    from workflows.stores.key_store import KEPT_IN_FILE

    store, fingerprint = place.store(options)
    record = place.record()
    if record.kept == store.kind and record.backend == store.backend:
        return Kept(None, ())
    if record.rotation is not None:
        raise OnboardError(
            "A rotation isn't finished",
            f"The rotation of the access key of {wish.base} isn't finished, so the key stays where it is.",
            next="Finish it first: `iam-onboard access-key rotate --finish`.",
        )
    key = place.load("--access-keys CSV")
    kept = place.keep(key, store, fingerprint, created=record.created, check=wish.check_owner)
    if record.kept != KEPT_IN_FILE:
        return kept
    left = (
        "Backups beside `credentials` may still hold the key in plain text: delete them, or rotate the key."
    )
    return replace(kept, done=(*kept.done, left))


def _in_all(written: Written, before: Prepared, wish: Wish, older: list[Path]) -> Written:
    """What was done since the files were as `before`: keeping a key in them has written them once already."""
    added = tuple(dict.fromkeys((*before.config.added, *written.added)))
    names = [name for name in written.updated if name not in added]
    texts = {"config": before.config_before, "credentials": before.credentials_before}
    made = {path.name.partition(".")[0]: path for path in reversed(_backups(wish)) if path not in older}
    first = tuple(path for name, path in made.items() if texts[name] is not None)
    return replace(written, added=added, updated=tuple(names), backups=first)


def _backups(wish: Wish) -> list[Path]:
    """The copies of both files, the oldest first."""
    from workflows.core.files import backups

    if not wish.paths.folder.is_dir():
        return []
    return [*backups(wish.paths.config), *backups(wish.paths.credentials)]


def _given(options: argparse.Namespace, wanted: WantedProfiles, found: Prepared) -> Decisions:
    """What the command line decides.

    Raises:
        OnboardError: a profile that is to be written over is none of those that are written.
    """
    from workflows.profiles.write import Decisions

    unknown = [name for name in options.overwrite if name not in {*wanted.names, *_names(found.stale)}]
    if unknown:
        raise OnboardError(
            "No such profile",
            f"{', '.join(unknown)} isn't one of the profiles to write.",
            next="`iam-onboard profiles show` lists them.",
        )
    gone = [stale for stale in found.stale if not stale.changed_by_hand or stale.profile in options.overwrite]
    return Decisions(tuple(options.overwrite), _names(gone) if options.prune else ())


def _asked(found: Prepared, decided: Decisions) -> Decisions:
    """What the person decides about the rest; Enter leaves a profile as it is."""
    from workflows.profiles.write import Decisions

    overwrite, prune = list(decided.overwrite or ()), list(decided.prune)
    for change in found.by_hand:
        if change.profile not in overwrite and asking.yes(f"{change.words}\nOverwrite it?"):
            overwrite.append(change.profile)
    for stale in found.stale:
        if stale.profile not in prune and asking.yes(f"{stale.words} is no longer needed.\nRemove it?"):
            prune.append(stale.profile)
    return Decisions(tuple(overwrite), tuple(prune))


def _names(stale: Sequence[Stale]) -> tuple[str, ...]:
    return tuple(profile.profile for profile in stale)


def _note_left(prepared: Prepared) -> None:
    """What stays although it is not as wanted, for somebody who was not asked or said no."""
    for name in prepared.kept:
        note(f"! {name} was changed by hand and stays as it is; add --overwrite {name} to replace it.")
    for stale in prepared.stale:
        if stale.profile not in prepared.config.removed:
            more = f" --overwrite {stale.profile}" if stale.changed_by_hand else ""
            note(f"! {stale.words} is no longer needed; add --prune{more} to remove it.")


@dataclass(frozen=True)
class Wish:
    """What is to be written.

    Attributes:
        project: the project's short name.
        owner: whose profiles.
        paths: the two files.
        region: of the profiles.
        mfa_serial: of the person's code device, or "".
        mfa_names: whether every role profile gets a `-mfa` twin.
    """

    project: str
    owner: ProfileOwner
    paths: ProfilePaths
    region: str
    mfa_serial: str
    mfa_names: bool

    @property
    def base(self) -> str:
        """The name of the base profile."""
        from workflows.profiles.plan import base_name

        return base_name(self.project, self.owner.account_name)

    def profiles(self, key: KeySource) -> WantedProfiles:
        """The profiles, the base profile with this key.

        Raises:
            OnboardError: a region, a serial or a name cannot be used.
        """
        from workflows.profiles.plan import BaseProfile, profiles_for

        base = BaseProfile(self.base, self.region, key, self.mfa_serial or None)
        wanted = profiles_for(
            base, self.owner.profiles, partition=self.owner.partition, mfa_names=self.mfa_names
        )
        if problems := wanted.problems():
            raise OnboardError(
                "Can't write these profiles",
                joined(problem.message for problem in problems),
                next="Correct it, then try again. Nothing was written.",
            )
        return wanted

    def check_owner(self, who: Identity) -> None:
        """Refuse a key of another account, or of another user than the handoff is for."""
        owner = self.owner
        same_user = not owner.user or (who.user_name or "").casefold() == owner.user.casefold()
        if who.account == owner.account_id and same_user:
            return
        user = f"the user {owner.user}" if owner.user else "a user"
        raise OnboardError(
            "Another user's access key",
            f"This key belongs to {who.arn}.",
            why=f"You need a key of {user} in the account {owner.account_name} ({owner.account_id}).",
            next="In the console, check at the top right who is signed in and where, then create the key.",
        )


def _wish(machine: Machine, options: argparse.Namespace) -> tuple[Wish, Prepared]:
    """The wish of a command, and the files as they are; raises first of all for one that can't be changed.

    It is from the handoff of a session, else from the accounts in the checkout.

    Raises:
        OnboardError: neither is there, or it does not know the account.
    """
    from tui.cli.key_input import profiles_in
    from tui.cli.project_named import named_project
    from workflows.profiles.plan import base_name
    from workflows.profiles.record import read_record
    from workflows.profiles.write import profile_paths

    named = named_project(machine, options.project)
    owner = _owner(machine, named, options.account)
    paths = profile_paths(machine.home, named.name)
    base = base_name(named.name, options.account)
    sections = profiles_in(paths)
    record = read_record(paths.record).settled(sections)
    present = sections[base].options if base in sections else {}
    region = options.region or record.get(base, {}).get("region") or owner.region
    serial = present.get("mfa_serial", "") if options.mfa_serial is None else options.mfa_serial
    wants_twins = owner.mfa_names or (named.checkout is not None and named.checkout.mfa_enabled)
    mfa_names = options.mfa_names or wants_twins or _has_twins(record, base)
    wish = Wish(named.name, owner, paths, region, serial, mfa_names)
    return wish, _prepared(wish, wish.profiles(None))


def _kept_source(machine: Machine, wish: Wish) -> KeySource:
    """Where the base profile finds the key that is kept; None leaves what the files say.

    Raises:
        OnboardError: the record of the key cannot be read.
    """
    from workflows.stores.key_records import KeyRecords
    from workflows.stores.key_store import KEPT_IN_FILE

    record = KeyRecords(machine.places.key_records).get(wish.project, wish.base)
    return None if record is None or record.kept == KEPT_IN_FILE else _process_source(machine, wish)


def _process_source(machine: Machine, wish: Wish) -> KeyFromProcess:
    """This very program, as the base profile's `credential_process`."""
    from workflows.profiles.credential_command import credential_command
    from workflows.profiles.plan import KeyFromProcess

    command = credential_command(
        wish.project,
        wish.base,
        interpreter=Path(sys.executable),
        search_path=machine.environment.get("PATH", ""),
    )
    return KeyFromProcess(command)


def _owner(machine: Machine, named: Named, account: str) -> ProfileOwner:
    from tui.cli.project_named import session_handoff
    from workflows.steps.new_user import profile_source

    handoff = session_handoff(machine, named.name)
    if handoff is not None:
        return profile_source.owner_of_handoff(handoff, account)
    if named.checkout is not None:
        return profile_source.owner_by_convention(named.checkout, account)
    raise OnboardError(
        "The roles are unknown",
        f"No session has a handoff for {named.name}, and this folder isn't in its checkout.",
        next="Join with your admin's handoff (`iam-onboard join FILE`), or name the checkout's folder.",
    )


def _has_twins(record: Record, base: str) -> bool:
    """Whether `-mfa` names were written before: a person who chose them keeps them."""
    mine = [name for name, options in record.items() if options.get("source_profile") == base]
    return any(f"{name}-mfa" in mine for name in mine)


def _show_lines(wish: Wish, wanted: WantedProfiles, prepared: Prepared) -> Iterator[str]:
    """The profiles with their state, what is worth knowing, and the difference."""
    from workflows.profiles.write import preview
    from workflows.steps.shared.paths import told_path

    home = wish.paths.folder.parent.parent
    place = told_path(wish.paths.folder, home)
    yield f"{wish.project}, {wish.owner.account_name}: from {wish.owner.source}; in {place}"
    states, roles = _states(wanted, prepared), {role.name: role.role_arn for role in wanted.roles}
    yield from columns(
        [(_MARKS[state], name, roles.get(name, "your user"), f"({state})") for name, state in states.items()]
    )
    yield from (f"  ! {change.words}" for change in prepared.by_hand)
    yield from (f"  - {stale.words}: no longer needed" for stale in prepared.stale)
    yield from (f"  {remark}" for remark in _remarks(wish, prepared))
    yield from (f"\n{preview(prepared)}".splitlines() if prepared.changes else ["Nothing would change."])


def _show_record(wish: Wish, wanted: WantedProfiles, prepared: Prepared) -> dict[str, Any]:
    """The same for programs."""
    from workflows.profiles.write import preview

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


def _written_lines(wish: Wish, wanted: WantedProfiles, written: Written) -> Iterator[str]:
    """What was done."""
    from workflows.steps.shared.paths import told_path

    home = wish.paths.folder.parent.parent
    folder = told_path(wish.paths.folder, home)
    names = ", ".join(wanted.names) if written.changed else "nothing to change"
    yield f"{count(len(wanted.names), 'profile')} in {folder}: {names}."
    for change, profiles in (
        ("New", written.added),
        ("Changed", written.updated),
        ("Removed", written.removed),
    ):
        if profiles:
            yield f"{change}: {', '.join(profiles)}."
    for path in written.tightened:
        yield f"{told_path(path, home)} was readable by others; now only you can read it."
    yield from (f"Backup: {told_path(path, home)}." for path in written.backups)
    yield f"To try them: iam-onboard verify {wish.project}"


def _written_record(
    wish: Wish, wanted: WantedProfiles, written: Written, done: tuple[Sentence, ...]
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
        "told": list(done),
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
        remarks.append("Without an MFA device's serial, you can't assume roles that need a code.")
    texts = (prepared.config.text, prepared.credentials.text)
    if not any(word in text for text in texts for word in ("credential_process", "aws_access_key_id")):
        remarks.append(f"There is no access key here yet: {wish.base} needs one to work.")
    return remarks
