"""Questions to regions that answer late, with an error or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
from support.slow_sts import SlowSts, slow_sts

from workflows.aws.clients import ClientFactory, Patience
from workflows.aws.sts_regions import ask as asking
from workflows.aws.sts_regions.answers import (
    AccountAnswer,
    OptIn,
    RegionAnswer,
    StsState,
    settings_page,
)
from workflows.aws.sts_regions.ask import Question, ask, partition_of_region, regions_of
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError

ACCOUNT = "222222222222"
KEY = Credentials("AKIAEXAMPLEEXAMPLE01", Secret("s" * 40))
QUICK = Patience(connect=1, read=0.5, attempts=1)


def question(
    name: str = "security", partition: str = "aws", region: str = "us-east-1", role: str = ""
) -> Question:
    profile = f"bb-{name}-devops"
    return Question(name, ACCOUNT, profile, role_arn=role, partition=partition, region=region, signing=KEY)


def answers(
    server: SlowSts, *questions: Question, patience: Patience = asking.PATIENCE
) -> tuple[AccountAnswer, ...]:
    factory = ClientFactory(server.url, "us-east-1", patience=patience)
    return ask(factory, questions or (question(),), report=lambda _told: None, cancelled=threading.Event())


def of(found: Iterable[AccountAnswer]) -> dict[str, RegionAnswer]:
    (answer,) = found
    assert not answer.problem
    return {region.region: region for region in answer.regions}


def test_what_regions_answer_is_told_apart() -> None:
    refusals = {
        "eu-west-3": ("RegionDisabledException", 403),
        "af-south-1": ("InvalidClientTokenId", 403),
        "ap-east-1": ("OptInRequired", 403),
        "eu-west-2": ("AccessDenied", 403),
        "eu-west-1": ("Throttling", 400),
        "me-south-1": ("RegionDisabledException", 403),
        "us-west-1": ("InvalidClientTokenId", 403),
    }
    opt_in = {
        "eu-west-3": "opt-in-not-required",
        "me-south-1": "not-opted-in",
        "il-central-1": "opted-in",
        "us-west-1": "opt-in-not-required",
    }
    with slow_sts(refusals=refusals, opt_in=opt_in) as server:
        found = of(answers(server))
    assert {region: found[region].sts for region in (*refusals, "il-central-1")} == {
        "eu-west-3": StsState.DEACTIVATED,
        "af-south-1": StsState.NOT_OPTED_IN,
        "ap-east-1": StsState.NOT_OPTED_IN,
        "eu-west-2": StsState.DENIED,
        "eu-west-1": StsState.UNKNOWN,
        "me-south-1": StsState.NOT_OPTED_IN,
        "us-west-1": StsState.UNKNOWN,
        "il-central-1": StsState.FIXED,
    }
    assert found["us-east-1"].sts is StsState.FIXED
    assert found["us-west-2"].sts is StsState.ACTIVE
    assert found["us-west-2"].opt_in is OptIn.UNKNOWN
    assert found["eu-west-2"].detail == "AccessDenied: no"


def test_a_region_that_does_not_answer_in_time_is_unreachable() -> None:
    with slow_sts(delays={"sa-east-1": 2.0}) as server:
        found = of(answers(server, patience=QUICK))
    assert found["sa-east-1"].sts is StsState.UNREACHABLE


def test_the_account_service_tells_the_opt_in_status_where_it_may() -> None:
    opt_in = {"af-south-1": "opted-in", "ap-east-1": "not-opted-in", "eu-west-1": "opt-in-not-required"}
    with slow_sts(opt_in=opt_in, listed=True, refusals={"ap-east-1": ("AccessDenied", 403)}) as server:
        found = of(answers(server))
    assert (found["af-south-1"].opt_in, found["af-south-1"].sts) == (OptIn.IN, StsState.FIXED)
    assert (found["ap-east-1"].opt_in, found["ap-east-1"].sts) == (OptIn.OUT, StsState.NOT_OPTED_IN)
    assert (found["eu-west-1"].opt_in, found["eu-west-1"].sts) == (OptIn.DEFAULT, StsState.ACTIVE)


def test_each_region_is_asked_once_and_signs_for_itself() -> None:
    with slow_sts(refusals={"eu-west-1": ("ServiceUnavailable", 503)}) as server:
        found = of(answers(server))
    assert sorted(region for region, _ in server.asked) == list(regions_of("aws"))
    assert {action for _, action in server.asked} == {"GetSessionToken"}
    assert found["eu-west-1"].sts is StsState.UNKNOWN  # it was not asked again


def test_a_role_is_taken_on_in_each_region_and_one_connection_serves_several_accounts() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/path/DevOps"
    with slow_sts() as server:
        first, second = answers(server, question("shared", role=role), question("apps", role=role))
    assert (first.account, second.account) == ("shared", "apps")
    assert first.role == "path/DevOps"
    assert first.token_version == 2
    assert len(server.asked) == 2 * len(regions_of("aws")) + 2  # and each account's own settings once
    assert {action for _, action in server.asked} == {"AssumeRole"}


def test_the_regions_are_asked_at_the_same_time() -> None:
    """The time is measured by benchmarks/regions.py."""
    with slow_sts(delays=dict.fromkeys(regions_of("aws"), 0.3)) as server:
        of(answers(server))  # the first client of a process reads botocore's data
        of(answers(server))
    assert server.most_at_once > 10


def test_a_region_that_never_answers_is_given_up_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "DEADLINE", 0.7)
    with slow_sts(delays={"eu-west-1": 3.0}) as server:
        of(answers(server))  # as above
        found = of(answers(server))  # its answer comes after the time limit
    assert found["eu-west-1"].sts is StsState.UNREACHABLE


def test_nothing_listens_there() -> None:
    with slow_sts() as server:
        pass
    (answer,) = answers(server)
    assert " http://127.0.0.1:" in answer.problem


@pytest.mark.parametrize(
    ("partition", "home", "regions"),
    [
        ("aws-cn", "cn-north-1", ("cn-north-1", "cn-northwest-1")),
        ("aws-us-gov", "us-gov-west-1", ("us-gov-east-1", "us-gov-west-1")),
    ],
)
def test_other_partitions_have_their_own_regions(partition: str, home: str, regions: tuple[str, ...]) -> None:
    with slow_sts() as server:
        found = of(answers(server, question(partition=partition, region=home)))
    assert tuple(found) == regions
    assert partition_of_region(home) == partition
    assert settings_page(partition)


def test_a_region_or_partition_that_nobody_knows_is_refused() -> None:
    with pytest.raises(OnboardError, match="'nowhere'"):
        partition_of_region("nowhere")
    with pytest.raises(OnboardError, match="aws-mars"):
        regions_of("aws-mars")
