"""account:ListRegions, which moto does not have."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.session import Session

from workflows.sandbox.strict.call import Call, Operation
from workflows.sandbox.strict.refusal import Refusal

# Enabled in every account and cannot be disabled:
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
_ENABLED_BY_DEFAULT = frozenset(
    (
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
        *(
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
        ),
        *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    )
)


@cache
def _regions() -> tuple[str, ...]:
    return tuple(sorted(Session().get_available_regions("ec2")))


def _list_regions(call: Call) -> dict[str, Any]:
    wanted = call.request.parameters.get("RegionOptStatusContains")
    size = int(call.text("MaxResults") or 20)
    if not 1 <= size <= 50:
        raise Refusal("ValidationException", "MaxResults must be between 1 and 50.")
    known = [
        {
            "RegionName": name,
            "RegionOptStatus": "ENABLED_BY_DEFAULT" if name in _ENABLED_BY_DEFAULT else "DISABLED",
        }
        for name in _regions()
        if name > call.text("NextToken")
    ]
    chosen = [region for region in known if not wanted or region["RegionOptStatus"] in wanted]
    page = chosen[:size]
    answer: dict[str, Any] = {"Regions": page}
    if len(chosen) > size:
        answer["NextToken"] = page[-1]["RegionName"]
    return answer


OPERATIONS: dict[str, Operation] = {"ListRegions": _list_regions}
