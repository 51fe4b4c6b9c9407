"""May this caller do this? Decided by the policies that are attached to it in moto."""

from __future__ import annotations

from datetime import UTC, datetime

from moto.iam.models import Group, Role, User

from workflows.sandbox.strict.identity import Identity, account
from workflows.sandbox.strict.policy import Verdict, evaluate
from workflows.sandbox.strict.protocol import AwsRequest, Reason, Refusal, Style, refuse

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
    """The IAM action, `service:Operation`; the operation is `Unknown` where botocore's model has none."""
    operation = request.action or "Unknown"
    if request.service == "s3":
        operation = _S3_ACTIONS.get(operation, operation)
    return f"{request.service}:{operation}"


def resource_of(request: AwsRequest, identity: Identity) -> str:
    """The ARN of what the request touches, or `*` for services whose resources no policy here names."""
    if request.service == "iam":
        return _iam(request, identity.account_id)
    if request.service == "sts" and request.action == "AssumeRole":
        return request.text("RoleArn")
    if request.service == "s3" and (bucket := request.text("Bucket")):
        key = request.text("Key")
        return f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
    if request.service == "dynamodb" and (table := request.text("TableName")):
        region = request.authorization.region if request.authorization else ""
        return f"arn:aws:dynamodb:{region}:{identity.account_id}:table/{table}"
    return "*"


def _iam(request: AwsRequest, account_id: str) -> str:
    """The order matters: `AttachUserPolicy` touches the user, not the policy that it names too."""
    prefix = f"arn:aws:iam::{account_id}:"
    backend = account(account_id)
    if request.action in ("CreateVirtualMFADevice", "DeleteVirtualMFADevice", "ListVirtualMFADevices"):
        path = request.text("Path") or "/"
        return request.text("SerialNumber") or f"{prefix}mfa{path}{request.text('VirtualMFADeviceName')}"
    if group := request.text("GroupName"):
        known_group = backend.groups.get(group)
        return known_group.arn if known_group else f"{prefix}group/{group}"
    if user := request.text("UserName"):
        known_user = backend.users.get(user)
        return known_user.arn if known_user else f"{prefix}user{request.text('Path') or '/'}{user}"
    if role := request.text("RoleName"):
        known_role = next((known for known in backend.roles.values() if known.name == role), None)
        return known_role.arn if known_role else f"{prefix}role{request.text('Path') or '/'}{role}"
    if policy := request.text("PolicyArn"):
        return policy
    if policy := request.text("PolicyName"):
        return f"{prefix}policy{request.text('Path') or '/'}{policy}"
    for kind in ("User", "Group", "Role"):
        if request.action == f"List{kind}s":
            return f"{prefix}{kind.lower()}{request.text('PathPrefix') or '/'}"
    return "*"


_EVERYTHING = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
_OWN_CHANGE = '{{"Statement": {{"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "{arn}"}}}}'
_ALWAYS = ("sts:GetCallerIdentity",)
_UNLESS_DENIED = ("sts:GetSessionToken",)


def context_of(identity: Identity, now: float, region: str = "") -> dict[str, str]:
    """The condition keys of a request; those about MFA are absent with permanent credentials, as at AWS."""
    principal = identity.arn
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
        context["aws:username"] = identity.name
    else:
        principal = f"arn:aws:iam::{identity.account_id}:role/{identity.name}"
    context["aws:PrincipalArn"] = principal
    if identity.is_temporary:
        context["aws:MultiFactorAuthPresent"] = "true" if identity.mfa_at is not None else "false"
    if identity.mfa_at is not None:
        context["aws:MultiFactorAuthPresent"] = "true"
        context["aws:MultiFactorAuthAge"] = str(max(0, int(now - identity.mfa_at)))
    return context


def judge(identity: Identity, action: str, resource: str, context: dict[str, str]) -> Verdict:
    """What the caller's own policies say about an action."""
    if action in _ALWAYS:
        return Verdict.ALLOWED
    verdict = evaluate(_documents(identity), action, resource, context)
    if verdict is Verdict.ALLOWED and (boundary := _boundary(identity)) is not None:
        verdict = evaluate([boundary], action, resource, context)
    if action in _UNLESS_DENIED and verdict is Verdict.NOT_ALLOWED:
        return Verdict.ALLOWED
    return verdict


def denial(style: Style, identity: Identity, action: str, resource: str, verdict: Verdict) -> Refusal:
    """AWS's refusal for a verdict other than allowed.

    The words are those of "Troubleshoot access denied error messages" in the IAM user guide.
    """
    if style in (Style.S3, Style.EC2):
        return refuse(style, Reason.DENIED)
    words = f"User: {identity.arn} is not authorized to perform: {action} on resource: {resource}"
    if verdict is Verdict.DENIED:
        words += " with an explicit deny in an identity-based policy"
    else:
        words += f" because no identity-based policy allows the {action} action"
    return refuse(style, Reason.DENIED, words)


def _documents(identity: Identity) -> list[str]:
    if identity.is_bootstrap:
        return [_EVERYTHING]
    backend = account(identity.account_id)
    if not identity.is_user:
        role = _role(identity)
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


def _role(identity: Identity) -> Role | None:
    return next(
        (role for role in account(identity.account_id).roles.values() if role.name == identity.name), None
    )


def _boundary(identity: Identity) -> str | None:
    role = _role(identity) if not identity.is_user else None
    if role is None or not role.permissions_boundary_arn:
        return None
    policy = account(identity.account_id).managed_policies[role.permissions_boundary_arn]
    return next(
        version.document for version in policy.versions if version.version_id == policy.default_version_id
    )
