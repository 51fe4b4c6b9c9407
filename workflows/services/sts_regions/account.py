"""An account about itself: which regions it uses, and which tokens its global STS endpoint gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence
from workflows.services.aws_errors import AwsError, calling_aws
from workflows.services.clients import AwsClient, ClientFactory, Credentials
from workflows.services.sts import SHORTEST_SESSION, assume_role, caller_identity
from workflows.services.sts_regions.answers import OptIn

_Value = TypeVar("_Value")

# ec2:DescribeRegions, OptInStatus
_EC2: Mapping[str, OptIn] = {
    "opt-in-not-required": OptIn.DEFAULT,
    "opted-in": OptIn.IN,
    "not-opted-in": OptIn.OUT,
}
# account:ListRegions, RegionOptStatus; what is under way is neither
_LISTED: Mapping[str, OptIn] = {
    "ENABLED_BY_DEFAULT": OptIn.DEFAULT,
    "ENABLED": OptIn.IN,
    "DISABLED": OptIn.OUT,
}
_PAGE = 50
_VERSIONS = {1: "v1Token", 2: "v2Token"}


@dataclass(frozen=True)
class Account:
    """What an account says of itself.

    Attributes:
        opt_in: whether it uses a region, for those that were told.
        token_version: 1 or 2, or None.
        remarks: what could not be read, each a sentence.
    """

    opt_in: Mapping[str, OptIn] = field(default_factory=dict)
    token_version: int | None = None
    remarks: tuple[Sentence, ...] = ()


@dataclass(frozen=True)
class Access:
    """How somebody acts in an account.

    Attributes:
        account_id: the account that has to answer.
        region: where it is asked about itself.
        signing: credentials of the account, or those that take on the role.
        role_arn: the role to take on, or "".
        external_id: what its trust policy may ask for, or None.
    """

    account_id: str
    region: str
    signing: Credentials
    role_arn: str = ""
    external_id: str | None = None


@contextmanager
def acting(factory: ClientFactory, access: Access) -> Iterator[Credentials]:
    """Credentials that act in the account, checked to be of it; those of a role are dropped afterwards.

    Raises:
        AwsError: they do not work.
        OnboardError: another account answers.
    """
    role: Credentials | None = None
    try:
        with factory.client("sts", access.signing, access.region) as client:
            if access.role_arn:
                role, arn = assume_role(
                    client, access.role_arn, external_id=access.external_id, seconds=SHORTEST_SESSION
                )
                answering = arn.split(":")[4]
            else:
                answering = caller_identity(client).account
        if answering != access.account_id:
            raise OnboardError(
                "Wrong account",
                f"The profile answers for the account {answering}, and {access.account_id} is meant.",
                next="Correct the profile in the project's credentials, then ask again.",
            )
        yield role or access.signing
    finally:
        if role is not None:
            role.drop()


def read_account(factory: ClientFactory, access: Access) -> Account:
    """Ask an account about itself; what it does not let be read is a remark.

    Raises:
        AwsError: the credentials do not work.
        OnboardError: another account answers.
    """
    remarks: list[str] = []

    def tried(words: str, read: Callable[[], _Value]) -> _Value | None:
        try:
            return read()
        except AwsError as error:
            remarks.append(f"{words} could not be read: {error.title}.")
            return None

    region = access.region
    with acting(factory, access) as own:
        opt_in = tried("The opt-in status of the regions", lambda: opt_in_status(factory, own, region))
        version = tried("The global endpoint's token version", lambda: token_version(factory, own, region))
    return Account(opt_in or {}, version, tuple(remarks))


def opt_in_status(factory: ClientFactory, own: Credentials, region: str) -> dict[str, OptIn]:
    """Whether the account uses each region: from the account service, else from EC2, whose client is heavier.

    Raises:
        AwsError: neither may be asked.
    """
    doing = "asking which regions the account uses"
    try:
        with calling_aws(doing), factory.client("account", own, region) as client:
            return _listed_regions(client)
    except AwsError:
        with calling_aws(doing), factory.client("ec2", own, region) as ec2:
            found = ec2.describe_regions(AllRegions=True)["Regions"]
            return {one["RegionName"]: _EC2.get(one.get("OptInStatus", ""), OptIn.UNKNOWN) for one in found}


def _listed_regions(client: AwsClient) -> dict[str, OptIn]:
    pages = client.get_paginator("list_regions").paginate(PaginationConfig={"PageSize": _PAGE})
    return {
        one["RegionName"]: _LISTED.get(one["RegionOptStatus"], OptIn.UNKNOWN)
        for page in pages
        for one in page["Regions"]
    }


def token_version(factory: ClientFactory, own: Credentials, region: str) -> int | None:
    """The version of the tokens that the global endpoint gives: 1 works in the default regions, 2 in all.

    Raises:
        AwsError: it may not be read.
    """
    with calling_aws("reading the account's summary"), factory.client("iam", own, region) as iam:
        version = iam.get_account_summary()["SummaryMap"].get("GlobalEndpointTokenVersion")
    return int(version) if version is not None else None


def set_token_version(factory: ClientFactory, own: Credentials, region: str, version: int) -> None:
    """Let the global endpoint give tokens of version 1 or 2.

    Raises:
        AwsError: it may not be set.
    """
    with (
        calling_aws("setting which tokens the global endpoint gives"),
        factory.client("iam", own, region) as iam,
    ):
        iam.set_security_token_service_preferences(GlobalEndpointTokenVersion=_VERSIONS[version])
