"""The step STS regions with a strict AWS on loopback: its questions, messages, settings and facts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.regions_project import FEW, RegionsProject, regions_project
from support.strict_aws import APPS, MANAGEMENT, SECURITY

from workflows.aws.sts import WrongCode
from workflows.aws.sts_regions.answers import Audit, OptIn, StsState, Verdict as RegionVerdict, judge, to_do
from workflows.aws.sts_regions.ask import Answered, regions_of
from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled
from workflows.layer.discover import find_project
from workflows.machine.events import Verdict
from workflows.steps.admin import sts_regions
from workflows.steps.admin.terraform_runs import CodeWanted
from workflows.steps.shared.module import Context, Progress


@pytest.fixture
def project(tmp_path: Path) -> Iterator[RegionsProject]:
    with regions_project(tmp_path) as made:
        yield made


def ask(
    project: RegionsProject,
    codes: dict[str, Secret] | None = None,
    reports: list[Progress] | None = None,
    context: Context | None = None,
) -> Audit:
    context = context or project.context()
    heard = reports if reports is not None else []
    what = sts_regions.survey(find_project(context.root), context, heard.append)
    return sts_regions.ask(what, codes or {}, context, heard.append)


def states(audit: Audit, account: str) -> dict[str, str]:
    found = audit.account(account)
    assert found is not None
    assert not found.problem
    return {region.region: str(region.sts) for region in found.regions}


@pytest.fixture
def every_region(tmp_path: Path) -> Iterator[RegionsProject]:
    with regions_project(tmp_path, regions_of("aws")) as made:
        yield made


def test_every_region_of_the_partition_is_told_for_every_account_that_has_a_profile(
    every_region: RegionsProject,
) -> None:
    project = every_region
    project.settings.of(SECURITY).off.add("eu-west-3")
    project.settings.of(SECURITY).opted_in.add("af-south-1")
    project.settings.of(SECURITY).token_version = 2
    reports: list[Progress] = []
    audit = ask(project, reports=reports)
    security, management = states(audit, "security"), states(audit, "management")
    assert len(security) == len(management) == 34
    assert security["us-west-2"] == "active"
    assert security["eu-west-3"] == "deactivated"
    assert management["eu-west-3"] == "active"
    assert security["us-east-1"] == security["af-south-1"] == StsState.FIXED
    assert management["af-south-1"] == StsState.NOT_OPTED_IN
    versions = {account.account: account.token_version for account in audit.accounts if not account.problem}
    assert versions == {"management": 1, "security": 2}
    missing = {account.account: account.problem for account in audit.accounts if account.problem}
    assert set(missing) == {"shared", "apps-devstg", "apps-prd"}
    assert "bb-shared-devops" in missing["shared"]
    heard = [report.payload for report in reports if isinstance(report.payload, Answered)]
    assert len(heard) == 68
    assert heard[-1].done == heard[-1].total == 68


def test_one_code_opens_the_roles_and_asking_again_needs_none(project: RegionsProject) -> None:
    seed = project.role_with_mfa()
    project.settings.of(APPS).off.add("eu-west-3")
    project.settings.of(SECURITY).off.add("eu-west-2")  # the caller's account does not count
    context = project.context()
    what = sts_regions.survey(find_project(context.root), context, lambda _: None)
    (serial,) = what.devices
    with pytest.raises(CodeWanted):
        ask(project)
    code = Secret(project.made.code(seed, 1))
    audit = ask(project, {serial: code})
    shared = states(audit, "shared")
    assert shared["eu-west-3"] == "deactivated"
    assert shared["eu-west-2"] == "active"
    assert audit.account("shared").token_version == 1  # type: ignore[union-attr]
    assert not code
    again = sts_regions.survey(find_project(context.root), context, lambda _: None)
    assert again.devices == ()
    assert states(ask(project), "shared") == shared


def test_a_wrong_code_stops_before_any_region_is_asked(project: RegionsProject) -> None:
    project.role_with_mfa()
    context = project.context()
    what = sts_regions.survey(find_project(context.root), context, lambda _: None)
    reports: list[Progress] = []
    with pytest.raises(WrongCode):
        sts_regions.ask(what, {what.devices[0]: Secret("000000")}, context, reports.append)
    assert not any(isinstance(report.payload, Answered) for report in reports)


def test_a_profile_of_another_account_is_told_and_nothing_is_believed(project: RegionsProject) -> None:
    text = (project.profiles / "credentials").read_text()
    renamed = text.replace("bb-security-devops", "x").replace(
        "bb-management-administrator", "bb-security-devops"
    )
    (project.profiles / "credentials").write_text(renamed)
    security = ask(project).account("security")
    assert security is not None
    assert security.regions == ()
    assert MANAGEMENT in security.problem
    assert SECURITY in security.problem


def test_what_may_not_be_read_is_a_remark_and_the_regions_are_told_all_the_same(
    project: RegionsProject,
) -> None:
    key = project.aws.user("juan.delacruz")
    text = (project.profiles / "credentials").read_text()
    (project.profiles / "credentials").write_text(text.replace("bb-security-devops", "unused"))
    project.add(
        "bb-security-devops",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    security = ask(project).account("security")
    assert security is not None
    assert security.token_version is None
    assert len(security.remarks) == 2
    found = {region.region: region for region in security.regions}
    assert found["us-west-2"].sts is StsState.ACTIVE
    assert found["af-south-1"].sts is StsState.NOT_OPTED_IN
    assert str(found["us-west-2"].opt_in) == "unknown"


def test_temporary_credentials_without_a_role_cannot_tell(project: RegionsProject) -> None:
    made = project.aws.administrator("sts").get_session_token()["Credentials"]
    text = (project.profiles / "credentials").read_text()
    (project.profiles / "credentials").write_text(text.replace("bb-security-devops", "unused"))
    project.add(
        "bb-security-devops",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )
    audit = ask(project)
    assert set(states(audit, "security").values()) == {StsState.UNKNOWN, StsState.NOT_OPTED_IN}
    assert "GetSessionToken" in audit.account("security").remarks[0]  # type: ignore[union-attr]


def test_a_session_token_that_aws_answers_is_neither_kept_nor_told(project: RegionsProject) -> None:
    reports: list[Progress] = []
    audit = ask(project, reports=reports)
    given = project.aws.strict.state.sessions.values()
    assert len(given) >= 2 * len(FEW) - 2  # for two accounts, without the opt-in region
    context = project.context()
    sts_regions.export(audit, with_ids=True, context=context, report=reports.append)
    facts = sts_regions.perform(sts_regions.Request(audit), context, reports.append)
    written = json.dumps(facts) + repr(audit) + repr(reports)
    written += "".join(path.read_text() for path in project.environment.home.glob("sts-regions*"))
    for session in given:
        assert session.secret not in written
        assert session.token not in written


def test_the_fact_has_the_agreed_shape_and_comes_back_as_it_was(project: RegionsProject) -> None:
    audit = ask(project)
    facts: dict[str, Any] = sts_regions.perform(sts_regions.Request(audit), project.context(), lambda _: None)
    security = facts["sts_regions"]["accounts"]["security"]
    assert security["regions"]["us-west-2"] == {
        "sts": "active",
        "opt_in": OptIn.DEFAULT,
        "named": True,
    }
    assert security["token_version"] == 1
    assert facts["sts_regions"]["asked_at"]
    kept = json.loads(json.dumps(facts["sts_regions"]))
    assert Audit.from_facts("bb", kept).as_facts() == kept


def test_other_allowed_regions_are_noticed_without_asking_aws(project: RegionsProject) -> None:
    audit = ask(project)
    facts = sts_regions.perform(sts_regions.Request(audit), project.context(), lambda _: None)
    assert sts_regions.observe(project.context(**facts)).verdict is Verdict.AS_DECIDED
    project.allow("eu-west-1")
    assert sts_regions.observe(project.context(**facts)).contradicts


def test_without_allowed_regions_the_primary_and_the_secondary_count(project: RegionsProject) -> None:
    project.allow()
    assert ask(project).allowed == ("us-east-1", "us-west-2")


def test_the_region_of_a_backend_file_is_used_and_what_any_file_names_stays_on(
    project: RegionsProject,
) -> None:
    common = project.root / "config" / "common.tfvars"
    kept = [
        line
        for line in common.read_text().splitlines()
        if not line.startswith(("region_primary", "regions_"))
    ]
    common.write_text("\n".join(kept) + "\n")
    (project.root / "security/eu-central-1/network").mkdir(parents=True)
    (project.root / "security/eu-central-1/network/main.tf").write_text('a = ["eu-west-3a"] # sa-east-1\n')
    audit = ask(project)
    assert audit.allowed == ("us-east-1", "us-west-2")
    security = audit.account("security")
    assert security is not None
    verdicts = {row.region: judge(row, audit.allowed) for row in security.regions}
    named = [region for region, verdict in verdicts.items() if verdict is RegionVerdict.NAMED]
    assert named == ["eu-central-1", "eu-west-3", "sa-east-1"]
    wanted = to_do(security, audit.allowed).deactivate
    assert "eu-west-1" in wanted
    assert not {*named, "us-east-1", "us-west-2"} & {*wanted}


def test_asking_can_be_stopped(project: RegionsProject) -> None:
    context = project.context()
    what = sts_regions.survey(find_project(context.root), context, lambda _: None)

    def stop_at_first(progress: Progress) -> None:
        if isinstance(progress.payload, Answered):
            context.cancelled.set()

    with pytest.raises(Cancelled):
        sts_regions.ask(what, {}, context, stop_at_first)


def test_nothing_asked_is_no_answer_and_no_account_at_all_is_a_warning(project: RegionsProject) -> None:
    (fatal,) = sts_regions.validate(sts_regions.Request(), project.context())
    assert fatal.fatal
    (project.profiles / "credentials").write_text("")
    (warning,) = sts_regions.validate(sts_regions.Request(ask(project)), project.context())
    assert not warning.fatal
