"""The identities in a state: encrypted passwords, machine keys, groups, roles, account and alias.

The state has encrypted values even without outputs, so no output needs to be marked as not sensitive.
It also contains secrets in clear text (`ses_smtp_password_v4`, and `secret` or `password` of resources made
without a PGP key): these are dropped while parsing, so that nothing here can leak them.

It is read with `state pull`, which starts no provider, or from its storage, since looking at a project must
not run the project's programs. Init's record in `.terraform` has the place. Only places that can be read
directly count: a file, or an object in a bucket that the layer's profile alone can open. Other places are
unknown.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.aws.clients import AwsClient
from workflows.aws.errors import AwsError, AwsFailure, calling_aws
from workflows.core.files import load_file, read_text
from workflows.core.grouping import by_key
from workflows.core.parsing import parse_json
from workflows.core.shapes import as_list
from workflows.terraform.record import StateMark, mark_of

MAX_BYTES = 100_000_000
_DEFAULT = "default"
_OWN_ACCESS = (
    *("role_arn", "assume_role", "assume_role_with_web_identity", "access_key", "token"),
    *("sse_customer_key", "shared_credentials_file", "shared_credentials_files", "shared_config_files"),
)
"""Settings of an S3 backend that change its credentials from those of the layer's profile."""
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
        encrypted_password: the OpenPGP message in base64, or "" if the state has none.
        pgp_key: the public key it was encrypted to, as in the layer (base64), or "".
        clear: True if the state has the password in clear text, because it was made without a PGP key.
    """

    user: str
    address: str
    encrypted_password: str
    pgp_key: str
    clear: bool


@dataclass(frozen=True)
class AccessKey:
    """A machine user's access key with encrypted secret; fields as in `LoginProfile`."""

    access_key_id: str
    encrypted_secret: str
    pgp_key: str
    status: str
    clear: bool


@dataclass(frozen=True, order=True)
class Role:
    """A role that a group lets its members assume."""

    account_id: str
    name: str


@dataclass(frozen=True)
class State:
    """The identities in a layer's state. Every mapping is by IAM name.

    Attributes:
        users: user -> ARN.
        forced: the users with `force_destroy`: removing them also removes their keys and devices.
        login_profiles: user -> login profile.
        access_keys: user -> access keys, in the state's order.
        groups: group -> names of its members, sorted.
        group_roles: group -> roles in its policies' `sts:AssumeRole` statements, sorted.
        account_id: the account of the layer's own resources, or "" for an empty state.
        account_alias: the layer's alias, or "".
        partition: "aws", "aws-us-gov", "aws-cn", …; "" for an empty state.
        addresses: the address of every managed resource.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    forced: frozenset[str] = frozenset()
    login_profiles: Mapping[str, LoginProfile] = field(default_factory=dict)
    access_keys: Mapping[str, tuple[AccessKey, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group_roles: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    account_id: str = ""
    account_alias: str = ""
    partition: str = ""
    addresses: tuple[str, ...] = ()

    def groups_of(self, user: str) -> tuple[str, ...]:
        """Return a user's groups, sorted."""
        return tuple(sorted(group for group, members in self.groups.items() if user in members))

    def roles_of(self, user: str) -> tuple[Role, ...]:
        """Return the roles that a user may assume through groups, each once, by account and name."""
        return tuple(
            sorted({role for group in self.groups_of(user) for role in self.group_roles.get(group, ())})
        )


def _read(resources: Iterable[Mapping[str, Any]]) -> State:
    """Read the identities from a state's resources, each with mode, type, address and values."""
    of: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    accounts: Counter[tuple[str, str]] = Counter()
    addresses = []
    for resource in (resource for resource in resources if resource["mode"] == "managed"):
        values = resource["values"] | {"_address": resource["address"]}
        of[resource["type"]].append(values)
        addresses.append(resource["address"])
        if owned := _OWNED.match(str(values.get("arn") or "")):
            accounts[owned["partition"], owned["account"]] += 1
    (partition, account), _ = accounts.most_common(1)[0] if accounts else (("", ""), 0)
    members, roles = _members(of), _roles(of)
    aliases = [alias.get("account_alias") or alias.get("id") or "" for alias in of["aws_iam_account_alias"]]
    keys = by_key((key["user"], key) for key in of["aws_iam_access_key"])
    return State(
        users={user["name"]: str(user.get("arn") or "") for user in of["aws_iam_user"]},
        forced=frozenset(user["name"] for user in of["aws_iam_user"] if user.get("force_destroy")),
        login_profiles={login["user"]: _login(login) for login in of["aws_iam_user_login_profile"]},
        access_keys={user: tuple(map(_access_key, own)) for user, own in keys.items()},
        groups={group: tuple(sorted({*names})) for group, names in members.items()},
        group_roles={group: roles[group] for group in members if roles.get(group)},
        account_id=account,
        account_alias=str(aliases[-1]) if aliases else "",
        partition=partition,
        addresses=tuple(addresses),
    )


def without_clear_secrets(values: dict[str, Any]) -> dict[str, Any]:
    """Drop secrets in clear text, and note that there was one.

    Only strings are dropped: `password` may also be an output's name, with an object as value.
    """
    found = {name for name in _CLEAR & values.keys() if isinstance(values[name], str) and values[name]}
    kept = {name: value for name, value in values.items() if name not in found}
    if found & {"secret", "password"}:
        kept["_clear"] = True
    return kept


def _texts(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values.get(name) or "" for name in (*names, "pgp_key")}


def _login(values: Mapping[str, Any]) -> LoginProfile:
    texts = _texts(values, "user", "encrypted_password")
    return LoginProfile(address=values["_address"], clear=bool(values.get("_clear")), **texts)


def _access_key(values: Mapping[str, Any]) -> AccessKey:
    return AccessKey(
        access_key_id=values.get("id") or "",
        clear=bool(values.get("_clear")),
        **_texts(values, "encrypted_secret", "status"),
    )


def _members(of: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """Return the users of each group, from group memberships and user memberships."""
    whole, own = of["aws_iam_group_membership"], of["aws_iam_user_group_membership"]
    pairs = [(resource["group"], user) for resource in whole for user in resource.get("users") or ()]
    pairs += [(group, resource["user"]) for resource in own for group in resource.get("groups") or ()]
    names = [resource["name"] for resource in of["aws_iam_group"]]
    names += [resource["group"] for resource in whole]
    return {name: [] for name in names} | by_key(pairs)


def _roles(of: Mapping[str, list[dict[str, Any]]]) -> dict[str, tuple[Role, ...]]:
    """Return the roles of each group, from inline and attached policies."""
    policies = {resource.get("arn"): resource.get("policy") or "" for resource in of["aws_iam_policy"]}
    documents = [(resource["group"], resource.get("policy") or "") for resource in of["aws_iam_group_policy"]]
    attached = [
        (resource["group"], resource["policy_arn"]) for resource in of["aws_iam_group_policy_attachment"]
    ]
    several = of["aws_iam_policy_attachment"]
    attached += [
        (group, resource["policy_arn"]) for resource in several for group in resource.get("groups") or ()
    ]
    documents += [(group, policies[arn]) for group, arn in attached if arn in policies]
    pairs = ((group, role) for group, document in documents for role in assumed_roles(document))
    return {group: tuple(sorted({*roles})) for group, roles in by_key(pairs).items()}


def assumed_roles(document: str) -> tuple[Role, ...]:
    """Return the roles that an IAM policy document allows to assume, sorted.

    Args:
        document: a policy as JSON. Invalid JSON gives no roles: AWS would have rejected it.

    Returns:
        Roles with a complete name; a wildcard for the account gives the id "*", names with wildcards are left
        out.
    """
    try:
        statements = as_list(parse_json(document)["Statement"])
    except (ValueError, KeyError, TypeError):
        return ()
    found = set()
    for statement in (own for own in statements if isinstance(own, Mapping)):
        actions = {str(action).lower() for action in as_list(statement.get("Action"))}
        if statement.get("Effect") == "Allow" and actions & {"sts:assumerole", "sts:*", "*"}:
            matches = (_ROLE.match(str(resource)) for resource in as_list(statement.get("Resource")))
            found |= {Role(role["account"], role["name"].rpartition("/")[2]) for role in matches if role}
    return tuple(sorted(found))


@dataclass(frozen=True)
class Bucket:
    """An S3 object with a state."""

    bucket: str
    key: str
    region: str


@dataclass(frozen=True)
class StoredState:
    """A state as read from its storage.

    Attributes:
        mark: its version.
        state: its identities.
    """

    mark: StateMark
    state: State


NEVER_WRITTEN = StoredState(StateMark("", 0), State())


def place_of(
    layer: Path, backend: Mapping[str, object], environment: Mapping[str, str], *, own_endpoint: bool = False
) -> Path | Bucket | None:
    """Return where a layer's state is stored, by init's record; None if unknown, or not readable directly.

    Args:
        layer: the layer's folder.
        backend: the type and settings of the backend that its files name. A record of another one, or none at
            all as after a failed init, doesn't say where the state is.
        environment: the person's environment, for Terraform's own variables.
        own_endpoint: whether to accept a backend with an endpoint other than AWS's, as in the sandbox.

    Raises:
        OSError: init's record can't be read.
    """
    data = layer / environment.get("TF_DATA_DIR", ".terraform")
    if not data.is_dir() or _workspace(data, environment) != _DEFAULT:
        return None
    try:
        noted = noted_backend(data)
        kind, settings = noted.get("type", "local"), noted.get("config") or {}
        if "type" not in backend or not _has({**settings, "type": kind}, backend):
            return None
    except (ValueError, AttributeError):
        return None
    if kind == "local":
        return layer / str(settings.get("path") or "terraform.tfstate")
    named = [str(settings.get(name) or "") for name in ("bucket", "key", "region")]
    own_settings = _OWN_ACCESS if own_endpoint else (*_OWN_ACCESS, "endpoint", "endpoints")
    plain = kind == "s3" and all(named[:2]) and not any(settings.get(name) for name in own_settings)
    return Bucket(*named) if plain else None


def kept_state(
    layer: Path,
    backend: Mapping[str, object],
    environment: Mapping[str, str],
    s3: Callable[[str | None], AbstractContextManager[AwsClient]],
    *,
    own_endpoint: bool,
) -> StoredState | None:
    """Read a layer's state from its storage; None if only Terraform can read it.

    Args:
        layer: as for `place_of`.
        backend: as for `place_of`.
        environment: as for `place_of`.
        s3: makes a client with the layer's profile, in a region or in the profile's own.
        own_endpoint: as for `place_of`.

    Raises:
        OnboardError: it can't be read.
        OSError: init's record can't be read.
    """
    place = place_of(layer, backend, environment, own_endpoint=own_endpoint)
    if isinstance(place, Bucket):
        with s3(place.region or None) as client:
            return _object(client, place)
    if place is None:
        return None
    return read_stored(read_text(place, MAX_BYTES)) if place.is_file() else NEVER_WRITTEN


def _object(s3: AwsClient, place: Bucket) -> StoredState | None:
    try:
        with calling_aws("reading the state"):
            answer = s3.get_object(Bucket=place.bucket, Key=place.key)
            if answer["ContentLength"] > MAX_BYTES:
                return None
            text = answer["Body"].read().decode("utf-8", errors="replace")
    except AwsError as error:
        if error.failure is AwsFailure.NOT_FOUND:
            return NEVER_WRITTEN
        raise
    return read_stored(text)


def noted_backend(data: Path) -> Mapping[str, Any]:
    """Return a layer's backend from init's record, or {}.

    Raises:
        OSError: the record can't be read.
        ValueError, AttributeError: it isn't what init writes.
    """
    try:
        return parse_json(load_file(data / "terraform.tfstate", MAX_BYTES)).get("backend") or {}
    except FileNotFoundError:
        return {}


def init_needed(data: Path, backend: Mapping[str, object]) -> bool:
    """Return whether init is needed for a reason that Terraform would not report itself.

    When planning, Terraform reports missing providers and modules and a changed backend block. But it doesn't
    compare the project's backend file with the backend that the layer was initialised with.

    Args:
        data: Terraform's data folder for the layer.
        backend: the values of the `init -backend-config` files.
    """
    try:
        same = _has(noted_backend(data).get("config") or {}, backend)
    except (OSError, ValueError, AttributeError):
        return True
    return not (data.is_dir() and same)


def _has(noted: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return all(_noted_as(noted.get(name)) == _noted_as(value) for name, value in wanted.items())


def _noted_as(value: object) -> object:
    """Normalise a value from a backend file or from init's record, which has null for omitted settings."""
    if isinstance(value, Mapping):
        return {name: _noted_as(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return sorted(map(str, map(_noted_as, value)))  # a set, in any order
    return str(value).lower()


def _workspace(data: Path, environment: Mapping[str, str]) -> str:
    if named := environment.get("TF_WORKSPACE"):
        return named
    try:
        return load_file(data / "environment", MAX_BYTES).decode(errors="replace").strip() or _DEFAULT
    except FileNotFoundError:
        return _DEFAULT


def read_stored(text: str) -> StoredState | None:
    """Read the identities in a state; None if it is encrypted, or not in Terraform's format version 4.

    Secrets in clear text are dropped while parsing.

    Args:
        text: the stored state, or the output of `state pull`.
    """
    if not text.strip():
        return NEVER_WRITTEN
    try:
        stored = parse_json(text, object_hook=without_clear_secrets)
        mark = mark_of(stored)
        if mark is None or stored.get("version") != 4:
            return None
        return StoredState(mark, _read(_each(stored["resources"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _each(resources: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield one entry for each instance of the resources."""
    for resource in resources:
        data = "data." if resource["mode"] == "data" else ""
        module = f"{resource['module']}." if resource.get("module") else ""
        for instance in resource["instances"]:
            if "attributes" not in instance or "deposed" in instance:
                continue
            key = instance.get("index_key")
            index = "" if key is None else f"[{json.dumps(key)}]"
            yield {
                "mode": resource["mode"],
                "type": resource["type"],
                "address": f"{module}{data}{resource['type']}.{resource['name']}{index}",
                "values": instance["attributes"],
            }
