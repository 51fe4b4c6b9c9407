"""`iam-onboard access-key`: the steps Access keys and Rotate without a screen.

What was asked for goes to standard output; questions go to the terminal, everything else to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from tui.cli import asking
from tui.cli.context import own_context, tell
from tui.cli.exit_codes import DONE
from tui.cli.key_input import asked_store, given_key, keep_proved, typed_path
from tui.cli.output import answer, columns, note
from tui.places import Machine
from workflows.core.errors import OnboardError
from workflows.core.files import read_text
from workflows.core.sentences import Sentence, joined
from workflows.services.aws_errors import about_key_of
from workflows.services.client_settings import USUAL_REGION
from workflows.services.downloads import delete_access_key_file
from workflows.services.key_records import KeyRecord, KeyRecords, remark
from workflows.services.key_store import KEPT_IN_FILE
from workflows.services.profiles.plan import BaseProfile, WantedProfiles, region_problems
from workflows.services.profiles.reading import Found, profile_sections
from workflows.services.profiles.write import MAX_BYTES, profile_paths
from workflows.services.sts import RepeatedCode, WrongCode
from workflows.steps import rotation
from workflows.steps.base import Context, Progress
from workflows.steps.kept_keys import Owner, adopted, keep_recorded
from workflows.steps.key_session import clients_for, device_of, key_session
from workflows.steps.made_access_key import created_key
from workflows.world import World

Done = TypeVar("Done")
Changed = tuple[KeyRecord, list[Sentence]]
"""The record of the key that is kept now, and what was done, in sentences."""
Act = Callable[[argparse.Namespace, Context, str], Changed]
"""What is done with the arguments, in the person's world, with the region of the base profile."""


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
        note("Nothing is known of an access key here. `iam-onboard access-key import` keeps one.")
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
        profile_paths(machine.home, options.project)
    except ValueError:
        raise OnboardError(
            "Not a project's name",
            f"“{options.project}” is not a project's short name.",
            next="Use letters, digits, - and _, as in bb.",
        ) from None
    region = _region(options, context.world)
    _check_place(options, region)
    record, told = act(options, context, region)
    answer({**_as_json(record, machine.now()), "told": told}, told, as_json=options.json)
    return DONE


def _check_place(options: argparse.Namespace, region: str) -> None:
    """Refuse names of a project or a profile that none can have, and a region that AWS does not have."""
    problems = region_problems(region)
    if options.part != "rotate":  # what is rotated is there already
        problems = WantedProfiles((BaseProfile(options.profile, region),), ()).problems()
    if problems:
        raise OnboardError(
            "Not a base profile",
            joined(problem.message for problem in problems),
            next="Give the base profile and its region as `iam-onboard profiles show` lists them.",
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


def _import(options: argparse.Namespace, context: Context, region: str) -> Changed:
    place = {"project": options.project, "profile": options.profile, "region": region}
    store, fingerprint = asked_store(options, context, **place)
    key = given_key(options.csv)
    kept = keep_proved(store, key, context, **place, fingerprint=fingerprint, csv=options.csv or "")
    told = [*kept.told, *_still_unused(options, context.world)]
    if options.csv and options.delete:
        told.append(delete_access_key_file(typed_path(options.csv)))
    return _kept(options, context.world), told


def _create(options: argparse.Namespace, context: Context, region: str) -> Changed:
    world = context.world
    store, fingerprint = asked_store(options, context, options.project, options.profile, region)
    clients = clients_for(world, region)
    if options.csv:
        old = given_key(options.csv)
    else:
        found = rotation.store_of(_record(options, context, region), world).load()
        if found is None:
            raise OnboardError(
                "No access key here",
                f"None is kept for {options.profile}.",
                next="Give the one that you have: --with CSV.",
            )
        old = found
    try:

        def made(code: str) -> tuple[str, list[Sentence]]:
            with (
                key_session(old, code, clients, world, context.cancelled) as session,
                created_key(session) as key,
            ):
                tell(Progress("Waiting until AWS knows the new key"))
                session.prove(key)
                owner = Owner.told(
                    session.who,
                    project=options.project,
                    profile=options.profile,
                    region=region,
                    fingerprint=fingerprint,
                )
                more = keep_recorded(store, key, owner, world, mfa_serial=session.serial, created=world.now())
                return key.access_key_id, list(more)

        with contextlib.nullcontext() if options.csv else about_key_of(options.profile):
            serial = device_of(old, clients)
        new_id, more = _with_code(serial, world, made)
    finally:
        old.drop()
    told = [f"{new_id} is made and kept in {store.description}.", *more]
    told += _still_unused(options, world)
    return _kept(options, world), [*told, f"{old.access_key_id} is active as before."]


def _rotate(options: argparse.Namespace, context: Context, region: str) -> Changed:
    record = _record(options, context, region)

    def done(code: str) -> Changed:
        request = rotation.Request(options.project, options.profile, code, options.delete_inactive)
        act = rotation.retired if options.finish else rotation.rotated
        return act(request, context, tell)

    return _with_code(rotation.needed_device(record, context), context.world, done)


def _record(options: argparse.Namespace, context: Context, region: str) -> KeyRecord:
    """What is known of the kept key; where nothing is, it is looked for."""
    known = KeyRecords(context.world.key_records_folder).get(options.project, options.profile)
    return known or adopted(context.world, options.project, options.profile, region, context.cancelled)


def _kept(options: argparse.Namespace, world: World) -> KeyRecord:
    record = KeyRecords(world.key_records_folder).get(options.project, options.profile)
    if record is None:
        raise RuntimeError("a key was kept and not written down")
    return record


def _still_unused(options: argparse.Namespace, world: World) -> list[Sentence]:
    """How the profile finds the key, where it does not yet."""
    section, record = _section(options, world), _kept(options, world)
    if record.kept == KEPT_IN_FILE or (section is not None and "credential_process" in section.options):
        return []
    account = options.profile.removeprefix(f"{options.project}-")
    command = f"iam-onboard profiles write {options.project} --as {account}"
    return [f"No profile uses it yet; this writes those that do: {command}"]


def _section(options: argparse.Namespace, world: World) -> Found | None:
    """The base profile in `config`, if it is there."""
    config = profile_paths(world.home, options.project).config
    if not config.exists():
        return None
    return profile_sections(read_text(config, MAX_BYTES), "profile ", str(config)).get(options.profile)


def _region(options: argparse.Namespace, world: World) -> str:
    """As asked for, else the base profile's, else the one that every account has."""
    if options.region:
        return str(options.region)
    section = _section(options, world)
    return section.options.get("region", USUAL_REGION) if section else USUAL_REGION


def _with_code(serial: str | None, world: World, act: Callable[[str], Done]) -> Done:
    """Act with the device's code; one that AWS does not take has changed nothing, and is asked for again."""
    tries = asking.Tries()
    while True:
        try:
            return act(asking.ask_code(serial, world).reveal() if serial else "")
        except (WrongCode, RepeatedCode) as error:
            if not tries.another(error):
                raise
