"""MFA: an authenticator app for an identity, registered in the console or, with a key in hand, from here.

People get no access key from the layer, so nearly everybody goes through the console. Over the API the
device's seed is told once, and a device that was never enabled blocks the next try: so the seed is kept in
the vault from before the first code until AWS has taken both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from workflows.errors import OnboardError, Problem
from workflows.machine.declaration import Step
from workflows.machine.events import Facts
from workflows.messages.handoff import Identity
from workflows.secret import Secret
from workflows.services import iam, sts
from workflows.services.authenticator import check_code, otpauth_uri, qr_matrix, two_codes_problem
from workflows.services.clients import AwsClient, Credentials
from workflows.services.vault import Vault, VaultUnavailable
from workflows.steps.base import AGREES, Context, Observation, Progress, Report
from workflows.steps.own_access_key import KeyInHand, check_owner, code_device, load_key
from workflows.steps.own_identity import clients_of, fingerprint_of, identity_of, project_of

STEP = Step(
    id="mfa",
    title="MFA",
    purpose="Register an authenticator app, so that your password alone opens nothing.",
    needs=("handoff", "signed_in"),
    gives=("mfa",),
    skippable=True,
    repeats_over="identities",
    blocked_words="MFA needs that you have signed in",
)
CONSOLE, API = "console", "api"


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
    remark: str = ""

    @property
    def name(self) -> str:
        """The device's name."""
        return self.serial.rsplit("/", 1)[-1]

    def matrix(self) -> tuple[tuple[bool, ...], ...]:
        """The QR code for the phone; True is dark.

        Raises:
            OnboardError: the names are too long for one.
        """
        uri = otpauth_uri(self.name, self.label, self.seed)
        try:
            return qr_matrix(uri)
        finally:
            uri.drop()

    def drop(self) -> None:
        """Forget the seed and the key."""
        self.seed.drop()
        self.key.drop()


@dataclass(frozen=True)
class Registered:
    """A device that gives codes and is enabled already.

    Attributes:
        serial: its serial.
    """

    serial: str


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        how: `CONSOLE` or `API`.
        serial: of a device that was found enabled, or None.
        pending: the device to enable, or None.
        first: the first of two codes that follow one another.
        second: the second.
    """

    how: str
    serial: str | None = None
    pending: Pending | None = field(default=None, compare=False)
    first: str = ""
    second: str = ""


def begin(key: KeyInHand, context: Context, report: Report) -> Pending | Registered:
    """Find the device that is there, or make one, with a key in hand.

    A set-up that was interrupted goes on with the same device, since its seed is still in the vault.

    Raises:
        DeviceExists: a device of the user's name is there and its seed is not known here.
        VaultUnavailable: there is nowhere to keep the seed; nothing was made.
        OnboardError: the key is not usable, or is another one's.
    """
    identity = identity_of(context)
    credentials = load_key(key, context)
    clients = clients_of(context, identity.region)
    report(Progress("Asking AWS whose access key this is"))
    with clients.client("sts", credentials) as client:
        who = sts.caller_identity(client)
    check_owner(who, identity)
    context.raise_if_cancelled()
    report(Progress("Looking for the MFA devices that are there"))
    with clients.client("iam", credentials) as client:
        devices = iam.list_mfa_devices(client)
        serial = code_device(devices)
        if serial is not None:
            _seed_store(context, identity, needed=False)
            credentials.drop()
            return Registered(serial)
        label = identity.account_alias or identity.account_id
        vault, name = _seed_store(context, identity)
        kept = _kept_seed(vault, name)
        if kept is not None:
            remark = "This goes on with the device that was begun before."
            return Pending(kept[0], kept[1], label, credentials, remark)
        report(Progress("Making the device"))
        serial, seed, remark = _create(client, who, vault, name)
    if devices:
        remark += " The device that is there already gives no codes for the command line."
    return Pending(serial, seed, label, credentials, remark.strip())


def _seed_store(context: Context, identity: Identity, *, needed: bool = True) -> tuple[Vault, str]:
    """The vault and the name in it; a seed of a device that is enabled by now is forgotten."""
    vault = context.world.vault(fingerprint_of(context, identity)).vault
    name = f"{project_of(context)}/{identity.account_name}/mfa-seed"
    if not needed:
        vault.delete(name)
    return vault, name


def _kept_seed(vault: Vault, name: str) -> tuple[str, Secret] | None:
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


def _create(client: AwsClient, who: sts.Identity, vault: Vault, name: str) -> tuple[str, Secret, str]:
    """Make a device named after its user; its seed is in the vault before anybody sees it."""
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


def validate(request: Request, context: Context) -> list[Problem]:
    """Two different codes of six digits, the first checked against the seed and the clock."""
    if request.how == CONSOLE or request.serial is not None:
        return []
    pending = request.pending
    if pending is None:
        return [Problem("Make the device first: choose where your access key is.", "source")]
    problem = two_codes_problem(request.first, request.second)
    if problem is not None:
        return [problem]
    return code_problems(pending, request.first, context, "first_code") or code_problems(
        pending, request.second, context, "second_code"
    )


def code_problems(pending: Pending, code: str, context: Context, name: str) -> list[Problem]:
    """What an own look at a code says before AWS sees it; quick, and nothing is sent.

    Args:
        pending: the device.
        code: as typed, well formed.
        context: tells the time.
        name: the field that the code is in.
    """
    found = check_code(pending.seed, code, context.world.now())
    if found.ok:
        return []
    if found.offset_seconds is None:
        message = (
            f"{code} is not a code of this device. Compare it with the app, and check that the app's entry is"
            f" the one named {pending.name}@{pending.label}."
        )
        return [Problem(message, name)]
    seconds = abs(found.offset_seconds)
    side = "ahead" if found.offset_seconds > 0 else "behind"
    message = (
        f"This code is {seconds} seconds {side} of this computer's clock, and AWS allows about 30. Enter the"
        " codes that the app shows now; if it stays, set the phone's and the computer's clock to automatic."
    )
    return [Problem(message, name, fatal=False)]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Record the person's word for the console; enable the device over the API.

    Raises:
        WrongCode, RepeatedCode: AWS did not take the codes; the device and its seed are kept.
        OnboardError: AWS could not be asked.
    """
    if request.how == CONSOLE:
        return {"mfa": {"serial": None, "how": CONSOLE}}
    pending = request.pending
    if pending is None:
        return {"mfa": {"serial": request.serial, "how": API}}
    identity = identity_of(context)
    report(Progress("Enabling the device"))
    with clients_of(context, identity.region).client("iam", pending.key) as client:
        iam.enable_mfa_device(
            client,
            identity.user,
            pending.serial,
            (request.first, request.second),
            memory=context.world.codes,
        )
    _seed_store(context, identity, needed=False)
    pending.drop()
    return {"mfa": {"serial": pending.serial, "how": API}}


def observe(context: Context) -> Observation:
    """Only AWS knows the devices, and asking takes a key: the step “Access keys” and Verify do."""
    del context
    return AGREES
