from __future__ import annotations

import subprocess
import sys

import pytest
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from workflows.aws.errors import DENIALS, AwsError, AwsFailure, calling_aws, translate


def answer(
    code: str, message: str = "", status: int = 400, headers: dict[str, str] | None = None
) -> boto.ClientError:
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers or {}}
    return boto.ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Operation"
    )


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (answer("AccessDenied", "not authorized"), AwsFailure.DENIED),
        (
            answer("AccessDenied", "not authorized … with an explicit deny in an identity-based policy"),
            AwsFailure.DENIED_EXPLICITLY,
        ),
        (
            answer("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code."),
            AwsFailure.MFA_CODE,
        ),
        (
            answer(
                "AccessDenied",
                "MultiFactorAuthentication failed, must provide both MFA serial and one time pass code.",
            ),
            AwsFailure.DENIED,
        ),
        (
            answer(
                "AccessDenied",
                "MultiFactorAuthentication failed, unable to validate MFA code. Please verify",
            ),
            AwsFailure.MFA_DEVICE,
        ),
        (
            answer("AccessDenied", "… because no identity-based policy allows the iam:GetUser action"),
            AwsFailure.NOT_GRANTED,
        ),
        (
            answer("AccessDenied", "… because no resource-based policy allows the sts:AssumeRole action"),
            AwsFailure.NOT_TRUSTED,
        ),
        (answer("InvalidAuthenticationCode"), AwsFailure.MFA_CODE),
        (answer("InvalidClientTokenId"), AwsFailure.KEY_UNKNOWN),
        (answer("ExpiredToken"), AwsFailure.EXPIRED),
        (
            answer("SignatureDoesNotMatch", "does not match"),
            AwsFailure.SIGNATURE,
        ),
        (answer("Throttling"), AwsFailure.THROTTLED),
        (answer("NoSuchEntity"), AwsFailure.NOT_FOUND),
        (answer("LimitExceeded"), AwsFailure.LIMIT),
        (answer("RegionDisabledException"), AwsFailure.REGION_DISABLED),
        (
            answer("PasswordPolicyViolation"),
            AwsFailure.PASSWORD_POLICY,
        ),
        (answer("Brandnew", status=503), AwsFailure.UNAVAILABLE),
        (answer("Brandnew", "who knows"), AwsFailure.OTHER),
        (boto.EndpointConnectionError(endpoint_url="https://x"), AwsFailure.NETWORK),
        (boto.ReadTimeoutError(endpoint_url="https://x"), AwsFailure.NETWORK),
        (boto.ConnectTimeoutError(endpoint_url="https://x"), AwsFailure.NETWORK),
        (
            boto.SSLError(endpoint_url="https://x", error="bad"),
            AwsFailure.CERTIFICATE,
        ),
        (ResponseParserError("<html>"), AwsFailure.NOT_AWS),
        (boto.NoCredentialsError(), AwsFailure.NO_CREDENTIALS),
        (boto.ProfileNotFound(profile="p"), AwsFailure.PROFILE),
        (
            boto.InfiniteLoopConfigError(source_profile="p", visited_profiles=["p"]),
            AwsFailure.PROFILE,
        ),
    ],
)
def test_every_failure_has_its_sentences(error: Exception, failure: AwsFailure) -> None:
    translated = translate(error, "listing your access keys")
    assert (translated.failure, translated.title) == (failure, failure.value.title)
    assert translated.what.startswith("Listing your ")
    assert translated.next
    assert translated.detail


@pytest.mark.parametrize(
    ("message", "policy"),
    [
        ("… is not authorized … with an explicit deny in a service control policy", "service control policy"),
        ("… because no service control policy allows the iam:GetUser action", "service control policy"),
        ("… with an explicit deny in a resource control policy", "resource control policy"),
        ("… because no permissions boundary allows the iam:GetUser action", "permissions boundary"),
        ("… with an explicit deny in a session policy", "session policy"),
    ],
)
def test_a_policy_that_no_code_changes_is_named_and_no_mfa_is_advised(message: str, policy: str) -> None:
    error = translate(answer("AccessDenied", message, 403))
    assert error.failure is AwsFailure.DENIED_FROM_ABOVE
    assert error.denied
    assert policy in error.what
    assert "MFA" not in error.as_text().removesuffix(message)


def test_a_page_in_place_of_an_answer_is_not_called_awss_own_words() -> None:
    page = boto.ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "GetCallerIdentity")
    error = translate(page)
    assert error.failure is AwsFailure.NOT_AWS
    assert "403" in error.detail


@pytest.mark.parametrize("kind", [boto.EndpointConnectionError, boto.ConnectTimeoutError])
def test_a_local_aws_that_is_gone_is_not_looked_for_on_the_internet(kind: type[boto.BotoCoreError]) -> None:
    error = translate(kind(endpoint_url="http://127.0.0.1:20172/"))
    assert error.failure is AwsFailure.LOCAL_AWS
    assert "http://127.0.0.1:20172." in error.what
    assert "aws.amazon.com" not in error.as_text()
    assert "resume" in error.next


def test_a_clock_that_is_off_is_told_with_its_direction_and_size() -> None:
    message = "Signature expired: 20260102T030000Z is now earlier than 20260102T031507Z"
    headers = {"date": "Fri, 02 Jan 2026 03:20:07 GMT"}
    error = translate(answer("SignatureDoesNotMatch", message, 403, headers))
    assert error.failure is AwsFailure.CLOCK
    assert all(part in error.why for part in ("20 min 7 s", "behind"))
    ahead = translate(
        answer(
            "SignatureDoesNotMatch",
            message.replace("expired", "not yet current"),
            403,
            {"date": "Fri, 02 Jan 2026 02:50:00 GMT"},
        )
    )
    assert all(part in ahead.why for part in ("10 min 0 s", "ahead"))


def test_a_session_token_in_the_signed_request_that_aws_repeats_is_never_shown() -> None:
    message = (
        "The request signature we calculated does not match the signature you provided. Check it.\n\n"
        "The Canonical String should have been\n'POST\n/\nx-amz-security-token:CANARYTOKEN\n'"
    )
    assert "CANARYTOKEN" not in translate(answer("SignatureDoesNotMatch", message)).as_text()


def test_a_refused_value_is_never_repeated() -> None:
    report = "Invalid type for parameter NewPassword, value: CANARY, type: <class 'int'>"
    error = translate(boto.ParamValidationError(report=report))
    assert error.failure is AwsFailure.INPUT
    assert "CANARY" not in error.as_text()


def test_another_exception_is_named_by_its_type_alone_and_passes_unchanged() -> None:
    assert "CANARY" not in translate(ValueError("CANARY")).as_text()
    with pytest.raises(ValueError, match="mine"), calling_aws("asking"):
        raise ValueError("mine")


def test_what_speaks_to_the_outside_loads_without_boto() -> None:
    names = [
        "aws.clients",
        "aws.iam",
        "aws.sts",
        "aws.authenticator",
        "aws.verify",
        "aws.access_key_file",
        "stores.vault",
        "desktop.clipboard",
        "desktop.browser",
    ]
    program = "import sys;" + ";".join(f"import workflows.{name}" for name in names)
    heavy = ("boto3", "botocore", "keyring", "segno", "pyperclip", "textual")
    program += f";print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_kind_has_sentences_that_need_nothing_more() -> None:
    for failure in AwsFailure:
        error = AwsError(failure, "X", doing="asking", about="permissions boundary", detail="")
        assert "{" not in error.as_text()
        assert error.next
        assert error.denied is (failure in DENIALS)
