"""A client of AWS with botocore's stub, and the user whose things are asked about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from botocore.stub import Stubber

from workflows.aws import sts
from workflows.aws.clients import AwsClient, ClientFactory
from workflows.core.secret import Credentials, Secret

ME = sts.Identity("arn:aws:iam::111111111111:user/people/juan.delacruz", "111111111111")
SERIAL = "arn:aws:iam::111111111111:mfa/juan.delacruz"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = Credentials("AKIAEXAMPLEEXAMPLE01", Secret("s" * 40))


@contextmanager
def stubbed_client(service: str) -> Iterator[tuple[AwsClient, Stubber]]:
    """Yield a service's client and its stub; fail if one of its responses wasn't asked for."""
    factory = ClientFactory("http://127.0.0.1:9", "us-east-1")
    with factory.client(service, KEY) as client, Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()
