"""Authorisation of a call, by the policies that are attached to its caller in moto."""

from __future__ import annotations

from datetime import UTC, datetime

from moto.iam.models import Group, Role, User

from workflows.sandbox.strict.identity import Identity, account, role_named
from workflows.sandbox.strict.policy import Verdict, evaluate
from workflows.sandbox.strict.protocol import AwsRequest, Reason, Refusal, refuse

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
    if request.service == "sts" and request.action == "AssumeRole":
        return request.text("RoleArn")
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
