"""What a module block makes: IAM users, a group, or the account's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.layer.document import Block

_USER_ATTRIBUTES = frozenset(
    {
        "pgp_key",
        "create_iam_user_login_profile",
        "create_iam_access_key",
        "create_login_profile",
        "create_access_key",
    }
)


def is_user(block: Block) -> bool:
    """Whether a module block makes IAM users."""
    return not _USER_ATTRIBUTES.isdisjoint(block.names) or _source_ends(block, "iam-user")


def is_group(block: Block) -> bool:
    """Whether a module block makes an IAM group."""
    return "group_users" in block.names or _source_ends(block, "iam-group")


def is_account(block: Block) -> bool:
    """Whether a module block sets the account's alias and password policy."""
    return "account_alias" in block.names or _source_ends(block, "iam-account")


def _source_ends(block: Block, name: str) -> bool:
    text = (block.source_of("source") or "").strip('"').partition("?")[0]
    return text.rstrip("/").rpartition("/")[2].startswith(name)
