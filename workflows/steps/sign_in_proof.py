"""What AWS itself tells of a sign-in, wherever there is a key to ask with; else the person's word stands."""

from __future__ import annotations

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence
from workflows.messages.handoff import Identity
from workflows.services import iam
from workflows.services.aws_errors import AwsError, AwsFailure
from workflows.services.clients import AwsClient
from workflows.services.key_records import KeyRecords
from workflows.steps.base import Context
from workflows.steps.own_access_key import kept_key
from workflows.steps.own_identity import base_profile_of, clients_of, project_of

NOT_REPLACED = "The one-time password is not replaced yet: sign in once more, and choose a new one there."


def told_by_aws(client: AwsClient, identity: Identity) -> Sentence:
    """A sentence on the sign-in of the one whose key the client signs with; "" if AWS tells nothing.

    GetUser is allowed without MFA, GetLoginProfile usually is not.

    Raises:
        AwsError: AWS could not be asked.
    """
    if identity.encrypted_password is None:
        return ""  # a machine user does not sign in
    if iam.must_change_password(client):
        return NOT_REPLACED
    try:
        used = iam.password_last_used(client)
    except AwsError as error:
        if error.failure in {AwsFailure.DENIED, AwsFailure.DENIED_EXPLICITLY}:
            return ""
        raise
    if used is None:
        return "AWS has not recorded a sign-in with your password yet; it tells some minutes late."
    return f"AWS has recorded your sign-in of {used:%Y-%m-%d %H:%M} UTC."


def told_with_kept_key(context: Context, identity: Identity) -> Sentence:
    """As `told_by_aws`, with the key that is kept for the identity; "" where none is known on this computer.

    It never fails, since the sign-in is done: that AWS could not be asked is a sentence, too.
    """
    records = KeyRecords(context.world.key_records_folder)
    try:
        if records.get(project_of(context), base_profile_of(context, identity)) is None:
            return ""  # so that no keyring asks to be unlocked for nothing
        key = kept_key(context, identity)
        if key is None:
            return ""
        try:
            with clients_of(context, identity.region).client("iam", key) as client:
                return told_by_aws(client, identity)
        finally:
            key.drop()
    except OnboardError as error:
        return f"AWS could not be asked about it: {error.what}"
