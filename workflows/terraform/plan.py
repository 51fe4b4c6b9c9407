"""A plan as a person reads it: who is concerned, what happens to them, and what does not belong here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    FORGET = "forget"
    NOTHING = "no-op"


LOGIN_PROFILE = "aws_iam_user_login_profile"
ACCESS_KEY = "aws_iam_access_key"
USER = "aws_iam_user"
GROUP = "aws_iam_group"
GROUP_MEMBERS = "aws_iam_group_membership"
PASSWORD_POLICY = "aws_iam_account_password_policy"  # noqa: S105 - the type of a resource
ACCOUNT_TYPES = ("aws_iam_account_alias", PASSWORD_POLICY)


@dataclass(frozen=True)
class ResourceChange:
    """One resource that the plan changes.

    Attributes:
        address: Terraform's address of it.
        type: the resource's type ("aws_iam_user").
        action: what happens to it.
        user: the IAM user it is about, by name, or None.
        group: the IAM group it is about, by name, or None.
        joining: users that a group gains.
        leaving: users that a group loses.
        members_unknown: True if Terraform knows the members only after the apply.
        attributes: names of the attributes that change, sorted; never their values.
        import_id: of what is created, the id that it would be imported by if it exists already, or ""; see
            `plan_reader.ACCOUNT_ID`.
        details: what changes inside it, as lines that may be shown (see `attributes`); secrets are masked.
        password_length: of a login profile that is made, the characters of its password; None for all else.
    """

    address: str
    type: str
    action: Action
    user: str | None = None
    group: str | None = None
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    members_unknown: bool = False
    attributes: tuple[str, ...] = ()
    import_id: str = ""
    details: tuple[str, ...] = ()
    password_length: int | None = None

    @property
    def people(self) -> tuple[str, ...]:
        """The users that it is about, and who join or leave its group, each once."""
        named = (self.user, *self.joining, *self.leaving)
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass(frozen=True)
class OutputChange:
    """An output that changes, without its values."""

    name: str
    action: Action


@dataclass(frozen=True)
class Plan:
    """What a plan file will do.

    Attributes:
        changes: every managed resource that changes, in the plan's order; nothing that stays as it is.
        outputs: every output that changes.
        drift: resources that were changed outside of Terraform, as Terraform noticed.
        accounts: the ids of the accounts that its IAM resources are in, as AWS reported.
        least_password_length: the fewest characters that the account's password policy allows after it; None
            where no policy of the layer says so.
    """

    changes: tuple[ResourceChange, ...]
    outputs: tuple[OutputChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    accounts: frozenset[str] = frozenset()
    least_password_length: int | None = None

    def short_passwords(self, least: int) -> tuple[ResourceChange, ...]:
        """The login profiles that it makes with passwords of fewer characters than a policy allows."""
        return tuple(
            change for change in self.changes if change.password_length and change.password_length < least
        )

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change nothing, not even an output."""
        return not self.changes and not self.outputs

    @property
    def destroyed(self) -> tuple[ResourceChange, ...]:
        """Changes that destroy something for good."""
        return tuple(change for change in self.changes if change.action is Action.DELETE)

    @property
    def replaced(self) -> tuple[ResourceChange, ...]:
        """Changes that replace something; for a login profile that means a new password."""
        return tuple(change for change in self.changes if change.action is Action.REPLACE)

    @property
    def users(self) -> tuple[str, ...]:
        """Every user that a change is about, or that joins or leaves a group, sorted."""
        return tuple(sorted({name for change in self.changes for name in change.people}))

    def counts(self) -> dict[str, int]:
        """How many resources it adds, changes and destroys; a replaced one counts as added and destroyed."""
        found = Counter(change.action for change in self.changes)
        replaced = found[Action.REPLACE]
        return {
            "add": found[Action.CREATE] + replaced,
            "change": found[Action.UPDATE],
            "destroy": found[Action.DELETE] + replaced,
        }
