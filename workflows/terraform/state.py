"""What the state knows of people: encrypted passwords, machine keys, groups, roles, account and alias.

Encrypted values are in the state whatever the outputs say, so nothing has to be marked as not sensitive.
The state also holds secrets in clear (`ses_smtp_password_v4`, and `secret` or `password` of what was made
without a PGP key): these are dropped as the text is read, and nothing here can give them away.

It is read as `state pull` gives it, which starts no provider, or where it is kept: looking at a project runs
no program of it. What init noted in `.terraform` says where that is. Only places that can be read as they
are count: a file, and an object of a bucket that nothing but the layer's profile opens. Of any other, nobody
claims anything.
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
"""Settings of an S3 backend by which it signs differently from the layer's profile."""
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
        clear: True if AWS's password is in the state unencrypted: it was made without a PGP key.
    """

    user: str
    address: str
    encrypted_password: str
    pgp_key: str
    clear: bool


@dataclass(frozen=True)
class AccessKey:
    """A machine user's access key, its secret encrypted; fields as in `LoginProfile`."""

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
    """What a layer's state says about identities. Every mapping is by IAM name.

    Attributes:
        users: user -> ARN.
        forced: the users with `force_destroy`: what they have goes with them.
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
        """The groups that a user is in, sorted."""
        return tuple(sorted(group for group, members in self.groups.items() if user in members))

    def roles_of(self, user: str) -> tuple[Role, ...]:
        """The roles that a user may assume through its groups, by account and name, each once."""
        return tuple(
            sorted({role for group in self.groups_of(user) for role in self.group_roles.get(group, ())})
        )


def _read(resources: Iterable[Mapping[str, Any]]) -> State:
    """What a state's resources, each with its mode, type, address and values, say about identities."""
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
    """Drop secrets in clear, and note that there was one.

    Only plain texts are dropped: `password` may also be the name of an output, whose value is an object.
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
    """The users of each group, whether the group or the user says so."""
    whole, own = of["aws_iam_group_membership"], of["aws_iam_user_group_membership"]
    pairs = [(resource["group"], user) for resource in whole for user in resource.get("users") or ()]
    pairs += [(group, resource["user"]) for resource in own for group in resource.get("groups") or ()]
    names = [resource["name"] for resource in of["aws_iam_group"]]
    names += [resource["group"] for resource in whole]
    return {name: [] for name in names} | by_key(pairs)


def _roles(of: Mapping[str, list[dict[str, Any]]]) -> dict[str, tuple[Role, ...]]:
    """The roles of each group, by the policies that are written into it, and by those attached to it."""
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
    """The roles that an IAM policy document allows to assume, sorted.

    Args:
        document: a policy as JSON. One that is no JSON names no role: AWS would not have taken it.

    Returns:
        Roles with a whole name; a wildcard in the account gives the account id "*", one in the name is left
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
    """An object of S3 that is a state."""

    bucket: str
    key: str
    region: str


@dataclass(frozen=True)
class StoredState:
    """What was read of a state.

    Attributes:
        mark: which version of it this is.
        state: what it says about identities.
    """

    mark: StateMark
    state: State


NEVER_WRITTEN = StoredState(StateMark("", 0), State())


def place_of(
    layer: Path, environment: Mapping[str, str], *, own_endpoint: bool = False
) -> Path | Bucket | None:
    """Where a layer's state is kept, as init noted it; None where that is not known, or can't be read here.

    Args:
        layer: the layer's folder.
        environment: the person's, for Terraform's own variables.
        own_endpoint: whether a backend of another address than AWS's is the AWS that is meant.

    Raises:
        OSError: what init noted can't be read.
    """
    data = layer / environment.get("TF_DATA_DIR", ".terraform")
    if not data.is_dir() or _workspace(data, environment) != _DEFAULT:
        return None
    try:
        noted = noted_backend(data)
        kind, settings = noted.get("type", "local"), noted.get("config") or {}
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
    environment: Mapping[str, str],
    s3: Callable[[str | None], AbstractContextManager[AwsClient]],
    *,
    own_endpoint: bool,
) -> StoredState | None:
    """A layer's state as it is kept; None where only Terraform could read it.

    Args:
        layer: as for `place_of`, like `environment` and `own_endpoint`.
        environment: see there.
        s3: makes a client that signs as the layer's profile, in a region or in the profile's own.
        own_endpoint: see there.

    Raises:
        OnboardError: it can't be read.
        OSError: what init noted can't be read.
    """
    place = place_of(layer, environment, own_endpoint=own_endpoint)
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
    """A layer's backend as init noted it; empty where it noted none.

    Raises:
        OSError: it can't be read.
        ValueError, AttributeError: it isn't what init writes.
    """
    try:
        return parse_json(load_file(data / "terraform.tfstate", MAX_BYTES)).get("backend") or {}
    except FileNotFoundError:
        return {}


def init_needed(data: Path, backend: Mapping[str, object]) -> bool:
    """Whether init has something to do, or to refuse, that Terraform would not say itself.

    What is missing of its providers and modules, and that its backend block is another one, it says when it
    plans. It doesn't compare the project's backend file with the backend that it was initialised with.

    Args:
        data: where Terraform keeps what init installs for the layer.
        backend: what the files say that `init -backend-config` gets.
    """
    try:
        stored = noted_backend(data).get("config") or {}
        same = all(_noted_as(stored.get(name)) == _noted_as(value) for name, value in backend.items())
    except (OSError, ValueError, AttributeError):
        return True
    return not (data.is_dir() and same)


def _noted_as(value: object) -> object:
    """A value, the same for a backend file and for init's note, which has null for what that leaves out."""
    if isinstance(value, Mapping):
        return {name: _noted_as(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return sorted(map(str, map(_noted_as, value)))  # a set, in whatever order
    return str(value).lower()


def _workspace(data: Path, environment: Mapping[str, str]) -> str:
    if named := environment.get("TF_WORKSPACE"):
        return named
    try:
        return load_file(data / "environment", MAX_BYTES).decode(errors="replace").strip() or _DEFAULT
    except FileNotFoundError:
        return _DEFAULT


def read_stored(text: str) -> StoredState | None:
    """What a state says; None if it is encrypted, or in another form than Terraform's fourth.

    Secrets in clear are dropped as it is read.

    Args:
        text: the state as it is kept, or as `state pull` gives it.
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
    """The resources with an entry for each instance."""
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
