"""`iam-onboard access-key`: the steps Access keys and Rotate without a screen.

What was asked for goes to standard output; questions go to the terminal, everything else to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tui.ask import ask, ask_secret, terminal_name
from tui.exit_codes import DONE
from tui.places import Machine
from tui.vaults import vault_for
from tui.worlds import OwnMachine, clipboard_of
from workflows.errors import OnboardError
from workflows.services.access_key_file import check_access_key, read_access_key_file
from workflows.services.clients import Credentials
from workflows.services.downloads import delete_access_key_file
from workflows.services.files import read_text
from workflows.services.key_records import KeyRecord, KeyRecords, remark
from workflows.services.key_store import KeyStore
from workflows.services.profiles.reading import profile_sections
from workflows.services.profiles.write import MAX_BYTES, profile_paths
from workflows.services.vault import VaultLocked, VaultUnavailable
from workflows.steps import rotation
from workflows.steps.base import Context, Progress
from workflows.steps.kept_keys import Owner, adopted, created_at, keep_recorded
from workflows.steps.key_session import clients_for, device_of, key_session, usable_identity
from workflows.steps.key_stores import CREDENTIALS_FILE, PGP_FILE, VAULT, opened_store
from workflows.steps.made_access_key import created_key
from workflows.steps.own_pgp_keys import own_keys
from workflows.world import World

_USUAL_REGION = "us-east-1"


def access_key(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard access-key list|import|create|rotate`.

    Raises:
        OnboardError: it could not be done; what was kept before is still there.
    """
    context = _context(machine)
    if options.part == "list":
        return _list(context, as_json=options.json)
    try:
        profile_paths(context.world.home, options.project)
    except ValueError:
        raise OnboardError(
            "Not a project's name",
            f"“{options.project}” is not a project's short name.",
            next="Use letters, digits, - and _, as in bb.",
        ) from None
    run: dict[str, Callable[[argparse.Namespace, Context], tuple[KeyRecord, list[str]]]] = {
        "import": _import,
        "create": _create,
        "rotate": _rotate,
    }
    record, told = run[options.part](options, context)
    if options.json:
        sys.stdout.write(json.dumps({**_as_json(record, context), "told": told}, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(told) + "\n")
    return DONE


def _context(machine: Machine) -> Context:
    """The person's world; gpg may ask for a passphrase on this terminal."""
    world = OwnMachine(machine).world("new-user", clipboard_of(machine, lambda _text: None))
    vault = partial(
        vault_for,
        folder=machine.places.vault,
        gnupg_home=machine.gnupg_home,
        environment=machine.environment,
        with_keyring=True,
        tty=terminal_name(machine.environment),
    )
    return Context(replace(world, vault=vault), {}, {}, "", machine.places.sessions)


def _list(context: Context, *, as_json: bool) -> int:
    records, now = KeyRecords(context.world.key_records_folder).all(), context.world.now()
    if as_json:
        sys.stdout.write(json.dumps([_as_json(record, context) for record in records], indent=2) + "\n")
        return DONE
    for record in records:
        line = f"{record.project}  {record.profile}  {record.id}  {record.kept}  {record.age_days(now)} days"
        words = remark(record, now)
        sys.stdout.write(f"{line}{f'  ! {words}' if words else ''}\n")
    if not records:
        sys.stderr.write(
            "Nothing is known of an access key here. `iam-onboard access-key import` keeps one.\n"
        )
    return DONE


def _as_json(record: KeyRecord, context: Context) -> dict[str, Any]:
    now, rotation_ = context.world.now(), record.rotation
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


def _import(options: argparse.Namespace, context: Context) -> tuple[KeyRecord, list[str]]:
    world, region = context.world, _region(options, context.world)
    store, fingerprint = _store(options, context, region)
    key = _given(options.csv)
    clients = clients_for(world, region)
    _tell(Progress("Asking AWS whose key this is"))
    try:
        who = usable_identity(key, clients, context.cancelled)
        owner = Owner.told(
            who, project=options.project, profile=options.profile, region=region, fingerprint=fingerprint
        )
        created = created_at(key, clients) or (_written(options.csv, world) if options.csv else None)
        serial = device_of(key, clients)
        more = keep_recorded(store, key, owner, world, mfa_serial=serial, created=created)
    finally:
        key.drop()
    told = [f"{key.access_key_id} of {who.arn} is kept in {store.description}.", *more]
    if options.csv and options.delete:
        told.append(delete_access_key_file(_path(options.csv)))
    return _kept(options, world), told


def _create(options: argparse.Namespace, context: Context) -> tuple[KeyRecord, list[str]]:
    world, region = context.world, _region(options, context.world)
    store, fingerprint = _store(options, context, region)
    clients = clients_for(world, region)
    if options.csv:
        old = _given(options.csv)
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
        code = _code(device_of(old, clients))
        with (
            key_session(old, code, clients, world, context.cancelled) as session,
            created_key(session) as key,
        ):
            _tell(Progress("Waiting until AWS knows the new key"))
            session.prove(key)
            owner = Owner.told(
                session.who,
                project=options.project,
                profile=options.profile,
                region=region,
                fingerprint=fingerprint,
            )
            serial, now = session.serial, world.now()
            more = keep_recorded(store, key, owner, world, mfa_serial=serial, created=now)
            new_id = key.access_key_id
    finally:
        old.drop()
    told = [f"{new_id} is made and kept in {store.description}.", *more]
    return _kept(options, world), [*told, f"{old.access_key_id} is active as before."]


def _rotate(options: argparse.Namespace, context: Context) -> tuple[KeyRecord, list[str]]:
    region = _region(options, context.world)
    record = _record(options, context, region)
    code = _code(rotation.needed_device(record, context))
    request = rotation.Request(options.project, options.profile, code, options.delete_inactive)
    if options.finish:
        return rotation.retired(request, context, _tell)
    return rotation.rotated(request, context, _tell)


def _record(options: argparse.Namespace, context: Context, region: str) -> KeyRecord:
    """What is known of the kept key; where nothing is, it is looked for."""
    known = KeyRecords(context.world.key_records_folder).get(options.project, options.profile)
    return known or adopted(context.world, options.project, options.profile, region, context.cancelled)


def _kept(options: argparse.Namespace, world: World) -> KeyRecord:
    record = KeyRecords(world.key_records_folder).get(options.project, options.profile)
    if record is None:
        raise RuntimeError("a key was kept and not written down")
    return record


def _store(options: argparse.Namespace, context: Context, region: str) -> tuple[KeyStore, str]:
    """The store that was asked for, and the fingerprint of the PGP key, where it is one's own."""
    place = (context.world, options.project, options.profile, region)
    if options.credentials_file:
        return opened_store(CREDENTIALS_FILE, *place, ""), ""
    if not options.pgp_file:
        try:
            return opened_store(VAULT, *place, ""), ""
        except VaultLocked:
            raise  # it is there: the person unlocks it, or names another place
        except VaultUnavailable:
            if options.keyring:
                raise
    fingerprint = _own_fingerprint(options.pgp_file or "own", context)
    return opened_store(PGP_FILE, *place, fingerprint), fingerprint


def _own_fingerprint(wanted: str, context: Context) -> str:
    keys = [key for key in own_keys(context, _tell) if key.accepted]
    if wanted != "own":
        bare = wanted.replace(" ", "").upper()
        keys = [key for key in keys if key.fingerprint.endswith(bare)]
    if len(keys) == 1:
        return keys[0].fingerprint
    raise OnboardError(
        "Which PGP key?" if keys else "No PGP key of your own",
        f"{len(keys)} of your own keys would do." if keys else "No key of your own can be used for this.",
        next="Name one: --pgp-file FINGERPRINT\n" + "\n".join(f"  {key.fingerprint}" for key in keys)
        if keys
        else "The wizard's step “PGP key” makes one.",
    )


def _given(csv: str | None) -> Credentials:
    """The key of the file, or as it is typed; refused if it is a temporary one."""
    if csv:
        found = read_access_key_file(_path(csv))
        key_id, secret, token = found.access_key_id, found.secret_access_key, found.session_token
    else:
        key_id, secret, token = ask("Access key id: ").strip(), ask_secret("Secret access key: "), None
        if complaint := check_access_key(key_id, secret):
            raise OnboardError("Not an access key", complaint, next="Look at it again, then try again.")
    if token is not None:
        raise OnboardError(
            "A temporary key",
            f"{key_id} is a temporary key: it ends by itself within hours or days.",
            next="In the console: Security credentials, Create access key, Download .csv file.",
        )
    return Credentials(key_id, secret)


def _written(csv: str, world: World) -> datetime:
    """The console offers the file only while it shows the new key, so the file is as old as the key."""
    return min(datetime.fromtimestamp(_path(csv).stat().st_mtime, UTC), world.now())


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _region(options: argparse.Namespace, world: World) -> str:
    """As asked for, else the base profile's, else the one that every account has."""
    if options.region:
        return str(options.region)
    config = profile_paths(world.home, options.project).config
    if not config.exists():
        return _USUAL_REGION
    section = profile_sections(read_text(config, MAX_BYTES), "profile ", str(config)).get(options.profile)
    return section.options.get("region", _USUAL_REGION) if section else _USUAL_REGION


def _code(serial: str | None) -> str:
    return ask(f"MFA code of {serial}: ").strip() if serial else ""


def _tell(progress: Progress) -> None:
    """What is being done, for somebody who watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{progress.words} …\n")
