from __future__ import annotations

from workflows.aws.sts_regions.answers import (
    AccountAnswer,
    Audit,
    OptIn,
    RegionAnswer,
    StsState,
    Verdict,
    by_urgency,
    changes,
    entrance,
    instructions,
    judge,
    markdown,
    record,
    to_do,
)

ACCOUNT = "222222222222"
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
