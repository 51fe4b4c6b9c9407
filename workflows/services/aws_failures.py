"""The kinds of failure that AWS and botocore tell apart, and which of their codes means which.

The codes are those of the "Common errors" pages of the IAM and STS API references, and botocore's exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class AwsFailure(Enum):
    """What kind of failure it was, for a program to decide by."""

    NETWORK = "network"
    NO_CREDENTIALS = "no credentials"
    PROFILE = "profile"
    KEY_UNKNOWN = "key unknown"
    SIGNATURE = "signature"
    CLOCK = "clock"
    EXPIRED = "expired"
    SSO = "sso"
    DENIED = "denied"
    DENIED_EXPLICITLY = "denied explicitly"
    MFA_CODE = "mfa code"
    MFA_DEVICE = "mfa device"
    THROTTLED = "throttled"
    NOT_FOUND = "not found"
    EXISTS = "exists"
    LIMIT = "limit"
    PASSWORD_POLICY = "password policy"  # noqa: S105 - the name of a failure
    REGION_DISABLED = "region disabled"
    UNAVAILABLE = "unavailable"
    INPUT = "input"
    OTHER = "other"


FAILURES: Mapping[str, AwsFailure] = {
    "AccessDenied": AwsFailure.DENIED,
    "AccessDeniedException": AwsFailure.DENIED,
    "UnauthorizedOperation": AwsFailure.DENIED,
    "NotAuthorized": AwsFailure.DENIED,
    "InvalidClientTokenId": AwsFailure.KEY_UNKNOWN,
    "InvalidAccessKeyId": AwsFailure.KEY_UNKNOWN,
    "UnrecognizedClientException": AwsFailure.KEY_UNKNOWN,
    "AuthFailure": AwsFailure.KEY_UNKNOWN,
    "SignatureDoesNotMatch": AwsFailure.SIGNATURE,
    "InvalidSignatureException": AwsFailure.SIGNATURE,
    "IncompleteSignature": AwsFailure.SIGNATURE,
    "RequestExpired": AwsFailure.CLOCK,
    "RequestTimeTooSkewed": AwsFailure.CLOCK,
    "RequestInTheFuture": AwsFailure.CLOCK,
    "ExpiredToken": AwsFailure.EXPIRED,
    "ExpiredTokenException": AwsFailure.EXPIRED,
    "TokenRefreshRequired": AwsFailure.EXPIRED,
    "InvalidAuthenticationCode": AwsFailure.MFA_CODE,
    "Throttling": AwsFailure.THROTTLED,
    "ThrottlingException": AwsFailure.THROTTLED,
    "TooManyRequestsException": AwsFailure.THROTTLED,
    "RequestLimitExceeded": AwsFailure.THROTTLED,
    "SlowDown": AwsFailure.THROTTLED,
    "NoSuchEntity": AwsFailure.NOT_FOUND,
    "EntityAlreadyExists": AwsFailure.EXISTS,
    "LimitExceeded": AwsFailure.LIMIT,
    "PasswordPolicyViolation": AwsFailure.PASSWORD_POLICY,
    "RegionDisabledException": AwsFailure.REGION_DISABLED,
    "OptInRequired": AwsFailure.REGION_DISABLED,
    "EntityTemporarilyUnmodifiable": AwsFailure.UNAVAILABLE,
    "ConcurrentModification": AwsFailure.UNAVAILABLE,
    "ServiceFailure": AwsFailure.UNAVAILABLE,
    "ServiceUnavailable": AwsFailure.UNAVAILABLE,
    "InternalFailure": AwsFailure.UNAVAILABLE,
    "InternalError": AwsFailure.UNAVAILABLE,
    "ValidationError": AwsFailure.INPUT,
    "InvalidInput": AwsFailure.INPUT,
    "MalformedPolicyDocument": AwsFailure.INPUT,
    # from here on the names of botocore's own exceptions
    "EndpointConnectionError": AwsFailure.NETWORK,
    "ConnectTimeoutError": AwsFailure.NETWORK,
    "ReadTimeoutError": AwsFailure.NETWORK,
    "ConnectionClosedError": AwsFailure.NETWORK,
    "ConnectionError": AwsFailure.NETWORK,
    "HTTPClientError": AwsFailure.NETWORK,
    "ProxyConnectionError": AwsFailure.NETWORK,
    "ResponseStreamingError": AwsFailure.NETWORK,
    "IncompleteReadError": AwsFailure.NETWORK,
    "SSLError": AwsFailure.NETWORK,
    "ResponseParserError": AwsFailure.NETWORK,
    "NoCredentialsError": AwsFailure.NO_CREDENTIALS,
    "PartialCredentialsError": AwsFailure.NO_CREDENTIALS,
    "CredentialRetrievalError": AwsFailure.NO_CREDENTIALS,
    "RefreshWithMFAUnsupportedError": AwsFailure.EXPIRED,
    "SSOError": AwsFailure.SSO,
    "TokenRetrievalError": AwsFailure.SSO,
    "ProfileNotFound": AwsFailure.PROFILE,
    "ConfigParseError": AwsFailure.PROFILE,
    "ConfigNotFound": AwsFailure.PROFILE,
    "InvalidConfigError": AwsFailure.PROFILE,
    "InfiniteLoopConfigError": AwsFailure.PROFILE,
    "UnknownCredentialError": AwsFailure.PROFILE,
    "NoRegionError": AwsFailure.PROFILE,
    "InvalidRegionError": AwsFailure.PROFILE,
    "UnknownEndpointError": AwsFailure.PROFILE,
    "ParamValidationError": AwsFailure.INPUT,
}
"""The kind of each code of AWS, and of each exception of botocore by its name."""
