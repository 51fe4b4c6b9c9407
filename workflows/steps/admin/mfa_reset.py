"""A lost MFA device: removed through IAM, so that its owner can sign in and register another.

Terraform isn't involved. The administrator's own MFA session signs; each removal is confirmed by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from workflows.aws import iam
from workflows.aws.clients import AwsClient
from workflows.aws.iam import MfaDeviceKind
from workflows.aws.sts import partition_of
from workflows.core.grouping import by_key
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Problem, Sentence
from workflows.core.shapes import read
from workflows.machine.events import AGREES, NOT_ASKED, Facts, Observation, StepKey, Verdict, waits_in_words
from workflows.messages.handoff import sign_in_url
from workflows.steps.admin.state_now import CODED, NO_MFA_YET, client_without_code
from workflows.steps.admin.terraform_runs import administrator, located, own_profile
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.to_send import ToSend, hand_out

_WORDS = {
    MfaDeviceKind.APP: "authenticator app",
    MfaDeviceKind.SECURITY_KEY: "security key or passkey",
    MfaDeviceKind.HARDWARE: "hardware token",
}


@dataclass(frozen=True)
class Device:
    """Somebody's MFA device.

    Attributes:
        serial: its ARN, or a hardware token's number.
        kind: the kind of device, for display.
        enabled_at: when it was enabled (UTC); None if it never was.
        own: whether the administrator's own profile uses it.
    """

    serial: str
    kind: str
    enabled_at: datetime | None
    own: bool = False


@dataclass(frozen=True)
class Owner:
    """Somebody who lost a device, and what the account has of them now.

    Attributes:
        name: the IAM user.
        exists: whether the account has the user.
        devices: enabled devices, then those never enabled.
        partition: the account's partition, such as "aws"; "" if it has no such user.
        one_time: whether the console password is a one-time password that waits to be used.
    """

    name: str
    exists: bool
    devices: tuple[Device, ...] = ()
    partition: str = ""
    one_time: bool = False


class Place(NamedTuple):
    """Where somebody signs in: the account's id, its page, and whether with a one-time password."""

    account_id: str
    sign_in: str
    one_time: bool = False


@dataclass(frozen=True)
class Found:
    """The findings in an account: the owners, the account's id, and its sign-in page."""

    owners: tuple[Owner, ...]
    account_id: str = ""
    sign_in: str = ""


@dataclass(frozen=True)
class Request:
    """The person's decision to continue.

    Attributes:
        found: the last findings; None if nothing was checked.
        removed: pairs of person and serial that were removed.
    """

    found: Found | None = None
    removed: tuple[tuple[str, str], ...] = ()


def survey(context: Context, report: Report, code: Secret | None = None) -> Found:
    """List the devices of people who lost one, in the step's account.

    Args:
        code: an MFA code, if the layer's profile needs one.

    Raises:
        CodeWanted, WrongAccount: as `administrator`.
        OnboardError: IAM can't be asked.
    """
    with administrator(context, report, code) as client:
        return _found(client, context, report)


class DeviceChanged(OnboardError):  # noqa: N818 - the name says what happened
    """The device to remove isn't there as it was shown."""


def remove(name: str, device: Device, context: Context, report: Report, code: Secret | None = None) -> Found:
    """Remove an owner's device, then look again.

    Raises:
        DeviceChanged: it is gone, or its owner registered it again, so it isn't lost.
        OnboardError: as `survey`, or IAM rejects it.
    """
    with administrator(context, report, code) as client:
        report(Progress(f"Removing the MFA device of {name}"))
        if device not in _owner(client, name, own_profile(context).serial).devices:
            raise DeviceChanged(
                "Nothing was removed",
                f"{name}'s devices have changed since they were shown.",
                why="This one was removed or registered again.",
                next="Read the list again, and remove only what is still lost.",
            )
        iam.remove_mfa_device(client, name, device.serial)
        return _found(client, context, report)


def _found(client: AwsClient, context: Context, report: Report) -> Found:
    owners = []
    for name in context.decisions.mfa_reset:
        context.raise_if_cancelled()
        report(Progress(f"Asking which devices {name} has"))
        owners.append(_owner(client, name, own_profile(context).serial))
    account_id = located(context)[1].account_id or ""
    partition = next((owner.partition for owner in owners if owner.partition), "aws")
    where = sign_in_url(iam.account_alias(client) or account_id, partition)
    return Found(tuple(owners), account_id, where)


def _owner(client: AwsClient, name: str, own: str) -> Owner:
    arn = iam.find_user(client, name)
    if arn is None:
        return Owner(name, exists=False)
    devices = [
        *(
            Device(device.serial, _WORDS[device.kind], device.enabled_at, device.serial == own)
            for device in iam.list_mfa_devices(client, name)
        ),
        *(Device(serial, _WORDS[MfaDeviceKind.APP], None) for serial in iam.unused_mfa_devices(client, name)),
    ]
    one_time = iam.password_state(client, name) is iam.PasswordState.ONE_TIME
    return Owner(name, True, tuple(devices), partition_of(arn), one_time)


def text_for(name: str, places: Mapping[str, Place], context: Context) -> str:
    """Return the message with the person's next steps; nothing in it is secret.

    Args:
        places: where they sign in, by account.
    """
    project = context.facts["project"]
    where = " and ".join(f"{account} ({place.account_id})" for account, place in places.items())
    pages = " and at ".join(context.environment.open_page(place.sign_in) for place in places.values())
    several = len(places) > 1
    new = [account for account, place in places.items() if place.one_time]
    which = "your password, which stays the same."
    if new:
        whose = f"In {' and '.join(new)} that" if len(new) < len(places) else "That"
        which = f"your password. {whose} is the one-time password from your latest handoff."
    lost = f"devices in the AWS accounts {where}" if several else f"device in the AWS account {where}"
    return f"""Hello,

Your MFA {lost} of {project} {"were" if several else "was"} removed; you can sign in \
without a code until you register another one. Please do that today: until then you may not be \
able to do much else there.

If you use iam-onboard, choose "Set up my access" there. By hand{", in each account" * several}:

1. Sign in at {pages} as {name}, with {which}
2. At the top right, under your name: "Security credentials", then "Assign MFA device".
3. Choose "Authenticator app", not a passkey: a passkey gives no codes for the command line. Enter two \
codes, one after the other.
4. Sign out, then sign in again with a code.
5. If you use profiles in ~/.aws/{project}: put the new device's identifier (it begins with arn:) in the \
mfa_serial lines.
"""


def hand_out_text(name: str, places: Mapping[str, Place], context: Context) -> ToSend:
    """Hand out that text; `places` as there.

    Raises:
        OnboardError: it can't be copied or saved.
    """
    text = text_for(name, places, context)
    return hand_out(f"What {name} does next", text, f"mfa-{name}.txt", context.environment)


def validate(request: Request, _context: Context) -> list[Problem]:
    """Require a look; warn about people who still have a device."""
    if request.found is None:
        return [Problem("Ask AWS for the devices first.")]
    return [
        Problem(f"{owner.name} still has a device: {owner.devices[0].serial}.", "devices", fatal=False)
        for owner in request.found.owners
        if owner.devices and owner.name not in {name for name, _ in request.removed}
    ]


def outcome(request: Request) -> Facts:
    """Return the people with the devices removed now, and the people without any."""
    people = by_key(request.removed)
    owners = request.found.owners if request.found else ()
    none = [owner.name for owner in owners if not owner.devices and owner.name not in people]
    return {"people": people, "none": none}


def perform(request: Request, context: Context, _report: Report) -> Facts:
    """Record the removed devices, where their owners sign in, and who had no other device then."""
    at, found = context.environment.now().isoformat(timespec="seconds"), request.found or Found(())
    there = {"account_id": found.account_id, "sign_in": found.sign_in}
    people = {name for name, _ in request.removed}
    without = [owner.name for owner in found.owners if owner.name in people and not owner.devices]
    one_time = [owner.name for owner in found.owners if owner.one_time]
    reset = {"at": at, **there, **outcome(request), "without": without, "one_time": one_time}
    return {"mfa_devices_reset": reset}


def place(name: str, fact: Mapping[str, Any]) -> Place:
    """Return where somebody whose device was removed signs in, by an account's fact."""
    return Place(fact["account_id"], fact["sign_in"], name in fact.get("one_time", ()))


def nothing_removed(fact: Mapping[str, Any], account: str) -> list[Sentence]:
    """Yield a sentence for each person who had no device to remove in an account."""
    names = read(list[str], fact.get("none") or [], "mfa_devices_reset.none")
    return [f"{name} has no MFA device in {account}; nothing was removed" for name in names]


def observe(context: Context) -> Observation:
    """Agree if nothing was removed; otherwise await people without a device until AWS is asked: `inquire`."""
    fact = context.facts["mfa_devices_reset"]
    if not fact["people"]:
        return Observation(Verdict.AS_DECIDED, at=fact["at"])
    without = read(list[str], fact.get("without") or [], "mfa_devices_reset.without")
    look = context.observed.get(StepKey("mfa-reset", context.item))
    unasked = look is None or (look.verdict is Verdict.AWAITED and not look.asked)
    return replace(_awaited(without, context), at=fact["at"]) if without and unasked else NOT_ASKED


def _awaited(names: Sequence[str], context: Context) -> Observation:
    waits = tuple((NO_MFA_YET, name, context.item) for name in names)
    return Observation(Verdict.AWAITED, waits_in_words(waits), (*names,), waits=waits)


guarded_look = CODED


def inquire(context: Context) -> Observation:
    """Check whether people whose device was removed have one again, if AWS can be asked without a code.

    If nobody is awaited, the result is about people who no longer have a user.

    Raises:
        OnboardError: AWS can't be asked.
    """
    names = context.facts["mfa_devices_reset"]["people"]
    if not names:
        return NOT_ASKED
    with client_without_code("iam", context, "whether they have another device") as client:
        there = [name for name in names if iam.find_user(client, name) is not None]
        without = tuple(name for name in there if not iam.list_mfa_devices(client, name))
    if without:
        return _awaited(without, context)
    return replace(AGREES, about=tuple(name for name in names if name not in there))
