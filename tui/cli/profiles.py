"""`iam-onboard profiles`: the step Profiles without a screen, with or without a handoff.

Results go to standard output, without any secret, questions to the terminal, and everything else to standard
error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tui.cli import asking
from tui.cli.arguments import JSON, PROJECT_OR_NAME, STORE, Commands, argument, flag, option, repeatable
from tui.cli.context import performed
from tui.cli.output import answer, columns, note, say, say_json
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence, count

with on_demand():
    from tui import host
    from tui.cli import identity
    from workflows.core import files, shapes
    from workflows.profiles import plan, write as profile_files
    from workflows.steps.new_user import access_keys, profiles as step
    from workflows.steps.shared import module, own_access_key, own_identity
    from workflows.stores import key_store


class State(StrEnum):
    """What writing would change about a profile."""

    NEW = "new"
    OTHER_VALUES = "other values"
    BY_HAND = "changed by hand"
    AS_WANTED = "as wanted"


_MARKS = {State.NEW: "+", State.OTHER_VALUES: "~", State.BY_HAND: "!", State.AS_WANTED: "="}


def add_to(commands: Commands) -> None:
    """Declare the command and its parts."""
    wanted = (
        PROJECT_OR_NAME,
        option(
            "--as",
            "ACCOUNT",
            "the account of your user, such as security or management (default: the only one in your "
            "handoff)",
            dest="account",
        ),
        argument(
            "--mfa-serial",
            "ARN",
            "your MFA device; '' for none (default: what AWS says, else what the file says)",
        ),
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
        description="Show your profiles and what `profiles write` would change. Writes nothing.",
    )
    parts.add(
        "write",
        write,
        "write the profiles, and an access key if one is given",
        *wanted,
        flag("--dry-run", "print the diff with secrets masked, and write nothing"),
        option("--access-keys", "CSV", "check and keep the key in this file from the console"),
        STORE,
        repeatable("--overwrite", "NAME", "overwrite this profile even if you changed it by hand"),
        flag("--prune", "remove profiles that iam-onboard wrote and you no longer need"),
        description="Merge the profiles into both files; everything else in them stays as it is. Asks on "
        "the terminal about profiles that you changed by hand; without a terminal, leaves them "
        "as they are.",
    )


def show(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard profiles show [PROJECT]`.

    Raises:
        OnboardError: the wanted profiles are unknown, or a file can't be read.
    """
    wish = identity.wish(machine, options)
    found = wish.prepared()
    answer(_show_record(wish, found), _show_lines(wish, found), as_json=options.json)


def write(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard profiles write [PROJECT]`.

    Raises:
        OnboardError: the wanted profiles are unknown, or a file can't be read, changed or written; both files
            are as they were.
    """
    wish = identity.wish(machine, options)
    before = wish.prepared()  # fails for files that can't be changed, before a key is kept
    if options.dry_run:
        _dry_run(wish, options)
    else:
        _write(wish, options, before)


def _dry_run(wish: identity.Wish, options: argparse.Namespace) -> None:
    """Show what writing would change; keep no key and ask nobody."""
    source: plan.KeySource = None
    if options.access_keys:
        key = own_access_key.load_key(
            own_access_key.KeyInHand(own_access_key.KeyPlace.FILE, identity.typed_path(options.access_keys)),
            wish.context,
        )
        if options.credentials_file:
            source = key
    if options.access_keys or _names_a_store(options):
        wish = wish.knowing(access_key={"kept": "credentials-file" if options.credentials_file else "vault"})
    wish = _decided(options, wish)
    found = wish.prepared(source)
    if options.json:
        say_json(_show_record(wish, found))
    else:
        say(*profile_files.preview(found).split("\n")[:-1])
    _note_left(found)
    if options.access_keys and not wish.request.mfa_serial:
        note("AWS wasn't asked for your MFA device. `profiles write` asks, unless you add --mfa-serial.")


def _write(wish: identity.Wish, options: argparse.Namespace, before: profile_files.Prepared) -> None:
    older = _backups(wish.paths)
    kept = _keep_key(options, wish.context)
    done = kept.get("told", ())
    note(*done)
    if options.mfa_serial is None and kept.get("mfa_serial"):
        wish = wish.asking(mfa_serial=kept["mfa_serial"])
    if kept:
        wish = wish.knowing(access_key=kept)
    wish = _decided(options, wish)
    if asking.has_terminal():
        wish = _asked(wish)
    written = _in_all(step.write(wish.request, wish.context), before, wish.paths, older)
    answer(_written_record(wish, written, done), _written_lines(wish, written), as_json=options.json)
    _note_left(wish.prepared())


def _names_a_store(options: argparse.Namespace) -> bool:
    """Return whether the command line says where to keep a key."""
    return bool(options.keyring or options.pgp_file or options.credentials_file)


def _keep_key(options: argparse.Namespace, context: module.Context) -> Mapping[str, Any]:
    """Keep the key of `--access-keys`; without it, move the kept one to the named store.

    Returns:
        The fact of the step Access keys; {} if nothing was kept.

    Raises:
        OnboardError: it isn't this user's, doesn't work, or couldn't be kept; nothing is changed.
    """
    if not (options.access_keys or _names_a_store(options)):
        return {}
    choice, context = identity.with_store(options, context)
    if options.access_keys:
        return performed(access_keys, identity.given_key(options.access_keys, choice), context, "access_key")
    store, record = (
        own_access_key.store_for(choice, context, own_identity.identity_of(context)),
        own_access_key.ensure_record(context),
    )
    if (record.kept, record.backend) == (store.kind, store.backend):
        return {}
    if record.rotation is not None:
        raise OnboardError(
            "A rotation isn't finished",
            f"The access key of {record.profile} is being rotated, so the key stays where it is.",
            next="Finish it first: `iam-onboard access-key rotate --finish`.",
        )
    kept = performed(access_keys, access_keys.Request(choice, access_keys.KEPT), context, "access_key")
    if record.kept != key_store.KEPT_IN_FILE:
        return kept
    left = (
        "Backups beside `credentials` may still hold the key in plain text: delete them, or rotate the key."
    )
    return {**kept, "told": [*kept["told"], left]}


def _in_all(
    written: profile_files.Written,
    before: profile_files.Prepared,
    paths: profile_files.ProfilePaths,
    older: list[Path],
) -> profile_files.Written:
    """Return all changes since `before`: keeping a key in the files has already written them once."""
    added = tuple(dict.fromkeys((*before.config.added, *written.added)))
    names = [name for name in written.updated if name not in added]
    texts = {"config": before.config_before, "credentials": before.credentials_before}
    made = {path.name.partition(".")[0]: path for path in reversed(_backups(paths)) if path not in older}
    first = tuple(path for name, path in made.items() if texts[name] is not None)
    return replace(written, added=added, updated=tuple(names), backups=first)


def _backups(paths: profile_files.ProfilePaths) -> list[Path]:
    """Return the copies of both files, the oldest first."""
    both = (paths.config, paths.credentials) if paths.folder.is_dir() else ()
    return [copy for path in both for copy in files.backups(path)]


def _decided(options: argparse.Namespace, wish: identity.Wish) -> identity.Wish:
    """Return the wish with the decisions from the command line.

    Raises:
        OnboardError: a profile to overwrite isn't among those to write.
    """
    stale = {profile.profile: profile.changed_by_hand for profile in wish.prepared().stale}
    if unknown := [name for name in options.overwrite if name not in {*wish.wanted.names, *stale}]:
        raise OnboardError(
            "No such profile",
            f"{', '.join(unknown)} isn't one of the profiles to write.",
            next="`iam-onboard profiles show` lists them.",
        )
    gone = [name for name, by_hand in stale.items() if not by_hand or name in options.overwrite]
    return wish.asking(overwrite=tuple(options.overwrite), prune=tuple(gone) if options.prune else ())


def _asked(wish: identity.Wish) -> identity.Wish:
    """Return the wish with the user's decisions about the rest; Enter leaves a profile as it is."""
    found, request = wish.prepared(), wish.request
    overwrite = [
        change.profile
        for change in found.by_hand
        if change.profile in request.overwrite or asking.yes(f"{change.sentence}\nOverwrite it?")
    ]
    prune = [
        stale.profile
        for stale in found.stale
        if stale.profile in request.prune or asking.yes(f"{stale.sentence} is no longer needed.\nRemove it?")
    ]
    return wish.asking(overwrite=tuple(overwrite), prune=tuple(prune), shown=found.found)


def _note_left(prepared: profile_files.Prepared) -> None:
    """Note what stays although it isn't as wanted, if the user wasn't asked or said no."""
    for name in prepared.kept:
        note(f"! {name} was changed by hand and stays as it is; add --overwrite {name} to replace it.")
    for stale in prepared.stale:
        if stale.profile not in prepared.config.removed:
            more = f" --overwrite {stale.profile}" if stale.changed_by_hand else ""
            note(f"! {stale.sentence} is no longer needed; add --prune{more} to remove it.")


def _show_lines(wish: identity.Wish, found: profile_files.Prepared) -> Iterator[str]:
    """Yield the profiles with their state, remarks, and the diff."""
    place = wish.context.environment.readable(wish.paths.folder)
    yield f"{wish.project}, {wish.identity.account_name}: from {wish.source}; in {place}"
    yield from columns(
        [
            (_MARKS[state], profile["name"], profile["role_arn"] or "your user", f"({state})")
            for profile, state in _states(wish, found)
        ]
    )
    yield from (f"  ! {change.sentence}" for change in found.by_hand)
    yield from (f"  - {stale.sentence}: no longer needed" for stale in found.stale)
    yield from (f"  {remark}" for remark in step.remarks(wish.request, wish.context))
    yield from (
        f"\n{profile_files.preview(found)}".splitlines() if found.changes else ["Nothing would change."]
    )


def _show_record(wish: identity.Wish, found: profile_files.Prepared) -> dict[str, Any]:
    """Return the same as JSON values."""
    return {
        **_head(wish),
        "profiles": [{**profile, "state": state} for profile, state in _states(wish, found)],
        "changed_by_hand": [
            {
                "profile": change.profile,
                "ours": change.ours,
                "differences": [diff.sentence for diff in change.differences],
            }
            for change in found.by_hand
        ],
        "stale": [
            {
                "profile": profile.profile,
                "role_arn": profile.role_arn,
                "changed_by_hand": profile.changed_by_hand,
            }
            for profile in found.stale
        ],
        "remarks": list(step.remarks(wish.request, wish.context)),
        "diff": profile_files.preview(found),
    }


def _written_lines(wish: identity.Wish, written: profile_files.Written) -> Iterator[Sentence]:
    readable, all_names = wish.context.environment.readable, wish.wanted.names
    names = ", ".join(all_names) if written.changed else "nothing to change"
    yield f"{count(len(all_names), 'profile')} in {readable(wish.paths.folder)}: {names}."
    for change, profiles in (
        ("New", written.added),
        ("Changed", written.updated),
        ("Removed", written.removed),
    ):
        if profiles:
            yield f"{change}: {', '.join(profiles)}."
    yield from (files.made_private(readable(path)) for path in written.tightened)
    yield from (f"Backup: {readable(path)}." for path in written.backups)
    yield f"To try them: iam-onboard verify {wish.project}"


def _written_record(
    wish: identity.Wish, written: profile_files.Written, done: Sequence[Sentence]
) -> dict[str, Any]:
    """Return the same as JSON values."""
    own = shapes.plain(written)
    own["changed_files"] = own.pop("changed")
    return {**_head(wish), "profiles": _profiles(wish), **own, "told": list(done)}


def _head(wish: identity.Wish) -> dict[str, Any]:
    return {
        "project": wish.project,
        "account": wish.identity.account_name,
        "source": wish.source,
        "config": str(wish.paths.config),
        "credentials": str(wish.paths.credentials),
        "region": wish.request.region,
        "mfa_serial": wish.request.mfa_serial,
    }


def _profiles(wish: identity.Wish) -> list[dict[str, str]]:
    wanted = wish.wanted
    bases = [{"name": base.name, "role_arn": "", "source_profile": ""} for base in wanted.bases]
    roles = [
        {"name": role.name, "role_arn": role.role_arn, "source_profile": role.source_profile}
        for role in wanted.roles
    ]
    return [*bases, *roles]


def _states(wish: identity.Wish, found: profile_files.Prepared) -> list[tuple[dict[str, str], State]]:
    """Return each profile, and what writing would change about it."""
    states = {
        **dict.fromkeys((*found.config.updated, *found.credentials.updated), State.OTHER_VALUES),
        **dict.fromkeys(found.config.added, State.NEW),
        **dict.fromkeys((change.profile for change in found.by_hand), State.BY_HAND),
    }
    return [(profile, states.get(profile["name"], State.AS_WANTED)) for profile in _profiles(wish)]
