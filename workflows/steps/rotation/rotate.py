"""Rotate: a new access key in place of a kept one, whichever it is; an interrupted rotation goes on here.

It is a workflow of its own, begun months after the new user's is over, so it works on what is written down of
the kept keys (`KeyRecords`), not on a handoff.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from workflows.aws import sts
from workflows.aws.authenticator import code_problem
from workflows.aws.clients import ClientFactory, Credentials
from workflows.aws.errors import KEY_REFUSED, AwsError, about_key_of
from workflows.core.errors import OnboardError, Problem
from workflows.core.sentences import Sentence
from workflows.environment import World
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation, Verdict
from workflows.steps.rotation import declarations
from workflows.steps.shared.key_stores import CREDENTIALS_FILE, PGP_FILE, VAULT, opened_store
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.own_access_key import KeySession, device_of, key_session, two_keys
from workflows.steps.shared.own_identity import clients_for
from workflows.stores.key_records import KeyRecord, KeyRecords
from workflows.stores.key_store import KEPT_IN_FILE, KEPT_IN_KEYRING, KeyStore
from workflows.stores.rotation import Parts, finish, recover, rotate

STEP = declarations.ROTATE


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        project: the project of the kept key.
        profile: the base profile that it is of.
        code: of the MFA device; "" where the user has none.
        delete_inactive: whether a second key that is inactive is deleted to make room.
    """

    project: str
    profile: str
    code: str = ""
    delete_inactive: bool = False


def validate(request: Request, context: Context) -> list[Problem]:
    """There is such a key, and the code is well formed."""
    if KeyRecords(context.world.key_records_folder).get(request.project, request.profile) is None:
        return [Problem("Choose the access key to rotate.", "key")]
    problem = code_problem(request.code) if request.code.strip() else None
    return [problem] if problem else []


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Finish or undo what was interrupted, else rotate.

    Raises:
        OnboardError: it could not be done. A kept key works anyway.
    """
    record, told = rotated(request, context, report)
    rotation = record.rotation
    return {
        "rotated": {
            "project": record.project,
            "profile": record.profile,
            "id": record.id,
            "old_id": rotation.old_id if rotation else "",
            "at": context.world.now().isoformat(),
            "told": told,
        }
    }


def observe(context: Context) -> Observation:
    """The record still names the new key."""
    known = context.facts["rotated"]
    record = KeyRecords(context.world.key_records_folder).get(known["project"], known["profile"])
    if record is None or record.id != known["id"]:
        return Observation(Verdict.CHANGED, f"{known['profile']} has another key than {known['id']} now.")
    return AGREES


def rotated(request: Request, context: Context, report: Report) -> tuple[KeyRecord, list[Sentence]]:
    """As `perform`: the record, and what was done, in sentences."""
    record = _record(request, context.world)
    rotation = record.rotation
    if rotation is not None and not rotation.interrupted and not request.delete_inactive:
        raise OnboardError(
            "The old key waits to be deleted",
            f"{rotation.old_id}, which {record.id} replaced, is inactive and not yet deleted.",
            why="A user has at most two access keys, so there is no room for another one.",
            next="Delete it first (--delete-inactive, or the mark “Delete the inactive key”).",
        )
    told: list[Sentence] = []
    with _session(record, request.code, context, report) as (session, parts):
        if rotation is not None and rotation.interrupted:
            record, words = recover(record, parts)
            return record, [words]
        if rotation is not None:
            record = finish(record, parts)
            told.append(f"{rotation.old_id} is deleted.")
        _make_room(request, record, session, told)
        record = rotate(record, parts)
        old = record.under_way.old_id
        told.append(f"{record.id} is kept in {parts.store.description}, and works.")
        told.append(f"{old} is deactivated. Delete it in a few days, if nothing has missed it.")
    return record, told


def retired(request: Request, context: Context, report: Report) -> tuple[KeyRecord, list[Sentence]]:
    """Delete the old key that a rotation has left inactive.

    Raises:
        OnboardError: none waits; or it could not be deleted, or the kept key does not work.
    """
    record = _record(request, context.world)
    rotation = record.rotation
    if rotation is None or rotation.interrupted:
        raise OnboardError(
            "No old key waits",
            f"No rotation of {record.profile} has left a key to delete.",
            next="`iam-onboard access-key rotate` starts one, or finishes an interrupted one.",
        )
    with _session(record, request.code, context, report) as (_, parts):
        return finish(record, parts), [f"{rotation.old_id} is deleted."]


def needed_device(record: KeyRecord, context: Context) -> str | None:
    """The serial of the device whose code a rotation of this key needs; None without one.

    Raises:
        OnboardError: the kept key is not there or not usable.
    """
    clients = clients_for(context.world, record.region)
    key = _working_key(record, store_of(record, context.world), clients)
    try:
        with about_key_of(record.profile):
            return device_of(key, clients)
    finally:
        key.drop()


def store_of(record: KeyRecord, world: World) -> KeyStore:
    """Where the key of a record is kept.

    Raises:
        OnboardError: that store cannot be used now.
    """
    place = (world, record.project, record.profile, record.region, record.fingerprint)
    if record.kept == KEPT_IN_FILE:
        return opened_store(CREDENTIALS_FILE, *place)
    if record.kept == KEPT_IN_KEYRING:
        return opened_store(record.backend or VAULT, *place)
    return opened_store(PGP_FILE, *place)


def _record(request: Request, world: World) -> KeyRecord:
    record = KeyRecords(world.key_records_folder).get(request.project, request.profile)
    if record is None:
        raise OnboardError(
            "No access key here",
            f"This computer has no access key of {request.profile} of {request.project}.",
            next="Keep one with `iam-onboard access-key import`, or with the wizard's step “Access keys”.",
        )
    return record


@contextmanager
def _session(
    record: KeyRecord, code: str, context: Context, report: Report
) -> Iterator[tuple[KeySession, Parts]]:
    world = context.world
    clients = clients_for(world, record.region)
    report(Progress("Looking for the key"))
    store = store_of(record, world)
    key = _working_key(record, store, clients)
    try:
        report(Progress("Starting a session with your MFA code"))
        with ExitStack() as stack:
            with about_key_of(record.profile):
                check = partial(_check_owner, record)
                begun = key_session(key, code.strip(), clients, world, context.cancelled, check)
                session = stack.enter_context(begun)
            save = KeyRecords(world.key_records_folder).put
            yield (
                session,
                Parts(session, store, save, world.now, session.serial, lambda words: report(Progress(words))),
            )
    finally:
        key.drop()


def _working_key(record: KeyRecord, store: KeyStore, clients: ClientFactory) -> Credentials:
    """The kept key; during a rotation that was interrupted, the copy of the old one if that does not work."""
    key = store.load()
    rotation = record.rotation
    if rotation is not None and rotation.interrupted:
        old = store.aside(rotation.old_id)
        if old is not None and (key is None or not _known(key, clients)):
            return old
    if key is None:
        raise OnboardError(
            "No access key here",
            f"The access key of {record.profile} is no longer in {store.description}.",
            next="Import it again: `iam-onboard access-key import`.",
        )
    return key


def _known(key: Credentials, clients: ClientFactory) -> bool:
    try:
        with clients.client("sts", key) as client:
            sts.caller_identity(client)
    except AwsError as error:
        if error.failure in KEY_REFUSED:
            return False
        raise
    return True


def _check_owner(record: KeyRecord, who: sts.Identity) -> None:
    if (who.user_name or "", who.account) != (record.user, record.account_id):
        raise OnboardError(
            "Another user's access key",
            f"The kept key belongs to {who.arn}.",
            why=f"The record says {record.user} in the account {record.account_id}.",
            next="Import the right key again: `iam-onboard access-key import`.",
        )


def _make_room(request: Request, record: KeyRecord, session: KeySession, told: list[Sentence]) -> None:
    """A user has two keys at most: an inactive one can go, if the person says so."""
    keys = session.listed()
    if len(keys) < 2:
        return
    spare = [key for key in keys if not key.active and key.access_key_id != record.id]
    if not spare or not request.delete_inactive:
        raise two_keys(keys, session.now(), record.id)
    session.delete(spare[0].access_key_id)
    told.append(f"{spare[0].access_key_id}, which was inactive, is deleted.")
