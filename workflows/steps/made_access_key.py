"""A new access key over the API, by somebody who has an older one and an MFA device.

AWS shows the secret once, so a key that the caller cannot keep is worth nothing and is deleted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workflows.core.errors import OnboardError
from workflows.services.aws_errors import AwsError
from workflows.services.clients import ClientFactory, Credentials
from workflows.steps.base import Context, Progress, Report
from workflows.steps.key_session import KeySession, key_session
from workflows.steps.own_access_key import KeyInHand, KeyPlace, check_owner, load_key
from workflows.steps.own_identity import identity_of


@contextmanager
def made_key(
    path: str, code: str, context: Context, clients: ClientFactory, report: Report
) -> Iterator[tuple[Credentials, KeySession]]:
    """A new key and the session that made it, which began with an MFA code; deleted again if the block fails.

    Args:
        path: the CSV file of the key that is there already, as typed; "" takes the one that is kept.
        code: the six digits.
        context: of the step.
        clients: makes the AWS clients.
        report: is told what is done.

    Raises:
        OnboardError: there is no usable key or no device, the code is not accepted, or there are two keys
            already.
    """
    identity = identity_of(context)
    place = KeyPlace.FILE if path.strip() else KeyPlace.KEPT
    old = load_key(KeyInHand(place, path), context)
    report(Progress("Starting a session with your MFA code"))
    try:
        with key_session(
            old, code, clients, context.world, context.cancelled, lambda who: check_owner(who, identity)
        ) as session:
            report(Progress("Making the access key"))
            with created_key(session) as key:
                yield key, session
    finally:
        old.drop()


@contextmanager
def created_key(session: KeySession) -> Iterator[Credentials]:
    """A new key; deleted again if the block fails.

    Raises:
        OnboardError: it cannot be made; or it could not be deleted, which the sentence says.
    """
    key_id, secret = session.create()
    key = Credentials(key_id, secret)
    try:
        yield key
    except BaseException as failure:
        _undo(session, key_id, failure)
        raise
    finally:
        key.drop()


def _undo(session: KeySession, key_id: str, failure: BaseException) -> None:
    """Delete a key whose secret is lost now; says so if even that fails."""
    try:
        session.delete(key_id)
    except AwsError as error:
        reason = failure.what if isinstance(failure, OnboardError) else type(failure).__name__
        raise OnboardError(
            "A key is left over",
            f"The new access key {key_id} could not be kept, and could not be deleted again.",
            why=reason,
            next=f"Delete {key_id} in the console: Security credentials, Access keys.",
            detail=error.detail,
        ) from None
