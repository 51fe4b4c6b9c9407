"""A new access key over the API, by somebody who has an older one and an MFA device.

AWS shows the secret once, so a key that the caller cannot keep is worth nothing and is deleted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workflows.errors import OnboardError
from workflows.secret import Secret
from workflows.services import iam, sts
from workflows.services.aws_errors import AwsError, AwsFailure
from workflows.services.clients import AwsClient, ClientFactory, Credentials
from workflows.steps.base import Context, Progress, Report
from workflows.steps.own_access_key import KeyInHand, KeyPlace, check_owner, code_device, load_key
from workflows.steps.own_identity import identity_of


@contextmanager
def made_key(
    path: str, code: str, context: Context, clients: ClientFactory, report: Report
) -> Iterator[Credentials]:
    """A new key, made in a session that began with an MFA code; deleted again if the block fails.

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
    with clients.client("iam", old) as client:
        serial = code_device(iam.list_mfa_devices(client))
    if serial is None:
        raise OnboardError(
            "No device that gives codes",
            f"{identity.user} has no authenticator app registered in AWS.",
            next="Do the step “MFA” first, or make the key in the console.",
        )
    with clients.client("sts", old) as client:
        check_owner(sts.caller_identity(client), identity)
        session = sts.session_token(client, serial, code, memory=context.world.codes)
    old.drop()
    try:
        with clients.client("iam", session) as client:
            report(Progress("Making the access key"))
            key_id, secret = _create(client)
            try:
                yield Credentials(key_id, secret)
            except BaseException as failure:
                _undo(client, key_id, failure)
                raise
    finally:
        session.drop()


def _create(client: AwsClient) -> tuple[str, Secret]:
    try:
        return iam.create_access_key(client)
    except AwsError as error:
        if error.failure is not AwsFailure.LIMIT:
            raise
        lines = []
        for key in iam.list_access_keys(client):
            used = f"last used {key.last_used:%Y-%m-%d}" if key.last_used else "never used"
            state = "active" if key.active else "inactive"
            lines.append(f"{key.access_key_id}  {state}, made {key.created:%Y-%m-%d}, {used}")
        raise OnboardError(
            "Two access keys already",
            "A user has at most two access keys, and you have two.",
            next="Deactivate the one that is not used in the console (Security credentials), see that nothing"
            " breaks, delete it, and come back.",
            detail="\n".join(lines),
        ) from None


def _undo(client: AwsClient, key_id: str, failure: BaseException) -> None:
    """Delete a key whose secret is lost now; says so if even that fails."""
    try:
        iam.delete_access_key(client, key_id)
    except AwsError as error:
        reason = failure.what if isinstance(failure, OnboardError) else type(failure).__name__
        raise OnboardError(
            "A key is left over",
            f"The new access key {key_id} could not be kept, and could not be deleted again.",
            why=reason,
            next=f"Delete {key_id} in the console: Security credentials, Access keys.",
            detail=error.detail,
        ) from None
