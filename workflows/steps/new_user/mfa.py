"""MFA: an authenticator app for an identity, registered in the console or, with a key in hand, from here.

Layers give people no access key, so nearly everybody uses the console. Over the API a device is created and
then enabled with two codes, which are checked here before AWS sees them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from workflows.aws import iam, sts
from workflows.aws.authenticator import (
    TOLERATED_SECONDS,
    clock_offset,
    consecutive_problem,
    entry_name,
    otpauth_uri,
    qr_matrix,
    two_codes_problem,
)
from workflows.aws.clients import AwsClient
from workflows.aws.errors import AwsError, AwsFailure
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, Problem, Sentence, joined
from workflows.machine.events import SAID_SO, Facts, Observation, seen_at
from workflows.messages.handoff import Identity
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.own_access_key import (
    KeyInHand,
    check_owner,
    client_without_asking,
    code_device,
    device_is_newer,
    device_seen,
    device_words,
    known_device,
    load_key,
    not_asked,
)
from workflows.steps.shared.own_identity import clients_for, fingerprint_of, identity_of, project_of
from workflows.stores.vault import Vault, VaultLocked, VaultUnavailable, load_texts

CONSOLE, API, UNCHANGED = "console", "api", "unchanged"
MOST_QR_MODULES = 48
"""The most rows that fit into a terminal of 24 lines."""
_NOW = "Finish this without leaving."


class DeviceGone(OnboardError):  # noqa: N818 - as the other refusals are named
    """The device being set up no longer exists; its seed is forgotten."""


@dataclass(frozen=True)
class Request:
    """The user's choices.

    Attributes:
        how: `CONSOLE` or `API`; `UNCHANGED` if the device from the finished step is kept.
        serial: of a device that was already enabled, or None.
        pending: the device to enable, or None.
        first: the first of two consecutive codes.
        second: the second.
    """

    how: str
    serial: str | None = None
    pending: Pending | None = field(default=None, compare=False)
    first: str = ""
    second: str = ""


def begin(key: KeyInHand, context: Context, report: Report) -> Pending | Registered:
    """Find the user's device, or create one, with a key in hand.

    An interrupted set-up continues with the same device, since its seed is still in the vault.

    Raises:
        DeviceExists: a device of the user's name exists, and its seed isn't known here.
        VaultUnavailable: there is nowhere to keep the seed; nothing was created.
        OnboardError: the key is unusable, or belongs to somebody else.
    """
    identity = identity_of(context)
    credentials = load_key(key, context)
    clients = clients_for(context.environment, identity.region)
    report(Progress("Asking AWS who owns this access key"))
    with clients.client("sts", credentials) as client:
        who = sts.caller_identity(client)
    check_owner(who, identity, context)
    context.raise_if_cancelled()
    report(Progress("Looking for your MFA devices"))
    with _if_allowed(identity), clients.client("iam", credentials) as client:
        devices = iam.list_mfa_devices(client)
        serial = code_device(devices)
        if serial is not None:
            credentials.drop()
            return Registered(serial, f"{device_words(devices)} {_seed_forgotten(context, identity)}".strip())
        vault, name = seed_store(context, identity)
        if kept := kept_seed(vault, name):
            serial, seed = kept
            remark: Sentence = "This continues with the device you began earlier."
        else:
            report(Progress("Creating the device"))
            serial, seed, remark = create_device(client, who, vault, name)
    label = identity.account_alias or identity.account_id
    return Pending(serial, seed, label, credentials, f"{remark} {device_words(devices)}".strip())


@contextmanager
def _if_allowed(identity: Identity) -> Iterator[None]:
    """Add the admin's options to the error if the user has no right to manage a device.

    Raises:
        OnboardError: they have no right; any other failure passes, even one that an MFA code would solve.
    """
    try:
        yield
    except AwsError as error:
        if error.failure not in {AwsFailure.DENIED, AwsFailure.NOT_GRANTED}:
            raise
        raise OnboardError(
            f"{identity.user} can't register an MFA device",
            f"AWS doesn't let this user manage its MFA device in {identity.account_name}.",
            why="No policy allows it." if error.failure is AwsFailure.NOT_GRANTED else "",
            next="Ask your admin for a group that allows it. Skip this step (^s) until then.",
            detail=error.detail,
        ) from None


def _seed_forgotten(context: Context, identity: Identity) -> Sentence:
    """Delete what an interrupted set-up may have left; say where a seed may still be, or ""."""
    try:
        forget_seed(context, identity)
    except VaultUnavailable as error:  # unless it is only locked, there is nowhere to keep a seed
        if isinstance(error, VaultLocked):
            return f"If you began its set-up here, its seed is still kept: {error.what}"
    return ""


def validate(request: Request, context: Context) -> list[Problem]:
    """Check that there are two different six-digit codes, the first matching the seed and the clock."""
    if request.how in {CONSOLE, UNCHANGED} or request.serial is not None:
        return []
    if request.pending is None:
        return [Problem("Create the device first: choose where your access key is.", "source")]
    if problem := two_codes_problem(request.first, request.second):
        return [problem]
    return problems_of(request.pending, request.first, request.second, context)


def problems_of(pending: Pending, first: str, second: str, context: Context) -> list[Problem]:
    """Check well-formed codes locally before AWS sees them.

    Args:
        second: the second, or "" if it isn't there yet.
        context: has the time.
    """
    wrong = _code_problems(pending, first, context, "first_code")
    if not wrong and second:
        wrong = _code_problems(pending, second, context, "second_code")
    if second and not any(problem.fatal for problem in wrong):
        order = consecutive_problem(pending.seed, first, second, context.environment.now())
        return [order] if order else wrong
    return wrong


def _code_problems(pending: Pending, code: str, context: Context, name: str) -> list[Problem]:
    offset = clock_offset(pending.seed, code, context.environment.now())
    if offset is None:
        message = (
            f"{code} isn't a code of this device. Compare it with the app, and check that the app's entry is"
            f" the one named {pending.entry}."
        )
        return [Problem(message, name)]
    message = (
        f"This code is {abs(offset)} seconds {'ahead of' if offset > 0 else 'behind'} this computer's clock, "
        "but AWS allows about 30."
        " Enter the codes that the app shows now. If that doesn't help, set both clocks to automatic."
    )
    return [] if abs(offset) <= TOLERATED_SECONDS else [Problem(message, name, fatal=False)]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Record a console set-up on the user's word, enable the device over the API, or keep the known one."""
    at = context.environment.now().isoformat(timespec="seconds")
    if request.how == UNCHANGED:
        return _unchanged(context)
    if request.how == CONSOLE:
        return {"mfa": {"serial": _named_by_aws(context), "how": CONSOLE, "at": at}}
    pending = request.pending
    if pending is None:
        return {"mfa": {"serial": request.serial, "how": API, "at": at}}
    identity = identity_of(context)
    report(Progress("Enabling the device"))
    try:
        clients = clients_for(context.environment, identity.region)
        with _if_allowed(identity), clients.client("iam", pending.key) as client:
            iam.enable_mfa_device(
                client,
                identity.user,
                pending.serial,
                (request.first, request.second),
                memory=context.environment.codes,
            )
    except AwsError as error:
        if error.failure is AwsFailure.NOT_FOUND:
            forget_seed(context, identity)
            raise DeviceGone(
                "The device is gone",
                f"AWS has no device {pending.serial} waiting to be enabled.",
                why="Somebody has deleted it, perhaps your admin.",
                next=f"Delete the entry {pending.entry} in the app, and press ^n: that creates a new device.",
                detail=error.detail,
            ) from None
        raise
    forget_seed(context, identity)
    pending.drop()
    return {"mfa": {"serial": pending.serial, "how": API, "at": at}}


def _named_by_aws(context: Context) -> str | None:
    """Return the device AWS has now, if the kept key may ask without a code or prompt; else None."""
    with suppress(OnboardError), client_without_asking("iam", replace(context, opens=True)) as client:
        return code_device(iam.list_mfa_devices(client)) if client is not None else None
    return None


def _unchanged(context: Context) -> Facts:
    """Return the same facts, so that later steps stay done, after asking AWS if that prompts nobody."""
    look = SAID_SO
    with suppress(OnboardError):
        look = inquire(replace(context, opens=True))
    if look.contradicts:
        raise OnboardError("This device is gone", look.words, next="Register another device here.")
    return {"mfa": context.facts["mfa"]}


def evidence(context: Context) -> tuple[str, str]:
    """Return when AWS last confirmed a device that gives codes, and its serial; both "" on the user's word.

    AWS confirms it when the device is registered from here, when a later key is kept, or in a look.
    """
    device, key = context.facts["mfa"], context.facts.get("access_key") or {}
    kept_at, serial, confirmed = str(key.get("at") or ""), key.get("mfa_serial"), context.confirmed("mfa")
    if kept_at and serial and not device_is_newer(context.facts):
        return max(kept_at, confirmed), str(serial)
    at = max(str(device.get("at") or "") if device.get("serial") else "", confirmed)
    return (at, known_device(context)) if at else ("", "")


def observe(context: Context) -> Observation:
    """Use AWS's last confirmation: only AWS knows the devices, and asking takes a key."""
    at, serial = evidence(context)
    about = (serial,) if serial else ()
    return replace(seen_at(at, context.environment.now()), about=about) if at else SAID_SO


def inquire(context: Context) -> Observation:
    """Check whether AWS still has the device, if the kept key may ask without a code.

    Raises:
        OnboardError: the key can't be read, or AWS can't be asked.
    """
    with client_without_asking("iam", context) as client:
        return not_asked(context) if client is None else device_seen(client, context.facts)


@dataclass(frozen=True)
class Pending:
    """A device that AWS has created and not yet enabled.

    Attributes:
        serial: its ARN.
        seed: its Base32 seed.
        label: the account as the app will show it.
        key: the access key that creates it.
        remark: what the user should know about it, or "".
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
        """The entry's name in the app."""
        return entry_name(self.name, self.label)

    def matrix(self) -> tuple[tuple[bool, ...], ...]:
        """Return the QR code for the phone; True is dark.

        The account is only a label in the app. If it makes the code too tall for 80×24, it is shortened or
        dropped.

        Raises:
            OnboardError: the names are too long for a QR code.
        """
        matrix: tuple[tuple[bool, ...], ...] = ()
        for label in (self.label, self.label[:12], ""):
            with otpauth_uri(self.name, label, self.seed) as uri:
                matrix = qr_matrix(uri)
            if len(matrix) <= MOST_QR_MODULES:
                break
        return matrix

    def drop(self) -> None:
        """Forget the seed and the key."""
        self.seed.drop()
        self.key.drop()


@dataclass(frozen=True)
class Registered:
    """A device that gives codes and is already enabled.

    Attributes:
        serial: its serial.
        remark: its kind, and the user's other devices, in sentences.
    """

    serial: str
    remark: Sentence = ""


def seed_store(context: Context, identity: Identity) -> tuple[Vault, str]:
    """Return the vault, and the seed's name in it.

    Raises:
        VaultUnavailable: there is nowhere to keep it.
    """
    vault = context.environment.vault(fingerprint_of(context, identity)).vault
    return vault, f"{project_of(context)}/{identity.account_name}/mfa-seed"


def forget_seed(context: Context, identity: Identity) -> None:
    """Delete the seed once the device is enabled or gone.

    Raises:
        VaultUnavailable: it can't be deleted now.
    """
    vault, name = seed_store(context, identity)
    vault.delete(name)


def kept_seed(vault: Vault, name: str) -> tuple[str, Secret] | None:
    """Return the serial and seed of a device from an interrupted set-up, or None.

    Raises:
        OnboardError: something else is kept under that name.
    """
    then = "Ask your admin to delete your virtual MFA device. Delete that entry, then start again."
    kept = load_texts(vault, name, ("serial", "seed"), called="seed", then=then)
    return (kept[0], Secret(kept[1])) if kept and kept[0] else None


def create_device(
    client: AwsClient, who: sts.Identity, vault: Vault, name: str
) -> tuple[str, Secret, Sentence]:
    """Create a device named after its user; its seed is in the vault before anybody sees it.

    Returns:
        The serial, the seed, and what the user should know about it, or "".

    Raises:
        DeviceExists: a device of that name exists, and its seed isn't known here.
        VaultUnavailable: the seed couldn't be kept; nothing was created.
    """
    # Try the vault first: a device whose seed is lost blocks every further attempt.
    vault.store(name, Secret(json.dumps({"serial": "", "seed": ""})))
    try:
        serial, seed = iam.create_virtual_mfa_device(client, who.user_name or "", who)
    except BaseException:  # Ctrl-C too: remove the trial entry with it
        vault.delete(name)
        raise
    content = Secret(json.dumps({"serial": serial, "seed": seed.reveal()}))
    remark: Sentence = ""
    try:
        if (unsynced := vault.store(name, content)) is not None:
            remark = joined((unsynced.risk("its seed"), _NOW))
    except VaultUnavailable as error:
        remark = joined((f"iam-onboard couldn't keep the seed: {error.what}", _NOW))
    finally:
        content.drop()
    return serial, seed, remark
