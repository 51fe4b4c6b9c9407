"""A plan as a person reads it: who is concerned, and what happens to them; read from its `show -json`.

Values are taken from that only as names (of users, groups, roles), as what an import would be called by, and
as the masked lines of `attributes`: it carries the state, and with it ciphertexts and a plaintext mail
password.
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
            `ACCOUNT_ID`.
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
        return tuple(dict.fromkeys(name for name in (self.user, *self.joining, *self.leaving) if name))


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


ACCOUNT_ID = "{account}"
"""Stands in an import id for the account's id, which a plan does not tell."""

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
        "An access key can't be imported with its secret: nobody will ever know the secret of the one that "
        "is there."
    ),
}
"""Types that are replaced although one is there, and why."""
_OF_AN_ACCOUNT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):")


def read_plan(show_json: Mapping[str, Any]) -> Plan:
    """Read what `terraform show -json PLANFILE` answered (format 0.2 to 1.x; unknown fields are ignored)."""
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
"""By type, the users and the groups by their module: resources without a name there are theirs."""


def _by_module(entries: Iterable[Mapping[str, Any]], kind: str) -> dict[str, str]:
    """The names of the resources of a type, by the address of their module."""
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
    """What is known of a resource: its values before, overlaid by those after that are known already."""
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
    # Providers fill what was left out with an empty value, which is no difference to anybody.
    names = {name for name in {*before, *after} if (before.get(name) or None) != (after.get(name) or None)}
    return tuple(sorted(names | {name for name, value in unknown.items() if marks_anything(value)}))


def import_id(kind: str, values: Mapping[str, Any]) -> str:
    """The id for `terraform import`, or "" where there is none or it is not known before the apply.

    The rules are those of the AWS provider's documentation (section "Import" of each resource). Group
    memberships, attachments and the password policy are left out on purpose: AWS takes the same one twice, so
    an apply never fails over one that is there already.

    Args:
        kind: the resource's type.
        values: its planned values that are known.

    Returns:
        The id; it may hold `ACCOUNT_ID`.
    """
    if kind == "aws_iam_policy" and values.get("name"):
        return f"arn:aws:iam::{ACCOUNT_ID}:policy{values.get('path') or '/'}{values['name']}"
    value = values.get(_BY.get(kind, ""))
    return value if isinstance(value, str) else ""


def _accounts_of(prior_state: Mapping[str, Any] | None) -> frozenset[str]:
    """The ids of the accounts whose users, groups, roles and policies a plan read: whom it really talked to.

    The profile of a provider can be a name that only Terraform works out, or assume a role elsewhere. An IAM
    resource's own ARN holds the account, as AWS gave it just then.

    Args:
        prior_state: that of `show -json PLANFILE`: the state after it was refreshed; None without one.

    Returns:
        Ids of twelve digits; none for a layer whose first resources are still to be made.
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
    """What a module of `show -json` has and manages, and the modules in it."""
    yield from (resource for resource in module.get("resources", ()) if resource.get("mode") == "managed")
    for child in module.get("child_modules", ()):
        yield from _managed(child)
