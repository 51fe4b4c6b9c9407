"""Roles that are taken on with one MFA code: however many profiles of a layer want it, AWS takes it once.

The code begins a session of the user, and the session takes on the roles.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from workflows.core.secret import Secret
from workflows.services.aws_errors import about_key_of
from workflows.services.clients import ClientFactory, Credentials, ProfileFiles
from workflows.services.sts import SESSION_NAME, assume_role, session_token
from workflows.steps.base import Context
from workflows.steps.terraform_profiles import LayerProfile


def assumed(
    factory: ClientFactory,
    files: ProfileFiles,
    profiles: Sequence[LayerProfile],
    code: Secret,
    context: Context,
) -> dict[str, Credentials]:
    """Take on the roles of profiles that want a code of the same device.

    Args:
        factory: makes the clients.
        files: the profile files.
        profiles: the profiles; at least one.
        code: the six digits; dropped.
        context: knows the codes that were given before.

    Returns:
        The credentials by the profile's name; the caller drops them.

    Raises:
        WrongCode, RepeatedCode: the code cannot be used.
        AwsError: the user's key or a role cannot be used.
    """
    first, new = profiles[0], dict[str, Credentials]()
    with contextlib.ExitStack() as failed, contextlib.ExitStack() as stack:
        sts = stack.enter_context(factory.profile_client("sts", files, first.base))
        try:
            with about_key_of(first.base):
                session = session_token(sts, first.serial, code.reveal(), memory=context.world.codes)
        finally:
            code.drop()
        stack.callback(session.drop)
        for one in profiles:
            new[one.name] = _role(factory, one, session)
            failed.callback(new[one.name].drop)
        failed.pop_all()
    return new


def _role(factory: ClientFactory, profile: LayerProfile, session: Credentials) -> Credentials:
    """The role of a profile, by way of the roles that it is taken on from."""
    credentials = session
    for own in reversed([own for _, own in profile.chain if own.get("role_arn")]):
        seconds = own.get("duration_seconds")
        region = str(own.get("region") or "") or None
        with factory.client("sts", credentials, region) as sts:
            taken, _ = assume_role(
                sts,
                str(own["role_arn"]),
                session_name=str(own.get("role_session_name") or SESSION_NAME),
                external_id=own.get("external_id"),
                seconds=int(seconds) if seconds else None,
            )
        if credentials is not session:
            credentials.drop()
        credentials = taken
    return credentials
