"""Access keys: obtained, proved to belong to the user, and kept where they chose, in one go.

The place is settled before there is a key, because AWS shows the secret once and a secret that can't be kept
is lost. A key created here that can't be kept is deleted again.
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
from workflows.aws.clients import ClientFactory
from workflows.aws.errors import KEY_REFUSED, about_key, asked
from workflows.aws.iam import AccessKey, MfaDevice
from workflows.core.files import FileError
from workflows.core.openpgp import grouped
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, Problem, Sentence, joined
from workflows.gpg.decrypt import clean_ciphertext, decrypt
from workflows.machine.events import AGREES, NOT_ASKED, Facts, Observation, StepKey, Verdict, seen_at
from workflows.steps.shared.module import Context, GuardedLook, Progress, Report
from workflows.steps.shared.own_access_key import (
    KeyInHand,
    KeyPlace,
    KeySession,
    SignInSeen,
    StoreOption,
    check_owner,
    client_without_asking,
    code_device,
    created_at,
    device_of,
    device_words,
    devices_of_new_key,
    guard_of_key,
    is_store_choice,
    keep_recorded,
    kept_id,
    kept_record,
    listed_keys,
    load_key,
    locked,
    made_key,
    new_record,
    not_accepted,
    not_asked,
    observe_store,
    present_key,
    session_of,
    sign_in_seen,
    store_for,
    store_options,
    unlock_key,
    usable_identity,
    with_own_key,
)
from workflows.steps.shared.own_identity import (
    account_label,
    base_profile_of,
    clients_for,
    fingerprint_of,
    identity_of,
    project_of,
)
from workflows.steps.shared.paths import existing_path, typed_path
from workflows.stores.key_records import KeyRecord
from workflows.stores.key_store import KEPT_IN_PGP_FILE

CONSOLE, TYPED, API, HANDOFF, KEPT = "console", "typed", "api", "handoff", "kept"
RECENT = timedelta(hours=1)
"""Downloads older than this, when the step is opened, are leftovers."""

_IMPORT_AGAIN = "import it again once iam-onboard can write to the disk."


@dataclass(frozen=True)
class Request:
    """The user's choices.

    Attributes:
        kept: where to keep the key, as a `StoreOption.choice`.
        how: where it comes from: `CONSOLE`, `TYPED`, `API`, `HANDOFF`, or `KEPT`, which moves the kept key.
        path: the CSV file, as typed; for `API` the existing key's file, or "".
        key_id: the typed id.
        secret: the typed secret.
        code: the MFA code, for `API`; None if the user has no device.
        passphrase: for the PGP key, with `HANDOFF`; None lets gpg-agent answer.
        delete_file: whether to delete the CSV file afterwards.
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
        key_id: the id of the key in it; "" if its import reports why it can't be read.
    """

    path: Path
    age_seconds: int
    key_id: str = ""


@dataclass(frozen=True)
class Survey:
    """The situation before the user answers.

    Attributes:
        stores: where the key can be kept, the best first.
        kept: the record of a key kept here already, or None.
        earlier: whether that key needs another PGP key than the user's current one.
        rejected: whether AWS rejected that key when it was last asked.
        downloaded: whether the file that this key came from still exists; its import deletes it.
    """

    stores: tuple[StoreOption, ...]
    kept: KeyRecord | None
    earlier: bool
    rejected: bool
    downloaded: bool


def survey(context: Context, _report: Report) -> Survey:
    """Look at the stores and the kept key; a locked keyring may ask, in the desktop's own dialog."""
    stores, kept, earlier = store_options(context, identity_of(context)), None, ""
    with suppress(OnboardError):  # keeping a key reports why this one can't be read
        kept, earlier = kept_record(context), earlier_key(context)
    downloaded = kept is not None and any(found.key_id == kept.id for found in downloads(context))
    rejected = kept is not None and kept.id == rejected_key(context)
    return Survey(stores, kept, bool(earlier), rejected, downloaded)


def rejected_key(context: Context) -> str:
    """Return the id of the kept access key that AWS rejected when it was last asked, or ""."""
    look = context.observed.get(StepKey("access-keys", context.item), NOT_ASKED)
    return look.about[0] if look.asked and look.contradicts else ""


def earlier_key(context: Context) -> str:
    """Return the fingerprint of the earlier PGP key that alone opens the kept access key, or "".

    Raises:
        OnboardError: the record of the access key can't be read.
    """
    record = kept_record(context)
    if record is None or record.kept != KEPT_IN_PGP_FILE:
        return ""
    own = fingerprint_of(context, identity_of(context))
    return "" if record.fingerprint == own else record.fingerprint


def _id_in(path: Path) -> str:
    with suppress(OnboardError), read_access_key_file(path) as key:
        return key.access_key_id
    return ""


def left_file(key: Facts) -> str:
    """Return the file with the secret of a fact `access_key` in plain text, if it is still there; or ""."""
    path = str(key.get("file") or "")
    return path if path and _id_in(Path(path)) == key["id"] else ""


def downloads(context: Context) -> tuple[Download, ...]:
    """Return the access key files that the browser saved recently, the newest first.

    A key that is kept for another account, or that AWS rejected, is no new one.
    """
    now, every = context.environment.now(), context.of_each_item("access_key")
    old = {rejected_key(context), *(key.get("id") for item, key in every.items() if item != context.item)}
    found = []
    for path in find_access_keys(context.environment.downloads, now - RECENT):
        try:
            written = path.stat(follow_symlinks=False).st_mtime
        except FileNotFoundError:
            continue  # deleted since the folder was listed
        if not (key_id := _id_in(path)) or key_id not in old:
            found.append(Download(path, max(0, int(now.timestamp() - written)), key_id))
    return tuple(found)


def refused_download(context: Context) -> Sentence:
    """Say which file is named like a new access key but can't be used, and why; "" if there is none."""
    environment = context.environment
    error = refusal(environment.downloads, environment.now() - RECENT)
    why = error.why if isinstance(error, FileError) else ""
    return environment.readable(joined((error.what, why))) if error else ""


def needed_device(path: str, context: Context) -> str | None:
    """Return the serial of the device whose code is needed to create a key; None without a device.

    Args:
        path: the CSV file of the existing key, as typed; "" uses the kept one.

    Raises:
        OnboardError: the existing key is missing or unusable.
    """
    with present_key(path, context) as key:
        return device_of(key, clients_for(context.environment, identity_of(context).region))


def validate(request: Request, context: Context) -> list[Problem]:
    """Require well-formed input for the chosen way."""
    if not is_store_choice(request.kept):
        return [Problem("Choose where to keep the key.", "kept")]
    match request.how:
        case "console" if not request.path.strip():
            words = "No file yet. Download the key's .csv file in the console, or enter its path."
            return [Problem(words, "path")]
        case "console" | "api" if request.path.strip() and not existing_path(
            request.path, context.environment.home
        ):
            return [Problem("There is no such file. Enter its path, not the key itself.", "path")]
        case "typed":
            return KeyInHand(KeyPlace.TYPED, id=request.key_id, secret=request.secret).problems()
        case "api" if request.code is not None:
            problem = code_problem(request.code)
            return [problem] if problem else []
        case "handoff" if identity_of(context).encrypted_secret is None:
            return [Problem("The handoff has no access key; choose another way.", "how")]
        case "console" | "api" | "handoff" | "kept":
            return []
    return [Problem("Choose where the key comes from.", "how")]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Obtain the key, prove it, keep it; then delete the downloaded file if wanted.

    Raises:
        OnboardError: the key is unusable, belongs to somebody else, or can't be kept. Then nothing is kept,
            and a key created here is deleted again.
    """
    identity = identity_of(context)
    kept, context = with_own_key(request.kept, context)
    request = replace(request, kept=kept)
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
        remarks, synced = keep_recorded(
            store, key, record, context.environment, fingerprint=fingerprint, mfa_serial=serial
        )
        key.drop()
    sentences = [
        *filter(None, (undone,)),
        f"iam-onboard keeps the key in {store.description}.",
        *remarks,
    ]
    known = "" if proved.keys else "Unless you deactivated it, "
    account = account_label(identity) or proved.who.account
    sentences += [
        f"! {known}{old_id} is still active in {account}. Deactivate it in the console."
        for old_id in proved.old_ids
    ]
    if request.how == CONSOLE and request.delete_file:
        sure_id = record.id if synced and _is_recorded(record.id, context) else ""
        sentences.append(_deleted(typed_path(request.path, context.environment.home), sure_id))
    unrecorded = "" if proved.signed_in.recorded else proved.signed_in.words
    sentences += filter(None, (device_words(proved.devices), unrecorded))
    return {
        "access_key": {
            "id": record.id,
            "kept": store.kind,
            "how": request.how,
            "file": str(typed_path(request.path, context.environment.home)) if request.how == CONSOLE else "",
            "mfa_serial": serial,
            "at": proved.at.isoformat(timespec="seconds"),
            "signed_in": proved.signed_in.words if proved.signed_in.recorded else "",
            "old_ids": proved.old_ids,
            "old_seen": bool(proved.keys),
            "told": sentences,
        }
    }


class _Proved(NamedTuple):
    """AWS's answers about the user's own key.

    Attributes:
        who: its owner.
        devices: the user's MFA devices; none if the key may not ask, so that the profiles step uses the typed
            serial.
        at: when AWS answered.
        signed_in: what AWS reports about the sign-in.
        keys: the user's keys; none if the key may not ask.
        old_ids: the keys that this key replaces.
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
        OnboardError: it is temporary, unusable, or belongs to somebody else.
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
    """Deactivate another of the user's keys, with the existing one.

    Args:
        path: as for `present_key`.
        key_id: the other key.
        code: from the MFA device; "" for a user without one.

    Raises:
        OnboardError: it failed.
    """
    clients = clients_for(context.environment, identity_of(context).region)
    with session_of(path, code, context, clients, lambda _progress: None) as session:
        session.set_active(key_id, active=False)


@contextmanager
def _obtained(
    request: Request, context: Context, clients: ClientFactory, report: Report
) -> Iterator[tuple[Credentials, KeySession | None, Sentence]]:
    """Yield the key, with the session and sentence of `made_key` for one created here."""
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
    """Return what AWS reports about the sign-in; it reports more with MFA."""
    identity, since = identity_of(context), (context.facts.get("signed_in") or {}).get("since") or ""
    if session is not None:
        return sign_in_seen(session.client, identity, since)
    with clients.client("iam", key) as client:
        return sign_in_seen(client, identity, since)


def outcome(key: Facts) -> list[Sentence]:
    """Return all sentences of a fact `access_key`, what AWS reported about the sign-in last.

    Sessions of older programs have that among the others, too.
    """
    return [*dict.fromkeys(filter(None, (*key.get("told", ()), key.get("signed_in"))))]


def _old_ids(
    key: Credentials, keys: Sequence[AccessKey], session: KeySession | None, context: Context
) -> list[str]:
    """Return the keys that this one replaces, except those that AWS rejected or doesn't list as active."""
    before, record = context.facts.get("access_key") or {}, kept_record(context)
    kept = record.id if record else before.get("id")  # a rotation since then has dealt with the previous key
    old = {kept, session and session.used, *(before.get("old_ids") or ())} - {key.access_key_id, None}
    active = (
        {listed.access_key_id for listed in keys if listed.active} if keys else old - {rejected_key(context)}
    )
    return sorted(old & active)


def _made_at(
    request: Request, key: Credentials, keys: Sequence[AccessKey], context: Context
) -> datetime | None:
    """Return when the key was created, as well as that is known without another code."""
    if request.how == API:
        return context.environment.now()
    found = created_at(key, keys)
    if found is None and request.how == CONSOLE:
        # the console offers the file only while it shows the new key
        with suppress(OSError):  # it may be gone by now
            written = typed_path(request.path, context.environment.home).stat().st_mtime
            return min(datetime.fromtimestamp(written, UTC), context.environment.now())
    if found is None and request.how == KEPT:
        record = kept_record(context)
        return record.created if record else None
    return found


def _is_recorded(key_id: str, context: Context) -> bool:
    with suppress(OnboardError):  # then the file stays, and the page reports it
        record = kept_record(context)
        return record is not None and record.id == key_id
    return False


def _deleted(path: Path, sure_id: str) -> Sentence:
    """Delete the downloaded file if it still has the key that is surely kept, and say so; never raise."""
    if not sure_id:
        return f"{path.name} is still there: {_IMPORT_AGAIN}"
    if path.exists() and _id_in(path) != sure_id:
        return f"! {path.name} isn't deleted: it no longer has the key that was read from it."
    try:
        return delete_access_key_file(path)
    except OnboardError as error:
        return f"{path.name} couldn't be deleted: {error.what} Delete it yourself."


def observe(context: Context) -> Observation:
    """Check that the key is where it was put; if that takes a passphrase, use AWS's last answer."""
    recorded = context.facts["access_key"]
    seen = observe_store(context, identity_of(context), recorded)
    if seen.contradicts or recorded["kept"] != KEPT_IN_PGP_FILE:
        return seen
    if earlier := earlier_key(context):
        return Observation(
            Verdict.CHANGED,
            f"The access key is in a file encrypted to your earlier PGP key: {grouped(earlier)}.",
            (earlier, fingerprint_of(context, identity_of(context))),
            continuing="Leaves it there; it works while you have the earlier PGP key and its passphrase.",
            redoing="Asks which key to keep under your new PGP key: this one, if you can open its file, or "
            "another. A key you stop using stays active in AWS until you deactivate it.",
            effects=("Keep a key again", "Leave it there"),
        )
    at = confirmed_at(context)
    known = seen_at(at, context.environment.now()) if at else NOT_ASKED
    return replace(known, remedy=locked(context))


def confirmed_at(context: Context) -> str:
    """Return when AWS last confirmed the kept key; "" if unknown, as in earlier journals."""
    key = context.facts["access_key"]
    # a look at another store only sees that the key is there
    looked = context.confirmed("access-keys") if key["kept"] == KEPT_IN_PGP_FILE else ""
    return max(key.get("at") or "", looked)


def _guard(context: Context) -> str:
    return "" if observe(context).contradicts else guard_of_key(context)


guarded_look = GuardedLook(_guard, unlock_key, passphrase=True)


def inquire(context: Context) -> Observation:
    """Check whether AWS still accepts the kept key, if it can be read without asking.

    Raises:
        OnboardError: the key can't be read, or AWS can't be asked.
    """
    if observe(context).contradicts:
        return NOT_ASKED  # AWS has nothing new about a key that isn't here
    with client_without_asking("sts", context) as client:
        if client is None:
            return not_asked(context)
        who = asked(lambda: sts.caller_identity(client), None, KEY_REFUSED)
    return AGREES if who is not None else not_accepted(kept_id(context))
