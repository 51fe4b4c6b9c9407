"""What is known of regions without asking: which there are, and whose STS endpoint nobody can switch."""

from __future__ import annotations

from functools import cache

from workflows.core.errors import OnboardError
from workflows.services.sts_regions.answers import OptIn, StsState

SOURCE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html"
"""The IAM User Guide, "AWS STS Regions and endpoints": which endpoints can be switched by hand.

US East (N. Virginia) cannot, and neither can any region that an account has to opt into: there STS is active
as soon as the region is.
"""
FIXED_REGIONS = frozenset({"us-east-1"})


@cache
def _session() -> object:
    import botocore.session  # noqa: PLC0415 - boto is slow to import

    return botocore.session.Session()


@cache
def regions_of(partition: str) -> tuple[str, ...]:
    """The regions of a partition that have STS, as botocore knows them, in alphabetical order.

    Raises:
        OnboardError: botocore does not know the partition.
    """
    session = _session()
    names = tuple(sorted(session.get_available_regions("sts", partition)))  # type: ignore[attr-defined]
    if not names:
        raise OnboardError(
            "The partition is not known",
            f"botocore knows no regions of the partition {partition}.",
            next="Update this program's boto3, and try again.",
        )
    return names


def partition_of_region(region: str) -> str:
    """The partition of a region: `aws`, `aws-cn`, `aws-us-gov`, ….

    Raises:
        OnboardError: botocore does not know the region.
    """
    import botocore.exceptions  # noqa: PLC0415 - boto is slow to import

    try:
        return str(_session().get_partition_for_region(region))  # type: ignore[attr-defined]
    except botocore.exceptions.UnknownRegionError as error:
        raise OnboardError(
            "The region is not known",
            f"botocore knows no region {region!r}.",
            next="Correct `region_primary` in config/common.tfvars.",
        ) from error


def settled(region: str, sts: StsState, opt_in: OptIn) -> StsState:
    """What an endpoint's own answer means, once it is known whether the account uses the region.

    Args:
        region: the region.
        sts: what its endpoint answered.
        opt_in: whether the account uses the region.
    """
    if sts is StsState.ACTIVE and (opt_in is OptIn.IN or region in FIXED_REGIONS):
        return StsState.FIXED
    if sts is StsState.NOT_OPTED_IN and opt_in in {OptIn.IN, OptIn.DEFAULT}:
        return StsState.UNKNOWN  # the region does not know the account's key, though the account uses it
    if sts is not StsState.ACTIVE and opt_in is OptIn.OUT:
        return StsState.NOT_OPTED_IN
    return sts
