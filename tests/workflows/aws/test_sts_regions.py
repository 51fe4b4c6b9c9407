"""Questions to regions that answer late, with an error or not at all, and the use of their answers."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
from support.slow_sts import SlowSts, slow_sts

from workflows.aws.clients import ClientFactory, Patience
from workflows.aws.sts_regions import ask as asking
from workflows.aws.sts_regions.answers import AccountAnswer, Audit, OptIn, RegionAnswer, StsState, changes
from workflows.aws.sts_regions.ask import Question, ask, partition_of_region, regions_of
from workflows.aws.sts_regions.report import (
    Verdict,
    by_urgency,
    entrance,
    instructions,
    judge,
    markdown,
    record,
    settings_page,
    to_do,
)
from workflows.core.errors import OnboardError
from workflows.core.secret import Credentials, Secret

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


# -- what the answers are worth --------------------------------------------------------------------


ALLOWED = ("us-east-1", "us-west-2", "ap-east-1", "eu-west-3", "cn-north-1")


def sample(**changes: StsState) -> AccountAnswer:
    regions = {
        "ap-east-1": (StsState.NOT_OPTED_IN, OptIn.OUT),
        "eu-west-1": (StsState.ACTIVE, OptIn.DEFAULT),
        "eu-west-2": (StsState.UNREACHABLE, OptIn.DEFAULT),
        "eu-west-3": (StsState.DEACTIVATED, OptIn.DEFAULT),
        "me-south-1": (StsState.FIXED, OptIn.IN),
        "sa-east-1": (StsState.DEACTIVATED, OptIn.DEFAULT),
        "us-east-1": (StsState.FIXED, OptIn.DEFAULT),
    }
    told = tuple(
        RegionAnswer(name, changes.get(name.replace("-", "_"), sts), opt_in)
        for name, (sts, opt_in) in regions.items()
    )
    return AccountAnswer("security", ACCOUNT, "aws", "bb-security-devops", "", told, 1)


def test_regions_are_held_against_those_that_the_project_uses() -> None:
    verdicts = {region.region: judge(region, ALLOWED) for region in sample().regions}
    assert verdicts == {
        "ap-east-1": Verdict.NEEDED,
        "eu-west-1": Verdict.UNUSED,
        "eu-west-2": Verdict.OPEN,
        "eu-west-3": Verdict.NEEDED,
        "me-south-1": Verdict.UNUSED,
        "sa-east-1": Verdict.OFF,
        "us-east-1": Verdict.ALLOWED,
    }
    wanted = to_do(sample(), ALLOWED)
    assert wanted.deactivate == ("eu-west-1",)
    assert wanted.activate == ("eu-west-3",)
    assert wanted.enable == ("ap-east-1",)
    assert wanted.not_known == ("eu-west-2",)
    assert wanted.missing == ("us-west-2", "cn-north-1")
    order = [row.region for row, _ in by_urgency(sample(), ALLOWED)]
    assert order == [
        "eu-west-3",
        "ap-east-1",
        "eu-west-1",
        "me-south-1",
        "eu-west-2",
        "us-east-1",
        "sa-east-1",
    ]


def test_the_page_and_the_clicks_are_told_for_what_no_api_does() -> None:
    lines = instructions(sample(), to_do(sample(), ALLOWED))
    text = "\n".join(lines)
    assert lines[0].endswith(f" https://{ACCOUNT}.signin.aws.amazon.com/console")
    assert "https://console.aws.amazon.com/iam/home#/account_settings" in text
    assert "Deactivate, for eu-west-1\n" in text
    assert "Activate, for eu-west-3\n" in text
    assert "https://console.aws.amazon.com/billing/home#/account" in text
    assert "ap-east-1" in lines[-1]
    assert instructions(sample(), to_do(sample(), ("eu-west-1", "me-south-1", "us-east-1"))) == ()


def test_a_role_is_entered_by_the_switch_role_page() -> None:
    answer = AccountAnswer("shared", "333333333333", "aws-us-gov", role="DevOps")
    assert entrance(answer) == (
        "https://signin.amazonaws-us-gov.com/switchrole?account=333333333333&roleName=DevOps&displayName=shared"
    )
    assert entrance(AccountAnswer("shared", "333333333333", "aws-iso")) == ""


def test_the_markdown_has_no_account_id_unless_it_is_wanted_there() -> None:
    problem = f"The account {ACCOUNT} answers, not 333333333333 or 999999999999."
    lost = AccountAnswer("shared", "333333333333", "aws", problem=problem)
    audit = Audit("bb", "2026-01-02T03:04:05+00:00", ALLOWED, (sample(), lost))
    text = markdown(audit)
    assert not any(number in text for number in (ACCOUNT, "333333333333", "999999999999"))
    assert f"| eu-west-1 | {StsState.ACTIVE} | {OptIn.DEFAULT} | {Verdict.UNUSED} |" in text
    for number, name in (
        (ACCOUNT, "security"),
        ("333333333333", "shared"),
        ("999999999999", "another account"),
    ):
        problem = problem.replace(number, name)
    assert problem in text
    assert "us-west-2, cn-north-1" in text
    assert ACCOUNT in markdown(audit, with_ids=True)
    told = record(audit)
    assert told["accounts"][0]["deactivate"] == ["eu-west-1"]
    assert told["accounts"][0]["regions"][0]["verdict"] == Verdict.NEEDED


def test_asking_again_tells_what_has_changed() -> None:
    before = Audit("bb", "", ALLOWED, (sample(),))
    now = Audit("bb", "", ALLOWED, (sample(eu_west_1=StsState.DEACTIVATED),))
    (line,) = changes(before, now)
    assert all(part in line for part in ("security", "eu-west-1", StsState.ACTIVE, StsState.DEACTIVATED))
    assert changes(now, now) == ()
