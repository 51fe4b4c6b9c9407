"""Terraform's failures in words: the cause where it is known, what to do, and the whole diagnostic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.errors import OnboardError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.services.terraform.events import Diagnostic


@dataclass(frozen=True)
class LockInfo:
    """Who holds a state's lock, in Terraform's words.

    Attributes:
        lock_id: what `force-unlock` wants.
        who: person and machine ("jane@laptop").
        operation: what is done under the lock ("OperationTypeApply").
        created: since when ("2026-02-03 10:20:30.1 +0000 UTC").
        path: which state.
    """

    lock_id: str
    who: str
    operation: str
    created: str
    path: str


class LockHeld(OnboardError):  # noqa: N818 - named as the message is
    """Somebody else's run holds the state's lock; `lock` says who, since when."""

    def __init__(self, lock: LockInfo, detail: str) -> None:
        super().__init__(
            "The state is locked",
            f"{lock.who or 'Somebody'} has held its lock since {lock.created or 'an unknown time'}.",
            why=(
                f"Another run ({lock.operation or 'unknown'}) is working on this state, or was killed "
                f"while it did."
            ),
            next="Wait for it and try again. Only if that run is surely dead, release the lock by force.",
            detail=detail,
        )
        self.lock = lock


@dataclass(frozen=True)
class _Cause:
    pattern: re.Pattern[str]
    title: str
    why: str
    next: str


def _cause(pattern: str, title: str, why: str, what_next: str) -> _Cause:
    return _Cause(re.compile(pattern, re.IGNORECASE | re.DOTALL), title, why, what_next)


_SIGN_IN = (
    "Renew the credentials of the layer's profile (sign in again, or enter a new MFA code), then try again."
)

_CAUSES = (
    _cause(
        r"ExpiredToken|token (?:included in the request )?(?:is|has) expired|SSO session.*expired|"
        r"RequestExpired|refresh(?:ing)? cached (?:SSO )?(?:token|credentials)",
        "The credentials have expired",
        "The temporary credentials that Terraform was given are no longer valid.",
        _SIGN_IN,
    ),
    _cause(
        r"InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|AuthFailure",
        "AWS does not accept the credentials",
        "The access key is unknown, inactive or damaged, or this machine's clock is more than five "
        "minutes off.",
        "Check the profile that the layer names, and the clock; then try again.",
    ),
    _cause(
        r"no valid credential sources?|NoCredentialProviders|failed to get shared config profile|"
        r"shared config profile.*(?:not found|does not exist)|no EC2 IMDS role found",
        "There are no credentials for the layer's profile",
        "The profile that the layer names is not in the project's AWS files, or it cannot be used "
        "as it is there.",
        "Add the profile to the project's config and credentials files, then try again.",
    ),
    _cause(
        r"AccessDenied|not authorized to perform|UnauthorizedOperation|Access Denied",
        "AWS denied it",
        "The role that the layer's profile assumes may not do this, or may do it only after "
        "signing in with MFA.",
        "Ask somebody with administrator rights in this account, or use the profile that has them.",
    ),
    _cause(
        r"parsing given PGP key|decoding given PGP key|setting up encryption for PGP|"
        r"cannot encrypt a message to key",
        "A PGP key cannot be used",
        "AWS provider could not encrypt to it. The IAM user exists now, without a password.",
        "Replace the key in the PGP keys step, then plan again: the login profile will be what is "
        "left to add.",
    ),
    _cause(
        r"EntityAlreadyExists|already exists",
        "It exists already",
        "AWS has something of that name which this state does not know: made by hand, by another "
        "layer, or by an "
        "apply that was killed. Account aliases must differ from everybody else's in AWS.",
        "Import it into the state or choose another name, then plan again.",
    ),
    _cause(
        r"DeleteConflict",
        "It is still in use",
        "AWS keeps a user or group that something is attached to which Terraform does not know.",
        "Detach in the console what was attached there (keys, MFA device, policies), then plan again.",
    ),
    _cause(
        r"LimitExceeded|quota",
        "A limit of the account is reached",
        "AWS allows only so many of these (two access keys a user, ten groups a user).",
        "Remove what is not needed or ask AWS for more, then plan again.",
    ),
    _cause(
        r"Throttling|Rate exceeded|TooManyRequests",
        "AWS asks to go slower",
        "Too many requests were made in a short time.",
        "Wait a minute and try again.",
    ),
    _cause(
        r"Saved plan is stale|saved plan does not match the given state",
        "The plan is older than the state",
        "Somebody applied something to this state after the plan was made.",
        "Plan again and look at what is left.",
    ),
    _cause(
        r"Unsupported Terraform Core version|Unsupported OpenTofu Core version|created by a newer version|"
        r"was created by Terraform v|does not support Terraform version",
        "This version cannot be used here",
        "The layer or its state was made for another version of the program.",
        "Install the version that Terraform names below, then try again.",
    ),
    _cause(
        r"does not have the expected content|digest",
        "The state and its checksum differ",
        "A run was killed between writing the state and its checksum, or S3 has not caught up yet.",
        "Wait a minute and try again. If it stays, the digest in the lock table has to be set by hand.",
    ),
    _cause(
        r"NoSuchBucket|bucket does not exist",
        "The state's bucket is not there",
        "The backend file names a bucket that this account does not have.",
        "Check the account's config/backend.tfvars and the profile in it.",
    ),
    _cause(
        r"Provider dependency changes|Inconsistent dependency lock file|lock file is (?:read-?only|"
        r"inconsistent)|"
        r"checksums? (?:that )?(?:previously )?recorded|read-only mode",
        "The lock file does not fit",
        "Its providers or their checksums are not those that this layer needs on this machine.",
        "Upgrade the providers on purpose (the lock file becomes part of the diff), or get the "
        "committed one back.",
    ),
    _cause(
        r"Backend configuration changed|Backend initialization required|Backend type changed",
        "The backend was changed",
        "Where the state is kept is not what this checkout was initialised with.",
        "Initialise again with reconfigure, if the new place is the right one.",
    ),
    _cause(
        r"no such host|connection refused|network is unreachable|i/o timeout|send request failed|"
        r"could not connect|TLS handshake timeout|Failed to query available provider packages",
        "Cannot reach the network",
        "A server that Terraform needs (AWS, the registry, or a module's repository) did not answer.",
        "Check the connection, the VPN and the proxy, then try again.",
    ),
)


def failure(operation: str, layer: str, diagnostics: Sequence[Diagnostic], text: str) -> OnboardError:
    """Put a failed run into words.

    Args:
        operation: what failed ("init", "plan", "apply", …).
        layer: where.
        diagnostics: Terraform's errors, if it spoke in events.
        text: its output as text, for what has no diagnostics; "" if there is none.

    Returns:
        An error with Terraform's own words as detail; `LockHeld` if that is what it is.
    """
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.is_error]
    detail = "\n\n".join(diagnostic.as_text() for diagnostic in errors) or from_first_error(text)
    lock = read_lock(detail)
    if lock is not None:
        return LockHeld(lock, detail)
    cause = next((cause for cause in _CAUSES if cause.pattern.search(detail)), None)
    what = f"Terraform's {operation} failed in {layer}."
    if cause is None:
        return OnboardError(
            f"The {operation} failed",
            what,
            next="Read Terraform's own words below, put it right, and try again; this step stays open.",
            detail=detail,
        )
    return OnboardError(cause.title, what, why=cause.why, next=cause.next, detail=detail)


def read_lock(text: str) -> LockInfo | None:
    """Who holds the lock, from Terraform's message about it; None if the text is about something else."""
    if not re.search(r"acquiring the state lock|state lock", text, re.IGNORECASE) or "Lock Info" not in text:
        return None
    values = dict(re.findall(r"^\s*(ID|Path|Operation|Who|Created):[ \t]*(.*?)[ \t]*$", text, re.MULTILINE))
    return LockInfo(
        lock_id=values.get("ID", ""),
        who=values.get("Who", ""),
        operation=values.get("Operation", ""),
        created=values.get("Created", ""),
        path=values.get("Path", ""),
    )


def from_first_error(text: str) -> str:
    """A text output from its first error on, without the frame that Terraform draws around errors."""
    lines = [re.sub(r"^[╷╵│]\s?", "", line) for line in text.splitlines()]
    first = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), None)
    return "\n".join(lines if first is None else lines[first:]).strip()


def needs_init(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether a plan failed only because the layer has to be initialised."""
    asked = re.compile(r"terraform init|tofu init", re.IGNORECASE)
    return any(
        diagnostic.is_error and asked.search(f"{diagnostic.summary}\n{diagnostic.detail}")
        for diagnostic in diagnostics
    )
