"""Access keys: obtained, proved to be the person's own, and kept where they chose, in one go.

Where the key is to be kept is settled before there is one: a secret that cannot be kept is lost, since AWS
shows it once. A key that was made here and cannot be kept is deleted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from workflows.aws import sts
from workflows.aws.access_key_file import (
    check_access_key,
    delete_access_key_file,
    find_access_keys,
    read_access_key_file,
    refusal,
)
from workflows.aws.authenticator import code_problem
from workflows.aws.clients import ClientFactory, Credentials
from workflows.aws.errors import KEY_REFUSED, about_key, asked
from workflows.aws.iam import AccessKey, MfaDevice
from workflows.core.errors import OnboardError, Problem
from workflows.core.files import FileError
from workflows.core.openpgp import grouped
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, joined
from workflows.gpg.decrypt import clean_ciphertext, decrypt
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, NOT_ASKED, Observation, Verdict, seen_at
from workflows.steps.shared.created_key import made_key, session_of
from workflows.steps.shared.key_stores import (
    StoreOption,
    is_store_choice,
    observe_store,
    store_for,
    store_options,
)
from workflows.steps.shared.module import Context, GuardedLook, Progress, Report
from workflows.steps.shared.own_access_key import (
    KeyInHand,
    KeyPlace,
    KeySession,
    SignInSeen,
    check_owner,
    client_without_asking,
    code_device,
    created_at,
    device_of,
    device_words,
    devices_of_new_key,
    guard_of_key,
    keep_recorded,
    listed_keys,
    load_key,
    locked,
    new_record,
    not_accepted,
    present_key,
    sign_in_seen,
    unlock_key,
    usable_identity,
)
from workflows.steps.shared.own_identity import (
    account_label,
    base_profile_of,
    clients_for,
    fingerprint_of,
    identity_of,
    project_of,
)
from workflows.steps.shared.paths import typed_path
from workflows.stores.key_records import KeyRecord, KeyRecords
from workflows.stores.key_store import KEPT_IN_PGP_FILE

CONSOLE, TYPED, API, HANDOFF, KEPT = "console", "typed", "api", "handoff", "kept"
RECENT = timedelta(hours=1)
"""Downloads older than this when the step is opened are somebody's old ones."""

_IMPORT_AGAIN = "import it again once iam-onboard can write to the disk."


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        kept: where it is to be kept, as a `StoreOption.choice`.
        how: where it comes from: `CONSOLE`, `TYPED`, `API`, `HANDOFF`, or `KEPT`, which moves the kept one.
        path: the CSV file, as typed; for `API` the file of the key that is there already, or "".
        key_id: the typed id.
        secret: the typed secret.
        code: the MFA code, for `API`; None where the user has no device.
        passphrase: of the PGP key, for `HANDOFF`; None lets gpg-agent answer.
        delete_file: whether the CSV file is deleted afterwards.
    """

    kept: str
    how: str
    path: str = ""
    key_id: str = ""
    secret: Secret | None = field(default=None, compare=False)
    code: str | None = ""
    passphrase: Secret | None = field(default=None, compare=False)
    delete_file: bool = True


@dataclass(frozen=True)
class Download:
    """A file that looks like an access key.

    Attributes:
        path: where it is.
        age_seconds: how long ago it was written.
    """

    path: Path
    age_seconds: int


def kept_record(context: Context) -> KeyRecord | None:
    """What is written down of the key that is kept here already: by a command, or by an interrupted import.

    Raises:
        OnboardError: it cannot be read.
    """
    profile = base_profile_of(context, identity_of(context))
    return KeyRecords(context.environment.key_records_folder).get(project_of(context), profile)


@dataclass(frozen=True)
class Survey:
    """What is here before the person answers.

    Attributes:
        stores: where the key can be kept, the best first.
        kept: what is written down of a key that is kept here already, or None.
        earlier: whether that key takes another PGP key than the person's own now.
        downloaded: whether the file that this key came from is still there; its import deletes it.
    """

    stores: tuple[StoreOption, ...]
    kept: KeyRecord | None
    earlier: bool
    downloaded: bool


def survey(context: Context, _report: Report) -> Survey:
    """Look at the stores and at what is kept; a locked keyring may ask, in a dialog of the desktop's own."""
    stores = store_options(context, identity_of(context))
    try:
        kept = kept_record(context)
    except OnboardError:
        kept = None  # keeping one says why it can't be read
    downloaded = kept is not None and _is_downloaded(kept.id, context)
    return Survey(stores, kept, _takes_another_key(kept, context), downloaded)


def _takes_another_key(record: KeyRecord | None, context: Context) -> bool:
    """Whether a kept key is in a file that the PGP key of the handoff doesn't open."""
    if record is None or record.kept != KEPT_IN_PGP_FILE:
        return False
    return record.fingerprint not in {"", fingerprint_of(context, identity_of(context))}


def earlier_key(context: Context) -> str:
    """The fingerprint of the earlier PGP key that alone opens the kept access key; "" for none.

    Raises:
        OnboardError: the record of the access key cannot be read.
    """
    record = kept_record(context)
    return record.fingerprint if record is not None and _takes_another_key(record, context) else ""


def _is_downloaded(key_id: str, context: Context) -> bool:
    for download in downloads(context):
        with suppress(OnboardError):  # then it is another file, or its import says what is wrong with it
            key = read_access_key_file(download.path)
            key.drop()
            if key.access_key_id == key_id:
                return True
    return False


def downloads(context: Context) -> tuple[Download, ...]:
    """The access key files that the browser has left lately, the newest first."""
    now = context.environment.now()
    found = []
    for path in find_access_keys(context.environment.downloads, now - RECENT):
        try:
            written = path.stat(follow_symlinks=False).st_mtime
        except FileNotFoundError:
            continue  # deleted since the folder was read
        found.append(Download(path, max(0, int(now.timestamp() - written))))
    return tuple(found)


def refused_download(context: Context) -> Sentence:
    """Which file, by its name a new access key's, can't be used, and why; "" for none."""
    environment = context.environment
    error = refusal(environment.downloads, environment.now() - RECENT)
    why = error.why if isinstance(error, FileError) else ""
    return environment.readable(joined((error.what, why))) if error else ""


def needed_device(path: str, context: Context) -> str | None:
    """The serial of the device whose code making a key needs; None without one.

    Args:
        path: the CSV file of the present key, as typed; "" takes the one that is kept.
        context: of the step.

    Raises:
        OnboardError: the present key is not there, or not usable.
    """
    with present_key(path, context) as key:
        return device_of(key, clients_for(context.environment, identity_of(context).region))


def validate(request: Request, context: Context) -> list[Problem]:
    """What the chosen way needs is there and well formed."""
    if not is_store_choice(request.kept):
        return [Problem("Choose where to keep the key.", "kept")]
    match request.how:
        case "console" if not request.path.strip():
            words = "No file yet. Download the key's .csv file in the console, or enter where it is."
            return [Problem(words, "path")]
        case "typed":
            return KeyInHand(KeyPlace.TYPED, id=request.key_id, secret=request.secret).problems()
        case "api" if request.code is not None:
            problem = code_problem(request.code)
            return [problem] if problem else []
        case "handoff" if identity_of(context).encrypted_secret is None:
            return [Problem("The handoff holds no access key; choose another way.", "how")]
        case "console" | "api" | "handoff" | "kept":
            return []
    return [Problem("Choose where the key comes from.", "how")]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Obtain the key, prove it, keep it; then delete the downloaded file if that is wanted.

    Raises:
        OnboardError: there is no usable key, it is another one's, or it cannot be kept: then nothing is
            kept, and a key that was made here is deleted again.
    """
    identity = identity_of(context)
    clients = clients_for(context.environment, identity.region)
    report(Progress("Checking where to keep the key"))
    store = store_for(request.kept, context, identity)
    with _obtained(request, context, clients, report) as (key, session, undone):
        report(Progress("Asking AWS whose key this is; a new one can take up to a minute"))
        proved = _proved(request, key, session, context, clients)
        context.raise_if_cancelled()
        report(Progress(f"Keeping it in {store.description}"))
        serial, fingerprint = code_device(proved.devices), fingerprint_of(context, identity)
        record = new_record(
            store,
            key,
            proved.who,
            project=project_of(context),
            profile=base_profile_of(context, identity),
            region=identity.region,
            fingerprint=fingerprint,
            created=_made_at(request, key, proved.keys, context),
            now=context.environment.now(),
        )
        kept = keep_recorded(
            store, key, record, context.environment, fingerprint=fingerprint, mfa_serial=serial
        )
        key.drop()
    sentences = [
        *filter(None, (undone,)),
        f"iam-onboard keeps the key in {store.description}.",
        *kept.remarks,
    ]
    known, account = "" if proved.keys else "Unless you deactivated it, ", account_label(identity)
    sentences += [
        f"! {known}{old_id} is still active in {account}. Deactivate it in the console."
        for old_id in proved.old_ids
    ]
    if request.how == CONSOLE and request.delete_file:
        sure = kept.synced and _is_recorded(record.id, context)
        sentences.append(_deleted(typed_path(request.path, context.environment.home), sure=sure))
    sentences += filter(None, (device_words(proved.devices), proved.signed_in.words))
    return {
        "access_key": {
            "id": record.id,
            "kept": store.kind,
            "how": request.how,
            "mfa_serial": serial,
            "at": proved.at.isoformat(timespec="seconds"),
            "signed_in": proved.signed_in.words if proved.signed_in.recorded else "",
            "old_ids": proved.old_ids,
            "old_seen": bool(proved.keys),
            "told": sentences,
        }
    }


class _Proved(NamedTuple):
    """What AWS says of a key that is the person's own.

    Attributes:
        who: whose it is.
        devices: the user's MFA devices; none for a key that may not ask: the profiles step then takes the
            serial typed.
        at: when AWS said so.
        signed_in: what it says of the sign-in.
        keys: the user's keys; none for a key that may not ask.
        old_ids: those that this key takes the place of.
    """

    who: sts.Identity
    devices: tuple[MfaDevice, ...]
    at: datetime
    signed_in: SignInSeen
    keys: tuple[AccessKey, ...]
    old_ids: list[str]


def _proved(
    request: Request, key: Credentials, session: KeySession | None, context: Context, clients: ClientFactory
) -> _Proved:
    """Ask AWS about the key.

    Raises:
        OnboardError: it is temporary, not usable, or another one's.
    """
    if key.session_token is not None:
        raise OnboardError(
            "A temporary key",
            f"{key.access_key_id} is a temporary key: it expires within hours or days.",
            next="In the console: Security credentials, Create access key, Download .csv file.",
        )
    of_file = f" of {typed_path(request.path, context.environment.home).name}"
    with about_key(f"{key.access_key_id}{of_file if request.how == CONSOLE else ''}"):
        who = usable_identity(key, clients, context.cancelled)
    check_owner(who, identity_of(context), context)
    devices = devices_of_new_key(key, clients, context.cancelled)
    at, signed_in = context.environment.now(), _sign_in(key, session, context, clients)
    keys = listed_keys(key, clients) if session is None else asked(session.listed, ())
    return _Proved(who, devices, at, signed_in, keys, _old_ids(key, keys, session, context))


def deactivate(path: str, key_id: str, code: str, context: Context) -> None:
    """Deactivate another key of the person's, with the one that they have.

    Args:
        path: as for `present_key`.
        key_id: the other one.
        code: of the MFA device; "" for a user without one.
        context: of the step.

    Raises:
        OnboardError: it could not be done.
    """
    clients = clients_for(context.environment, identity_of(context).region)
    with session_of(path, code, context, clients, lambda _progress: None) as session:
        session.set_active(key_id, active=False)


@contextmanager
def _obtained(
    request: Request, context: Context, clients: ClientFactory, report: Report
) -> Iterator[tuple[Credentials, KeySession | None, Sentence]]:
    """The key, and of one that is made here what `Made` says; if the block fails, it is deleted again."""
    if request.how == API:
        with made_key(request.path, request.code or "", request.kept, context, clients, report) as made:
            yield made
    elif request.how == HANDOFF:
        yield _decrypted(request, context, report), None, ""
    else:
        place = {CONSOLE: KeyPlace.FILE, TYPED: KeyPlace.TYPED, KEPT: KeyPlace.KEPT}[request.how]
        yield load_key(KeyInHand(place, request.path, request.key_id, request.secret), context), None, ""


def _decrypted(request: Request, context: Context, report: Report) -> Credentials:
    identity = identity_of(context)
    report(Progress("Decrypting the secret access key"))
    secret = decrypt(
        clean_ciphertext(identity.encrypted_secret or ""),
        passphrase=request.passphrase,
        gnupg_home=context.environment.gnupg_home,
        environment=context.environment.variables,
        cancelled=context.cancelled,
    )
    with secret:
        stripped = Secret(secret.reveal().strip())
    key_id = identity.access_key_id or ""
    for problem in check_access_key(key_id, stripped):
        raise OnboardError(
            "No access key in the handoff", problem.message, next="Ask your admin to send the handoff again."
        )
    return Credentials(key_id, stripped)


def _sign_in(
    key: Credentials, session: KeySession | None, context: Context, clients: ClientFactory
) -> SignInSeen:
    """What AWS reports on the sign-in; with MFA it reports more."""
    identity, since = identity_of(context), (context.facts.get("signed_in") or {}).get("since") or ""
    if session is not None:
        return sign_in_seen(session.client, identity, since)
    with clients.client("iam", key) as client:
        return sign_in_seen(client, identity, since)


def _old_ids(
    key: Credentials, keys: Sequence[AccessKey], session: KeySession | None, context: Context
) -> list[str]:
    """The keys that this one takes the place of, without those that AWS lists no more as active."""
    before, record = context.facts.get("access_key") or {}, kept_record(context)
    kept = record.id if record else before.get("id")  # a rotation since has seen to the one before
    old = {kept, session and session.used, *(before.get("old_ids") or ())} - {key.access_key_id, None}
    active = {listed.access_key_id for listed in keys if listed.active} if keys else old
    return sorted(old & active)


def _made_at(
    request: Request, key: Credentials, keys: Sequence[AccessKey], context: Context
) -> datetime | None:
    """When the key was made, as well as that can be known without another code."""
    if request.how == API:
        return context.environment.now()
    found = created_at(key, keys)
    if found is None and request.how == CONSOLE:
        # the console offers the file only while it shows the new key
        written = typed_path(request.path, context.environment.home).stat().st_mtime
        return min(datetime.fromtimestamp(written, UTC), context.environment.now())
    if found is None and request.how == KEPT:
        record = kept_record(context)
        return record.created if record else None
    return found


def _is_recorded(key_id: str, context: Context) -> bool:
    with suppress(OnboardError):  # then the file stays, and the page says so
        record = kept_record(context)
        return record is not None and record.id == key_id
    return False


def _deleted(path: Path, *, sure: bool) -> Sentence:
    """What became of the downloaded file, which stays unless its key is surely kept; no failure is raised."""
    if not sure:
        return f"{path.name} is still there: {_IMPORT_AGAIN}"
    try:
        return delete_access_key_file(path)
    except OnboardError as error:
        return f"{path.name} couldn't be deleted: {error.what} Delete it yourself."


def observe(context: Context) -> Observation:
    """The key is still where it was put; one that takes a passphrase, as AWS last said of it."""
    recorded = context.facts["access_key"]
    seen = observe_store(context, identity_of(context), recorded)
    if seen.contradicts or recorded["kept"] != KEPT_IN_PGP_FILE:
        return seen
    if earlier := earlier_key(context):
        return Observation(
            Verdict.CHANGED,
            f"The access key is in a file that only your earlier PGP key opens: {grouped(earlier)}.",
            (earlier, fingerprint_of(context, identity_of(context))),
            continuing="It stays there: good as long as you have the earlier PGP key and its passphrase.",
            redoing="Asks for a key to keep for your new PGP key: this one, if you can still open its file, "
            "or another. One that you no longer use stays active in AWS until you deactivate it.",
            effects=("Keep a key again", "Leave it there"),
        )
    at = recorded.get("at")  # a journal of an earlier version may lack it
    known = seen_at(at, context.environment.now()) if at else NOT_ASKED
    return replace(known, remedy=locked(context))


def _guard(context: Context) -> str:
    return "" if observe(context).contradicts else guard_of_key(context)


guarded_look = GuardedLook(_guard, unlock_key, passphrase=True)


def inquire(context: Context) -> Observation:
    """Whether AWS still lets the kept key in, where nobody has to be asked for it.

    Raises:
        OnboardError: the key can't be read, or AWS can't be asked.
    """
    if observe(context).contradicts:
        return NOT_ASKED  # of a key that isn't here AWS says nothing new
    with client_without_asking("sts", context) as client:
        if client is None:
            return NOT_ASKED
        who = asked(lambda: sts.caller_identity(client), None, KEY_REFUSED)
    return AGREES if who is not None else not_accepted(context.facts["access_key"]["id"])
