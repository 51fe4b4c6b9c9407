"""A user's own access keys: a key in hand, the session it starts, a new key, where it is kept and its record.

A key is proved to be the user's own before anything is done with it. With an MFA code it starts a session in
which the user manages their keys. Each act on a new key is recorded before it is done, so that a killed run
leaves no key behind: the next run deletes a key that was created and never kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from threading import Event
from typing import Any, NamedTuple

from workflows.aws import iam, sts
from workflows.aws.access_key_file import check_access_key, read_access_key_file
from workflows.aws.clients import FOR_A_LOOK, AwsClient, ClientFactory
from workflows.aws.errors import KEY_REFUSED, AwsError, AwsFailure, about_key_of, asked
from workflows.aws.iam import AccessKey, MfaDevice, MfaDeviceKind, PasswordState
from workflows.core.files import NotSynced
from workflows.core.openpgp import grouped
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, Problem, Sentence, count, day, joined
from workflows.core.shapes import moment
from workflows.environment import Environment
from workflows.gpg.decrypt import PassphraseNeeded, decrypt
from workflows.gpg.keyring import encrypt
from workflows.machine.events import AGREES, NOT_ASKED, Facts, Observation, StepKey, Verdict, unknown
from workflows.messages.handoff import Identity
from workflows.profiles.plan import BaseProfile, WantedProfiles
from workflows.profiles.write import prepare, profile_paths, sections_in
from workflows.steps.shared.module import Context, Looks, Progress, Report
from workflows.steps.shared.own_identity import (
    account_label,
    base_profile_of,
    clients_for,
    files_of,
    fingerprint_of,
    handoff_of,
    identity_of,
    named_fingerprint,
    paths_of,
    project_of,
    usable_here,
)
from workflows.steps.shared.paths import typed_path
from workflows.stores.key_records import Creation, KeyRecord, KeyRecords
from workflows.stores.key_store import (
    KEPT_IN_FILE,
    KEPT_IN_KEYRING,
    KEPT_IN_PGP_FILE,
    FileStore,
    KeyStore,
    VaultStore,
)
from workflows.stores.system_keyring import KeyringVault
from workflows.stores.vault import (
    PgpFileVault,
    Vault,
    VaultLocked,
    VaultUnavailable,
    delete_access_key,
    find_access_key,
    keeps_access_key,
)

KEYLESS = "iam-onboard can ask AWS once you keep an access key (F2)."
_LOCKED = "“Look again” unlocks your access key with your PGP key's passphrase."
_REJECTED = "AWS rejected the access key that is kept here"
_REPLACED = "! {where} had another access key, {id}. The backup beside it has that one."
_NO_DEVICE = "You have no MFA device in AWS that gives codes."
TAKEN_AWAY = "AWS has no console password of yours any more. Ask your admin for a new one."
NOT_REPLACED = "You haven't replaced the one-time password yet: sign in once more, and choose a new one."
_NOT_SIGNED_IN = {PasswordState.NONE: TAKEN_AWAY, PasswordState.ONE_TIME: NOT_REPLACED}
_KINDS = {
    MfaDeviceKind.APP: "an authenticator app",
    MfaDeviceKind.HARDWARE: "a hardware token",
    MfaDeviceKind.SECURITY_KEY: "a security key or passkey",
}


class CodeMissing(OnboardError):  # noqa: N818 - the name says what is missing
    """The user has a device, and no code from it was entered."""

    field = "code"


class KeyPlace(Enum):
    """Where a key in hand comes from."""

    KEPT = "kept"
    FILE = "file"
    TYPED = "typed"


@dataclass(frozen=True)
class KeyInHand:
    """The key to use.

    Attributes:
        place: where it is.
        path: of the CSV file, as typed.
        id: the access key id, if typed.
        secret: the secret access key, if typed; never compared.
    """

    place: KeyPlace
    path: str = ""
    id: str = ""
    secret: Secret | None = field(default=None, compare=False)

    def problems(self) -> list[Problem]:
        """Return what is missing or malformed; the fields are named `path`, `key_id` and `secret`."""
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
    """Load the key itself.

    Raises:
        OnboardError: it is missing, or isn't a usable access key.
    """
    if key.place is KeyPlace.FILE:
        return read_access_key_file(typed_path(key.path, context.environment.home))
    if key.place is KeyPlace.TYPED and key.secret is not None:
        return Credentials(key.id, Secret(key.secret.reveal()))
    identity = identity_of(context)
    kept = kept_key(context, identity)
    if kept is None:
        raise OnboardError(
            "No access key here",
            f"No access key of {identity.user} in {account_label(identity)} is kept on this computer.",
            next="Open its CSV file or enter it; without a key, use the console instead.",
        )
    return kept


def kept_key(context: Context, identity: Identity) -> Credentials | None:
    """Return the access key kept for an identity: in a vault, else in the project's files.

    Raises:
        OnboardError: a vault needs a passphrase or is damaged; a file can't be parsed.
    """
    vaults = usable_vaults(context.environment, fingerprint_of(context, identity))
    if found := _found(vaults, context, identity):
        return found
    files, base = files_of(context), base_profile_of(context, identity)
    if not files.config_file.exists() and not files.credentials_file.exists():
        return None
    try:
        return clients_for(context.environment, identity.region).profile_credentials(files, base)
    except AwsError as error:
        if error.code in {"ProfileNotFound", "NoCredentialsError"}:
            return None
        raise


def _found(vaults: Sequence[Vault], context: Context, identity: Identity) -> Credentials | None:
    """Return the identity's key from one of the vaults; passphrase errors name the PGP key."""
    project, base = project_of(context), base_profile_of(context, identity)
    try:
        found = find_access_key(vaults, project, base)
    except PassphraseNeeded as locked:
        if record := KeyRecords(context.environment.key_records_folder).get(project, base):
            locked.fingerprint = record.fingerprint
        raise
    return found[1] if found else None


@contextmanager
def client_without_asking(service: str, context: Context) -> Iterator[AwsClient | None]:
    """Yield a client that signs with the kept key of the step's identity; None if that would ask somebody.

    Raises:
        OnboardError: a store is damaged; a file can't be parsed.
    """
    key = _key_without_asking(context)
    if key is None:
        yield None
        return
    clients = clients_for(context.environment, identity_of(context).region, FOR_A_LOOK)
    with key, clients.client(service, key) as client:
        try:
            yield client
        except AwsError as error:
            if error.failure in KEY_REFUSED:
                error.what = f"{_REJECTED}."  # the step Access keys says what to do
            raise


def not_asked(context: Context) -> Observation:
    """Say that AWS wasn't asked with the kept key of the step's identity, and what to do about it."""
    return replace(NOT_ASKED, remedy=locked(context) if "access_key" in context.facts else KEYLESS)


def locked(context: Context) -> Sentence:
    """Say what to do if the kept key needs a passphrase, which no look asks for by itself; else ""."""
    kept = (context.facts.get("access_key") or {}).get("kept")
    return _LOCKED if kept == KEPT_IN_PGP_FILE and not context.opens else ""


def kept_record(context: Context, account: str = "") -> KeyRecord | None:
    """Return the record of a key kept here already, by a command, a rotation or an interrupted import.

    Raises:
        OnboardError: it can't be read.
    """
    profile = base_profile_of(context, identity_of(context, account))
    return KeyRecords(context.environment.key_records_folder).get(project_of(context), profile)


def kept_id(context: Context, account: str = "") -> str:
    """Return the id of the key that a step has kept, or of the one that has replaced it since."""
    with suppress(OnboardError):
        if record := kept_record(context, account):
            return record.id
    return str(context.of_each_item("access_key")[account or context.item]["id"])


def not_accepted(access_key_id: str) -> Observation:
    """Return the observation that AWS no longer accepts the kept key."""
    words = (
        f"{_REJECTED}: {access_key_id}. It was inactive or deleted, or its secret is wrong. If you didn't do "
        "that, ask your admin: maybe your user was removed."
    )
    again = "Asks for another key. If your user was removed, your admin has to add you again first."
    return Observation(Verdict.GONE, words, (access_key_id,), redoing=again, effects=("Keep another key",))


def _key_without_asking(context: Context) -> Credentials | None:
    """Return the kept key from exactly where it was put, without trying other places or running a program.

    None if it is in a file encrypted to the user's own key, unless the look may open it: gpg then reports
    that it would ask. No profile is followed: its `credential_process` might ask.
    """
    kept, identity = (context.facts.get("access_key") or {}).get("kept"), identity_of(context)
    if kept == KEPT_IN_FILE:
        return store_for(CREDENTIALS_FILE, context, identity).load()
    if kept != KEPT_IN_KEYRING and not (kept == KEPT_IN_PGP_FILE and context.opens):
        return None
    return key_at(kept, context, identity)


def key_at(kept: str, context: Context, identity: Identity) -> Credentials | None:
    """Return an identity's key from the keyrings, or from encrypted files if gpg needs to ask nobody.

    Args:
        kept: which of both.

    Raises:
        PassphraseNeeded: gpg would have to ask.
        OnboardError: a vault doesn't answer or is damaged.
    """
    own = fingerprint_of(context, identity) if kept == KEPT_IN_PGP_FILE else ""
    every = usable_vaults(context.environment, own)
    files = [vault for vault in every if isinstance(vault, PgpFileVault)]
    quiet = [vault.without_asking() for vault in files]
    keyrings = [vault for vault in every if vault not in files]
    return _found(quiet if kept == KEPT_IN_PGP_FILE else keyrings, context, identity)


def guard_of_key(context: Context) -> str:
    """Return the fingerprint of the PGP key whose passphrase the kept key needs now, or "".

    Raises:
        OnboardError: the key can't be opened for another reason.
    """
    if (context.facts.get("access_key") or {}).get("kept") != KEPT_IN_PGP_FILE:
        return ""
    try:
        key = _key_without_asking(replace(context, opens=True))
    except PassphraseNeeded as locked:
        return locked.fingerprint or fingerprint_of(context, identity_of(context))
    if key is not None:
        key.drop()
    return ""


def unlock_key(context: Context, passphrase: Secret) -> None:
    """Unlock the PGP key that `guard_of_key` returns.

    Raises:
        OnboardError: as `unlock`.
    """
    if guard := guard_of_key(context):
        unlock(passphrase, guard, context, lambda _progress: None)


def unlock(passphrase: Secret, fingerprint: str, context: Context, report: Report) -> None:
    """Let gpg-agent remember the passphrase, by encrypting a word to the key and decrypting it.

    Args:
        passphrase: of the key.

    Raises:
        WrongPassphrase: it is wrong.
        OnboardError: gpg doesn't work.
    """
    report(Progress("Unlocking your PGP key"))
    environment = context.environment
    message = encrypt(
        b"iam-onboard",
        fingerprint=fingerprint,
        gnupg_home=environment.gnupg_home,
        environment=environment.variables,
    )
    decrypt(
        message,
        passphrase=passphrase,
        gnupg_home=environment.gnupg_home,
        environment=environment.variables,
        cancelled=context.cancelled,
    ).drop()


class ForeignKey(OnboardError):  # noqa: N818 - it names what was given
    """The access key belongs to another user or account."""


def check_owner(who: sts.Identity, identity: Identity, context: Context) -> None:
    """Reject a key that isn't this identity's, since it would sign as somebody else or in another account.

    A command may not know the user, or neither user nor account. Accounts in the handoff are named.

    Raises:
        ForeignKey: it belongs to somebody else, or to no user.
    """
    same_user = identity.user.casefold() in {"", (who.user_name or "").casefold()}
    if who.user_name and same_user and identity.account_id in {"", who.account}:
        return
    user = f"the user {identity.user}" if identity.user else "an IAM user"
    account = f" in the account {account_label(identity)}" if identity.account_id else ""
    names = {other.account_id: f"{other.account_name} " for other in handoff_of(context).identities}
    owner = f"the user {who.user_name} in the account {names.get(who.account, '')}{who.account}"
    raise ForeignKey(
        "A key of another account" if who.user_name and same_user else "Another user's access key",
        f"This key belongs to {owner if who.user_name else who.arn}.",
        why=f"You need a key of {user}{account}.",
        next="In the console, check at the top right who is signed in and where, then create the key.",
    )


def code_device(devices: Sequence[MfaDevice]) -> str | None:
    """Return the serial of the newest device that gives codes for the command line; None without one."""
    return next((device.serial for device in reversed(devices) if device.gives_codes), None)


def device_words(devices: Sequence[MfaDevice]) -> Sentence:
    """Describe the devices and whose codes count, in sentences; "" for a single app or none."""
    chosen = code_device(devices)
    sentences = []
    for device in devices:
        kind = _KINDS[device.kind]
        if not device.gives_codes:
            sentences.append(f"{device.serial} is {kind}: it gives no codes for the command line.")
        elif device.serial != chosen:
            sentences.append(f"{device.serial} is {kind}; its codes don't work here.")
        elif len(devices) > 1 or device.kind is not MfaDeviceKind.APP:
            sentences.append(f"Use codes from {device.serial}, {kind}.")
    return " ".join(sentences)


def device_is_newer(facts: Facts) -> bool:
    """Return whether the device was registered after the access key was kept, when AWS named another."""
    registered, kept = ((facts.get(name) or {}).get("at") for name in ("mfa", "access_key"))
    return bool(registered and kept) and moment(registered, "mfa.at") > moment(kept, "access_key.at")


def known_serial(facts: Facts) -> str:
    """Return the serial of the user's device as AWS last named it, from an account's facts, or ""."""
    device, key = facts.get("mfa") or {}, facts.get("access_key") or {}
    named = device.get("serial") if device_is_newer(facts) else key.get("mfa_serial") or device.get("serial")
    return str(named or "")


def known_device(context: Context) -> str:
    """Return the same for the step's identity, else what AWS named in the last look at the device."""
    look = context.observed.get(StepKey("mfa", context.item), NOT_ASKED)
    return known_serial(context.facts) or ("" if look.contradicts else "".join(look.about[:1]))


def device_seen(client: AwsClient, facts: Facts) -> Observation:
    """Check whether AWS has the MFA device in an account's facts.

    Args:
        client: for IAM; signs with a key of the device's owner.
        facts: of the steps MFA and, if done, Access keys.

    Returns:
        What was found, about the device's serial.

    Raises:
        AwsError: AWS couldn't be asked.
    """
    serial = known_serial(facts)
    found = asked(lambda: iam.list_mfa_devices(client), None)
    if found is None:
        return unknown("AWS doesn't let your access key list your MFA devices without a code.")
    device = code_device(found) if serial in {"", *(device.serial for device in found)} else None
    if device is not None:
        return replace(AGREES, about=(serial or device,))
    gone = f"AWS doesn't have the MFA device {serial.rsplit('/', 1)[-1]} any more." if serial else _NO_DEVICE
    return Observation(Verdict.GONE, gone, (serial or "",))


def report_device(client: AwsClient, account: str, facts: Facts, report: Report) -> None:
    """Report `device_seen` to an account's MFA step, if that is done; a failure reports nothing."""
    if facts.get("mfa"):
        with suppress(OnboardError):
            looks = Looks({StepKey("mfa", account): device_seen(client, facts)})
            report(Progress("Looking for your MFA device", payload=looks))


class SignInSeen(NamedTuple):
    """What AWS reports about a sign-in.

    Attributes:
        words: a sentence, "" if it reports nothing.
        recorded: whether AWS recorded one with the user's own password.
    """

    words: Sentence = ""
    recorded: bool = False


def sign_in_seen(client: AwsClient, identity: Identity, since: str) -> SignInSeen:
    """Return what AWS reports about the sign-in of the client's user.

    GetUser is allowed without MFA; GetLoginProfile usually isn't.

    Args:
        since: ISO 8601; earlier sign-ins used an earlier password. "" for any.

    Raises:
        AwsError: AWS couldn't be asked.
    """
    if not identity.sign_in_url:
        return SignInSeen()  # machine users don't sign in
    if said := _NOT_SIGNED_IN.get(iam.password_state(client)):
        return SignInSeen(said)
    used = asked(lambda: iam.password_last_used(client), "")
    if used is None or (since and not isinstance(used, str) and used < moment(since, "since")):
        return SignInSeen("AWS hasn't recorded your sign-in yet: its record is a few minutes late.")
    if isinstance(used, str):
        return SignInSeen()
    return SignInSeen(f"AWS has recorded your sign-in of {used.astimezone():%-d %B, %H:%M}.", recorded=True)


def sign_in_seen_with_kept_key(
    context: Context, identity: Identity, since: str, report: Report
) -> SignInSeen:
    """Return `sign_in_seen` with the identity's kept key, if this computer has one on record.

    What the key shows about their MFA device is reported, too. It never fails, since the sign-in is done: if
    AWS couldn't be asked, a sentence says so.
    """
    records = KeyRecords(context.environment.key_records_folder)
    try:
        # so that no keyring asks to be unlocked for nothing
        recorded = records.get(project_of(context), base_profile_of(context, identity))
        if recorded and (key := kept_key(context, identity)):
            with key, clients_for(context.environment, identity.region).client("iam", key) as client:
                report_device(client, context.item, context.facts, report)
                return sign_in_seen(client, identity, since)
    except OnboardError as error:
        return SignInSeen(f"iam-onboard couldn't ask AWS about it: {error.what}")
    return SignInSeen()


LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class KeySession:
    """The user's keys in AWS.

    Attributes:
        client: for IAM, in the session.
        clients: makes further clients.
        who: the session's user.
        serial: of their code device, or None.
        now: the clock (UTC).
        cancelled: set when the user wants to stop.
        used: the id of the access key that started the session.
    """

    client: AwsClient
    clients: ClientFactory
    who: sts.Identity
    serial: str | None
    now: Callable[[], datetime]
    cancelled: Event
    used: str

    def listed(self) -> tuple[iam.AccessKey, ...]:
        """Return all keys, the oldest first."""
        return iam.list_access_keys(self.client)

    def create(self) -> tuple[str, Secret]:
        """Create a key; return its id and secret. If there are two already, the error shows both."""
        try:
            return iam.create_access_key(self.client)
        except AwsError as error:
            if error.failure is AwsFailure.LIMIT:
                raise two_keys(self, self.listed(), self.used) from None
            raise

    def set_active(self, access_key_id: str, *, active: bool) -> None:
        """Activate a key, or deactivate it for now."""
        iam.set_access_key_active(self.client, access_key_id, active=active)

    def delete(self, access_key_id: str) -> None:
        """Delete a key for good."""
        iam.delete_access_key(self.client, access_key_id)

    def prove(self, key: Credentials) -> None:
        """Wait until AWS knows a key, and check that it is this user's.

        Raises:
            OnboardError: it is unusable.
        """
        found = usable_identity(key, self.clients, self.cancelled)
        if found.arn != self.who.arn:
            raise OnboardError(
                "Another user's access key",
                f"{key.access_key_id} belongs to {found.arn}, not to {self.who.arn}.",
                next="Find out who else writes where your key is kept.",
            )


def usable_identity(key: Credentials, clients: ClientFactory, cancelled: Event) -> sts.Identity:
    """Return a key's owner as soon as AWS knows the key: a new one takes some seconds.

    Raises:
        OnboardError: it is unusable, or the user stopped the wait.
    """
    with clients.client("sts", key) as client:
        return iam.wait_until_usable(
            lambda: sts.caller_identity(client),
            cancelled=cancelled,
            monotonic=time.monotonic,
            timeout=LONGEST_WAIT_SECONDS,
        )


def devices_of(key: Credentials, clients: ClientFactory) -> tuple[iam.MfaDevice, ...]:
    """Return the MFA devices of a key's user, the oldest first; none if the key may not ask.

    Raises:
        AwsError: AWS can't be asked, or doesn't know the key.
    """
    with clients.client("iam", key) as client:
        return asked(lambda: iam.list_mfa_devices(client), ())


def device_of(key: Credentials, clients: ClientFactory) -> str | None:
    """Return the serial of the device whose code a session needs; None without one, or if it is unknown."""
    return code_device(devices_of(key, clients))


def devices_of_new_key(
    key: Credentials, clients: ClientFactory, cancelled: Event
) -> tuple[iam.MfaDevice, ...]:
    """Return `devices_of` for a key that STS knows already, since IAM may learn of it seconds later.

    Raises:
        OnboardError: IAM doesn't know it in time, or the user stopped the wait.
    """
    return iam.wait_until_usable(
        lambda: devices_of(key, clients),
        cancelled=cancelled,
        monotonic=time.monotonic,
        timeout=LONGEST_WAIT_SECONDS,
    )


@contextmanager
def key_session(
    key: Credentials,
    code: str,
    clients: ClientFactory,
    environment: Environment,
    cancelled: Event,
    check: Callable[[sts.Identity], None] = lambda _who: None,
) -> Iterator[KeySession]:
    """Start a session; its credentials are dropped at the end.

    Args:
        code: from the MFA device; "" if the user has none (a machine user), which uses the key itself.
        clients: makes the AWS clients.
        environment: the user's environment.
        cancelled: set when the user wants to stop.
        check: raises for a wrong owner, before the code is spent.

    Raises:
        OnboardError: the key is unusable, AWS rejected the code, or the code is missing.
    """
    serial = device_of(key, clients)
    if code and serial is None:
        raise OnboardError(
            "No device that gives codes",
            "You have no authenticator app registered in AWS.",
            next="Do the step “MFA” first, or create the key in the console.",
        )
    if serial is not None and not code:
        raise CodeMissing(
            "AWS needs a code",
            f"AWS lets you change your keys only with a code from {serial}.",
            next="Enter the six digits that your app shows now.",
        )
    with clients.client("sts", key) as client:
        who = sts.caller_identity(client)
        check(who)
        session = sts.session_token(client, serial, code, memory=environment.codes) if serial else key
    try:
        with clients.client("iam", session) as client:
            yield KeySession(client, clients, who, serial, environment.now, cancelled, key.access_key_id)
    finally:
        if session.session_token is not None:
            session.drop()


def key_lines(keys: Sequence[iam.AccessKey], now: datetime) -> list[Sentence]:
    """Describe each key in a line: its id, status, age and last use."""
    return [
        f"{key.access_key_id}  {'active' if key.active else 'inactive'}, "
        f"{count(key.age_days(now), 'day')} old (created {day(key.created)}), {_use(key, now)}"
        for key in keys
    ]


class TwoActiveKeys(OnboardError):  # noqa: N818 - the name says what is there
    """There is no room for another key, because two are active.

    Attributes:
        spare: the id of the one that isn't used here.
        serial: the device whose code its deactivation needs; None if the user has none.
    """

    spare = ""
    serial: str | None = None


def two_keys(session: KeySession, keys: Sequence[iam.AccessKey], used: str) -> OnboardError:
    """Return the error that there is no room for another key, naming both and which one can go.

    Args:
        session: the user's keys in AWS.
        keys: both.
        used: the id of the key that the user works with, which always stays.
    """
    both = "A user has at most two access keys, and you have two:"
    texts = ("Two access keys already", joined((both, *key_lines(keys, session.now())), "\n"))
    if inactive := [key.access_key_id for key in keys if not key.active]:
        advice = "is inactive, so nothing uses it: delete it (rotating offers it), and come back."
        return OnboardError(*texts, next=f"{inactive[0]} {advice}")
    spare = next(key.access_key_id for key in keys if key.access_key_id != used)
    refusal = TwoActiveKeys(
        *texts,
        next=f"{spare} isn't the one you just used. If nothing needs it, deactivate it in the console "
        "(Security credentials), check for a few days that nothing breaks, delete it, and come back.",
    )
    refusal.spare, refusal.serial = spare, session.serial
    return refusal


def _use(key: iam.AccessKey, now: datetime) -> Sentence:
    if key.last_used is None or not key.last_use_known:
        return "never used" if key.last_use_known else "last use unknown"
    days = max(0, (now - key.last_used).days)
    where = f" ({key.last_used_service})" if key.last_used_service else ""
    when = f"{count(days, 'day')} ago" if days else "today"
    return f"last used {when}{where}"


@contextmanager
def present_key(path: str, context: Context) -> Iterator[Credentials]:
    """Yield the existing key that creates a new one; if AWS rejects a kept one, the error names its profile.

    Args:
        path: its CSV file, as typed; "" uses the kept one.

    Raises:
        OnboardError: there is no usable key.
    """
    place = KeyPlace.FILE if path.strip() else KeyPlace.KEPT
    with (
        load_key(KeyInHand(place, path), context) as key,
        nullcontext() if path.strip() else about_key_of(base_profile_of(context, identity_of(context))),
    ):
        yield key


def new_record(
    store: KeyStore,
    key: Credentials,
    who: sts.Identity,
    *,
    project: str,
    profile: str,
    region: str,
    fingerprint: str,
    created: datetime | None,
    now: datetime,
) -> KeyRecord:
    """Return the record of a key that is now kept.

    Args:
        store: where it is kept.
        who: its owner, as STS reports it.
        project: the project's short name.
        fingerprint: of the user's own PGP key, or "".
        created: when AWS created it, None if unknown.
        now: the present time.

    Raises:
        OnboardError: the key isn't a user's.
    """
    if who.user_name is None:
        raise OnboardError(
            "Not a user's access key",
            f"This key belongs to {who.arn}.",
            next="Use the key of an IAM user; in the console: Security credentials, Create access key.",
        )
    return KeyRecord(
        project=project,
        profile=profile,
        id=key.access_key_id,
        kept=store.kind,
        user=who.user_name,
        account_id=who.account,
        region=region,
        kept_at=now,
        created=created,
        fingerprint=fingerprint if store.kind == KEPT_IN_PGP_FILE else "",
        backend=store.backend,
    )


def keep_recorded(
    store: KeyStore,
    key: Credentials,
    record: KeyRecord,
    environment: Environment,
    *,
    fingerprint: str,
    mfa_serial: str | None,
) -> tuple[list[Sentence], bool]:
    """Keep a key, record it, and delete copies of an older one in other stores.

    Return what else the user has to know, in sentences, and whether the key is surely on the disk.

    The record is complete on the disk before the key is kept, so a full disk stops it before anything
    changes. Once the key is kept, nothing takes it back: the caller would delete it in AWS, and the previous
    one is replaced. Copies of an older key stay until the new one is surely on the disk.

    Raises:
        OnboardError: it couldn't be kept, and the previously kept key is unchanged. An unfinished rotation of
            the previous key also stops it, since its end would be forgotten.
    """
    records = KeyRecords(environment.key_records_folder)
    known = records.get(record.project, record.profile)
    if known is not None and known.rotation is not None and known.rotation.interrupted:
        raise OnboardError(
            "A rotation was interrupted",
            f"The rotation of the access key of {record.profile} is neither finished nor undone.",
            next="Rotate again first: that finishes or undoes it (`iam-onboard access-key rotate`).",
        )
    expected = {"", key.access_key_id, known.id if known is not None else ""}
    there = _id_in_file(store)
    sentences: list[Sentence] = []
    if there not in expected:
        sentences.append(_REPLACED.format(where=store.description, id=there))
    with records.staged(record) as put:
        unsynced = store.keep(key, mfa_serial)
        if unsynced is None:
            sentences += _forget_elsewhere(store, record, usable_vaults(environment, fingerprint))
        else:
            sentences.append(unsynced.risk("it"))
        try:
            put()
        except NotSynced as error:
            unsynced = unsynced or error
            sentences.append(error.risk("what iam-onboard wrote down about it"))
        except OnboardError as error:
            sentences.append(f"The key is kept, but iam-onboard couldn't record since when: {error.what}")
    return sentences, unsynced is None


def _id_in_file(store: KeyStore) -> str:
    """Return the id of the key in `credentials` that keeping another replaces, or ""."""
    if isinstance(store, FileStore) and (there := store.load()) is not None:
        with there:
            return there.access_key_id
    return ""


def listed_keys(key: Credentials, clients: ClientFactory) -> tuple[iam.AccessKey, ...]:
    """Return the keys of a key's user; none if it may not ask (most need MFA for that).

    Raises:
        AwsError: AWS can't be asked.
    """
    with clients.client("iam", key) as client:
        return asked(lambda: iam.list_access_keys(client), ())


def created_at(key: Credentials, keys: Sequence[iam.AccessKey]) -> datetime | None:
    """Return when AWS created a key; None if it isn't in the list."""
    return next((listed.created for listed in keys if listed.access_key_id == key.access_key_id), None)


def _forget_elsewhere(store: KeyStore, record: KeyRecord, vaults: Iterable[Vault]) -> list[Sentence]:
    """Remove an older key elsewhere, which might be found before this one. A failure is only reported."""
    sentences: list[Sentence] = []
    for vault in vaults:
        if isinstance(store, VaultStore) and vault == store.vault:
            continue
        try:
            delete_access_key(vault, record.project, record.profile)
        except OnboardError as error:
            sentences.append(f"An older key may be left in {vault.description}: {error.what}")
    return sentences


def ensure_record(context: Context) -> KeyRecord:
    """Return the record of the kept key; create one for a key kept without it (by hand, or long ago).

    Raises:
        OnboardError: there is no key, or it is unusable.
    """
    environment, identity = context.environment, identity_of(context)
    project, profile, region = project_of(context), base_profile_of(context, identity), identity.region
    if known := KeyRecords(environment.key_records_folder).get(project, profile):
        return known
    store: KeyStore
    key: Credentials | None
    if found := find_access_key(usable_vaults(environment, ""), project, profile):
        vault, key = found
        store = VaultStore(vault, project, profile)
    else:
        store = opened_store(CREDENTIALS_FILE, environment, project, profile, region, "")
        key = store.load()
    if key is None:
        raise OnboardError(
            "No access key here",
            f"This computer has no access key of {profile} of {project}.",
            next="Keep one with `iam-onboard access-key import`, or with the wizard's step “Access keys”.",
        )
    clients = clients_for(environment, region)
    with key:
        who = usable_identity(key, clients, context.cancelled)
        record = new_record(
            store,
            key,
            who,
            project=project,
            profile=profile,
            region=region,
            fingerprint="",
            created=created_at(key, listed_keys(key, clients)),
            now=environment.now(),
        )
    KeyRecords(environment.key_records_folder).put(record)
    return record


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
        clients: makes the AWS clients.

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
        clients: makes the AWS clients.

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
        delete_key(session, unkept)
    return unkept


def delete_key(session: KeySession, access_key_id: str) -> None:
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
    delete_key(session, creation.new_id)
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


VAULT, CREDENTIALS_FILE = "vault", "credentials-file"
"""The user's choices: the best vault, or plain text; `PGP_FILE` or a keyring's class for other vaults."""
PGP_FILE = "pgp-file"
"""With `:` and a fingerprint, for that PGP key instead of the usual one."""


@dataclass(frozen=True)
class StoreOption:
    """A store to choose.

    Attributes:
        choice: `VAULT` for the best one, `PGP_FILE`, the class of a keyring, or `CREDENTIALS_FILE`.
        words: its label.
        passed_over: why a better store isn't offered, or "".
        locked: whether the better store is only locked, so that looking again may help.
    """

    choice: str
    words: Sentence
    passed_over: Sentence = ""
    locked: bool = False


def store_options(context: Context, identity: Identity) -> tuple[StoreOption, ...]:
    """Return the stores that can be used here, the best first, and why a better one isn't offered."""
    words = f"in plain text in {context.environment.readable(paths_of(context).credentials)}"
    try:
        named = named_fingerprint(context, identity)
        own = (named,) if named else usable_here(context, identity)
        usual = next(iter(own), "")
        chosen = context.environment.vault(usual)
    except VaultUnavailable as error:
        return (StoreOption(CREDENTIALS_FILE, words, error.what, isinstance(error, VaultLocked)),)
    refused = chosen.passed_over

    def described(vault: Vault, key: str) -> Sentence:
        if isinstance(vault, PgpFileVault) and len(own) > 1:
            return vault.described(f"your PGP key {grouped(key[-8:])}")
        return vault.description

    first = StoreOption(
        VAULT,
        described(chosen.vault, usual),
        refused.what if refused else "",
        isinstance(refused, VaultLocked),
    )
    alternatives = (StoreOption(_choice(vault), described(vault, usual)) for vault in chosen.others)
    of_other_keys = (
        StoreOption(f"{PGP_FILE}:{key}", described(vault, key))
        for vault in chosen.all
        for key in own[1:]
        if isinstance(vault, PgpFileVault)
    )
    return (first, *alternatives, *of_other_keys, StoreOption(CREDENTIALS_FILE, words))


def with_own_key(choice: str, context: Context) -> tuple[str, Context]:
    """Return the choice without a PGP key, and the context with this key as the user's own."""
    choice, _, key = choice.partition(":")
    return choice, replace(context, facts={**context.facts, "fingerprint": key}) if key else context


def usable_vaults(environment: Environment, fingerprint: str) -> tuple[Vault, ...]:
    """Return every usable vault, the best first.

    Args:
        environment: the user's environment.
        fingerprint: of the user's own PGP key, or "".
    """
    try:
        return environment.vault(fingerprint).all
    except VaultUnavailable:
        return ()


def is_store_choice(choice: str) -> bool:
    """Return whether a text can be a `StoreOption.choice`."""
    return choice.partition(":")[0] in {VAULT, PGP_FILE, CREDENTIALS_FILE} or "." in choice


def store_for(choice: str, context: Context, identity: Identity) -> KeyStore:
    """Return the chosen store, after checking that it can be used.

    Raises:
        OnboardError: it can't.
    """
    return opened_store(
        choice,
        context.environment,
        project_of(context),
        base_profile_of(context, identity),
        identity.region,
        fingerprint_of(context, identity) if choice != CREDENTIALS_FILE else "",
    )


def opened_store(
    choice: str, environment: Environment, project: str, profile: str, region: str, fingerprint: str
) -> KeyStore:
    """Return the chosen store for the key of a profile, after checking that it can be used.

    Args:
        choice: as in `StoreOption`.
        environment: the user's environment.
        project: the project's short name.
        fingerprint: of the user's own PGP key, or "".

    Raises:
        OnboardError: it can't be used, or isn't here.
    """
    if choice == CREDENTIALS_FILE:
        paths = profile_paths(environment.home, project)
        prepare(paths, WantedProfiles((BaseProfile(profile, region),), ()))  # raises if a file isn't readable
        return FileStore(paths, profile, region, environment.now, environment.readable(paths.credentials))
    vaults = environment.vault(fingerprint)
    if choice == VAULT:
        return VaultStore(vaults.vault, project, profile)
    for vault in vaults.all:
        if _choice(vault) == choice:
            return VaultStore(vault, project, profile)
    if vaults.passed_over is not None:
        raise vaults.passed_over
    raise VaultUnavailable(
        "This computer doesn't have that store",
        f"It only has {joined((vault.description for vault in vaults.all), ', ')}.",
        next="Choose another place for the key.",
    )


def _choice(vault: Vault) -> str:
    if isinstance(vault, PgpFileVault):
        return PGP_FILE
    return vault.backend_class if isinstance(vault, KeyringVault) else VAULT


def _kept_since(context: Context, profile: str) -> set[str]:
    """Return the keys that iam-onboard itself keeps for a profile now: a rotation replaces the first one."""
    record = KeyRecords(context.environment.key_records_folder).get(project_of(context), profile)
    if record is None:
        return set()
    return {record.id, record.rotation.new_id} if record.rotation else {record.id}


def observe_store(context: Context, identity: Identity, recorded: Mapping[str, Any]) -> Observation:
    """Check whether a kept key is where it was put. Nothing is decrypted.

    Args:
        identity: the key's owner.
        recorded: the fact `access_key`.

    Raises:
        VaultUnavailable: it is unknown whether the key is there.
    """
    base = base_profile_of(context, identity)
    if recorded["kept"] == KEPT_IN_FILE:
        path = paths_of(context).credentials
        name = context.environment.readable(path)
        try:
            section = sections_in(path, "", name).get(base)
        except OnboardError as error:
            return Observation(Verdict.CHANGED, error.what)
        here = section.options.get("aws_access_key_id") if section is not None else None
        if here and (here == recorded["id"] or here in _kept_since(context, base)):
            return AGREES
        return Observation(Verdict.CHANGED, f"{name} no longer has the key {recorded['id']}.")
    vaults = context.environment.vault(fingerprint_of(context, identity))
    if any(keeps_access_key(vault, project_of(context), base) for vault in vaults.all):
        return AGREES
    if recorded["kept"] == KEPT_IN_KEYRING and vaults.passed_over is not None:
        return unknown(vaults.passed_over.what)  # the key may be in there
    return Observation(Verdict.CHANGED, f"The access key is no longer in {vaults.vault.description}.")
