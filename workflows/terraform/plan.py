"""A plan for people: who is affected, and how; read from its `show -json`.

That output carries the state, with ciphertexts and a mail password in clear text. So its values are only used
as names (of users, groups, roles), as import ids, and in the masked lines of `attributes`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflows.terraform.attributes import attribute_lines, marks_anything


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
        address: the resource's address.
        type: the resource's type ("aws_iam_user").
        action: what happens to it.
        user: the name of the IAM user it concerns, or None.
        group: the name of the IAM group it concerns, or None.
        joining: users that a group gains.
        leaving: users that a group loses.
        members_unknown: True if Terraform knows the members only after the apply.
        attributes: names of the changed attributes, sorted; never their values.
        import_id: for a created resource, the id for importing an existing one, or ""; see `ACCOUNT_ID`.
        details: the changes inside it, as lines safe to show (see `attributes`); secrets are masked.
        password_length: for a new login profile, the length of its password; else None.
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
        """The users that it concerns, including those who join or leave its group, each once."""
        return tuple(dict.fromkeys(name for name in (self.user, *self.joining, *self.leaving) if name))


@dataclass(frozen=True)
class OutputChange:
    """An output that changes, without its values."""

    name: str
    action: Action


@dataclass(frozen=True)
class Plan:
    """The effects of a plan file.

    Attributes:
        changes: every managed resource that changes, in the plan's order.
        outputs: every output that changes.
        drift: resources that Terraform found changed outside Terraform.
        accounts: the ids of the accounts of its IAM resources, as AWS reported them.
        least_password_length: the account's minimum password length after the apply; None if the layer has no
            such policy.
    """

    changes: tuple[ResourceChange, ...]
    outputs: tuple[OutputChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    accounts: frozenset[str] = frozenset()
    least_password_length: int | None = None

    def short_passwords(self, least: int) -> tuple[ResourceChange, ...]:
        """Return the new login profiles with passwords shorter than a policy allows."""
        return tuple(
            change for change in self.changes if change.password_length and change.password_length < least
        )

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change nothing, not even an output."""
        return not self.changes and not self.outputs

    @property
    def destroyed(self) -> tuple[ResourceChange, ...]:
        """The changes that destroy something for good."""
        return tuple(change for change in self.changes if change.action is Action.DELETE)

    @property
    def replaced(self) -> tuple[ResourceChange, ...]:
        """The changes that replace something; for a login profile that means a new password."""
        return tuple(change for change in self.changes if change.action is Action.REPLACE)

    @property
    def users(self) -> tuple[str, ...]:
        """Every user that a change concerns, including those who join or leave a group, sorted."""
        return tuple(sorted({name for change in self.changes for name in change.people}))

    def counts(self) -> dict[str, int]:
        """Count the resources to add, change and destroy; a replaced one counts as added and destroyed."""
        found = Counter(change.action for change in self.changes)
        replaced = found[Action.REPLACE]
        return {
            "add": found[Action.CREATE] + replaced,
            "change": found[Action.UPDATE],
            "destroy": found[Action.DELETE] + replaced,
        }


ACCOUNT_ID = "{account}"
"""The placeholder in an import id for the account's id, which a plan doesn't contain."""

_BY = {
    "aws_iam_user": "name",
    "aws_iam_user_login_profile": "user",
    "aws_iam_group": "name",
    "aws_iam_role": "name",
    "aws_iam_account_alias": "account_alias",
    "aws_iam_instance_profile": "name",
}

NOT_IMPORTABLE = {
    "aws_iam_access_key": (
        "An access key can't be imported with its secret: nobody can read the existing key's secret again."
    ),
}
"""Types that must be replaced even if one exists, and why."""
_OF_AN_ACCOUNT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):")


def read_plan(show_json: Mapping[str, Any]) -> Plan:
    """Read the output of `terraform show -json PLANFILE` (format 0.2 to 1.x; unknown fields are ignored)."""
    entries = show_json.get("resource_changes", ())
    owners = {kind: _by_module(entries, kind) for kind in (USER, GROUP)}
    lengths = (
        (entry["change"].get("after") or {}).get("minimum_password_length")
        for entry in entries
        if entry["type"] == PASSWORD_POLICY
    )
    outputs = show_json.get("output_changes", {})
    return Plan(
        changes=tuple(_changes(entries, owners)),
        outputs=tuple(
            OutputChange(name, action)
            for name, change in outputs.items()
            if (action := _action(change["actions"])) is not Action.NOTHING
        ),
        drift=tuple(
            change
            for change in _changes(show_json.get("resource_drift", ()), owners)
            if change.action is not Action.UPDATE or change.attributes
        ),
        accounts=_accounts_of(show_json.get("prior_state")),
        least_password_length=next((length for length in lengths if isinstance(length, int)), None),
    )


_Owners = Mapping[str, Mapping[str, str]]
"""The users and groups by type and module; resources there without a name belong to them."""


def _by_module(entries: Iterable[Mapping[str, Any]], kind: str) -> dict[str, str]:
    """Return the names of a type's resources by module address."""
    return {
        str(entry["module_address"]): name
        for entry in entries
        if entry["type"] == kind and entry.get("mode") == "managed" and entry.get("module_address")
        if isinstance(name := _known(entry["change"]).get("name"), str)
    }


def _changes(entries: Iterable[Mapping[str, Any]], owners: _Owners) -> Iterable[ResourceChange]:
    for entry in (entry for entry in entries if entry.get("mode") == "managed"):
        change = entry["change"]
        action = _action(change["actions"])
        if action is Action.NOTHING and not entry.get("previous_address") and not change.get("importing"):
            continue
        joining, leaving, unknown = _members(entry["type"], change)
        user, group = _about(entry, owners)
        yield ResourceChange(
            address=str(entry["address"]),
            type=str(entry["type"]),
            action=action,
            user=user,
            group=group,
            joining=joining,
            leaving=leaving,
            members_unknown=unknown,
            attributes=_changed_attributes(change) if action in {Action.UPDATE, Action.REPLACE} else (),
            import_id=import_id(entry["type"], _known(change)) if action is Action.CREATE else "",
            details=attribute_lines(change),
            password_length=_password_length(entry["type"], action, change),
        )


def _password_length(kind: str, action: Action, change: Mapping[str, Any]) -> int | None:
    made = kind == LOGIN_PROFILE and action in {Action.CREATE, Action.REPLACE}
    length = (change.get("after") or {}).get("password_length") if made else None
    return length if isinstance(length, int) else None


def _about(entry: Mapping[str, Any], owners: _Owners) -> tuple[str | None, str | None]:
    kind, values, module = entry["type"], _known(entry["change"]), str(entry.get("module_address", ""))
    if kind == USER:
        return values.get("name") or owners[USER].get(module), None
    if kind == GROUP:
        return None, values.get("name") or owners[GROUP].get(module)
    if isinstance(values.get("group"), str):
        return None, values["group"]
    if isinstance(values.get("user"), str):
        return values["user"], None
    return owners[USER].get(module), owners[GROUP].get(module)


def _members(kind: str, change: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    if kind != GROUP_MEMBERS:
        return (), (), False
    before = {name for name in (change.get("before") or {}).get("users") or () if name}
    unknown_users = (change.get("after_unknown") or {}).get("users", False)
    unknown = unknown_users is True or (isinstance(unknown_users, list) and any(unknown_users))
    after = {name for name in (change.get("after") or {}).get("users") or () if name}
    return tuple(sorted(after - before)), () if unknown else tuple(sorted(before - after)), unknown


def _known(change: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the known values of a resource: the old ones, overlaid by the new ones known already."""
    after = {name: value for name, value in (change.get("after") or {}).items() if value is not None}
    return {**(change.get("before") or {}), **after}


def _action(actions: list[str]) -> Action:
    if "create" in actions and ("delete" in actions or "forget" in actions):
        return Action.REPLACE
    known = (Action.CREATE, Action.UPDATE, Action.DELETE, Action.FORGET)
    return next((action for action in known if action in actions), Action.NOTHING)


def _changed_attributes(change: Mapping[str, Any]) -> tuple[str, ...]:
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    # Providers fill omitted attributes with empty values, which is no real difference.
    names = {name for name in {*before, *after} if (before.get(name) or None) != (after.get(name) or None)}
    return tuple(sorted(names | {name for name, value in unknown.items() if marks_anything(value)}))


def import_id(kind: str, values: Mapping[str, Any]) -> str:
    """Return the id for `terraform import`, or "" if there is none or it is unknown before the apply.

    The rules are those of the AWS provider's documentation (section "Import" of each resource). Group
    memberships, attachments and the password policy are left out on purpose: AWS accepts the same one twice,
    so an apply never fails because one exists.

    Args:
        kind: the resource's type.
        values: its known planned values.

    Returns:
        The id, possibly with `ACCOUNT_ID`.
    """
    if kind == "aws_iam_policy" and values.get("name"):
        return f"arn:aws:iam::{ACCOUNT_ID}:policy{values.get('path') or '/'}{values['name']}"
    value = values.get(_BY.get(kind, ""))
    return value if isinstance(value, str) else ""


def _accounts_of(prior_state: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the ids of the accounts whose users, groups, roles and policies a plan really read.

    A provider's profile can be a name that only Terraform can determine, or assume a role elsewhere. An IAM
    resource's ARN contains the account, as AWS just reported it.

    Args:
        prior_state: the refreshed state in `show -json PLANFILE`, or None.

    Returns:
        12-digit ids; none for a layer without resources.
    """
    values = (prior_state or {}).get("values") or {}
    own = (
        entry
        for entry in _managed(values.get("root_module") or {})
        if str(entry.get("type")).startswith("aws_iam_")
    )
    arns = (str((resource.get("values") or {}).get("arn")) for resource in own)
    return frozenset(found[1] for arn in arns if (found := _OF_AN_ACCOUNT.match(arn)))


def _managed(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the managed resources of a module in `show -json`, and of its child modules."""
    yield from (resource for resource in module.get("resources", ()) if resource.get("mode") == "managed")
    for child in module.get("child_modules", ()):
        yield from _managed(child)
