"""A new access key of the user's own, from before AWS is asked until it is kept.

Each act is recorded before it is done, so that a killed run leaves no key behind: the next run deletes a key
that was created and never kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from workflows.aws.clients import ClientFactory
from workflows.aws.errors import AwsError, AwsFailure, asked
from workflows.aws.iam import AccessKey
from workflows.core.errors import OnboardError
from workflows.core.secret import Credentials
from workflows.core.sentences import Sentence
from workflows.environment import Environment
from workflows.steps.shared.key_stores import store_for
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.own_access_key import (
    KeySession,
    check_owner,
    key_session,
    present_key,
)
from workflows.steps.shared.own_identity import base_profile_of, identity_of, project_of
from workflows.stores.key_records import Creation, KeyRecords

CLOCKS_APART = timedelta(minutes=5)
"""AWS's clock dates a key; AWS rejects computers whose clock differs by more than this."""


@contextmanager
def session_of(
    path: str, code: str, context: Context, clients: ClientFactory, report: Report
) -> Iterator[KeySession]:
    """Yield a session of the user's own, started with the key that they have.

    Args:
        path: as for `present_key`.
        code: the six digits; "" for a user without a device.
        context: of the step.
        clients: makes the AWS clients.
        report: receives the progress.

    Raises:
        OnboardError: there is no usable key or no device, or AWS rejected the code.
    """
    with ExitStack() as stack:
        with present_key(path, context) as old:
            report(Progress("Starting a session with your MFA code" if code else "Asking AWS about your key"))
            check = partial(check_owner, identity=identity_of(context), context=context)
            begun = key_session(old, code, clients, context.environment, context.cancelled, check)
            session = stack.enter_context(begun)
        yield session


@contextmanager
def made_key(
    path: str, code: str, kept_in: str, context: Context, clients: ClientFactory, report: Report
) -> Iterator[tuple[Credentials, KeySession, Sentence]]:
    """Yield a new key, and the session that created it; delete the key again if the block fails.

    The third value is a sentence on what was deleted or finished after a killed run, or "". If an earlier
    creation was killed after its key was kept, it is finished, and that key is used.

    Args:
        path: as for `present_key`.
        code: the six digits; "" for a user without a device.
        kept_in: where to keep it, as a `StoreOption.choice`.
        context: of the step.
        clients: makes the AWS clients.
        report: receives the progress.

    Raises:
        OnboardError: there is no usable key or no device, AWS rejected the code, or there are two keys
            already.
    """
    environment, identity = context.environment, identity_of(context)
    place = (project_of(context), base_profile_of(context, identity))
    records = KeyRecords(environment.key_records_folder)
    with ExitStack() as stack:
        session = stack.enter_context(session_of(path, code, context, clients, report))
        creation, kept, undone = records.creation(*place), None, ""
        try:
            kept = _kept(creation, context) if creation else None
        except OnboardError:
            creation = None  # unknown whether it is kept, so nothing is deleted
        if creation and kept:
            stack.callback(kept.drop)
            yield kept, session, f"The interrupted creation is finished: {creation.new_id} is kept."
            records.end(*place)
            return
        if creation and (deleted := _delete_interrupted(session, creation)):
            undone = f"{deleted}, which an interrupted run created without keeping it, is deleted."
        report(Progress("Creating the access key"))
        yield stack.enter_context(created_key(session, environment, *place, kept_in)), session, undone


@contextmanager
def created_key(
    session: KeySession, environment: Environment, project: str, profile: str, kept_in: str
) -> Iterator[Credentials]:
    """Yield a new key; delete it again if the block, which keeps it, fails.

    Raises:
        OnboardError: it can't be created, or couldn't be deleted, as the message says.
    """
    records = KeyRecords(environment.key_records_folder)
    known = tuple(key.access_key_id for key in session.listed())
    creation = Creation(project, profile, kept_in, known, environment.now())
    records.put(creation)
    try:
        key_id, secret = session.create()
    except OnboardError:  # the answer may have been lost
        with suppress(OnboardError):  # then the next creation does it
            delete_unkept(session, known, creation.since)
            records.end(project, profile)
        raise
    key = Credentials(key_id, secret)
    try:
        records.put(replace(creation, new_id=key_id))
        yield key
    except BaseException as failure:
        _undo(session, key_id, failure)
        records.end(project, profile)
        raise
    finally:
        key.drop()
    records.end(project, profile)


def delete_unkept(session: KeySession, known_ids: Sequence[str], since: datetime) -> str:
    """Delete a key that may have been created without its id being recorded; return its id, or "".

    A key that was used, or created at another time, is the user's own and stays.

    Args:
        session: the user's keys in AWS.
        known_ids: the keys that existed before.
        since: when the key was requested (UTC).
    """

    def is_unkept(key: AccessKey) -> bool:
        near = abs(key.created - since) <= CLOCKS_APART
        return key.access_key_id not in known_ids and near and key.last_used is None

    unkept = next((key.access_key_id for key in session.listed() if is_unkept(key)), "")
    if unkept:
        delete(session, unkept)
    return unkept


def delete(session: KeySession, access_key_id: str) -> None:
    """Delete a key; a missing key is no error.

    Raises:
        AwsError: it couldn't be deleted.
    """
    asked(lambda: session.delete(access_key_id), None, {AwsFailure.NOT_FOUND})


def _delete_interrupted(session: KeySession, creation: Creation) -> str:
    """Delete the key that a killed run created and didn't keep; return its id, or ""."""
    if not creation.new_id:
        return delete_unkept(session, creation.known_ids, creation.since)
    if creation.new_id == session.used:
        return ""  # somebody has its secret
    delete(session, creation.new_id)
    return creation.new_id


def _kept(creation: Creation, context: Context) -> Credentials | None:
    """Return the key of a killed creation, if it was kept.

    Raises:
        OnboardError: its store can't be used now.
    """
    kept = store_for(creation.kept, context, identity_of(context)).load() if creation.new_id else None
    if kept is not None and kept.access_key_id != creation.new_id:
        kept.drop()
        return None
    return kept


def _undo(session: KeySession, key_id: str, failure: BaseException) -> None:
    """Delete a key whose secret is lost now; raise with advice if even that fails."""
    try:
        session.delete(key_id)
    except AwsError as error:
        reason = failure.what if isinstance(failure, OnboardError) else type(failure).__name__
        raise OnboardError(
            "A key is left over",
            f"iam-onboard could neither keep nor delete the new access key {key_id}.",
            why=reason,
            next="Create a key again: that deletes this one first.",
            detail=error.detail,
        ) from None
