"""`iam-onboard access-key`: the steps Access keys and Rotate without a screen.

What was asked for goes to standard output; questions go to the terminal, everything else to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tui.cli import asking
from tui.cli.context import own_context, tell
from tui.cli.exit_codes import DONE
from tui.cli.key_input import KeyPlace, given_key, profiles_in, typed_path
from tui.cli.output import answer, columns, note
from tui.host import Machine
from workflows.aws.access_key_file import delete_access_key_file
from workflows.aws.clients import USUAL_REGION
from workflows.aws.errors import about_key_of
from workflows.aws.sts import RepeatedCode, WrongCode
from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence, joined
from workflows.environment import World
from workflows.profiles.plan import BaseProfile, WantedProfiles, region_problems
from workflows.profiles.write import profile_paths
from workflows.steps.rotation import rotate as rotation
from workflows.steps.shared.module import Progress
from workflows.steps.shared.own_access_key import created_key, device_of, keep_recorded, key_session
from workflows.steps.shared.own_identity import clients_for
from workflows.stores.key_records import KeyRecord, KeyRecords, remark
from workflows.stores.key_store import KEPT_IN_FILE

Act = Callable[[argparse.Namespace, KeyPlace], list[Sentence]]
"""What is done with the key of a base profile; it gives that back in sentences."""


def listed(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard access-key list`."""
    records, now = KeyRecords(machine.places.key_records).all(), machine.now()
    rows = [
        (one.project, one.profile, one.id, one.kept, f"{one.age_days(now)} days", remark(one, now))
        for one in records
    ]
    lines = columns([(*row, f"! {words}" if words else "") for *row, words in rows], indent="")
    answer([_as_json(record, now) for record in records], lines, as_json=options.json)
    if not (records or options.json):
        note("There is no access key here yet. `iam-onboard access-key import` keeps one.")
    return DONE


def bring(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard access-key import [CSV]`.

    Raises:
        OnboardError: it could not be done; what was kept before is still there.
    """
    return _change(machine, options, _import)


def create(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard access-key create`; raises as `bring`."""
    return _change(machine, options, _create)


def rotate(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard access-key rotate`; raises as `bring`."""
    return _change(machine, options, _rotate)


def _change(machine: Machine, options: argparse.Namespace, act: Act) -> int:
    context = own_context(machine)
    try:
        paths = profile_paths(machine.home, options.project)
    except ValueError:
        raise OnboardError(
            "Not a project name",
            f"“{options.project}” is not a project's short name.",
            next="Use letters, digits, - and _, as in bb.",
        ) from None
    section = profiles_in(paths).get(options.profile)
    options_there = section.options if section else {}
    place = KeyPlace(
        context, options.project, options.profile, options.region or options_there.get("region", USUAL_REGION)
    )
    _check_place(place, is_new=act is not _rotate)
    told = act(options, place)
    record = place.record()
    if act is not _rotate and record.kept != KEPT_IN_FILE and "credential_process" not in options_there:
        account = options.profile.removeprefix(f"{options.project}-")
        command = f"iam-onboard profiles write {options.project} --as {account}"
        told.append(f"No profile uses this key yet. To write the profiles that do: {command}")
    answer({**_as_json(record, machine.now()), "told": told}, told, as_json=options.json)
    return DONE


def _check_place(place: KeyPlace, *, is_new: bool) -> None:
    """Refuse a profile's name that no profile can have, and a region that AWS does not have."""
    problems = region_problems(place.region)
    if is_new:  # what is rotated is there already
        problems = WantedProfiles((BaseProfile(place.profile, place.region),), ()).problems()
    if problems:
        raise OnboardError(
            "Not a base profile",
            joined(problem.message for problem in problems),
            next="Use the base profile and region that `iam-onboard profiles show` lists.",
        )


def _as_json(record: KeyRecord, now: datetime) -> dict[str, Any]:
    rotation_ = record.rotation
    return {
        "project": record.project,
        "profile": record.profile,
        "id": record.id,
        "kept": record.kept,
        "user": record.user,
        "account_id": record.account_id,
        "age_days": record.age_days(now),
        "old": record.is_old(now),
        "rotation": rotation_.phase.value if rotation_ else "",
        "old_id": rotation_.old_id if rotation_ else "",
    }


def _import(options: argparse.Namespace, place: KeyPlace) -> list[Sentence]:
    store, fingerprint = place.store(options)
    kept = place.keep(given_key(options.csv), store, fingerprint, csv=options.csv or "")
    told = list(kept.told)
    if options.csv and options.delete:
        told.append(delete_access_key_file(typed_path(options.csv)))
    return told


def _create(options: argparse.Namespace, place: KeyPlace) -> list[Sentence]:
    world, context = place.world, place.context
    store, fingerprint = place.store(options)
    clients = clients_for(world, place.region)
    old = given_key(options.csv) if options.csv else place.load("--with CSV")

    def made(code: str) -> list[Sentence]:
        with (
            key_session(old, code, clients, world, context.cancelled) as session,
            created_key(session) as key,
        ):
            tell(Progress("Waiting until AWS knows the new key"))
            session.prove(key)
            owner = place.owner(session.who, fingerprint)
            more = keep_recorded(store, key, owner, world, mfa_serial=session.serial, created=world.now())
            return [f"{key.access_key_id} is new and kept in {store.description}.", *more]

    try:
        with contextlib.nullcontext() if options.csv else about_key_of(options.profile):
            serial = device_of(old, clients)
        told = _with_code(serial, world, made)
    finally:
        old.drop()
    return [*told, f"{old.access_key_id} is still active."]


def _rotate(options: argparse.Namespace, place: KeyPlace) -> list[Sentence]:
    def done(code: str) -> list[Sentence]:
        request = rotation.Request(place.project, place.profile, code, options.delete_inactive)
        act = rotation.retired if options.finish else rotation.rotated
        return act(request, place.context, tell)[1]

    return _with_code(rotation.needed_device(place.record(), place.context), place.world, done)


def _with_code(serial: str | None, world: World, act: Callable[[str], list[Sentence]]) -> list[Sentence]:
    """Act with the device's code; one that AWS rejects has changed nothing, so ask for another."""
    tries = asking.Tries()
    while True:
        try:
            return act(asking.ask_code(serial, world).reveal() if serial else "")
        except (WrongCode, RepeatedCode) as error:
            if not tries.another(error):
                raise
