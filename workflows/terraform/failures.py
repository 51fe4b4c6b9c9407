"""Terraform's failures: one table of known causes, matched by Terraform's messages, with explanations.

Code decides by the `Failure`; the sentences are for people. Two failures carry more: `LockHeld` has the
holder of the state's lock, `StateUnwritten` the file with a state that an apply could not write. That happens
when the network or the credentials fail during an apply: whatever it created is then recorded in
`errored.tfstate` and nowhere else, and another apply would create it again, forking the state. So no plan is
made before that state is written (`state push`). The file, which can contain secrets in clear text, is kept
private and removed afterwards.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, unique
from pathlib import Path
from typing import Final

from workflows.core.sentences import OnboardError, Sentence
from workflows.terraform.events import Diagnostic

PLAN_AGAIN: Final = "Plan again to see what is left."
UNWRITTEN_STATE: Final = "errored.tfstate"


class InitWay(StrEnum):
    """An init that changes more than the installation, so it only runs on request."""

    UPGRADE = "upgrade"
    RECONFIGURE = "reconfigure"


@dataclass(frozen=True)
class Cause:
    """A known cause.

    Attributes:
        pattern: the regular expression for Terraform's message.
        title: a few words.
        why: what it means.
        next: what a person can do.
    """

    pattern: str
    title: Sentence
    why: Sentence
    next: Sentence


_SIGN_IN = (
    "Renew the credentials of the layer's profile (sign in again, or enter a new MFA code), then try again."
)


@unique
class Failure(Enum):
    """The known causes of failures; the first match counts."""

    NOT_IN_AWS = Cause(
        r"Cannot import non-existent remote object",
        "There is nothing to import",
        "AWS has nothing with that name.",
        "Plan again: the apply will create it.",
    )
    IN_STATE = Cause(
        r"Resource already managed by",
        "It is already in the state",
        "Somebody has imported it already.",
        PLAN_AGAIN,
    )
    STATE_UNWRITTEN = Cause(
        r"errored\.tfstate|Failed to (?:save|persist) state",
        "Terraform couldn't write the state",
        "The network or the credentials failed during the apply. What it made is recorded only in "
        "errored.tfstate, in the layer's folder.",
        "Once you can reach AWS again, press p to plan. iam-onboard first asks whether to write that state.",
    )
    OTHER_STATE = Cause(
        r"cannot (?:import|overwrite|write) .{0,60}(?:serial|lineage)|unrelated state with lineage|"
        r"state with serial",
        "The states don't match",
        "The state in the backend is newer than errored.tfstate, or belongs to another layer. Somebody "
        "seems to have written it since.",
        "Compare the two (`terraform show errored.tfstate`, `terraform show`); if nothing is missing, remove "
        "errored.tfstate and plan again.",
    )
    EXPIRED = Cause(
        r"ExpiredToken|token (?:included in the request )?(?:is|has) expired|SSO session.*expired|"
        r"RequestExpired|refresh(?:ing)? cached (?:SSO )?(?:token|credentials)",
        "The credentials have expired",
        "The temporary credentials that Terraform got are no longer valid.",
        _SIGN_IN,
    )
    KEY_REFUSED = Cause(
        r"InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|AuthFailure",
        "AWS rejected the credentials",
        "The access key is unknown, inactive or damaged, or this computer's clock is more than five "
        "minutes off.",
        "Check the layer's profile and the clock, then try again.",
    )
    NO_CREDENTIALS = Cause(
        r"no valid credential sources?|NoCredentialProviders|failed to get shared config profile|"
        r"shared config profile.*(?:not found|does not exist)|no EC2 IMDS role found",
        "There are no credentials for the layer's profile",
        "The profile that the layer names isn't in the project's AWS files, or doesn't work as it is "
        "written there.",
        "Add the profile to the project's config and credentials files, then try again.",
    )
    DENIED = Cause(
        r"AccessDenied|not authorized to perform|UnauthorizedOperation|Access Denied",
        "AWS denied it",
        "The role that the layer's profile assumes may not do this, or may do it only after "
        "signing in with MFA.",
        "Ask somebody with administrator rights in this account, or use the profile that has them.",
    )
    PGP_KEY = Cause(
        r"parsing given PGP key|decoding given PGP key|setting up encryption for PGP|"
        r"cannot encrypt a message to key",
        "Can't use a PGP key",
        "The AWS provider couldn't encrypt to it. The IAM user exists now, without a password.",
        "Replace the key in the PGP keys step, then plan again. Only the login profile is left to add.",
    )
    ALIAS_TAKEN = Cause(
        r"account[ _]?alias.{0,200}(?:EntityAlreadyExists|already exists)",
        "This account alias is taken",
        "An alias must be unique in all of AWS. Another account has this one, or this account got it from "
        "an apply that was killed.",
        "Choose another alias in the layer, then plan again; if it is this account's own, import it.",
    )
    EXISTS = Cause(
        r"EntityAlreadyExists|already exists",
        "It already exists",
        "AWS has something with that name that isn't in this state. It was made by hand, by another layer, "
        "or by an apply that was killed.",
        "Import it into the state (Recover), or choose another name, then plan again.",
    )
    IN_USE = Cause(
        r"DeleteConflict",
        "It is still in use",
        "Terraform doesn't know everything that is attached to it, so AWS keeps it.",
        "Remove that, then plan again: Deactivate lists it for people who leave, the console for others.",
    )
    LIMIT = Cause(
        r"LimitExceeded|quota",
        "The account has reached a limit",
        "AWS limits how many there can be (two access keys and ten groups for each user).",
        "Remove what you don't need, or ask AWS for more. Then plan again.",
    )
    THROTTLED = Cause(
        r"Throttling|Rate exceeded|TooManyRequests",
        "AWS asks to slow down",
        "AWS got too many requests in a short time.",
        "Wait a minute and try again.",
    )
    STALE_PLAN = Cause(
        r"Saved plan is stale|saved plan does not match the given state",
        "The plan is older than the state",
        "Somebody has applied something to this state since the plan.",
        PLAN_AGAIN,
    )
    VERSION = Cause(
        r"Unsupported Terraform Core version|Unsupported OpenTofu Core version|created by a newer version|"
        r"was created by Terraform v|does not support Terraform version",
        "Can't use this version here",
        "The layer or its state needs another version of the program.",
        "Install the version that Terraform names below, then try again.",
    )
    CHECKSUM = Cause(
        r"does not have the expected content|digest",
        "The state and its checksum differ",
        "A run was killed between writing the state and its checksum, or S3 has not caught up yet.",
        "Wait a minute and try again. If that doesn't help, set the digest in the lock table by hand.",
    )
    NO_BUCKET = Cause(
        r"NoSuchBucket|bucket does not exist",
        "The state's bucket doesn't exist",
        "The backend file names a bucket that this account doesn't have.",
        "Check the account's config/backend.tfvars and the profile in it.",
    )
    LOCK_FILE = Cause(
        r"Provider dependency changes|Inconsistent dependency lock file|lock file is (?:read-?only|"
        r"inconsistent)|"
        r"checksums? (?:that )?(?:previously )?recorded|read-only mode|previously.selected version|"
        r"locked provider.{0,120}does not match configured version constraint",
        "The lock file doesn't fit",
        "Its providers or checksums aren't the ones that this layer needs on this machine.",
        "Upgrade the providers (the lock file then becomes part of the diff), or restore the committed "
        "lock file.",
    )
    BACKEND = Cause(
        r"Backend configuration changed|Backend initialization required|Backend type changed",
        "The backend has changed",
        "This checkout was initialised with another place for the state.",
        "If the new place is the right one, initialise again with reconfigure.",
    )
    NETWORK = Cause(
        r"no such host|connection refused|network is unreachable|i/o timeout|send request failed|"
        r"could not connect|could not resolve host|failed to connect|TLS handshake timeout|"
        r"Failed to query available provider packages",
        "Can't reach the network",
        "A server that Terraform needs (AWS, the registry, or a module's repository) didn't answer.",
        "Check the connection, the VPN and the proxy, then try again.",
    )
    LOCKED = Cause(
        r"acquiring the state lock.{0,600}(?:ConditionalCheckFailed|PreconditionFailed)",
        "The state is locked",
        "Another run holds its lock, or left it behind. iam-onboard can't read who holds it.",
        "Wait for that run and try again. If none is running, remove the item in the lock table (or the "
        ".tflock file in the bucket).",
    )
    HALTED = Cause(
        r"Error: execution halted",
        "Terraform was stopped",
        "It was asked to stop, and finished what it had begun.",
        PLAN_AGAIN,
    )


_INIT_WAYS: Final = {Failure.LOCK_FILE: InitWay.UPGRADE, Failure.BACKEND: InitWay.RECONFIGURE}
_ASKS_FOR_INIT: Final = re.compile(r"terraform init|tofu init", re.IGNORECASE)
_OPERATIONS = {
    "OperationTypeApply": "an apply",
    "OperationTypePlan": "a plan",
    "OperationTypeInvalid": "another command",
}


class TerraformFailed(OnboardError):  # noqa: N818 - named as what happened
    """A run that failed; `failure` is its cause, or None if unknown."""

    failure: Failure | None = None

    @property
    def way(self) -> InitWay | None:
        """The init that fixes it, or None if an init wouldn't help."""
        return _INIT_WAYS.get(self.failure) if self.failure else None


@dataclass(frozen=True)
class LockInfo:
    """The holder of a state's lock, as Terraform reports it.

    Attributes:
        lock_id: the id for `force-unlock`.
        who: person and machine ("jane@laptop").
        operation: the operation that holds the lock ("OperationTypeApply").
        created: since when ("2026-02-03 10:20:30.1 +0000 UTC").
    """

    lock_id: str
    who: str
    operation: str
    created: str

    @property
    def made_at(self) -> datetime | None:
        """Since when it is held, with time zone; None unless the text is in Go's format, in UTC."""
        try:
            moment = datetime.fromisoformat(self.created.removesuffix(" UTC").replace(" +", "+"))
        except ValueError:
            return None
        return moment if moment.tzinfo else None

    @property
    def purpose(self) -> Sentence:
        """The operation that holds the lock, for people ("an apply")."""
        return _OPERATIONS.get(self.operation, self.operation or "something unknown")


class LockHeld(TerraformFailed):
    """Somebody else's run holds the state's lock; `lock` has the holder and the time."""

    failure = Failure.LOCKED

    def __init__(self, lock: LockInfo, detail: str) -> None:
        super().__init__(
            "The state is locked",
            f"{lock.who or 'Somebody'} has held its lock since {lock.created or 'an unknown time'}.",
            why=(f"Another run ({lock.purpose}) is using this state, or was killed while it did."),
            next=(
                "Wait for it and try again. Release the lock by force only if you are sure that the run is "
                "dead."
            ),
            detail=detail,
        )
        self.lock = lock


def read_lock(text: str) -> LockInfo | None:
    """Read the lock's holder from Terraform's message; None for any other text."""
    if not re.search(r"acquiring the state lock|state lock", text, re.IGNORECASE) or "Lock Info" not in text:
        return None
    values = dict(re.findall(r"^\s*(ID|Operation|Who|Created):[ \t]*(.*?)[ \t]*$", text, re.MULTILINE))
    return LockInfo(
        lock_id=values.get("ID", ""),
        who=values.get("Who", ""),
        operation=values.get("Operation", ""),
        created=values.get("Created", ""),
    )


class StateUnwritten(OnboardError):  # noqa: N818 - it says what is wrong
    """A layer's last apply could not write its state."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            "The last apply couldn't write its state",
            f"What it made is recorded only in {file.name}, in the layer's folder {file.parent}.",
            why="The network or the credentials failed while it ran. A plan now would create it all again.",
            next=f"Write it to the state first (or run `terraform state push {file.name}` in that folder). "
            "Don't commit the file: it can hold secrets.",
        )
        self.file = file


def unwritten(layer: Path) -> Path | None:
    """Return the unwritten state in a layer's folder, or None."""
    file = layer / UNWRITTEN_STATE
    return file if file.is_file() else None


def refuse_unwritten(layer: Path) -> None:
    """Stop if the layer's last apply couldn't write its state.

    Raises:
        StateUnwritten: there is an unwritten state.
    """
    if file := unwritten(layer):
        raise StateUnwritten(file)


def keep_private(layer: Path) -> None:
    """Make the unwritten state in a layer's folder private, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        (layer / UNWRITTEN_STATE).chmod(0o600)


def failure_of(words: str) -> Failure | None:
    """Return the known cause of a failure by Terraform's message, however its lines are wrapped, or None."""
    text = " ".join(words.split())
    return next((found for found in Failure if re.search(found.value.pattern, text, re.IGNORECASE)), None)


def failure(
    operation: str, layer: str, diagnostics: Iterable[Diagnostic], text: str, program: str = "Terraform"
) -> TerraformFailed:
    """Describe a failed run as an error.

    Args:
        operation: what failed ("init", "plan", "apply", …).
        diagnostics: Terraform's errors, if it reported events.
        text: its output as text, used without diagnostics; or "".
        program: the product's name.

    Returns:
        An error with Terraform's own message as detail; `LockHeld` if the state is locked.
    """
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.is_error]
    detail = "\n\n".join(diagnostic.as_text() for diagnostic in errors) or from_first_error(text)
    if (lock := read_lock(detail)) is not None:
        return LockHeld(lock, detail)
    known = failure_of(detail)
    remedy = f"Read {program}'s own message below, fix the cause, and try again."
    cause = known.value if known else Cause("", f"The {operation} failed", "", remedy)
    what = f"{program}'s {operation} failed in {layer}."
    error = TerraformFailed(cause.title, what, why=cause.why, next=cause.next, detail=detail)
    error.failure = known
    return error


def from_first_error(text: str) -> str:
    """Return a text output from its first error on, without the frames that Terraform draws around errors."""
    lines = [re.sub(r"^[╷╵│]\s?", "", line) for line in text.splitlines()]
    first = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), None)
    return "\n".join(lines if first is None else lines[first:]).strip()


def needs_init(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether a plan failed because the layer needs an init."""
    return any(
        diagnostic.is_error and _ASKS_FOR_INIT.search(f"{diagnostic.summary}\n{diagnostic.detail}")
        for diagnostic in diagnostics
    )
