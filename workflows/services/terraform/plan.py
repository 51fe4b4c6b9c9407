"""A plan read as a person would: who is concerned, what happens to them, and what does not belong here.

Values never leave this module but for names (of users, groups, roles): `show -json` of a plan carries the
state, and with it ciphertexts and a plaintext mail password.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


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
ACCOUNT_TYPES = ("aws_iam_account_alias", "aws_iam_account_password_policy")


@dataclass(frozen=True)
class ResourceChange:
    """One resource that the plan changes.

    Attributes:
        address: Terraform's address of it.
        type: the resource's type ("aws_iam_user").
        action: what happens to it.
        reason: Terraform's word for why ("replace_by_request", "tainted"), or "".
        user: the IAM user it is about, by name, or None.
        group: the IAM group it is about, by name, or None.
        joining: users that a group gains.
        leaving: users that a group loses.
        members_unknown: True if Terraform knows the members only after the apply.
        attributes: names of the attributes that change, sorted; never their values.
        imported: True if it is taken into the state from outside.
        moved_from: the address it had in the state before, or "".
    """

    address: str
    type: str
    action: Action
    reason: str = ""
    user: str | None = None
    group: str | None = None
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    members_unknown: bool = False
    attributes: tuple[str, ...] = ()
    imported: bool = False
    moved_from: str = ""

    @property
    def destroys(self) -> bool:
        """Whether something that exists is destroyed, for good or to be made anew."""
        return self.action in {Action.DELETE, Action.REPLACE}

    @property
    def is_account_setting(self) -> bool:
        """Whether it is the account's alias or its password policy."""
        return self.type in ACCOUNT_TYPES


@dataclass(frozen=True)
class OutputChange:
    """An output that changes, without its values."""

    name: str
    action: Action
    sensitive: bool


@dataclass(frozen=True)
class Split:
    """A plan's changes, divided by whether they belong to what is being done."""

    belonging: tuple[ResourceChange, ...]
    foreign: tuple[ResourceChange, ...]


@dataclass(frozen=True)
class Plan:
    """What a plan file will do.

    Attributes:
        changes: every managed resource that changes, in the plan's order; nothing that stays as it is.
        outputs: every output that changes.
        drift: resources that were changed outside of Terraform, as Terraform noticed.
        terraform_version: the version that made it.
        errored: True if planning failed in part; such a plan cannot be applied.
    """

    changes: tuple[ResourceChange, ...]
    outputs: tuple[OutputChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    terraform_version: str = ""
    errored: bool = False

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
        """Changes that destroy something and make it anew; of a login profile it means a new password."""
        return tuple(change for change in self.changes if change.action is Action.REPLACE)

    @property
    def users(self) -> tuple[str, ...]:
        """Every user that a change is about, or that joins or leaves a group, sorted."""
        names = {change.user for change in self.changes if change.user}
        for change in self.changes:
            names |= {*change.joining, *change.leaving}
        return tuple(sorted(names))

    def counts(self) -> Mapping[Action, int]:
        """How many changes there are of each action; actions without any are left out."""
        found = [change.action for change in self.changes]
        return {action: found.count(action) for action in Action if action in found}

    def about(self, people: Collection[str], groups: Collection[str] = (), *, account: bool = False) -> Split:
        """Divide the changes into those that belong to what is being done, and foreign ones.

        A change of a group's members belongs if every user that joins or leaves is among the people, or the
        group itself is among the groups.

        Args:
            people: IAM names of the users that were chosen.
            groups: names of the groups that were edited.
            account: whether the account's alias or password policy was edited.
        """
        chosen, edited = frozenset(people), frozenset(groups)
        belonging = [change for change in self.changes if _belongs(change, chosen, edited, account=account)]
        foreign = [change for change in self.changes if not _belongs(change, chosen, edited, account=account)]
        return Split(tuple(belonging), tuple(foreign))


def read_plan(show_json: Mapping[str, Any]) -> Plan:
    """Read what `terraform show -json PLANFILE` answered (format 0.2 to 1.x; unknown fields are ignored)."""
    owners = _Owners(show_json.get("resource_changes", ()))
    changes = tuple(_changes(show_json.get("resource_changes", ()), owners))
    outputs = tuple(
        OutputChange(name, action, _sensitive(change))
        for name, change in show_json.get("output_changes", {}).items()
        if (action := _action(change["actions"])) is not Action.NOTHING
    )
    return Plan(
        changes=changes,
        outputs=outputs,
        drift=tuple(
            change
            for change in _changes(show_json.get("resource_drift", ()), owners)
            if change.action is not Action.UPDATE or change.attributes
        ),
        terraform_version=str(show_json.get("terraform_version", "")),
        errored=bool(show_json.get("errored", False)),
    )


def _belongs(
    change: ResourceChange, people: frozenset[str], groups: frozenset[str], *, account: bool
) -> bool:
    if change.is_account_setting:
        return account
    if change.group is not None:
        if change.group in groups:
            return True
        moving = {*change.joining, *change.leaving}
        return (
            change.type == GROUP_MEMBERS and bool(moving) and moving <= people and not change.members_unknown
        )
    return change.user in people


@dataclass
class _Owners:
    """Finds the user or group that a resource without a name of its own belongs to, through its module."""

    entries: Iterable[Mapping[str, Any]]
    users: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.entries:
            module = str(entry.get("module_address", ""))
            if not module or entry.get("mode") != "managed":
                continue
            values = _known(entry["change"])
            if entry["type"] == USER and isinstance(values.get("name"), str):
                self.users[module] = values["name"]
            elif entry["type"] == GROUP and isinstance(values.get("name"), str):
                self.groups[module] = values["name"]


def _changes(entries: Iterable[Mapping[str, Any]], owners: _Owners) -> Iterable[ResourceChange]:
    for entry in entries:
        if entry.get("mode") != "managed":
            continue
        change = entry["change"]
        action = _action(change["actions"])
        moved_from = str(entry.get("previous_address") or "")
        imported = bool(change.get("importing"))
        if action is Action.NOTHING and not moved_from and not imported:
            continue
        joining, leaving, unknown = _members(entry["type"], change)
        user, group = _about(entry, owners)
        yield ResourceChange(
            address=str(entry["address"]),
            type=str(entry["type"]),
            action=action,
            reason=str(entry.get("action_reason") or ""),
            user=user,
            group=group,
            joining=joining,
            leaving=leaving,
            members_unknown=unknown,
            attributes=_changed_attributes(change) if action in {Action.UPDATE, Action.REPLACE} else (),
            imported=imported,
            moved_from=moved_from,
        )


def _about(entry: Mapping[str, Any], owners: _Owners) -> tuple[str | None, str | None]:
    kind, values, module = entry["type"], _known(entry["change"]), str(entry.get("module_address", ""))
    if kind == USER:
        return values.get("name") or owners.users.get(module), None
    if kind == GROUP:
        return None, values.get("name") or owners.groups.get(module)
    if isinstance(values.get("group"), str):
        return None, values["group"]
    if isinstance(values.get("user"), str):
        return values["user"], None
    return owners.users.get(module), owners.groups.get(module)


def _members(kind: str, change: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    if kind != GROUP_MEMBERS:
        return (), (), False
    before = {name for name in (change.get("before") or {}).get("users") or () if name}
    after_values = (change.get("after") or {}).get("users")
    unknown_users = (change.get("after_unknown") or {}).get("users", False)
    unknown = unknown_users is True or (isinstance(unknown_users, list) and any(unknown_users))
    after = {name for name in after_values or () if name}
    leaving = () if unknown else tuple(sorted(before - after))
    return tuple(sorted(after - before)), leaving, unknown


def _known(change: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is known of a resource: its values before, overlaid by those after that are known already."""
    after = {name: value for name, value in (change.get("after") or {}).items() if value is not None}
    return {**(change.get("before") or {}), **after}


def _action(actions: list[str]) -> Action:
    if "create" in actions and ("delete" in actions or "forget" in actions):
        return Action.REPLACE
    for action in (Action.CREATE, Action.UPDATE, Action.DELETE, Action.FORGET):
        if action in actions:
            return action
    return Action.NOTHING


def _changed_attributes(change: Mapping[str, Any]) -> tuple[str, ...]:
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    # Providers fill what was left out with an empty value, which is no difference to anybody.
    names = {name for name in {*before, *after} if (before.get(name) or None) != (after.get(name) or None)}
    return tuple(sorted(names | {name for name, value in unknown.items() if _anything(value)}))


def _anything(unknown: object) -> bool:
    """Whether a part of `after_unknown` marks anything: it nests as the values do."""
    if isinstance(unknown, dict):
        return any(_anything(value) for value in unknown.values())
    if isinstance(unknown, list):
        return any(_anything(value) for value in unknown)
    return bool(unknown)


def _sensitive(change: Mapping[str, Any]) -> bool:
    return bool(change.get("before_sensitive")) or bool(change.get("after_sensitive"))
