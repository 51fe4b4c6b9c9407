"""A virtual MFA device that is begun and not yet enabled, and its seed, which waits in the vault until then.

AWS tells the seed once, and a device whose seed is lost blocks every further try: so the seed is kept from
before anybody sees it until AWS has taken both codes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence
from workflows.messages.handoff import Identity
from workflows.services import iam, sts
from workflows.services.authenticator import otpauth_uri, qr_matrix
from workflows.services.clients import AwsClient, Credentials
from workflows.services.vault import Vault, VaultUnavailable
from workflows.steps.base import Context
from workflows.steps.own_identity import fingerprint_of, project_of

MOST_QR_MODULES = 48
"""As many rows as 24 lines of a terminal show."""


@dataclass(frozen=True)
class Pending:
    """A device that AWS has made and not yet enabled.

    Attributes:
        serial: its ARN.
        seed: its Base32 seed.
        label: the account as the app will show it.
        key: the access key that it is made with.
        remark: what the person should know about it, or "".
    """

    serial: str
    seed: Secret
    label: str
    key: Credentials
    remark: Sentence = ""

    @property
    def name(self) -> str:
        """The device's name."""
        return self.serial.rsplit("/", 1)[-1]

    @property
    def entry(self) -> str:
        """What the app calls it: DEVICE@ACCOUNT."""
        return f"{self.name}@{self.label}"

    def matrix(self) -> tuple[tuple[bool, ...], ...]:
        """The QR code for the phone; True is dark.

        The account is a name for the app alone: where it makes the code higher than 80×24 shows, it is cut.

        Raises:
            OnboardError: the names are too long for one.
        """
        matrix: tuple[tuple[bool, ...], ...] = ()
        for label in (self.label, self.label[:12], ""):
            uri = otpauth_uri(self.name, label, self.seed)
            try:
                matrix = qr_matrix(uri)
            finally:
                uri.drop()
            if len(matrix) <= MOST_QR_MODULES:
                break
        return matrix

    def drop(self) -> None:
        """Forget the seed and the key."""
        self.seed.drop()
        self.key.drop()


@dataclass(frozen=True)
class Registered:
    """A device that gives codes and is enabled already.

    Attributes:
        serial: its serial.
        told: what kind of device it is and which others there are, in words.
    """

    serial: str
    told: Sentence = ""


def seed_store(context: Context, identity: Identity) -> tuple[Vault, str]:
    """The vault, and the seed's name in it.

    Raises:
        VaultUnavailable: there is nowhere to keep it.
    """
    vault = context.world.vault(fingerprint_of(context, identity)).vault
    return vault, f"{project_of(context)}/{identity.account_name}/mfa-seed"


def forget_seed(context: Context, identity: Identity) -> None:
    """The device is enabled, or gone: its seed is no longer needed here.

    Raises:
        VaultUnavailable: it cannot be deleted now.
    """
    vault, name = seed_store(context, identity)
    vault.delete(name)


def kept_seed(vault: Vault, name: str) -> tuple[str, Secret] | None:
    """The serial and the seed of a device that was begun before, or None.

    Raises:
        OnboardError: what is kept under that name is something else.
    """
    content = vault.load(name)
    if content is None:
        return None
    try:
        values = json.loads(content.reveal())
        serial, seed = str(values["serial"]), Secret(str(values["seed"]))
    except (ValueError, KeyError, TypeError):
        raise OnboardError(
            "The kept seed is damaged",
            f"{vault.description} holds something else under {name}.",
            next="Ask your administrator to delete your virtual MFA device, delete that entry, start again.",
        ) from None
    finally:
        content.drop()
    return (serial, seed) if serial else None


def create_device(client: AwsClient, who: sts.Identity, vault: Vault, name: str) -> tuple[str, Secret, str]:
    """Make a device named after its user; its seed is in the vault before anybody sees it.

    Returns:
        The serial, the seed, and what the person should know about it, or "".

    Raises:
        DeviceExists: there is one of that name, and its seed is not known here.
        VaultUnavailable: the seed could not be kept; nothing was made.
    """
    # The place is tried first: a device whose seed is lost blocks every further try.
    vault.store(name, Secret(json.dumps({"serial": "", "seed": ""})))
    try:
        serial, seed = iam.create_virtual_mfa_device(client, who.user_name or "", who)
    except BaseException:
        vault.delete(name)
        raise
    content = Secret(json.dumps({"serial": serial, "seed": seed.reveal()}))
    try:
        vault.store(name, content)
    except VaultUnavailable as error:
        return serial, seed, f"The seed could not be kept ({error.what}): finish this without leaving."
    finally:
        content.drop()
    return serial, seed, ""
