"""What the state knows of people: encrypted passwords, machine keys, groups, roles, account and alias.

Encrypted values are in the state whatever the outputs say, so nothing has to be marked as not sensitive.
The state also holds secrets in clear (`ses_smtp_password_v4`, and `secret` or `password` of what was made
without a PGP key): these are dropped as the text is read, and nothing here can give them away.

A plan file is a zip that holds the state it was made from. Only that state's mark, its lineage and serial, is
taken out of it, so that somebody else's apply since then is noticed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workflows.core.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLEAR = frozenset({"ses_smtp_password_v4", "ses_smtp_password", "secret", "password"})
_ROLE = re.compile(r"arn:(?P<partition>aws[a-z0-9-]*):iam::(?P<account>\d{12}|\*):role/(?P<name>[^*]+)\Z")
_OWNED = re.compile(
    r"arn:(?P<partition>aws[a-z0-9-]*):iam::(?P<account>\d{12}):(?:user|group|policy|role|mfa)/"
)


@dataclass(frozen=True)
class LoginProfile:
    """A person's console password, encrypted.

    Attributes:
        user: the IAM user's name.
        address: the resource's address, for `-replace`.
        encrypted_password: base64 of the OpenPGP message, or "" if the state has none.
        pgp_key: the public key it was made with, as the layer gave it (base64), or "".
        key_fingerprint: the provider's note of that key (40 hex digits), or "".
        clear: True if AWS's password is in the state unencrypted: it was made without a PGP key.
    """

    user: str
    address: str
    encrypted_password: str
    pgp_key: str
    key_fingerprint: str
    clear: bool


@dataclass(frozen=True)
class AccessKey:
    """A machine user's access key, its secret encrypted; fields as in `LoginProfile`."""

    user: str
    address: str
    access_key_id: str
    encrypted_secret: str
    pgp_key: str
    key_fingerprint: str
    status: str
    clear: bool


@dataclass(frozen=True, order=True)
class Role:
    """A role that a group lets its members assume."""

    account_id: str
    name: str
    arn: str


@dataclass(frozen=True)
class State:
    """What a layer's state says about identities. Every mapping is by IAM name.

    Attributes:
        users: user -> ARN.
        login_profiles: user -> login profile.
        access_keys: user -> access keys, in the state's order.
        groups: group -> names of its members, sorted.
        group_roles: group -> roles that its policies name in `sts:AssumeRole`, sorted.
        account_id: the account that the layer's own resources are in, or "" for an empty state.
        account_alias: the alias that the layer sets, or "".
        partition: "aws", "aws-us-gov", "aws-cn", …; "" for an empty state.
        addresses: the address of every managed resource.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    login_profiles: Mapping[str, LoginProfile] = field(default_factory=dict)
    access_keys: Mapping[str, tuple[AccessKey, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group_roles: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    account_id: str = ""
    account_alias: str = ""
    partition: str = ""
    addresses: tuple[str, ...] = ()

    def groups_of(self, user: str) -> tuple[str, ...]:
        """The groups that a user is in, sorted."""
        return tuple(sorted(group for group, members in self.groups.items() if user in members))

    def roles_of(self, user: str) -> tuple[Role, ...]:
        """The roles that a user may assume through its groups, by account and name, each once."""
        return tuple(
            sorted({role for group in self.groups_of(user) for role in self.group_roles.get(group, ())})
        )


def parse_state(text: str) -> State:
    """Read what `terraform show -json` answered for a state.

    Raises:
        ValueError: it is no JSON.
    """
    return read_state(parse_json(text, object_hook=without_clear_secrets))


def read_state(show_json: Mapping[str, Any]) -> State:
    """Read a state that was parsed already; secrets in clear are dropped as in `parse_state`."""
    reader = _Reader()
    root = (show_json.get("values") or {}).get("root_module") or {}
    for resource in _resources(root):
        if resource.get("mode") == "managed":
            reader.take(
                resource["type"], resource["address"], without_clear_secrets(dict(resource["values"]))
            )
    return reader.state()


def without_clear_secrets(values: dict[str, Any]) -> dict[str, Any]:
    """Drop secrets in clear, and note that there was one.

    Only plain texts are dropped: `password` may also be the name of an output, whose value is an object.
    """
    found = {name for name in _CLEAR & values.keys() if isinstance(values[name], str) and values[name]}
    kept = {name: value for name, value in values.items() if name not in found}
    if found & {"secret", "password"}:
        kept["_clear"] = True
    return kept


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _resources(child)


class _Reader:
    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        self.login_profiles: dict[str, LoginProfile] = {}
        self.access_keys: dict[str, list[AccessKey]] = {}
        self.members: dict[str, set[str]] = {}
        self.documents: dict[str, list[str]] = {}  # group -> inline policy documents
        self.policies: dict[str, str] = {}  # policy ARN -> document
        self.attached: dict[str, set[str]] = {}  # group -> policy ARNs
        self.accounts: Counter[tuple[str, str]] = Counter()
        self.alias = ""
        self.addresses: list[str] = []

    def take(self, kind: str, address: str, values: Mapping[str, Any]) -> None:
        self.addresses.append(address)
        if owned := _OWNED.match(str(values.get("arn") or "")):
            self.accounts[owned["partition"], owned["account"]] += 1
        match kind:
            case "aws_iam_user":
                self.users[values["name"]] = str(values.get("arn") or "")
            case "aws_iam_user_login_profile":
                self._take_login_profile(address, values)
            case "aws_iam_access_key":
                self._take_access_key(address, values)
            case "aws_iam_account_alias":
                self.alias = str(values.get("account_alias") or values.get("id") or "")
            case _:
                self._take_group_part(kind, values)

    def _take_login_profile(self, address: str, values: Mapping[str, Any]) -> None:
        self.login_profiles[values["user"]] = LoginProfile(
            user=values["user"],
            address=address,
            encrypted_password=values.get("encrypted_password") or "",
            pgp_key=values.get("pgp_key") or "",
            key_fingerprint=values.get("key_fingerprint") or "",
            clear=bool(values.get("_clear")),
        )

    def _take_access_key(self, address: str, values: Mapping[str, Any]) -> None:
        key = AccessKey(
            user=values["user"],
            address=address,
            access_key_id=values.get("id") or "",
            encrypted_secret=values.get("encrypted_secret") or "",
            pgp_key=values.get("pgp_key") or "",
            key_fingerprint=values.get("key_fingerprint") or "",
            status=values.get("status") or "",
            clear=bool(values.get("_clear")),
        )
        self.access_keys.setdefault(values["user"], []).append(key)

    def _take_group_part(self, kind: str, values: Mapping[str, Any]) -> None:
        match kind:
            case "aws_iam_group":
                self.members.setdefault(values["name"], set())
            case "aws_iam_group_membership":
                self.members.setdefault(values["group"], set()).update(values.get("users") or ())
            case "aws_iam_user_group_membership":
                for group in values.get("groups") or ():
                    self.members.setdefault(group, set()).add(values["user"])
            case "aws_iam_group_policy":
                self.documents.setdefault(values["group"], []).append(values.get("policy") or "")
            case "aws_iam_policy":
                self.policies[str(values.get("arn"))] = values.get("policy") or ""
            case "aws_iam_group_policy_attachment":
                self.attached.setdefault(values["group"], set()).add(values["policy_arn"])
            case "aws_iam_policy_attachment":
                for group in values.get("groups") or ():
                    self.attached.setdefault(group, set()).add(values["policy_arn"])

    def state(self) -> State:
        (partition, account), _ = self.accounts.most_common(1)[0] if self.accounts else (("", ""), 0)
        return State(
            users=self.users,
            login_profiles=self.login_profiles,
            access_keys={user: tuple(keys) for user, keys in self.access_keys.items()},
            groups={group: tuple(sorted(members)) for group, members in self.members.items()},
            group_roles={group: roles for group in self.members if (roles := self._roles(group))},
            account_id=account,
            account_alias=self.alias,
            partition=partition,
            addresses=tuple(self.addresses),
        )

    def _roles(self, group: str) -> tuple[Role, ...]:
        attached = (self.policies[arn] for arn in self.attached.get(group, ()) if arn in self.policies)
        documents = [*self.documents.get(group, ()), *attached]
        return tuple(sorted({role for document in documents for role in assumed_roles(document)}))


def assumed_roles(document: str) -> tuple[Role, ...]:
    """The roles that an IAM policy document allows to assume, sorted.

    Args:
        document: a policy as JSON. One that is no JSON names no role: AWS would not have taken it.

    Returns:
        Roles with a whole name; a wildcard in the account gives the account id "*", one in the name is left
        out.
    """
    try:
        statements = parse_json(document)["Statement"]
    except (ValueError, KeyError, TypeError):
        return ()
    found = set()
    for statement in _listed(statements):
        actions = {str(action).lower() for action in _listed(statement.get("Action"))}
        if statement.get("Effect") != "Allow" or not actions & {"sts:assumerole", "sts:*", "*"}:
            continue
        for resource in _listed(statement.get("Resource")):
            if role := _ROLE.match(str(resource)):
                found.add(Role(role["account"], role["name"].rpartition("/")[2], str(resource)))
    return tuple(sorted(found))


def _listed(value: Any) -> list[Any]:
    """A policy's field is one thing or a list of them."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
