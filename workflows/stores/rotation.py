"""A new access key in place of the one that is kept, so that at every moment a kept key works.

The order: make it, prove that it works, put the old one aside, keep the new one, prove it once more as it
comes back from where it is kept, deactivate the old one. Each act is written down before it is done
(`Rotation`). What fails is undone at once; what is killed is finished or undone the next time
(`recover`). The old key is deleted later, when nothing missed it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from workflows.aws.clients import Credentials
from workflows.aws.errors import KEY_REFUSED, AwsError, AwsFailure
from workflows.aws.iam import AccessKey
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.stores.key_records import KeyRecord, Phase, Rotation
from workflows.stores.key_store import KeyStore


class OwnKeys(Protocol):
    """The user's access keys in AWS, in a session that may change them."""

    def listed(self) -> tuple[AccessKey, ...]:
        """All of them, the oldest first."""

    def create(self) -> tuple[str, Secret]:
        """A new one: its id and its secret."""

    def set_active(self, access_key_id: str, *, active: bool) -> None:
        """Let one work, or not for the time being."""

    def delete(self, access_key_id: str) -> None:
        """Delete one for good."""

    def prove(self, key: Credentials) -> None:
        """Wait until AWS knows a key, and see that it is this user's.

        Raises:
            OnboardError: it is not usable.
        """


@dataclass(frozen=True)
class Parts:
    """What a rotation works with.

    Attributes:
        keys: the user's keys in AWS.
        store: where the key is kept.
        save: writes the record down, synced.
        now: the clock (UTC).
        mfa_serial: of the person's code device, or None.
        tell: hears what is done.
    """

    keys: OwnKeys
    store: KeyStore
    save: Callable[[KeyRecord], None]
    now: Callable[[], datetime]
    mfa_serial: str | None = None
    tell: Callable[[str], None] = lambda _words: None


CLOCKS_APART = timedelta(minutes=5)
"""AWS says by its own clock when a key was made; where this computer's differs by more, AWS rejects it."""


def rotate(record: KeyRecord, parts: Parts) -> KeyRecord:
    """Replace the kept key.

    Args:
        record: of the kept key; no rotation of it is under way.
        parts: what to work with.

    Returns:
        The new key's record; its rotation waits until the old key is deleted.

    Raises:
        OnboardError: nothing has changed, or the sentence says what is left to do.
    """
    if record.rotation is not None:
        raise ValueError("a rotation isn't finished")
    known = tuple(key.access_key_id for key in parts.keys.listed())
    record = _phase(record, parts, Rotation(Phase.CREATING, record.id, "", known, parts.now()))
    parts.tell("Creating the new access key")
    try:
        new_id, secret = parts.keys.create()
    except OnboardError as failure:
        _not_made(record, parts, failure)
        raise
    new = Credentials(new_id, secret)
    try:
        record = _next(record, parts, Phase.STORING, new_id)
        _stored(new, parts)
        record = _next(record, parts, Phase.VERIFYING)
        parts.tell(f"Testing the key from {parts.store.description}")
        _prove_kept(new_id, parts)
    except Exception as failure:  # whatever it is, the new key must not stay half in place
        _undo(record, new_id, parts, failure)
        raise
    finally:
        new.drop()
    return _retire(record, parts)


def finish(record: KeyRecord, parts: Parts) -> KeyRecord:
    """Delete the old key of a rotation that waits, after the kept one is proved.

    Raises:
        OnboardError: the kept key does not work, so the old one stays; or it could not be deleted.
    """
    rotation = record.rotation
    if rotation is None or rotation.interrupted:
        raise ValueError("no old key waits")
    parts.tell("Testing the kept key before deleting the old one")
    _prove_kept(record.id, parts)
    parts.tell(f"Deleting {rotation.old_id}")
    delete(rotation.old_id, parts)
    parts.store.forget_aside()
    record = replace(record, rotation=None)
    parts.save(record)
    return record


def _stored(new: Credentials, parts: Parts) -> None:
    parts.tell("Waiting until AWS knows it; that takes a few seconds")
    parts.keys.prove(new)
    old = parts.store.load()
    if old is None:
        raise OnboardError(
            "The old key is gone",
            f"There is no access key in {parts.store.description} any more.",
            next="Find out who removed it, then keep a key there again.",
        )
    try:
        parts.store.put_aside(old)
    finally:
        old.drop()
    parts.tell(f"Keeping it in {parts.store.description}")
    parts.store.keep(new, parts.mfa_serial)


def _prove_kept(access_key_id: str, parts: Parts) -> None:
    """The key comes back from the store, and AWS takes it.

    Raises:
        OnboardError: it does not.
    """
    kept = parts.store.load()
    if kept is None or kept.access_key_id != access_key_id:
        raise OnboardError(
            "The key did not come back",
            f"{parts.store.description} doesn't return the access key {access_key_id}.",
            next="Check whether something else writes there, then try again.",
        )
    try:
        parts.keys.prove(kept)
    finally:
        kept.drop()


def _retire(record: KeyRecord, parts: Parts) -> KeyRecord:
    """The new key is kept and works: now the old one may rest.

    Raises:
        OnboardError: it is still active; the record says how far it is.
    """
    rotation = record.under_way
    created = _created(rotation.new_id, parts)
    done = replace(record, id=rotation.new_id, created=created, kept_at=parts.now())
    done = _next(done, parts, Phase.DEACTIVATING)
    parts.tell(f"Deactivating {rotation.old_id}")
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


def _created(access_key_id: str, parts: Parts) -> datetime | None:
    return next((key.created for key in parts.keys.listed() if key.access_key_id == access_key_id), None)


def _not_made(record: KeyRecord, parts: Parts, failure: OnboardError) -> None:
    """Creating failed, or its answer was lost: then there may be a key whose secret nobody has."""
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
    """Delete the key that was perhaps made before its id could be written down: nobody has its secret.

    One that was used, or made at another time, is somebody's own and stays.
    """
    told = "The interrupted rotation had not begun; nothing has changed."
    for key in parts.keys.listed():
        near = abs(key.created - record.under_way.since) <= CLOCKS_APART
        if key.access_key_id not in record.under_way.known_ids and near and key.last_used is None:
            delete(key.access_key_id, parts)
            told = (
                f"The interrupted rotation is undone: {key.access_key_id}, whose secret is lost, is deleted."
            )
    record = replace(record, rotation=None)
    parts.save(record)
    return record, told


def _undo(record: KeyRecord, new_id: str, parts: Parts, failure: Exception) -> None:
    """After a failure: what was before, or a sentence that says what is left."""
    try:
        _put_back(record, new_id, parts)
    except OnboardError as error:
        reason = failure.what if isinstance(failure, OnboardError) else type(failure).__name__
        raise OnboardError(
            "The rotation stopped halfway",
            f"The new access key {new_id} could neither be kept nor deleted again.",
            why=f"{reason} Then: {error.what}",
            next="Rotate again: that finishes or undoes it. The old key still works.",
            detail=error.detail,
        ) from None


def _put_back(record: KeyRecord, new_id: str, parts: Parts) -> KeyRecord:
    """The old key is kept again, and the new one is deleted; in this order, so that a kept key works.

    Raises:
        OnboardError: one of the two could not be done.
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
                next=f"Make a key in the console and import it; then delete {new_id} there.",
            )
        parts.store.keep(old, parts.mfa_serial)
        old.drop()
    if kept is not None:
        kept.drop()
    delete(new_id, parts)
    parts.store.forget_aside()
    record = replace(record, id=old_id, rotation=None)
    parts.save(record)
    return record


def delete(access_key_id: str, parts: Parts) -> None:
    """Delete a key; one that is not there any more is no error.

    Raises:
        AwsError: it could not be deleted.
    """
    try:
        parts.keys.delete(access_key_id)
    except AwsError as error:
        if error.failure is not AwsFailure.NOT_FOUND:
            raise


def _next(record: KeyRecord, parts: Parts, phase: Phase, new_id: str = "") -> KeyRecord:
    rotation = replace(record.under_way, phase=phase, since=parts.now())
    return _phase(record, parts, replace(rotation, new_id=new_id) if new_id else rotation)


def _phase(record: KeyRecord, parts: Parts, rotation: Rotation) -> KeyRecord:
    record = replace(record, rotation=rotation)
    parts.save(record)
    return record


def recover(record: KeyRecord, parts: Parts) -> tuple[KeyRecord, str]:
    """Finish or undo a rotation that was killed.

    Returns:
        The record, and what was done, in a sentence; "" if there was nothing to do.

    Raises:
        OnboardError: it could not be done now; the record still says how far it is.
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
    """Whether the kept key works; a network that is down is no answer, and raised."""
    try:
        _prove_kept(access_key_id, parts)
    except AwsError as error:
        if error.failure in KEY_REFUSED:
            return False
        raise
    return True
