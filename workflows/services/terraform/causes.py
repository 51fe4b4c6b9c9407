"""What Terraform, the AWS provider and AWS say when something known goes wrong, and what it means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from workflows.core.sentences import Sentence


class InitWay(StrEnum):
    """An init that changes more than what is installed; only done when it is asked for."""

    UPGRADE = "upgrade"
    RECONFIGURE = "reconfigure"


@dataclass(frozen=True)
class Cause:
    """A known cause.

    Attributes:
        pattern: finds it in Terraform's words.
        title: a few words.
        why: what it means.
        next: what a person can do.
        way: the init that mends it, or None.
    """

    pattern: re.Pattern[str]
    title: Sentence
    why: Sentence
    next: Sentence
    way: InitWay | None = None


def _cause(pattern: str, title: str, why: str, what_next: str, way: InitWay | None = None) -> Cause:
    return Cause(re.compile(pattern, re.IGNORECASE | re.DOTALL), title, why, what_next, way)


_SIGN_IN = (
    "Renew the credentials of the layer's profile (sign in again, or enter a new MFA code), then try again."
)

_CAUSES = (
    _cause(
        r"errored\.tfstate|Failed to (?:save|persist) state",
        "The state could not be written",
        "The network or the credentials ended during the apply. What it made is in errored.tfstate in the "
        "layer's folder, and in no state.",
        "Once AWS can be reached again, press p to plan: you are asked first whether to write that state.",
    ),
    _cause(
        r"cannot (?:import|overwrite|write) .{0,60}(?:serial|lineage)|unrelated state with lineage|"
        r"state with serial",
        "The state that was left is another one",
        "The state in the backend is newer than errored.tfstate, or of another layer: it seems to have been "
        "written since.",
        "Compare the two (`terraform show errored.tfstate`, `terraform show`); if nothing is missing, remove "
        "errored.tfstate and plan again.",
    ),
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
        r"account[ _]?alias.{0,200}(?:EntityAlreadyExists|already exists)",
        "The account alias is taken",
        "Aliases must differ from everybody else's in AWS, and somebody has this one: another account, or "
        "this one from an apply that was killed.",
        "Choose another alias in the layer, then plan again; if it is this account's own, import it.",
    ),
    _cause(
        r"EntityAlreadyExists|already exists",
        "It exists already",
        "AWS has something of that name which this state does not know: made by hand, by another "
        "layer, or by an apply that was killed.",
        "Import it into the state (Recover in the Apply step) or choose another name, then plan again.",
    ),
    _cause(
        r"DeleteConflict",
        "It is still in use",
        "AWS keeps a user or group that something is attached to which Terraform does not know.",
        "Take away what is attached (keys, MFA device, policies): the Deactivate step lists it for somebody "
        "who leaves, the console for the rest. Then plan again.",
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
        r"checksums? (?:that )?(?:previously )?recorded|read-only mode|previously.selected version|"
        r"locked provider.{0,120}does not match configured version constraint",
        "The lock file does not fit",
        "Its providers or their checksums are not those that this layer needs on this machine.",
        "Upgrade the providers on purpose (the lock file becomes part of the diff), or get the "
        "committed one back.",
        InitWay.UPGRADE,
    ),
    _cause(
        r"Backend configuration changed|Backend initialization required|Backend type changed",
        "The backend was changed",
        "Where the state is kept is not what this checkout was initialised with.",
        "Initialise again with reconfigure, if the new place is the right one.",
        InitWay.RECONFIGURE,
    ),
    _cause(
        r"no such host|connection refused|network is unreachable|i/o timeout|send request failed|"
        r"could not connect|TLS handshake timeout|Failed to query available provider packages",
        "Cannot reach the network",
        "A server that Terraform needs (AWS, the registry, or a module's repository) did not answer.",
        "Check the connection, the VPN and the proxy, then try again.",
    ),
    _cause(
        r"acquiring the state lock.{0,600}(?:ConditionalCheckFailed|PreconditionFailed)",
        "The state is locked",
        "Another run holds its lock, or left it behind, and what the lock says of its holder cannot be read.",
        "Wait for that run and try again. If none goes on, look at the item in the lock table (or at the "
        ".tflock file in the bucket), and remove it there.",
    ),
)


def cause_of(words: str) -> Cause | None:
    """The known cause of a failure, by Terraform's words about it, however their lines are wrapped."""
    unwrapped = " ".join(words.split())
    return next((cause for cause in _CAUSES if cause.pattern.search(unwrapped)), None)


def says_it_exists(words: str) -> bool:
    """Whether a failure is that AWS has something of that name already."""
    return re.search(r"EntityAlreadyExists|already exists", words, re.IGNORECASE) is not None
