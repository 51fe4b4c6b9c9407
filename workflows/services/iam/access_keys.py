"""Access keys: made, listed with their last use, switched off, deleted, and waited for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any, TypeVar

from workflows.core.errors import Cancelled
from workflows.core.secret import Secret
from workflows.services.aws_errors import AwsError, AwsFailure, calling_aws
from workflows.services.clients import AwsClient
from workflows.services.iam.arguments import named, utc

OLD_KEY_DAYS = 90
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class AccessKey:
    """An access key without its secret, which AWS never shows again.

    Attributes:
        access_key_id: its id.
        active: whether it works.
        created: when (UTC).
        last_used: when it was used last (UTC); None if never, or if AWS did not tell.
        last_used_service: with which service ("s3"), or "".
        last_use_known: False if the user may not ask for the last use.
    """

    access_key_id: str
    active: bool
    created: datetime
    last_used: datetime | None
    last_used_service: str
    last_use_known: bool = True

    def age_days(self, now: datetime) -> int:
        """Its age in whole days at that time (timezone aware)."""
        return max(0, (now - self.created).days)

    def is_old(self, now: datetime) -> bool:
        """Whether it is older than 90 days and should be rotated."""
        return self.age_days(now) > OLD_KEY_DAYS


def list_access_keys(iam: AwsClient, user: str | None = None) -> tuple[AccessKey, ...]:
    """The user's access keys, the oldest first, each with its last use where that may be asked.

    Raises:
        AwsError: they could not be listed.
    """
    with calling_aws("listing your access keys"):
        pages = iam.get_paginator("list_access_keys").paginate(**named(user))
        found = [_access_key(iam, entry) for page in pages for entry in page["AccessKeyMetadata"]]
    return tuple(sorted(found, key=lambda key: key.created))


def create_access_key(iam: AwsClient, user: str | None = None) -> tuple[str, Secret]:
    """Create an access key: its id and its secret, which AWS tells this once.

    Raises:
        AwsError: `LIMIT` when the user has two already; anything else.
    """
    with calling_aws("creating an access key"):
        key = iam.create_access_key(**named(user))["AccessKey"]
    return key["AccessKeyId"], Secret(key["SecretAccessKey"])


def set_access_key_active(
    iam: AwsClient, access_key_id: str, *, active: bool, user: str | None = None
) -> None:
    """Activate or deactivate an access key.

    Raises:
        AwsError: it could not be changed.
    """
    status = "Active" if active else "Inactive"
    with calling_aws(f"{'activating' if active else 'deactivating'} the access key {access_key_id}"):
        iam.update_access_key(AccessKeyId=access_key_id, Status=status, **named(user))


def delete_access_key(iam: AwsClient, access_key_id: str, user: str | None = None) -> None:
    """Delete an access key for good.

    Raises:
        AwsError: it could not be deleted.
    """
    with calling_aws(f"deleting the access key {access_key_id}"):
        iam.delete_access_key(AccessKeyId=access_key_id, **named(user))


def wait_until_usable(
    ask: Callable[[], Answer],
    *,
    cancelled: Event,
    monotonic: Callable[[], float],
    pause: Callable[[float], object] | None = None,
    timeout: float = 60.0,
    in_a_row: int = 2,
) -> Answer:
    """Ask with a new access key until AWS knows it: that takes about ten seconds, and not everywhere at once.

    Args:
        ask: makes one signed request, such as `caller_identity`; its last answer is returned.
        cancelled: ends the wait.
        monotonic: the clock, in seconds.
        pause: waits that many seconds; None waits on `cancelled`, so a cancel comes through at once.
        timeout: for how many seconds a new key may stay unknown.
        in_a_row: so many good answers one after the other are needed.

    Raises:
        Cancelled: the person stopped it.
        AwsError: another failure than an unknown key, at once; that one when the time is over.
    """
    wait = pause or cancelled.wait
    deadline = monotonic() + timeout
    delay = 0.5
    good = 0
    while not cancelled.is_set():
        try:
            answer = ask()
        except AwsError as error:
            if (
                error.failure not in {AwsFailure.KEY_UNKNOWN, AwsFailure.THROTTLED}
                or monotonic() + delay > deadline
            ):
                raise
            good = 0
            wait(delay)
            delay = min(delay * 2, 5.0)
            continue
        good += 1
        if good >= in_a_row:
            return answer
        wait(0.2)
    raise Cancelled(
        "Stopped",
        "The check of the new access key was stopped.",
        next="The key exists; check it again when you like.",
    )


def _access_key(iam: AwsClient, entry: Mapping[str, Any]) -> AccessKey:
    """One listed key with its last use; older self-management policies do not allow that question."""
    try:
        with calling_aws("asking when an access key was used last"):
            use = iam.get_access_key_last_used(AccessKeyId=entry["AccessKeyId"])["AccessKeyLastUsed"]
        known = True
    except AwsError as error:
        if not error.denied:
            raise
        use, known = {}, False
    last_used = utc(use["LastUsedDate"]) if use.get("LastUsedDate") else None
    service = str(use.get("ServiceName", "")) if last_used else ""
    return AccessKey(
        entry["AccessKeyId"],
        entry["Status"] == "Active",
        utc(entry["CreateDate"]),
        last_used,
        service,
        known,
    )
