"""A session in which a person manages their own access keys: begun with the key in hand and an MFA code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event

from workflows.aws import iam, sts
from workflows.aws.clients import AwsClient, ClientFactory, Credentials
from workflows.aws.errors import AwsError, AwsFailure, asked
from workflows.core.counts import count
from workflows.core.errors import OnboardError
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, joined
from workflows.environment import World
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.own_access_key import KeyInHand, KeyPlace, check_owner, code_device, load_key
from workflows.steps.shared.own_identity import identity_of

LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class KeySession:
    """The user's keys in AWS (`OwnKeys` of a rotation).

    Attributes:
        client: of IAM, in the session.
        clients: makes further clients.
        who: whose session it is.
        serial: of their code device, or None.
        now: the clock (UTC).
        cancelled: set when the person wants to stop.
        used: the id of the access key that it began with.
    """

    client: AwsClient
    clients: ClientFactory
    who: sts.Identity
    serial: str | None
    now: Callable[[], datetime]
    cancelled: Event
    used: str

    def listed(self) -> tuple[iam.AccessKey, ...]:
        """See `OwnKeys`."""
        return iam.list_access_keys(self.client)

    def create(self) -> tuple[str, Secret]:
        """See `OwnKeys`; where there are two already, the error shows both and says what to do."""
        try:
            return iam.create_access_key(self.client)
        except AwsError as error:
            if error.failure is AwsFailure.LIMIT:
                raise two_keys(self.listed(), self.now(), self.used) from None
            raise

    def set_active(self, access_key_id: str, *, active: bool) -> None:
        """See `OwnKeys`."""
        iam.set_access_key_active(self.client, access_key_id, active=active)

    def delete(self, access_key_id: str) -> None:
        """See `OwnKeys`."""
        iam.delete_access_key(self.client, access_key_id)

    def prove(self, key: Credentials) -> None:
        """See `OwnKeys`."""
        found = usable_identity(key, self.clients, self.cancelled)
        if found.arn != self.who.arn:
            raise OnboardError(
                "Another user's access key",
                f"{key.access_key_id} belongs to {found.arn}, not to {self.who.arn}.",
                next="Find out who else writes where your key is kept.",
            )


def usable_identity(key: Credentials, clients: ClientFactory, cancelled: Event) -> sts.Identity:
    """Whose key it is, as soon as AWS knows it: a new one takes some seconds.

    Raises:
        OnboardError: it is not usable, or the person stopped the wait.
    """
    with clients.client("sts", key) as client:
        return iam.wait_until_usable(
            lambda: sts.caller_identity(client),
            cancelled=cancelled,
            monotonic=time.monotonic,
            timeout=LONGEST_WAIT_SECONDS,
        )


def devices_of(key: Credentials, clients: ClientFactory) -> tuple[iam.MfaDevice, ...]:
    """The MFA devices of a key's user, the oldest first; none if the key may not ask.

    Raises:
        AwsError: they cannot be asked for, or the key is not known.
    """
    with clients.client("iam", key) as client:
        return asked(lambda: iam.list_mfa_devices(client), ())


def device_of(key: Credentials, clients: ClientFactory) -> str | None:
    """The serial of the device whose code a session needs; None without one, or if the key may not ask.

    Raises:
        AwsError: it cannot be asked, or the key is not known.
    """
    return code_device(devices_of(key, clients))


def devices_of_new_key(
    key: Credentials, clients: ClientFactory, cancelled: Event
) -> tuple[iam.MfaDevice, ...]:
    """As `devices_of`, of a key that STS knows already: IAM may learn of it some seconds later.

    Raises:
        OnboardError: IAM does not know it in time, or the person stopped the wait.
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
    world: World,
    cancelled: Event,
    check: Callable[[sts.Identity], None] = lambda _who: None,
) -> Iterator[KeySession]:
    """Begin a session; its credentials are dropped at the end.

    Args:
        key: the key in hand.
        code: of the MFA device; "" where the user has none (a machine user): then the key itself is used.
        clients: makes the AWS clients.
        world: the person's world.
        cancelled: set when the person wants to stop.
        check: raises for a wrong owner, before the code is spent.

    Raises:
        OnboardError: the key is not usable, the code is not accepted, or it is missing.
    """
    serial = device_of(key, clients)
    if code and serial is None:
        raise OnboardError(
            "No device that gives codes",
            "You have no authenticator app registered in AWS.",
            next="Do the step “MFA” first, or make the key in the console.",
        )
    if serial is not None and not code:
        raise OnboardError(
            "AWS needs a code",
            f"AWS lets you change your keys only with a code of {serial}.",
            next="Enter the six digits that your app shows now.",
        )
    with clients.client("sts", key) as client:
        who = sts.caller_identity(client)
        check(who)
        session = sts.session_token(client, serial, code, memory=world.codes) if serial else replace(key)
    try:
        with clients.client("iam", session) as client:
            yield KeySession(client, clients, who, serial, world.now, cancelled, key.access_key_id)
    finally:
        if session.session_token is not None:
            session.drop()


def key_lines(keys: Sequence[iam.AccessKey], now: datetime) -> list[Sentence]:
    """Each key in a line: its id, whether it works, its age, its last use."""
    return [
        f"{key.access_key_id}  {'active' if key.active else 'inactive'},"
        f" {count(key.age_days(now), 'day')} old (made {key.created:%Y-%m-%d}), {_use(key, now)}"
        for key in keys
    ]


def two_keys(keys: Sequence[iam.AccessKey], now: datetime, used: str) -> OnboardError:
    """The refusal where there is no room for one more: both keys, and which one can go.

    Args:
        keys: both.
        now: the time.
        used: the id of the one that the person works with; it is never the one that can go.
    """
    inactive = [key for key in keys if not key.active]
    if inactive:
        spare = inactive[0].access_key_id
        advice = f"{spare} is inactive, so nothing uses it: delete it (rotating offers it), and come back."
    else:
        spare = next(key.access_key_id for key in keys if key.access_key_id != used)
        advice = (
            f"{spare} isn't the one that you just used. If nothing needs it, deactivate it in the"
            " console (Security credentials), check for some days that nothing breaks, delete it, and come"
            " back."
        )
    return OnboardError(
        "Two access keys already",
        joined(("A user has at most two access keys, and you have two:", *key_lines(keys, now)), "\n"),
        next=advice,
    )


def _use(key: iam.AccessKey, now: datetime) -> Sentence:
    if not key.last_use_known:
        return "last use unknown"
    if key.last_used is None:
        return "never used"
    days = max(0, (now - key.last_used).days)
    where = f" ({key.last_used_service})" if key.last_used_service else ""
    moment = f"{count(days, 'day')} ago" if days else "today"
    return f"last used {moment}{where}"


@contextmanager
def made_key(
    path: str, code: str, context: Context, clients: ClientFactory, report: Report
) -> Iterator[tuple[Credentials, KeySession]]:
    """A new key and the session that made it, which began with an MFA code; deleted again if the block fails.

    Args:
        path: the CSV file of the key that is there already, as typed; "" takes the one that is kept.
        code: the six digits.
        context: of the step.
        clients: makes the AWS clients.
        report: hears what is done.

    Raises:
        OnboardError: there is no usable key or no device, the code is not accepted, or there are two keys
            already.
    """
    identity = identity_of(context)
    place = KeyPlace.FILE if path.strip() else KeyPlace.KEPT
    old = load_key(KeyInHand(place, path), context)
    report(Progress("Starting a session with your MFA code"))
    try:
        with key_session(
            old, code, clients, context.world, context.cancelled, lambda who: check_owner(who, identity)
        ) as session:
            report(Progress("Creating the access key"))
            with created_key(session) as key:
                yield key, session
    finally:
        old.drop()


@contextmanager
def created_key(session: KeySession) -> Iterator[Credentials]:
    """A new key; deleted again if the block fails.

    Raises:
        OnboardError: it cannot be made; or it could not be deleted, which the sentence says.
    """
    key_id, secret = session.create()
    key = Credentials(key_id, secret)
    try:
        yield key
    except BaseException as failure:
        _undo(session, key_id, failure)
        raise
    finally:
        key.drop()


def _undo(session: KeySession, key_id: str, failure: BaseException) -> None:
    """Delete a key whose secret is lost now; says so if even that fails."""
    try:
        session.delete(key_id)
    except AwsError as error:
        reason = failure.what if isinstance(failure, OnboardError) else type(failure).__name__
        raise OnboardError(
            "A key is left over",
            f"The new access key {key_id} could neither be kept nor deleted again.",
            why=reason,
            next=f"Delete {key_id} in the console: Security credentials, Access keys.",
            detail=error.detail,
        ) from None
