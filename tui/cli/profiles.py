"""`iam-onboard profiles`: the step Profiles without a screen, with or without a handoff.

What was asked for goes to standard output; questions go to the terminal, everything else to standard error.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from tui.cli import asking
from tui.cli.context import own_context
from tui.cli.exit_codes import DONE
from tui.cli.key_input import given_key
from tui.cli.output import answer, hand_out, note, say_json
from tui.cli.profiles_key import keep_key, names_a_store
from tui.cli.profiles_report import show_lines, show_record, written_lines, written_record
from tui.cli.profiles_wish import Wish, kept_source, process_source, read_wish
from tui.cli.project_named import named_project
from tui.places import Machine
from workflows.core.errors import OnboardError
from workflows.core.files import backups
from workflows.services.profiles.plan import KeyInFile, KeySource, WantedProfiles
from workflows.services.profiles.record import Stale
from workflows.services.profiles.write import Decisions, Prepared, Written, prepare, preview, write_profiles

_LEAVE_ALL = Decisions(overwrite=())


def show(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard profiles show [PROJECT]`.

    Raises:
        OnboardError: it cannot be told what is wanted, or a file cannot be read.
    """
    wish, _ = _wish(machine, options)
    wanted = wish.profiles(kept_source(machine, wish))
    prepared = prepare(wish.paths, wanted, _LEAVE_ALL)
    record, lines = show_record(wish, wanted, prepared), show_lines(wish, wanted, prepared)
    answer(record, lines, as_json=options.json)
    return DONE


def write(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard profiles write [PROJECT]`.

    Raises:
        OnboardError: it cannot be told what is wanted, or a file cannot be read, changed or written; both
            files are as they were.
    """
    wish, before = _wish(machine, options)
    if options.dry_run:
        _dry_run(machine, wish, options)
    else:
        _write(machine, wish, options, before)
    return DONE


def _wish(machine: Machine, options: argparse.Namespace) -> tuple[Wish, Prepared]:
    """The wish, and the files as they are; those that cannot be changed are refused before all else."""
    wish = read_wish(machine, named_project(machine, options.project), options)
    return wish, prepare(wish.paths, wish.profiles(None), _LEAVE_ALL)


def _dry_run(machine: Machine, wish: Wish, options: argparse.Namespace) -> None:
    """What writing would change; no key is kept, nobody is asked."""
    wanted = wish.profiles(_source_that_would_be(machine, wish, options))
    found = prepare(wish.paths, wanted, _LEAVE_ALL)
    prepared = prepare(wish.paths, wanted, _given(options, wanted, found))
    if options.json:
        say_json(show_record(wish, wanted, prepared))
    else:
        hand_out(preview(prepared))
    _tell_left(prepared)
    if options.access_keys and not wish.mfa_serial:
        note("AWS was not asked for your MFA device; writing asks, unless --mfa-serial tells it.")


def _source_that_would_be(machine: Machine, wish: Wish, options: argparse.Namespace) -> KeySource:
    if options.access_keys:
        key = given_key(options.access_keys)
        if options.credentials_file:
            return KeyInFile(key.access_key_id, key.secret_access_key)
        key.drop()
        return process_source(machine, wish)
    if names_a_store(options):
        return None if options.credentials_file else process_source(machine, wish)
    return kept_source(machine, wish)


def _write(machine: Machine, wish: Wish, options: argparse.Namespace, before: Prepared) -> None:
    older = _backups(wish)
    kept = keep_key(options, wish, own_context(machine))
    note(*kept.told)
    if options.mfa_serial is None and kept.mfa_serial:
        wish = replace(wish, mfa_serial=kept.mfa_serial)
    wanted = wish.profiles(kept_source(machine, wish))
    found = prepare(wish.paths, wanted, _LEAVE_ALL)
    decided = _given(options, wanted, found)
    if asking.has_terminal():
        decided = _asked(found, decided)
    written = _in_all(write_profiles(wish.paths, wanted, machine.now(), decided), before, wish, older)
    record = written_record(wish, wanted, written, kept.told)
    answer(record, written_lines(wish, wanted, written), as_json=options.json)
    _tell_left(prepare(wish.paths, wanted, _LEAVE_ALL))


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
    if not wish.paths.folder.is_dir():
        return []
    return [*backups(wish.paths.config), *backups(wish.paths.credentials)]


def _given(options: argparse.Namespace, wanted: WantedProfiles, found: Prepared) -> Decisions:
    """What the command line decides.

    Raises:
        OnboardError: a profile that is to be written over is none of those that are written.
    """
    unknown = [name for name in options.overwrite if name not in {*wanted.names, *_names(found.stale)}]
    if unknown:
        raise OnboardError(
            "No such profile",
            f"{', '.join(unknown)} is none of the profiles that are written.",
            next="`iam-onboard profiles show` lists them.",
        )
    gone = [one for one in found.stale if not one.changed_by_hand or one.profile in options.overwrite]
    return Decisions(tuple(options.overwrite), _names(gone) if options.prune else ())


def _asked(found: Prepared, decided: Decisions) -> Decisions:
    """What the person decides about the rest; Enter leaves a profile as it is."""
    overwrite, prune = list(decided.overwrite or ()), list(decided.prune)
    for change in found.by_hand:
        if change.profile not in overwrite and asking.yes(f"{change.words}\nWrite over it?"):
            overwrite.append(change.profile)
    for stale in found.stale:
        if stale.profile not in prune and asking.yes(f"{stale.words} is no longer wanted.\nTake it out?"):
            prune.append(stale.profile)
    return Decisions(tuple(overwrite), tuple(prune))


def _names(stale: tuple[Stale, ...] | list[Stale]) -> tuple[str, ...]:
    return tuple(one.profile for one in stale)


def _tell_left(prepared: Prepared) -> None:
    """What stays although it is not as wanted, for somebody who was not asked or said no."""
    for name in prepared.kept:
        note(f"! {name} was changed by hand and stays so; --overwrite {name} writes over it.")
    for stale in prepared.stale:
        if stale.profile not in prepared.config.removed:
            more = f" --overwrite {stale.profile}" if stale.changed_by_hand else ""
            note(f"! {stale.words} is no longer wanted; --prune{more} takes it out.")
