"""An access key that the new user has in hand: where it is taken from, and whether it is really theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from workflows.aws import iam, sts
from workflows.aws.access_key_file import check_access_key, read_access_key_file
from workflows.aws.clients import AwsClient, Credentials
from workflows.aws.errors import AwsError, AwsFailure, asked
from workflows.aws.iam import MfaDevice, MfaDeviceKind
from workflows.core.errors import OnboardError, Problem
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence
from workflows.messages.handoff import Identity
from workflows.steps.shared.key_stores import usable_vaults
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_identity import (
    account_label,
    base_profile_of,
    clients_for,
    files_of,
    fingerprint_of,
    identity_of,
    project_of,
)
from workflows.steps.shared.paths import typed_path
from workflows.stores.access_key_vault import find_access_key
from workflows.stores.key_records import KeyRecords

NOT_REPLACED = "You haven't replaced the one-time password yet: sign in once more, and choose a new one."
_KINDS = {
    MfaDeviceKind.APP: "an authenticator app",
    MfaDeviceKind.HARDWARE: "a hardware token",
    MfaDeviceKind.SECURITY_KEY: "a security key or passkey",
}


class KeyPlace(Enum):
    """Where a key in hand is taken from."""

    KEPT = "kept"
    FILE = "file"
    TYPED = "typed"


@dataclass(frozen=True)
class KeyInHand:
    """Which key is meant.

    Attributes:
        place: where it is.
        path: of the CSV file, as typed.
        id: the access key id, where it is typed.
        secret: the secret access key, where it is typed; never part of a comparison.
    """

    place: KeyPlace
    path: str = ""
    id: str = ""
    secret: Secret | None = field(default=None, compare=False)

    def problems(self) -> list[Problem]:
        """What is missing or malformed; the fields are named `path`, `key_id` and `secret`."""
        if self.place is KeyPlace.FILE and not self.path.strip():
            return [Problem("Enter the path of the CSV file with the access key.", "path")]
        if self.place is not KeyPlace.TYPED:
            return []
        if not self.id:
            return [Problem("Enter the access key id; it begins with AKIA.", "key_id")]
        if not self.secret:
            return [Problem("Enter the secret access key; it has 40 characters.", "secret")]
        return check_access_key(self.id, self.secret)


def load_key(key: KeyInHand, context: Context) -> Credentials:
    """The key itself.

    Raises:
        OnboardError: it is not there, or it is no usable access key.
    """
    if key.place is KeyPlace.FILE:
        found = read_access_key_file(typed_path(key.path, context.world.home))
        return Credentials(found.access_key_id, found.secret_access_key, found.session_token)
    if key.place is KeyPlace.TYPED and key.secret is not None:
        return Credentials(key.id, Secret(key.secret.reveal()))
    identity = identity_of(context)
    kept = kept_key(context, identity)
    if kept is None:
        raise OnboardError(
            "No access key here",
            f"No access key of {identity.user} in {account_label(identity)} is kept on this computer.",
            next="Open its CSV file or type it; without any key, choose the way through the console.",
        )
    return kept


def kept_key(context: Context, identity: Identity) -> Credentials | None:
    """The access key that is kept for an identity: in a vault, else in the project's files.

    Raises:
        OnboardError: a vault needs a passphrase or is damaged; a file cannot be parsed.
    """
    base = base_profile_of(context, identity)
    vaults = usable_vaults(context.world, fingerprint_of(context, identity))
    if found := find_access_key(vaults, project_of(context), base):
        _, key = found
        return Credentials(key.id, key.secret)
    files = files_of(context)
    if not files.config_file.exists() and not files.credentials_file.exists():
        return None
    try:
        return clients_for(context.world, identity.region).profile_credentials(files, base)
    except AwsError as error:
        if error.failure in {AwsFailure.PROFILE, AwsFailure.NO_CREDENTIALS} and error.code in {
            "ProfileNotFound",
            "NoCredentialsError",
        }:
            return None
        raise


def check_owner(who: sts.Identity, identity: Identity) -> None:
    """Refuse a key that is not this identity's: it would sign as somebody else, or in another account.

    Raises:
        OnboardError: it is another one's.
    """
    if who.account == identity.account_id and (who.user_name or "").casefold() == identity.user.casefold():
        return
    raise OnboardError(
        "Another user's access key",
        f"This key belongs to {who.arn}.",
        why=f"You need a key of the user {identity.user} in the account {account_label(identity)}.",
        next="In the console, check at the top right who is signed in and where, then create the key.",
    )


def code_device(devices: Sequence[MfaDevice]) -> str | None:
    """The serial of the device for the command line: the newest that gives codes; None without one."""
    serials = [device.serial for device in devices if device.gives_codes]
    return serials[-1] if serials else None


def device_words(devices: Sequence[MfaDevice]) -> Sentence:
    """Which devices there are and whose codes count, in sentences; "" for one app or none."""
    chosen = code_device(devices)
    told = []
    for device in devices:
        kind = _KINDS[device.kind]
        if not device.gives_codes:
            told.append(f"{device.serial} is {kind}: it gives no codes for the command line.")
        elif device.serial != chosen:
            told.append(f"{device.serial} is {kind}; its codes do not count here.")
        elif len(devices) > 1 or device.kind is not MfaDeviceKind.APP:
            told.append(f"The codes are those of {device.serial}, {kind}.")
    return " ".join(told)


def told_by_aws(client: AwsClient, identity: Identity) -> Sentence:
    """A sentence on the sign-in of the one whose key the client signs with; "" if AWS reports nothing.

    GetUser is allowed without MFA, GetLoginProfile usually is not.

    Raises:
        AwsError: AWS could not be asked.
    """
    if identity.encrypted_password is None:
        return ""  # a machine user does not sign in
    if iam.must_change_password(client):
        return NOT_REPLACED
    used = asked(lambda: iam.password_last_used(client), "")
    if used is None:
        return "AWS hasn't recorded a sign-in with your password yet; its record is some minutes late."
    return f"AWS has recorded your sign-in of {used:%Y-%m-%d %H:%M} UTC." if used else ""


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
            with clients_for(context.world, identity.region).client("iam", key) as client:
                return told_by_aws(client, identity)
        finally:
            key.drop()
    except OnboardError as error:
        return f"iam-onboard couldn't ask AWS about it: {error.what}"
