"""Authorisation of a call, by the policies that are attached to its caller in moto.

An explicit deny wins, then an allow; the default is not allowed. It follows "Policy evaluation logic"
in the IAM user guide for identity-based and role trust policies. An unknown condition never helps the
caller: it fails in an Allow and holds in a Deny.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from moto.iam.models import Group, Role, User

from workflows.core.parsing import parse_json
from workflows.core.shapes import as_list
from workflows.sandbox.strict.identity import Identity, account, role_named
from workflows.sandbox.strict.protocol import AwsRequest, Reason, Refusal, refuse

Context = Mapping[str, str]
Statement = Mapping[str, Any]


class Verdict(Enum):
    """The result of evaluating policies for a request."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"
    DENIED = "explicitly denied"


def evaluate(documents: Iterable[str], action: str, resource: str, context: Context) -> Verdict:
    """Evaluate identity-based policies.

    Args:
        documents: the policies' JSON texts.
        action: the IAM action, `service:Operation`.
        resource: the resource's ARN.
        context: the request's condition keys and values, without those that the request lacks.

    Raises:
        ValueError: a document is not JSON.
    """
    return _verdict(
        (
            statement
            for statement in statements(documents)
            if _action_matches(statement, action) and _resource_matches(statement, resource, context)
        ),
        context,
    )


def evaluate_trust(document: str, principals: Collection[str], context: Context) -> Verdict:
    """Evaluate a role's trust policy for AssumeRole.

    Args:
        document: the trust policy's JSON text.
        principals: the names of the caller: its own ARN, its account's root ARN, its account id, "*".
        context: the request's condition keys and values.
    """
    return _verdict(
        (
            statement
            for statement in statements([document])
            if _action_matches(statement, "sts:AssumeRole")
            and any(_principal_matches(statement, name) for name in principals)
        ),
        context,
    )


def _verdict(matching: Iterable[Statement], context: Context) -> Verdict:
    verdict = Verdict.NOT_ALLOWED
    for statement in matching:
        if statement["Effect"] == "Deny":
            if _conditions_hold(statement, context, unknown=True):
                return Verdict.DENIED
        elif _conditions_hold(statement, context, unknown=False):
            verdict = Verdict.ALLOWED
    return verdict


def statements(documents: Iterable[str]) -> Iterable[Statement]:
    """Yield the statements of all documents."""
    for document in documents:
        body = parse_json(document).get("Statement", [])
        yield from [body] if isinstance(body, dict) else body


def _action_matches(statement: Statement, action: str) -> bool:
    patterns = _listed(statement.get("NotAction", statement.get("Action")))
    return any(_like(pattern, action, ignore_case=True) for pattern in patterns) != ("NotAction" in statement)


def _resource_matches(statement: Statement, resource: str, context: Context) -> bool:
    patterns = _listed(statement.get("NotResource", statement.get("Resource")))
    among = any(_like(_filled(pattern, context), resource) for pattern in patterns)
    return among != ("NotResource" in statement)


def _principal_matches(statement: Statement, principal: str) -> bool:
    named = statement.get("Principal")
    return principal in (_listed(named.get("AWS")) if isinstance(named, dict) else _listed(named))


def _listed(value: object) -> list[str]:
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in as_list(value)]


def _filled(pattern: str, context: Context) -> str:
    """Replace a pattern's policy variables; an unknown one stays unchanged, and so matches nothing."""
    return re.sub(r"\$\{([^}]+)}", lambda match: context.get(match[1].strip(), match[0]), pattern)


@lru_cache(maxsize=4096)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001 - a cache's key
    text = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _like(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    return _pattern(pattern, ignore_case).fullmatch(value) is not None


def _number(test: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, actual: test(float(actual), float(wanted))


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "Bool": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringEquals": lambda wanted, actual: wanted == actual,
    "StringEqualsIgnoreCase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "NumericEquals": _number(lambda actual, wanted: actual == wanted),
    "NumericLessThan": _number(lambda actual, wanted: actual < wanted),
    "NumericLessThanEquals": _number(lambda actual, wanted: actual <= wanted),
    "NumericGreaterThan": _number(lambda actual, wanted: actual > wanted),
    "NumericGreaterThanEquals": _number(lambda actual, wanted: actual >= wanted),
    "DateLessThan": lambda wanted, actual: actual < wanted,
    "DateGreaterThan": lambda wanted, actual: actual > wanted,
}
"""An operator with "Not" in its name is the opposite of the one without."""


def _conditions_hold(statement: Statement, context: Context, *, unknown: bool) -> bool:
    keys = {key.lower(): value for key, value in context.items()}
    return all(
        _holds(
            operator, keys.get(key.lower()), [_filled(value, context) for value in values], unknown=unknown
        )
        for operator, tests in statement.get("Condition", {}).items()
        for key, values in zip(tests, map(_listed, tests.values()), strict=True)
    )


def _holds(operator: str, actual: str | None, wanted: list[str], *, unknown: bool) -> bool:
    if operator == "Null":
        return (actual is None) == (wanted[0].lower() == "true")
    if_exists = operator.endswith("IfExists")
    base = operator.removesuffix("IfExists")
    negated = "Not" in base
    test = _TESTS.get(base.replace("Not", ""))
    if test is None:
        return unknown
    if actual is None:
        return if_exists or negated
    return any(test(value, actual) for value in wanted) != negated


# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_S3_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "DeleteObjects": "DeleteObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
}


def action_of(request: AwsRequest) -> str:
    """Return the IAM action as `service:Operation`; `Unknown` stands for an operation not in the model."""
    operation = request.action or "Unknown"
    if request.service == "s3":
        operation = _S3_ACTIONS.get(operation, operation)
    return f"{request.service}:{operation}"


def resource_of(request: AwsRequest, identity: Identity) -> str:
    """Return the ARN of the request's resource, or `*` for services whose resources no policy here names."""
    if request.service == "iam":
        return _iam(request, identity.account_id)
    if request.service == "s3" and (bucket := request.text("Bucket")):
        key = request.text("Key")
        return f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
    if request.service == "dynamodb" and (table := request.text("TableName")):
        return f"arn:aws:dynamodb:{request.authorization.region}:{identity.account_id}:table/{table}"
    return "*"


def _iam(request: AwsRequest, account_id: str) -> str:
    """Return the ARN of an IAM request's resource.

    The order matters: the resource of `AttachUserPolicy` is the user, not the policy, although both are
    named.
    """
    prefix = f"arn:aws:iam::{account_id}:"
    path = request.text("Path") or "/"
    if request.action in ("CreateVirtualMFADevice", "DeleteVirtualMFADevice", "ListVirtualMFADevices"):
        return request.text("SerialNumber") or f"{prefix}mfa{path}{request.text('VirtualMFADeviceName')}"
    backend = account(account_id)
    roles = {role.name: role for role in backend.roles.values()}
    for kind, known in (("Group", backend.groups), ("User", backend.users), ("Role", roles)):
        if name := request.text(f"{kind}Name"):
            return known[name].arn if name in known else f"{prefix}{kind.lower()}{path}{name}"
        if request.action == f"List{kind}s":
            return f"{prefix}{kind.lower()}{request.text('PathPrefix') or '/'}"
    if name := request.text("PolicyName"):
        return f"{prefix}policy{path}{name}"
    return request.text("PolicyArn") or "*"


_EVERYTHING = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
_OWN_CHANGE = '{{"Statement": {{"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "{arn}"}}}}'


def context_of(identity: Identity, now: float, region: str = "") -> dict[str, str]:
    """Return a request's condition keys; with permanent credentials none is about MFA, as at AWS."""
    context = {
        "aws:CurrentTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now)),
        "aws:PrincipalAccount": identity.account_id,
        "aws:PrincipalType": "User" if identity.is_user else "AssumedRole",
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
        "aws:userid": identity.user_id,
    }
    if region:
        context["aws:RequestedRegion"] = region
    if identity.is_user:
        context |= {"aws:username": identity.name, "aws:PrincipalArn": identity.arn}
    else:
        context["aws:PrincipalArn"] = f"arn:aws:iam::{identity.account_id}:role/{identity.name}"
    if identity.is_temporary or identity.mfa_at is not None:
        context["aws:MultiFactorAuthPresent"] = str(identity.mfa_at is not None).lower()
    if identity.mfa_at is not None:
        context["aws:MultiFactorAuthAge"] = str(max(0, int(now - identity.mfa_at)))
    return context


def judge(identity: Identity, action: str, resource: str, context: dict[str, str]) -> Verdict:
    """Return the verdict of the caller's own policies."""
    if action == "sts:GetCallerIdentity":
        return Verdict.ALLOWED
    verdict = evaluate(_documents(identity), action, resource, context)
    spared = action == "sts:GetSessionToken" and verdict is Verdict.NOT_ALLOWED
    return Verdict.ALLOWED if spared else verdict


def denial(request: AwsRequest, identity: Identity, action: str, resource: str, verdict: Verdict) -> Refusal:
    """Return AWS's error for a verdict other than allowed.

    The wording is from "Troubleshoot access denied error messages" in the IAM user guide.
    """
    if request.protocol in ("rest-xml", "ec2"):
        return refuse(request, Reason.DENIED)
    words = f"User: {identity.arn} is not authorized to perform: {action} on resource: {resource}"
    if verdict is Verdict.DENIED:
        words += " with an explicit deny in an identity-based policy"
    else:
        words += f" because no identity-based policy allows the {action} action"
    return refuse(request, Reason.DENIED, words)


def _documents(identity: Identity) -> list[str]:
    if identity.is_bootstrap:
        return [_EVERYTHING]
    backend = account(identity.account_id)
    if not identity.is_user:
        role = role_named(identity.account_id, identity.name)
        return _attached(role) if role else []
    user = backend.get_user(identity.name)
    documents = _attached(user)
    for group in backend.get_groups_for_user(user.name):
        documents += _attached(group)
    policy = backend.account_password_policy
    if policy is not None and policy.allow_users_to_change_password:
        documents.append(_OWN_CHANGE.format(arn=user.arn))
    return documents


def _attached(holder: User | Group | Role) -> list[str]:
    managed = [
        version.document
        for policy in holder.managed_policies.values()
        for version in policy.versions
        if version.version_id == policy.default_version_id
    ]
    return [*managed, *holder.policies.values()]
