"""What the services tell of regions: account:ListRegions, which moto lacks, EC2's part and IAM's."""

from __future__ import annotations

from typing import Any

from workflows.sandbox.strict.identity import Call, Operation
from workflows.sandbox.strict.protocol import Reason, refuse
from workflows.sandbox.strict.state import all_regions


def check_used(call: Call) -> None:
    """Refuse what is sent to a region's STS that the caller's account has not opted into.

    Raises:
        Refusal: the region knows none of the account's keys, and says no more than that.
    """
    if call.request.service == "sts" and _status(call, call.request.authorization.region) == "DISABLED":
        raise refuse(call.request, Reason.UNKNOWN_KEY)


def _list_regions(call: Call) -> dict[str, Any]:
    """All of them on one page: there are fewer than a page holds."""
    return {
        "Regions": [{"RegionName": name, "RegionOptStatus": _status(call, name)} for name in all_regions()]
    }


def _status(call: Call, region: str) -> str:
    return call.state.regions.status(call.identity.account_id, region)


def _describe_regions(call: Call) -> dict[str, Any] | None:
    """All regions with their opt-in status, or those that the account uses; one by one moto answers."""
    if any(name.startswith(("RegionName", "Filter")) for name in call.request.parameters):
        return None
    words = {"ENABLED_BY_DEFAULT": "opt-in-not-required", "ENABLED": "opted-in", "DISABLED": "not-opted-in"}
    every = call.request.parameters.get("AllRegions")
    return {
        "Regions": [
            {
                "RegionName": name,
                "Endpoint": f"ec2.{name}.amazonaws.com",
                "OptInStatus": words[_status(call, name)],
            }
            for name in all_regions()
            if every or _status(call, name) != "DISABLED"
        ]
    }


def _get_account_summary(call: Call) -> dict[str, Any]:
    version = call.state.regions.token_versions.get(call.identity.account_id, 1)
    summary = call.backend.account_summary.summary_map
    return {"SummaryMap": {**summary, "GlobalEndpointTokenVersion": version}}


OPERATIONS: dict[str, Operation] = {"ListRegions": _list_regions}
EC2_OPERATIONS: dict[str, Operation] = {"DescribeRegions": _describe_regions}
IAM_OPERATIONS: dict[str, Operation] = {"GetAccountSummary": _get_account_summary}
