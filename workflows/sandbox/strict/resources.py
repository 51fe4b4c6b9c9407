"""Which IAM action a request is, and which resource it touches, as policies name them."""

from __future__ import annotations

from workflows.sandbox.strict.identity import Identity, account
from workflows.sandbox.strict.request import AwsRequest

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
