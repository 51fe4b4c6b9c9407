"""In which accounts a plan found its IAM resources: whom its provider really talked to.

The profile of a provider can be a name that only Terraform works out, or take on a role elsewhere. What the
plan read says which account it was: an IAM resource's own ARN holds it, as AWS gave it just then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_OF_AN_ACCOUNT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):")


def accounts_of(prior_state: Mapping[str, Any] | None) -> frozenset[str]:
    """The ids of the accounts whose users, groups, roles and policies a plan read.

    Args:
        prior_state: that of `show -json PLANFILE`: the state after it was refreshed; None without one.

    Returns:
        Ids of twelve digits; none for a layer whose first resources are still to be made.
    """
    values = (prior_state or {}).get("values") or {}
    return frozenset(_accounts(values.get("root_module") or {}))


def _accounts(module: Mapping[str, Any]) -> Iterator[str]:
    for resource in module.get("resources", ()):
        if resource.get("mode") == "managed" and str(resource.get("type")).startswith("aws_iam_"):
            found = _OF_AN_ACCOUNT.match(str((resource.get("values") or {}).get("arn")))
            if found is not None:
                yield found.group(1)
    for child in module.get("child_modules", ()):
        yield from _accounts(child)
