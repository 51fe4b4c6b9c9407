"""The words for each kind of failure: AWS names codes, a person needs the cause and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.core.sentences import Sentence
from workflows.services.aws_failures import AwsFailure


@dataclass(frozen=True)
class Explanation:
    """The words for one kind of failure; the fields are those of `OnboardError`."""

    title: Sentence
    what: Sentence
    why: Sentence
    next: Sentence


EXPLANATIONS: Mapping[AwsFailure, Explanation] = {
    AwsFailure.NETWORK: Explanation(
        "AWS cannot be reached",
        "no answer came from AWS.",
        "The network is down, a VPN, proxy or firewall is in the way, or the region's name is wrong.",
        "Check the connection (does https://aws.amazon.com open?), then try again.",
    ),
    AwsFailure.NO_CREDENTIALS: Explanation(
        "No access key",
        "there is no complete access key to sign the request with.",
        "The profile has no access key, only half of one, or its credential_process gave none.",
        "Import or create an access key first, then try again.",
    ),
    AwsFailure.PROFILE: Explanation(
        "The profile files cannot be used",
        "the AWS profile files have no such profile, or a part of them cannot be read.",
        "A profile is missing or misspelt, a source_profile leads nowhere or in a circle, or a line is bad.",
        "Look at the details below, correct the file or write the profiles again.",
    ),
    AwsFailure.KEY_UNKNOWN: Explanation(
        "AWS does not know this access key",
        "AWS does not accept the access key.",
        "The key was deleted or made inactive, its id is mistyped, or it is so new (about ten seconds) that"
        " AWS does not know it everywhere yet.",
        "Wait a moment and try again. If it stays, create or import another access key.",
    ),
    AwsFailure.SIGNATURE: Explanation(
        "The secret access key is wrong",
        "the request's signature does not match the access key.",
        "The secret access key does not belong to this access key id: a character is missing, or they come"
        " from two different keys.",
        "Import the key again from its file, or create another one.",
    ),
    AwsFailure.CLOCK: Explanation(
        "This computer's clock is off",
        "AWS refuses requests whose time is more than five minutes off.",
        "The computer's clock differs from AWS's.",
        "Switch automatic time on in the system's settings, then try again.",
    ),
    AwsFailure.EXPIRED: Explanation(
        "The session has expired",
        "the temporary credentials are no longer valid.",
        "Sessions end after a set time.",
        "Enter a fresh MFA code to start a new one.",
    ),
    AwsFailure.SSO: Explanation(
        "Sign in to SSO again",
        "the SSO session has expired, or there is none.",
        "`aws sso login` begins one that lasts some hours and leaves a token here; AWS takes no other.",
        "Run `aws sso login` with the profile that is named below, then try again.",
    ),
    AwsFailure.DENIED: Explanation(
        "AWS does not allow this",
        "you are not allowed to do it.",
        "No policy of your groups allows it, or it is allowed only in a session that began with an MFA code.",
        "If you have an MFA device, begin with its code and try again. If you did, ask your administrator.",
    ),
    AwsFailure.DENIED_EXPLICITLY: Explanation(
        "AWS does not allow this without MFA",
        "one of your policies denies it.",
        "The usual policy denies nearly everything until you are signed in with an MFA code.",
        "Set up MFA, or enter a code from your device, and try again. If it stays, ask your administrator.",
    ),
    AwsFailure.MFA_CODE: Explanation(
        "The MFA code was not accepted",
        "AWS did not accept the six digits.",
        "They were mistyped, are too old, were used already (each code works once), or come from another"
        " device; or the phone's clock is off.",
        "Wait for the app's next code and enter that one.",
    ),
    AwsFailure.MFA_DEVICE: Explanation(
        "The MFA device does not fit",
        "AWS knows no such MFA device for you.",
        "Its serial number is wrong, or the device belongs to another user or account.",
        "Look it up again in the console: Security credentials, Multi-factor authentication.",
    ),
    AwsFailure.THROTTLED: Explanation(
        "AWS asks to slow down",
        "AWS got too many requests from this account.",
        "AWS limits how many requests an account may make in a second.",
        "Wait half a minute and try again.",
    ),
    AwsFailure.NOT_FOUND: Explanation(
        "AWS has no such thing",
        "what was asked for does not exist in this account.",
        "It was removed meanwhile, its name is misspelt, or this is another account.",
        "Check the name and the account, then try again.",
    ),
    AwsFailure.EXISTS: Explanation(
        "It exists already",
        "there is one of that name already.",
        "It was made earlier, perhaps by an attempt that was interrupted.",
        "Use the existing one, or have it deleted first.",
    ),
    AwsFailure.LIMIT: Explanation(
        "AWS allows no more of them",
        "the account or the user already has as many as AWS allows.",
        "A user has at most two access keys and eight MFA devices.",
        "Delete one that is no longer used, then try again.",
    ),
    AwsFailure.PASSWORD_POLICY: Explanation(
        "The password breaks the account's rules",
        "AWS does not accept this new password.",
        "The account has a password policy.",
        "Choose another one that keeps the rules shown.",
    ),
    AwsFailure.REGION_DISABLED: Explanation(
        "The region is switched off",
        "this account does not use that region.",
        "The region is not enabled for the account, or its STS endpoint is deactivated.",
        "Use one of the project's regions in the profile, or have the region activated.",
    ),
    AwsFailure.UNAVAILABLE: Explanation(
        "AWS is busy with it",
        "AWS cannot do it right now.",
        "AWS has a disturbance, or another change to the same thing is still under way.",
        "Wait a minute and try again; https://health.aws.amazon.com/health/status shows disturbances.",
    ),
    AwsFailure.INPUT: Explanation(
        "AWS does not understand the input",
        "a value has a form that AWS does not accept.",
        "",
        "Check what was entered, then try again.",
    ),
    AwsFailure.OTHER: Explanation(
        "AWS reported an error",
        "AWS answered with an error that this program has no words for.",
        "",
        "The details below are AWS's own words; try again, or show them to your administrator.",
    ),
}

NOT_AWS = Explanation(
    "AWS cannot be reached",
    "something answered, but it was not AWS.",
    "A sign-in page of the network (hotel, guest WLAN) or a proxy answers in AWS's place.",
    "Sign in to the network in a browser, or ask who looks after the proxy; then try again.",
)
_ABOVE = ("service control policy", "resource control policy", "permissions boundary", "session policy")
"""The policies that IAM's access denied messages name besides those of groups, users and roles."""


def denied_from_above(message: str) -> Explanation | None:
    """The words for a refusal by a policy that no group gives and no MFA code changes.

    Args:
        message: AWS's own; the form is that of "Access denied error messages" in the IAM User Guide.

    Returns:
        None if the message names no such policy.
    """
    policy = next((name for name in _ABOVE if name in message.lower()), None)
    if policy is None:
        return None
    return Explanation(
        "AWS does not allow this",
        f"a {policy} refuses it.",
        f"A {policy} sets the limit of what everybody below it may do, whatever their groups allow.",
        "Show the details below to whoever looks after the organization's accounts.",
    )


def local_aws_gone(address: str) -> Explanation:
    """The words for a silence of this computer itself, which stands in for AWS.

    Args:
        address: where AWS was to answer, on loopback.
    """
    return Explanation(
        "The local AWS does not answer",
        f"nothing answers at {address.rstrip('/')}.",
        "This address of your own computer stands in for AWS: in the sandbox, or by AWS_ENDPOINT_URL.",
        "In the sandbox quit (^q) and resume, which starts its AWS again. Else look at AWS_ENDPOINT_URL.",
    )
