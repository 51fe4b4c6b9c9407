"""What is written down when an access key is kept, and where else a copy of an older one may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from threading import Event

from workflows.aws import iam, sts
from workflows.aws.clients import ClientFactory, Credentials
from workflows.aws.errors import asked
from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence
from workflows.environment import World
from workflows.steps.shared.key_session import usable_identity
from workflows.steps.shared.key_stores import CREDENTIALS_FILE, opened_store, usable_vaults
from workflows.steps.shared.own_identity import clients_for
from workflows.stores.access_key_vault import delete_access_key, find_access_key
from workflows.stores.key_records import KeyRecord, KeyRecords
from workflows.stores.key_store import KEPT_IN_PGP_FILE, KeyStore, VaultStore


@dataclass(frozen=True)
class Owner:
    """Whose key it is, and which profile it is of.

    Attributes:
        project: the project's short name.
        profile: the base profile.
        region: its region.
        user: the IAM user.
        account_id: the account.
        fingerprint: of the person's own PGP key, or "".
    """

    project: str
    profile: str
    region: str
    user: str
    account_id: str
    fingerprint: str = ""

    @classmethod
    def told(cls, who: sts.Identity, *, project: str, profile: str, region: str, fingerprint: str) -> Owner:
        """The owner as STS reports it.

        Raises:
            OnboardError: the key is not a user's.
        """
        if who.user_name is None:
            raise OnboardError(
                "Not a user's access key",
                f"This key belongs to {who.arn}.",
                next="Use the key of an IAM user; in the console: Security credentials, Create access key.",
            )
        return cls(project, profile, region, who.user_name, who.account, fingerprint)


def keep_recorded(
    store: KeyStore,
    key: Credentials,
    owner: Owner,
    world: World,
    *,
    mfa_serial: str | None,
    created: datetime | None,
) -> list[Sentence]:
    """Keep a key, write down that it is, and delete copies of an older one in other stores.

    Returns:
        What the person has to know besides, in sentences.

    Raises:
        OnboardError: it could not be kept; what was kept before is still there. A rotation of the key
            before that isn't over stops it: its end would be forgotten.
    """
    records = KeyRecords(world.key_records_folder)
    known = records.get(owner.project, owner.profile)
    if known is not None and known.rotation is not None and known.rotation.interrupted:
        raise OnboardError(
            "A rotation was interrupted",
            f"The rotation of the access key of {owner.profile} is neither finished nor undone.",
            next="Rotate again first: that finishes or undoes it (`iam-onboard access-key rotate`).",
        )
    store.keep(key, mfa_serial)
    records.put(_record(store, key, owner, world, created))
    return _forget_elsewhere(store, owner, world)


def created_at(key: Credentials, clients: ClientFactory) -> datetime | None:
    """When AWS made a key, if its own user may ask (most may only with MFA); None if not.

    Raises:
        AwsError: AWS cannot be asked.
    """
    with clients.client("iam", key) as client:
        keys = asked(lambda: iam.list_access_keys(client), ())
    return next((one.created for one in keys if one.access_key_id == key.access_key_id), None)


def _forget_elsewhere(store: KeyStore, owner: Owner, world: World) -> list[Sentence]:
    """An older key elsewhere might be found before this one. A failure is only reported."""
    told: list[Sentence] = []
    for vault in usable_vaults(world, owner.fingerprint):
        if isinstance(store, VaultStore) and vault == store.vault:
            continue
        try:
            delete_access_key(vault, owner.project, owner.profile)
        except OnboardError as error:
            told.append(f"An older key may be left in {vault.description}: {error.what}")
    return told


def adopted(world: World, project: str, profile: str, region: str, cancelled: Event) -> KeyRecord:
    """Record a key that is kept here without a record: put there by hand, or long ago.

    Raises:
        OnboardError: there is none, or it is not usable.
    """
    store: KeyStore
    if found := find_access_key(usable_vaults(world, ""), project, profile):
        vault, kept = found
        store = VaultStore(vault, project, profile)
        key: Credentials | None = Credentials(kept.id, kept.secret)
    else:
        store = opened_store(CREDENTIALS_FILE, world, project, profile, region, "")
        key = store.load()
    if key is None:
        raise OnboardError(
            "No access key here",
            f"This computer has no access key of {profile} of {project}.",
            next="Keep one with `iam-onboard access-key import`, or with the wizard's step “Access keys”.",
        )
    clients = clients_for(world, region)
    try:
        who = usable_identity(key, clients, cancelled)
        owner = Owner.told(who, project=project, profile=profile, region=region, fingerprint="")
        record = _record(store, key, owner, world, created_at(key, clients))
    finally:
        key.drop()
    KeyRecords(world.key_records_folder).put(record)
    return record


def _record(
    store: KeyStore, key: Credentials, owner: Owner, world: World, created: datetime | None
) -> KeyRecord:
    return KeyRecord(
        project=owner.project,
        profile=owner.profile,
        id=key.access_key_id,
        kept=store.kind,
        user=owner.user,
        account_id=owner.account_id,
        region=owner.region,
        kept_at=world.now(),
        created=created,
        fingerprint=owner.fingerprint if store.kind == KEPT_IN_PGP_FILE else "",
        backend=store.backend,
    )
