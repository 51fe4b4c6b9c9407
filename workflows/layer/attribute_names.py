"""The names of a module's attributes, which version 6 of terraform-aws-iam changed (its UPGRADE-6.0.md).

Everything else asks by the older name; what a block of the newer version calls it is found here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.layer.document import Attribute, Block

_SINCE_6 = {
    "create_iam_user_login_profile": "create_login_profile",
    "create_iam_access_key": "create_access_key",
    "group_users": "users",
}
_REF = re.compile(r"[?&]ref=v?(\d+)\.")
_VERSION = re.compile(r"(\d+)")


def name_in(block: Block, attribute: str) -> str:
    """What a module block calls an attribute that is asked for by its older name."""
    newer = _SINCE_6.get(attribute)
    if newer is None or attribute in block.names:
        return attribute
    older = any(one in block.names for one in _SINCE_6)
    return newer if newer in block.names or (not older and (version_of(block) or 0) > 5) else attribute


def attribute_of(block: Block, attribute: str) -> Attribute | None:
    """An attribute of a module block by its older name, or None."""
    return block.attributes.get(name_in(block, attribute))


def version_of(block: Block) -> int | None:
    """The major version of a module that its `version` or its source's `ref` names, or None."""
    found = _REF.search(block.source_of("source") or "") or _VERSION.search(block.source_of("version") or "")
    return int(found[1]) if found is not None else None
