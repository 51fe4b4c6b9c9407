"""Profiles of an identity: their names, the key's place, and files with foreign parts."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment
from support.pgp import ENVIRONMENT
from support.served_aws import BASE, ITEM, ROLE, jane

from workflows.core.files import made_private
from workflows.core.sentences import OnboardError, count
from workflows.machine.events import AGREES, Observation, StepKey, Verdict
from workflows.messages.handoff import Handoff, Identity
from workflows.profiles.merge import profile_sections
from workflows.profiles.plan import credential_command
from workflows.steps.new_user import profiles as step
from workflows.steps.new_user.profiles import Request
from workflows.steps.shared.module import Context, Progress
from workflows.stores.key_records import KeyRecord, KeyRecords

SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"
REQUEST = Request("us-east-1", SERIAL)
IN_KEYRING = {"id": "AKIAEXAMPLEEXAMPLE01", "kept": "keyring", "how": "console", "mfa_serial": SERIAL}
IN_FILE = {**IN_KEYRING, "kept": "credentials-file"}


def nothing(_progress: Progress) -> None:
    return None


def context(
    tmp_path: Path, identities: tuple[Identity, ...] | None = None, **facts: Mapping[str, Any]
) -> Context:
    known = {"handoff": Handoff("bb", identities or (jane(),)).payload(), "identities": [ITEM], **facts}
    return Context(
        environment=fake_environment(tmp_path, ENVIRONMENT), facts=known, every={}, item=ITEM, folder=tmp_path
    )


def folder(tmp_path: Path) -> Path:
    return tmp_path / ".aws" / "bb"


def test_the_proposal_comes_from_the_handoff_and_from_what_aws_told(tmp_path: Path) -> None:
    assert step.proposal(context(tmp_path, access_key=IN_KEYRING)) == REQUEST
    assert step.proposal(context(tmp_path, mfa={"serial": SERIAL, "how": "api"})) == REQUEST
    assert step.proposal(context(tmp_path)) == Request("us-east-1")


def test_a_device_that_only_the_person_knows_of_is_proposed_and_to_be_compared(tmp_path: Path) -> None:
    in_console = {"serial": None, "how": "console"}
    known = context(tmp_path, mfa=in_console)
    assert step.proposal(known) == REQUEST
    api = context(tmp_path, mfa={"serial": SERIAL, "how": "api"})
    assert len(step.remarks(REQUEST, known)) == len(step.remarks(REQUEST, api)) + 1
    without = context(tmp_path, mfa=in_console, access_key={**IN_KEYRING, "mfa_serial": None})
    assert step.proposal(without).mfa_serial == "", "AWS said that there is none"
    key_at, later = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
    key = {**IN_KEYRING, "mfa_serial": f"{SERIAL}-before", "at": key_at}
    newer = context(tmp_path, mfa={**in_console, "at": later}, access_key=key)
    assert step.proposal(newer) == REQUEST, "AWS named the device before this one"
    named = context(tmp_path, mfa={"serial": f"{SERIAL}2", "how": "console", "at": later}, access_key=key)
    assert step.proposal(named).mfa_serial == f"{SERIAL}2"


def test_the_twins_are_proposed_where_the_project_asks_for_them_until_somebody_decides(
    tmp_path: Path,
) -> None:
    asked = (jane(mfa_names=True),)
    assert step.proposal(context(tmp_path, asked)).mfa_names
    decided = {"region": "us-east-1", "mfa_names": False}
    assert not step.proposal(context(tmp_path, asked, profiles=decided)).mfa_names


def test_a_key_in_the_keyring_gives_a_command_and_no_secret(tmp_path: Path) -> None:
    of = context(tmp_path, access_key=IN_KEYRING)
    found = step.survey(REQUEST, of, nothing)
    assert found.names == (BASE, ROLE)
    assert f"+[profile {ROLE}]" in found.diff
    assert not folder(tmp_path).exists()
    facts = step.perform(REQUEST, of, nothing)["profiles"]
    assert (facts["names"], facts["base"]) == ([BASE, ROLE], BASE)
    written = profile_sections((folder(tmp_path) / "config").read_text(), "profile ", "config")
    assert written[BASE].options["credential_process"].endswith(f" --profile {BASE}")
    assert [written[name].options["mfa_serial"] for name in (BASE, ROLE)] == [SERIAL] * 2
    assert written[ROLE].options["role_arn"] == "arn:aws:iam::333333333333:role/DevOps"
    assert not (folder(tmp_path) / "credentials").exists()
    assert stat.S_IMODE((folder(tmp_path) / "config").stat().st_mode) == 0o600
    assert step.survey(REQUEST, of, nothing).diff == ""
    assert step.observe(context(tmp_path, profiles=facts)) == AGREES
    (folder(tmp_path) / "config").write_text(f"[profile {BASE}]\n")
    assert step.observe(context(tmp_path, profiles=facts)).words.endswith(f" {ROLE}.")


def test_profiles_without_the_device_that_aws_names_are_contradicted_and_it_is_proposed(
    tmp_path: Path,
) -> None:
    facts = {"mfa": {"serial": None, "how": "console"}, "access_key": {**IN_KEYRING, "mfa_serial": None}}
    of = context(tmp_path, **facts)
    done = step.perform(step.proposal(of), of, nothing)["profiles"]
    of = context(tmp_path, **facts, profiles=done)
    assert step.observe(of) == AGREES
    found = replace(of, observed={StepKey("mfa", ITEM): replace(AGREES, about=(SERIAL,))})
    seen = step.observe(found)
    assert (seen.verdict, seen.about, bool(seen.continuing)) == (Verdict.CHANGED, (SERIAL,), True)
    assert step.proposal(found).mfa_serial == SERIAL
    assert SERIAL in step.survey(step.proposal(found), found, nothing).diff
    step.perform(step.proposal(found), found, nothing)
    assert step.observe(found) == AGREES
    gone = {StepKey("mfa", ITEM): Observation(Verdict.GONE, about=(SERIAL,))}
    assert step.proposal(replace(of, observed=gone)).mfa_serial == ""


def test_profiles_that_aws_rejected_in_the_last_test_are_named(tmp_path: Path) -> None:
    of = context(tmp_path, access_key=IN_KEYRING)
    look = Observation(Verdict.GONE, "It stopped working.", (ROLE, "bb-other"))
    tested = {"results": [{"profile": BASE}, {"profile": ROLE, "for_admin": True}]}
    for seen in (
        replace(of, observed={StepKey("verify"): look}),
        replace(of, facts={**of.facts, "verified": tested}),
    ):
        assert step.survey(REQUEST, seen, nothing).rejected == (ROLE,)
    taken_back = replace(of, observed={StepKey("verify"): replace(look, verdict=Verdict.AS_DECIDED)})
    assert not step.survey(REQUEST, taken_back, nothing).rejected


def test_a_profile_that_was_edited_is_other_than_what_was_written(tmp_path: Path) -> None:
    of = context(tmp_path, access_key=IN_KEYRING)
    facts = step.perform(REQUEST, of, nothing)["profiles"]
    config = folder(tmp_path) / "config"
    config.write_text(config.read_text().replace("role/DevOps", "role/Admin") + "cli_pager =\n")
    seen = step.observe(context(tmp_path, profiles=facts))
    assert (seen.verdict, seen.about) == (Verdict.CHANGED, (ROLE,))
    assert "role_arn" in str(seen.words)
    assert seen.continuing
    facts = step.perform(REQUEST, of, nothing)["profiles"]  # it stays unchanged, as decided
    assert facts["left"] == [ROLE]
    assert step.observe(context(tmp_path, profiles=facts)) == AGREES


def test_what_was_written_counts_only_what_changed(tmp_path: Path) -> None:
    of = context(tmp_path, access_key=IN_KEYRING)
    first, second = (step.perform(REQUEST, of, nothing)["profiles"] for _ in range(2))
    assert first["names"] == second["names"] == [BASE, ROLE]
    assert count(2, "profile") in first["told"][0]
    assert len(second["told"]) == 1
    assert count(2, "profile") not in second["told"][0]


def test_a_key_in_plain_text_is_left_alone_and_masked(tmp_path: Path) -> None:
    folder(tmp_path).mkdir(parents=True)
    credentials = folder(tmp_path) / "credentials"
    text = f"# mine\n[{BASE}]\naws_access_key_id = AKIAEXAMPLEEXAMPLE01\naws_secret_access_key = {'s' * 40}\n"
    credentials.write_text(text)
    of = context(tmp_path, access_key=IN_FILE)
    assert "s" * 40 not in step.survey(REQUEST, of, nothing).diff
    told = step.perform(REQUEST, of, nothing)["profiles"]["told"]
    assert credentials.read_text() == text
    assert "credential_process" not in (folder(tmp_path) / "config").read_text()
    assert made_private(of.environment.readable(credentials)) in told
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600


def test_moving_the_key_into_the_keyring_takes_it_out_of_the_file(tmp_path: Path) -> None:
    folder(tmp_path).mkdir(parents=True)
    credentials = folder(tmp_path) / "credentials"
    credentials.write_text(
        f"[{BASE}]\naws_access_key_id = A\naws_secret_access_key = {'s' * 40}\n[o]\na = b\n"
    )
    of = context(tmp_path, access_key=IN_KEYRING)
    found = step.survey(REQUEST, of, nothing)
    assert "-aws_secret_access_key = ****\n" in found.diff
    assert "s" * 40 not in found.diff
    step.perform(REQUEST, of, nothing)
    assert credentials.read_text().endswith("[o]\na = b\n")
    assert "s" * 40 not in credentials.read_text()


def test_without_roles_in_the_handoff_there_is_the_base_profile_alone(tmp_path: Path) -> None:
    of = context(tmp_path, (jane(profiles=()),), access_key=IN_KEYRING)
    found = step.survey(REQUEST, of, nothing)
    assert found.names == (BASE,)
    with_roles = step.survey(REQUEST, context(tmp_path, access_key=IN_KEYRING), nothing).remarks
    assert len(set(found.remarks) - set(with_roles)) == 2


def test_the_twins_for_leverage_cli_are_a_choice(tmp_path: Path) -> None:
    of = context(tmp_path, access_key=IN_KEYRING)
    assert step.survey(Request("us-east-1", SERIAL, mfa_names=True), of, nothing).names == (
        BASE,
        ROLE,
        f"{ROLE}-mfa",
    )


def test_without_a_key_or_a_device_that_is_said(tmp_path: Path) -> None:
    without = step.survey(Request("us-east-1"), context(tmp_path), nothing).remarks
    of = context(tmp_path, access_key=IN_KEYRING)
    no_device = step.survey(Request("us-east-1"), of, nothing).remarks
    (no_key,) = set(without) - set(no_device)
    assert "access key" in no_key
    (device,) = step.remarks(Request("us-east-1"), of)
    assert " MFA " in device
    assert len(no_device) == 2, "here the step was skipped"
    done = context(tmp_path, access_key=IN_KEYRING, mfa={"serial": None, "how": "console"})
    assert step.survey(Request("us-east-1"), done, nothing).remarks == (device,)


def test_a_key_that_was_kept_before_its_step_was_skipped_is_used(tmp_path: Path) -> None:
    of = context(tmp_path)
    kept = KeyRecord(
        "bb", BASE, "AKIA" + "B" * 16, "keyring", "jane.doe", "2" * 12, "us-east-1", datetime.now(UTC)
    )
    KeyRecords(of.environment.key_records_folder).put(kept)
    assert step.remarks(REQUEST, of) == step.remarks(REQUEST, context(tmp_path, access_key=IN_KEYRING))
    step.perform(REQUEST, of, nothing)
    assert "credential_process" in (folder(tmp_path) / "config").read_text()


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (Request(""), "region"),
        (Request("nowhere-1"), "region"),
        (Request("us-gov-west-1"), "region"),
        (Request("us-east-1", "no"), "mfa_serial"),
        (Request("eu-central-1", SERIAL), ""),
        (Request("us-east-1"), "mfa_serial"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, request_: Request, field: str) -> None:
    problems = step.validate(request_, context(tmp_path, access_key=IN_KEYRING))
    assert [problem.field for problem in problems] == ([field] if field else [])
    assert all(problem.fatal for problem in problems) is (request_ != Request("us-east-1"))


def test_a_file_that_botocore_rejects_is_refused_with_its_line(tmp_path: Path) -> None:
    folder(tmp_path).mkdir(parents=True)
    config = folder(tmp_path) / "config"
    twice = "[profile a]\nregion = x\n[profile a]\n"
    config.write_text(twice)
    of = context(tmp_path, access_key=IN_KEYRING)
    for act in (step.survey, step.perform):
        with pytest.raises(OnboardError, match="line 3"):
            act(REQUEST, of, nothing)
    assert config.read_text() == twice


def test_the_command_names_the_installation_that_runs(tmp_path: Path) -> None:
    here, there = tmp_path / "a b" / "bin", tmp_path / "bin"
    for place in (here, there):
        place.mkdir(parents=True)
    python = here / "python"
    rest = "credential-process --project bb --profile bb-security"
    command = credential_command("bb", BASE, interpreter=python, search_path=str(there))
    assert shlex.split(command) == [str(python), "-P", "-m", "iam_onboard", *rest.split()]
    (there / "iam-onboard").write_text("#!/bin/sh\n")
    (there / "iam-onboard").chmod(0o755)
    assert credential_command("bb", BASE, interpreter=python, search_path=str(there)) == (
        f"{there / 'iam-onboard'} {rest}"
    )
    (here / "iam-onboard").write_text("#!/bin/sh\n")
    assert credential_command("bb", BASE, interpreter=python, search_path=str(there)) == (
        f"'{here / 'iam-onboard'}' {rest}"
    )
