"""Rotate: replace any kept access key with a new one, or continue an interrupted rotation.

It is a workflow of its own, started months after the new user's has ended, so it works from the records of
kept keys (`KeyRecords`), not from a handoff.

A kept key works at every moment. The order: create the new key, prove that it works, put the old one aside,
keep the new one, prove it again as read back from its store, deactivate the old one. Each act is recorded
before it is done (`Rotation`). A failure is undone at once; a killed rotation is finished or undone the next
time (`recover`). The old key is deleted later, when nothing has missed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from workflows.aws import sts
from workflows.aws.authenticator import code_problem
from workflows.aws.clients import FOR_A_LOOK, ClientFactory, ProfileFiles, profile_map
from workflows.aws.errors import KEY_REFUSED, AwsError, AwsFailure, about_key_of, asked
from workflows.core.secret import Credentials
from workflows.core.sentences import OnboardError, Problem, Sentence, joined
from workflows.environment import Environment
from workflows.machine.events import AGREES, NOT_ASKED, Facts, Observation, Verdict
from workflows.profiles.write import profile_paths
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.own_access_key import (
    CREDENTIALS_FILE,
    PGP_FILE,
    VAULT,
    KeySession,
    delete_key,
    delete_unkept,
    device_of,
    key_session,
    opened_store,
    two_keys,
)
from workflows.steps.shared.own_identity import clients_for
from workflows.stores.key_records import KeyRecord, KeyRecords, Phase, Rotation
from workflows.stores.key_store import KEPT_IN_FILE, KEPT_IN_KEYRING, KeyStore


@dataclass(frozen=True)
class Request:
    """The user's choices.

    Attributes:
        project: the project of the kept key.
        profile: its base profile.
        code: from the MFA device; "" if the user has none.
        delete_inactive: whether to delete an inactive second key to make room.
        take_waiting: whether a rotation whose old key waits for deletion counts as this one.
    """

    project: str
    profile: str
    code: str = ""
    delete_inactive: bool = False
    take_waiting: bool = False


def validate(request: Request, context: Context) -> list[Problem]:
    """Require a kept key and a well-formed code."""
    if KeyRecords(context.environment.key_records_folder).get(request.project, request.profile) is None:
        return [Problem("Choose the access key to rotate.", "key")]
    problem = code_problem(request.code) if request.code.strip() else None
    return [problem] if problem else []


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Rotate, or finish the interrupted rotation; undo first whatever needs undoing.

    Raises:
        OnboardError: it failed. A kept key works anyway.
    """
    if request.take_waiting:
        record = _record(request, context.environment)
        old, since = record.under_way.old_id, record.under_way.since
        done: list[Sentence] = [f"{record.id} replaced {old}, which was deactivated {since:%d %b %Y}."]
    else:
        record, done = rotated(request, context, report)
    rotation = record.rotation
    return {
        "rotated": {
            "project": record.project,
            "profile": record.profile,
            "id": record.id,
            "old_id": rotation.old_id if rotation else "",
            "kept": store_of(record, context.environment).description,
            "mfa": bool(request.code),
            "at": context.environment.now().isoformat(),
            "told": done,
        }
    }


def record_of(context: Context) -> KeyRecord | None:
    """Return the record of the rotated key, or None if it is no longer kept here.

    Raises:
        OnboardError: it can't be read.
    """
    known = context.facts["rotated"]
    return KeyRecords(context.environment.key_records_folder).get(known["project"], known["profile"])


def observe(context: Context) -> Observation:
    """Check that the record still names the new key."""
    known, record = context.facts["rotated"], record_of(context)
    if record is None or record.id != known["id"]:
        return Observation(Verdict.CHANGED, f"{known['profile']} now has a different key than {known['id']}.")
    return AGREES


def inquire(context: Context) -> Observation:
    """Check whether AWS accepts the new key, if it can be read without asking.

    Raises:
        OnboardError: the store can't be used, or AWS can't be asked.
    """
    environment, record = context.environment, record_of(context)
    if record is None or observe(context).contradicts:
        return NOT_ASKED  # AWS has nothing new about a key that isn't here
    store = store_of(record, environment)
    if store.kind not in {KEPT_IN_FILE, KEPT_IN_KEYRING} or (key := store.load()) is None:
        return NOT_ASKED
    with key:
        lets_in = _known(key, clients_for(environment, record.region, FOR_A_LOOK))
    words = f"AWS doesn't accept {record.id}, the key that is kept here: it is inactive or deleted."
    return AGREES if lets_in else Observation(Verdict.GONE, words, (record.id,))


def rotated(request: Request, context: Context, report: Report) -> tuple[KeyRecord, list[Sentence]]:
    """Rotate as `perform`; return the record and what was done, in sentences."""
    record = _record(request, context.environment)
    rotation = record.rotation
    if rotation is not None and not rotation.interrupted and not request.delete_inactive:
        raise OnboardError(
            "The old key is waiting to be deleted",
            f"{rotation.old_id}, which {record.id} replaced, isn't deleted yet.",
            why="A user has at most two access keys, so there is no room for another one.",
            next="Delete it first (--delete-inactive, or the box “delete the inactive one first”).",
        )
    done: list[Sentence] = []
    with _session(record, request.code, context, report) as (session, parts):
        if rotation is not None and rotation.interrupted:
            record, words = recover(record, parts)
            done += [words, *parts.remarks]
            if record.rotation is not None:
                return record, done
        elif rotation is not None:
            record = finish(record, parts)
            done.append(f"{rotation.old_id} is deleted.")
        _make_room(request, record, session, done)
        record = rotate(record, parts)
        old = record.under_way.old_id
        done.append(f"{record.id} is kept in {parts.store.description}, and works.")
        done += parts.remarks
        done.append(f"{old} is deactivated. Delete it in a few days, if no program has failed.")
    return record, done


def retired(request: Request, context: Context, report: Report) -> tuple[KeyRecord, list[Sentence]]:
    """Delete the old key that a rotation left inactive.

    Raises:
        OnboardError: there is none, it couldn't be deleted, or the kept key doesn't work.
    """
    record = _record(request, context.environment)
    rotation = record.rotation
    if rotation is None or rotation.interrupted:
        raise OnboardError(
            "No old key to delete",
            f"No rotation of {record.profile} has left a key to delete.",
            next="`iam-onboard access-key rotate` starts one, or finishes an interrupted one.",
        )
    with _session(record, request.code, context, report) as (_, parts):
        return finish(record, parts), [f"{rotation.old_id} is deleted."]


def deactivate(request: Request, key_id: str, context: Context) -> None:
    """Deactivate another key of the kept key's user.

    Raises:
        OnboardError: it failed.
    """
    record = _record(request, context.environment)
    with _session(record, request.code, context, lambda _progress: None) as (session, _):
        session.set_active(key_id, active=False)


def needed_device(record: KeyRecord, context: Context) -> str | None:
    """Return the serial of the device whose code a rotation of this key needs; None without one.

    Raises:
        OnboardError: the kept key is missing or unusable.
    """
    clients = clients_for(context.environment, record.region)
    store = store_of(record, context.environment)
    with _working_key(record, store, clients) as key, about_key_of(record.profile):
        return device_of(key, clients)


def names_device(record: KeyRecord, environment: Environment) -> bool:
    """Return whether the files name a device for this key's profiles, so that a rotation needs its code.

    If they name none, or can't be read, only AWS knows.
    """
    paths = profile_paths(environment.home, record.project)
    with suppress(AwsError):
        profiles = profile_map(ProfileFiles(paths.config, paths.credentials))
        return any(
            settings.get("mfa_serial")
            for name, settings in profiles.items()
            if record.profile in {name, settings.get("source_profile")}
        )
    return False


def store_of(record: KeyRecord, environment: Environment) -> KeyStore:
    """Open the store that holds a record's key.

    Raises:
        OnboardError: the store can't be used now.
    """
    places = {KEPT_IN_FILE: CREDENTIALS_FILE, KEPT_IN_KEYRING: record.backend or VAULT}
    choice = places.get(record.kept, PGP_FILE)
    return opened_store(
        choice, environment, record.project, record.profile, record.region, record.fingerprint
    )


def _record(request: Request, environment: Environment) -> KeyRecord:
    record = KeyRecords(environment.key_records_folder).get(request.project, request.profile)
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
    environment = context.environment
    clients = clients_for(environment, record.region)
    report(Progress("Looking for the key"))
    store = store_of(record, environment)
    with _working_key(record, store, clients) as key, ExitStack() as stack:
        report(Progress("Starting a session with your MFA code" if code else "Asking AWS about your key"))
        with about_key_of(record.profile):
            check = partial(_check_owner, record)
            begun = key_session(key, code.strip(), clients, environment, context.cancelled, check)
            session = stack.enter_context(begun)
        yield session, Parts(session, store, KeyRecords(environment.key_records_folder).put, report)


def _working_key(record: KeyRecord, store: KeyStore, clients: ClientFactory) -> Credentials:
    """Return the kept key; if that doesn't work during an interrupted rotation, the copy of the old one."""
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
    with clients.client("sts", key) as client:
        return asked(lambda: sts.caller_identity(client), None, KEY_REFUSED) is not None


def _check_owner(record: KeyRecord, who: sts.Identity) -> None:
    if (who.user_name or "", who.account) != (record.user, record.account_id):
        raise OnboardError(
            "Another user's access key",
            f"The kept key belongs to {who.arn}.",
            why=f"The record says {record.user} in the account {record.account_id}.",
            next="Import the right key again: `iam-onboard access-key import`.",
        )


def _make_room(request: Request, record: KeyRecord, session: KeySession, done: list[Sentence]) -> None:
    """Make room by deleting an inactive key if the user says so: a user has two keys at most."""
    keys = session.listed()
    if len(keys) < 2:
        return
    spare = [key for key in keys if not key.active and key.access_key_id != record.id]
    if not spare or not request.delete_inactive:
        raise two_keys(session, keys, record.id)
    session.delete(spare[0].access_key_id)
    done.append(f"{spare[0].access_key_id}, which was inactive, is deleted.")


@dataclass(frozen=True)
class Parts:
    """Everything a rotation works with.

    Attributes:
        keys: the user's keys in AWS.
        store: where the key is kept.
        save: writes the record, synced.
        report: receives the progress.
        remarks: collects what the user has to know about a kept key.
    """

    keys: KeySession
    store: KeyStore
    save: Callable[[KeyRecord], None]
    report: Report = lambda _progress: None
    remarks: list[Sentence] = field(default_factory=list)

    def keep(self, key: Credentials) -> None:
        """Keep a key in the store; add a remark if a power failure may still lose it.

        Raises:
            OnboardError: it couldn't be kept; the previous one is unchanged.
        """
        unsynced = self.store.keep(key, self.keys.serial)
        self.remarks[:] = [unsynced.risk(key.access_key_id)] if unsynced is not None else []

    def saved(self, record: KeyRecord, **changes: Any) -> KeyRecord:
        """Save a record with changes, and return it."""
        record = replace(record, **changes)
        self.save(record)
        return record


def rotate(record: KeyRecord, parts: Parts) -> KeyRecord:
    """Replace the kept key.

    Args:
        record: of the kept key, with no rotation under way.

    Returns:
        The new key's record; its rotation waits until the old key is deleted.

    Raises:
        OnboardError: nothing has changed, or the message says what is left to do.
    """
    known = tuple(key.access_key_id for key in parts.keys.listed())
    begun = Rotation(Phase.CREATING, record.id, "", known, parts.keys.now())
    record = parts.saved(record, rotation=begun)
    parts.report(Progress("Creating the new access key"))
    try:
        new_id, secret = parts.keys.create()
    except OnboardError as failure:
        _not_made(record, parts, failure)
        raise
    new = Credentials(new_id, secret)
    try:
        record = _next(record, parts, Phase.STORING, new_id=new_id)
        _stored(new, parts)
        record = _next(record, parts, Phase.VERIFYING)
        parts.report(Progress(f"Testing the key from {parts.store.description}"))
        _prove_kept(new_id, parts)
    except Exception as failure:  # whatever fails, the new key must not stay half in place
        _undo(record, new_id, parts, failure)
        raise
    finally:
        new.drop()
    return _retire(record, parts)


def finish(record: KeyRecord, parts: Parts) -> KeyRecord:
    """Delete the old key of a waiting rotation, after proving the kept one.

    Raises:
        OnboardError: the kept key doesn't work or the old one is active again, so it stays; or it couldn't be
            deleted.
    """
    old_id = record.under_way.old_id
    parts.report(Progress("Testing the kept key before deleting the old one"))
    _prove_kept(record.id, parts)
    if any(key.active for key in parts.keys.listed() if key.access_key_id == old_id):
        parts.saved(record, rotation=replace(record.under_way, active_again=True))
        raise OnboardError(
            "The old key is active again",
            f"{old_id} was deactivated, and somebody has activated it since. It wasn't deleted.",
            why="A program may still need it.",
            next="Give that program the new key, deactivate the old one in the console, then delete it here.",
        )
    parts.report(Progress(f"Deleting {old_id}"))
    delete_key(parts.keys, old_id)
    parts.store.forget_aside()
    return parts.saved(record, rotation=None)


def _stored(new: Credentials, parts: Parts) -> None:
    parts.report(Progress("Waiting until AWS knows it; that takes a few seconds"))
    parts.keys.prove(new)
    old = parts.store.load()
    if old is None:
        raise OnboardError(
            "The old key is gone",
            f"There is no access key in {parts.store.description} any more.",
            next="Find out who removed it, then keep a key there again.",
        )
    with old:
        parts.store.put_aside(old)
    parts.report(Progress(f"Keeping it in {parts.store.description}"))
    parts.keep(new)


def _prove_kept(access_key_id: str, parts: Parts) -> None:
    """Read the key back from the store and check that AWS accepts it.

    Raises:
        OnboardError: AWS doesn't, or it isn't there.
    """
    kept = parts.store.load()
    if kept is None or kept.access_key_id != access_key_id:
        raise OnboardError(
            "The key can't be read back",
            f"{parts.store.description} doesn't return the access key {access_key_id}.",
            next="Check whether something else writes there, then try again.",
        )
    with kept:
        parts.keys.prove(kept)


def _retire(record: KeyRecord, parts: Parts) -> KeyRecord:
    """Deactivate the old key, now that the new one is kept and works.

    Raises:
        OnboardError: it is still active; the record shows the progress.
    """
    rotation = record.under_way
    made = {key.access_key_id: key.created for key in parts.keys.listed()}
    now = parts.keys.now()
    done = replace(record, id=rotation.new_id, created=made.get(rotation.new_id), kept_at=now)
    done = _next(done, parts, Phase.DEACTIVATING)
    parts.report(Progress(f"Deactivating {rotation.old_id}"))
    try:
        parts.keys.set_active(rotation.old_id, active=False)
    except AwsError as error:
        if error.failure is not AwsFailure.NOT_FOUND:
            raise OnboardError(
                "The old key is still active",
                f"{rotation.new_id} is kept and works, but {rotation.old_id} couldn't be deactivated.",
                why=error.what,
                next="Rotate again: that finishes it. Both keys work until then.",
                detail=error.detail,
            ) from None
    return _next(done, parts, Phase.WAITING)


def _not_made(record: KeyRecord, parts: Parts, failure: OnboardError) -> None:
    """Clean up after creating failed or its answer was lost, since a key with an unknown secret may exist."""
    try:
        _forget_unknown(record, parts)
    except OnboardError as error:
        raise OnboardError(
            "AWS may have created a new key",
            failure.what,
            why=error.what,
            next="Rotate again to find out. The old key is kept and works.",
            detail=failure.detail,
        ) from None


def _forget_unknown(record: KeyRecord, parts: Parts) -> tuple[KeyRecord, str]:
    """Delete a key that may have been created before its id was recorded: nobody has its secret."""
    rotation, done = record.under_way, "The interrupted rotation had not started; nothing has changed."
    if deleted := delete_unkept(parts.keys, rotation.known_ids, rotation.since):
        done = f"The interrupted rotation is undone: {deleted}, whose secret is lost, is deleted."
    return parts.saved(record, rotation=None), done


def _undo(record: KeyRecord, new_id: str, parts: Parts, failure: Exception) -> None:
    """Restore the previous state after a failure, or raise with what is left to do."""
    try:
        _put_back(record, new_id, parts)
    except OnboardError as error:
        reason = failure.what if isinstance(failure, OnboardError) else type(failure).__name__
        raise OnboardError(
            "The rotation stopped halfway",
            f"iam-onboard could neither keep nor delete the new access key {new_id}.",
            why=f"{reason} Then: {error.what}",
            next="Rotate again: that finishes or undoes it. The old key still works.",
            detail=error.detail,
        ) from None
    if isinstance(failure, OnboardError):
        failure.why = joined((failure.why, *parts.remarks))


def _put_back(record: KeyRecord, new_id: str, parts: Parts) -> KeyRecord:
    """Keep the old key again, then delete the new one, so that a kept key always works.

    Raises:
        OnboardError: one of the two failed.
    """
    old_id = record.under_way.old_id
    if record.under_way.phase is Phase.DEACTIVATING:
        parts.keys.set_active(old_id, active=True)
    kept = parts.store.load()
    if kept is None or kept.access_key_id != old_id:
        old = parts.store.aside(old_id)
        if old is None:
            raise OnboardError(
                "The old key is gone",
                f"{parts.store.description} has neither {old_id} nor a copy of it.",
                next=f"Create a key in the console and import it; then delete {new_id} there.",
            )
        parts.keep(old)
        old.drop()
    if kept is not None:
        kept.drop()
    delete_key(parts.keys, new_id)
    parts.store.forget_aside()
    return parts.saved(record, id=old_id, rotation=None)


def _next(record: KeyRecord, parts: Parts, phase: Phase, **changes: Any) -> KeyRecord:
    rotation = replace(record.under_way, phase=phase, since=parts.keys.now(), **changes)
    return parts.saved(record, rotation=rotation)


def recover(record: KeyRecord, parts: Parts) -> tuple[KeyRecord, str]:
    """Finish or undo a killed rotation.

    Returns:
        The record, and a sentence on what was done; "" if there was nothing to do.

    Raises:
        OnboardError: it failed for now; the record still shows the progress.
    """
    rotation = record.rotation
    if rotation is None or not rotation.interrupted:
        return record, ""
    if rotation.phase is Phase.CREATING:
        return _forget_unknown(record, parts)
    kept = parts.store.load()
    arrived = kept is not None and kept.access_key_id == rotation.new_id
    if kept is not None:
        kept.drop()
    if not arrived or not _works(rotation.new_id, parts):
        record = _put_back(record, rotation.new_id, parts)
        return record, f"The interrupted rotation is undone: {rotation.old_id} is kept as before."
    return _retire(record, parts), f"The interrupted rotation is finished: {rotation.new_id} is kept now."


def _works(access_key_id: str, parts: Parts) -> bool:
    """Return whether the kept key works; raise if the network gives no answer."""
    try:
        _prove_kept(access_key_id, parts)
    except AwsError as error:
        if error.failure in KEY_REFUSED:
            return False
        raise
    return True
