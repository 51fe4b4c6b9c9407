"""Verification of the written profiles with a strict AWS, and the key in every kind of store."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment
from support.pgp import ENVIRONMENT, GpgHome, gpg_home
from support.served_aws import BASE, ROLE, NewUserAws, jane, user_key
from support.strict_aws import ASSUME_DEVOPS, MANAGEMENT, SECURITY, SELF_MANAGEMENT

from tui.host import vault_for
from workflows.aws.errors import AwsError, AwsFailure
from workflows.aws.verify import Result
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError
from workflows.gpg.decrypt import PassphraseNeeded, WrongPassphrase
from workflows.machine.events import Observation, StepKey, Verdict, seen_at
from workflows.steps.new_user import access_keys, profiles, verify
from workflows.steps.new_user.access_keys import TYPED
from workflows.steps.new_user.verify import Request
from workflows.steps.shared.module import Context, Looks
from workflows.steps.shared.own_access_key import CREDENTIALS_FILE, VAULT, unlock

PASSPHRASE = "canary-passphrase"


@pytest.fixture
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        yield home


def ready(new_user: NewUserAws, kept: str, key: Mapping[str, Any], **facts: Any) -> Context:
    """Return a context after the earlier steps: a stored key and written profiles."""
    typed = access_keys.Request(kept, TYPED, key_id=key["AccessKeyId"], secret=Secret(key["SecretAccessKey"]))
    known = {**facts, **access_keys.perform(typed, new_user.context(facts), new_user.report)}
    proposed = profiles.proposal(new_user.context(**known))
    known |= profiles.perform(proposed, new_user.context(**known), new_user.report)
    return new_user.context(**known)


def answers(results: tuple[Result, ...]) -> dict[str, str]:
    return {result.profile: result.arn for result in results}


@pytest.mark.parametrize("kept", [VAULT, CREDENTIALS_FILE])
def test_every_profile_says_who_it_is_with_one_code(new_user: NewUserAws, kept: str) -> None:
    key = user_key(new_user)
    serial, seed = new_user.aws.device()
    context = ready(new_user, kept, key)
    found = verify.survey(context, new_user.report)
    (view,) = found.identities
    assert (view.account, view.base, view.serial) == ("security", BASE, serial)
    assert next(iter(view.roles.values())) == (
        f"https://signin.aws.amazon.com/switchrole?account=333333333333&roleName=DevOps&displayName={ROLE}"
    )
    results = verify.verify({"security": new_user.code(seed, 1)}, context, new_user.report)
    assert answers(results) == {
        BASE: "arn:aws:iam::222222222222:user/jane.doe",
        ROLE: "arn:aws:sts::333333333333:assumed-role/DevOps/iam-onboard",
    }
    reported = [progress.payload for progress in new_user.progress if isinstance(progress.payload, Result)]
    assert sorted(answers(tuple(reported))) == sorted([BASE, ROLE])
    assert verify.validate(Request(results), context) == []
    now = new_user.environment.now()
    at = now.isoformat(timespec="seconds")
    facts = verify.perform(Request(results, at=at), context, new_user.report)
    assert verify.observe(new_user.context(facts)) == seen_at(at, now)
    assert facts["verified"]["results"][0] == {
        "profile": BASE,
        "arn": "arn:aws:iam::222222222222:user/jane.doe",
        "problem": None,
    }


@pytest.mark.parametrize("kept", [VAULT, CREDENTIALS_FILE])
def test_a_device_that_aws_no_longer_has_is_reported_to_its_step(new_user: NewUserAws, kept: str) -> None:
    key = user_key(new_user)
    serial, seed = new_user.aws.device()
    context = ready(new_user, kept, key, mfa={"serial": serial, "how": "api", "at": ""})
    new_user.aws.administrator("iam").deactivate_mfa_device(UserName="jane.doe", SerialNumber=serial)
    results = verify.verify({"security": new_user.code(seed, 1)}, context, new_user.report)
    assert [result.profile for result in results if result.wants_device] == [ROLE]
    looks = [step.payload.by_step for step in new_user.progress if isinstance(step.payload, Looks)]
    assert [
        look[registered].verdict for look in looks if (registered := StepKey("mfa", "security")) in look
    ] == [Verdict.GONE]


def test_profiles_without_a_key_are_not_tested(new_user: NewUserAws) -> None:
    context = new_user.context()
    written = profiles.perform(profiles.proposal(context), context, new_user.report)
    context = new_user.context(**written)
    survey = verify.survey(context, new_user.report)
    assert (survey.identities, survey.keyless) == ((), ("security",))
    assert verify.verify({}, context, new_user.report) == ()
    finished = verify.perform(Request(), context, new_user.report)["verified"]
    assert list(survey.written) == written["profiles"]["names"]
    assert finished["total"] == len(survey.written)


def test_what_was_finished_with_a_profile_that_fails_is_not_confirmed(new_user: NewUserAws) -> None:
    now = new_user.environment.now()
    at = now.isoformat(timespec="seconds")
    works, fails = Result(BASE, "arn:aws:iam::222222222222:user/jane.doe", ""), Result(ROLE, "", "No.")
    for results, verdict in (((works,), Verdict.AS_DECIDED), ((works, fails), Verdict.UNKNOWN)):
        context = new_user.context()
        facts = verify.perform(Request(results, at=at), context, new_user.report)
        look = verify.observe(new_user.context(**facts))
        assert (look.verdict, look.at) == (verdict, at)


def test_without_a_code_the_role_says_why_and_may_be_accepted(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    new_user.aws.device()
    context = ready(new_user, VAULT, key)
    results = verify.verify({}, context, new_user.report)
    assert answers(results)[BASE]
    assert not answers(results)[ROLE]
    role = next(result for result in results if result.profile == ROLE)
    assert "MFA" in role.problem
    assert verify.validate(Request(results), context) == []


def test_a_used_code_is_told_for_the_profiles_that_wanted_it(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    _, seed = new_user.aws.device()
    context = ready(new_user, VAULT, key)
    code = new_user.code(seed, 1)
    verify.verify({"security": code}, context, new_user.report)
    results = verify.verify({"security": code}, context, new_user.report)
    assert answers(results)[BASE]
    assert "already seen" in next(result.problem for result in results if result.profile == ROLE)
    new_user.aws.ahead += 60
    again = verify.verify({"security": new_user.code(seed, 1)}, context, new_user.report)
    assert all(answers(again).values())


def test_another_persons_key_in_the_vault_is_found_out(new_user: NewUserAws) -> None:
    context = ready(new_user, VAULT, user_key(new_user))
    other = user_key(new_user, "juan.delacruz")
    vault: Any = new_user.environment.vault("").vault
    name = f"bb/{BASE}/access-key"
    vault.kept[name] = json.dumps({"id": other["AccessKeyId"], "secret": other["SecretAccessKey"]})
    results = verify.verify({}, context, new_user.report)
    assert all("juan.delacruz" in result.problem for result in results)


def test_two_identities_have_a_device_and_a_code_each(new_user: NewUserAws) -> None:
    """A failure with one does not affect the other."""
    new_user.identities = (
        jane(
            account_name="management",
            account_alias="",
            account_id=MANAGEMENT,
            sign_in_url="",
            profiles=(),
            encrypted_password=None,
        ),
        jane(),
    )
    every: dict[str, Any] = {}
    seeds = {}
    for account, number in (("management", MANAGEMENT), ("security", SECURITY)):
        key = new_user.aws.user("jane.doe", SELF_MANAGEMENT, ASSUME_DEVOPS, account=number)
        _, seeds[account] = new_user.aws.device(account=number)
        context = ready(replace(new_user, item=account), VAULT, key)
        every |= {f"{name}@{account}": context.facts[name] for name in ("access_key", "profiles")}
    context = replace(new_user.context(), every=every, item="")
    assert [view.account for view in verify.survey(context, new_user.report).identities] == [
        "management",
        "security",
    ]
    codes = {"management": "000000", "security": new_user.code(seeds["security"], 1)}
    results = {result.profile: result for result in verify.verify(codes, context, new_user.report)}
    assert results[ROLE].arn
    assert results["bb-management"].arn == f"arn:aws:iam::{MANAGEMENT}:user/jane.doe"


def test_nothing_written_means_nothing_to_verify(new_user: NewUserAws) -> None:
    context = new_user.context()
    assert verify.survey(context, new_user.report).identities == ()
    assert verify.verify({}, context, new_user.report) == ()
    assert "Skip this" in verify.validate(Request(), context)[0].message


def test_malformed_codes_are_named_by_their_field(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    new_user.aws.device()
    views = verify.survey(ready(new_user, VAULT, key), new_user.report).identities
    for code in ("", "12"):
        assert [code_problem.field for code_problem in verify.code_problems({"security": code}, views)] == [
            "code-security"
        ]
    assert verify.code_problems({"security": "123456"}, views) == []


def encrypted(new_user: NewUserAws, gpg: GpgHome) -> str:
    """Set a vault of files that are encrypted to a key with a passphrase; return the key's fingerprint."""
    fingerprint = gpg.key("jane", passphrase=PASSPHRASE)
    environment = {**ENVIRONMENT, "HOME": str(new_user.environment.home), "GNUPGHOME": str(gpg.path)}
    vault = partial(
        vault_for,
        folder=new_user.environment.home / ".local" / "share" / "iam-onboard" / "vault",
        gnupg_home=gpg.path,
        environment=environment,
        with_keyring=False,
    )
    new_user.environment = replace(
        new_user.environment, gnupg_home=gpg.path, variables=environment, vault=vault
    )
    new_user.identities = (jane(key_fingerprint=fingerprint),)
    return fingerprint


def test_a_key_in_an_encrypted_file_wants_the_passphrase_once(new_user: NewUserAws, gpg: GpgHome) -> None:
    key = user_key(new_user)
    fingerprint = encrypted(new_user, gpg)
    context = ready(new_user, VAULT, key, fingerprint=fingerprint)
    assert context.facts["access_key"]["kept"] == "pgp-file"
    assert access_keys.observe(context).verdict is Verdict.AS_DECIDED
    gpg.forget_passphrases()
    with pytest.raises(PassphraseNeeded):
        verify.verify({}, context, new_user.report)
    with pytest.raises(WrongPassphrase):
        unlock(Secret("wrong"), fingerprint, context, new_user.report)
    unlock(Secret(PASSPHRASE), fingerprint, context, new_user.report)
    assert answers(verify.verify({}, context, new_user.report))[BASE].endswith("user/jane.doe")


def with_programs(new_user: NewUserAws, *folders: Path) -> None:
    """Put these folders at the beginning of the person's PATH."""
    path = os.pathsep.join([*map(str, folders), ENVIRONMENT["PATH"]])
    new_user.environment = replace(
        new_user.environment, variables={**new_user.environment.variables, "PATH": path}
    )


def test_the_real_aws_command_uses_what_was_written_and_asks_for_a_code_once(
    new_user: NewUserAws, gpg: GpgHome
) -> None:
    """The base profile's credential_process runs iam-onboard, which decrypts the key from its file."""
    key = user_key(new_user)
    serial, seed = new_user.aws.device()
    fingerprint = encrypted(new_user, gpg)
    with_programs(new_user, Path(sys.executable).parent)
    context = ready(new_user, VAULT, key, fingerprint=fingerprint)
    assert verify.survey(context, new_user.report).has_aws
    unlock(Secret(PASSPHRASE), fingerprint, context, new_user.report)
    assert verify.try_aws(ROLE, "", context, new_user.report).needs_code
    assert not verify.keeps_session(ROLE, serial, context)
    code = new_user.code(seed, 1)
    tried = verify.try_aws(ROLE, code, context, new_user.report)
    assert "assumed-role/DevOps/" in tried.output
    with pytest.raises(OnboardError, match="used already"):
        verify.try_aws(ROLE, code, context, new_user.report)
    again = verify.try_aws(ROLE, "", context, new_user.report)  # it remembers the role's session
    assert (again.output, again.needs_code) == (tried.output, False)
    assert "GetPassWarning" not in again.output
    assert verify.keeps_session(ROLE, serial, context)
    assert not verify.keeps_session(ROLE, f"{serial}-2", context)
    another = {**context.facts["access_key"], "id": "AKIAIOSFODNN7EXAMPLE"}
    rotated = new_user.context(profiles=context.facts["profiles"], access_key=another)
    assert not verify.keeps_session(ROLE, serial, rotated)
    later = context.environment.now() + timedelta(hours=1)
    past = replace(context, environment=replace(context.environment, now=lambda: later))
    assert not verify.keeps_session(ROLE, serial, past)


def test_the_aws_command_in_its_own_words_when_it_fails(new_user: NewUserAws, tmp_path: Path) -> None:
    context = ready(new_user, CREDENTIALS_FILE, user_key(new_user))
    with pytest.raises(OnboardError, match="isn't installed"):
        verify.try_aws(
            BASE,
            "",
            replace(context, environment=replace(context.environment, variables={"PATH": ""})),
            print,
        )
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "aws").write_text("#!/bin/sh\necho 'No credentials' >&2\nexit 253\n")
    (programs / "aws").chmod(0o755)
    with_programs(new_user, programs)
    with pytest.raises(verify.CommandError) as refused:
        verify.try_aws(BASE, "", replace(context, environment=new_user.environment), new_user.report)
    assert (refused.value.profile, refused.value.detail) == (BASE, "No credentials")


def own_lines(context: Context) -> tuple[str, ...]:
    return verify.shell_lines(context, ROLE, verify.own_shell(context))


def test_the_lines_are_for_the_persons_own_shell(new_user: NewUserAws) -> None:
    context = ready(new_user, CREDENTIALS_FILE, user_key(new_user))
    assert own_lines(context) == (
        'export AWS_CONFIG_FILE="$HOME/.aws/bb/config"',
        'export AWS_SHARED_CREDENTIALS_FILE="$HOME/.aws/bb/credentials"',
        f"export AWS_PROFILE={ROLE}",
    )
    fish = replace(context.environment, variables={**ENVIRONMENT, "SHELL": "/usr/bin/fish"})
    assert own_lines(replace(context, environment=fish))[2] == f"set -gx AWS_PROFILE '{ROLE}'"


def test_in_the_sandbox_the_lines_lead_into_it_too(new_user: NewUserAws) -> None:
    context = ready(new_user, CREDENTIALS_FILE, user_key(new_user))
    folder = new_user.environment.home / ".aws" / "bb"
    own = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "HOME": "/s/home", "GNUPGHOME": "/s/gpg", "LANG": "C"}
    inside = replace(context.environment, variables=own, sandbox=True)
    assert own_lines(replace(context, environment=inside)) == (
        f"export AWS_CONFIG_FILE={folder / 'config'}",
        f"export AWS_SHARED_CREDENTIALS_FILE={folder / 'credentials'}",
        f"export AWS_PROFILE={ROLE}",
        "export AWS_ENDPOINT_URL=http://127.0.0.1:9",
        "export HOME=/s/home",
        "export GNUPGHOME=/s/gpg",
    )


def test_answers_are_shown_again_for_an_hour_and_only_of_the_same_keys_and_files(tmp_path: Path) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    survey = verify.Survey((), has_aws=True, asked=("a key", "a time"))
    results = [Result(BASE, "arn:aws:iam::222222222222:user/jane.doe", "")]

    def context(after: timedelta) -> Context:
        environment = fake_environment(tmp_path, {}, now=lambda: at + after)
        return Context(environment, {}, {}, "", tmp_path)

    draft = verify.kept(results, survey, context(timedelta(0)))
    assert list(verify.kept_results(draft, survey, context(timedelta(minutes=59)))) == [BASE]
    for changed, of, after in (
        (draft, survey, timedelta(hours=1)),
        (draft, survey, timedelta(minutes=-1)),
        (draft, replace(survey, asked=("another key", "a time")), timedelta(0)),
        ({**draft, "at": 5}, survey, timedelta(0)),
        ({**draft, "results": 5}, survey, timedelta(0)),
        ({}, survey, timedelta(0)),
    ):
        assert verify.kept_results(changed, of, context(after)) == {}


def test_what_aws_says_of_a_kept_key_is_known_to_the_step_that_kept_it(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    context = ready(new_user, VAULT, key)
    step = StepKey("access-keys", "security")
    rotated = {**context.facts["access_key"], "id": "AKIAREPLACED"}  # elsewhere, since then
    context = new_user.context(profiles=context.facts["profiles"], access_key=rotated)

    def seen() -> Observation:
        results = verify.verify({}, context, new_user.report)
        survey = verify.survey(context, new_user.report)
        return verify.keys_seen(results, survey, context)[step]

    assert seen().verdict is Verdict.AS_DECIDED
    for status, verdict in (("Inactive", Verdict.GONE), ("Active", Verdict.AS_DECIDED)):
        new_user.aws.administrator("iam").update_access_key(
            UserName="jane.doe", AccessKeyId=key["AccessKeyId"], Status=status
        )
        assert seen().verdict is verdict
        assert seen().about == ((key["AccessKeyId"],) if status == "Inactive" else ())


def test_only_an_answer_of_aws_speaks_against_a_profile_that_worked(new_user: NewUserAws) -> None:
    works, failed = Result(BASE, "arn:aws:iam::222222222222:user/jane.doe", ""), Result(ROLE, "", "No.")
    facts = verify.perform(Request((works, failed)), new_user.context(), new_user.report)
    context = new_user.context(**facts)

    def said(profile: str, failure: AwsFailure) -> Verdict:
        error = AwsError(failure, "X", doing="asking", detail="")
        other = works if profile == ROLE else failed
        result = replace(Result(profile, "", "No."), error=error)
        return verify.tested_again((result, other), context).verdict

    assert said(BASE, AwsFailure.KEY_UNKNOWN) is Verdict.GONE
    assert said(BASE, AwsFailure.NETWORK) is Verdict.UNKNOWN
    assert said(ROLE, AwsFailure.DENIED) is Verdict.UNKNOWN, "it didn't work before, either"
    remembered = Result(BASE, "", "No.")
    assert verify.tested_again((remembered,), context).verdict is Verdict.UNKNOWN, "AWS didn't answer now"
    assert verify.tested_again((works,), context).verdict is Verdict.AS_DECIDED


@pytest.mark.parametrize(
    ("failing", "asked"),
    [
        ({}, ["free", "coded", "other"]),
        ({"coded": False}, ["free", "coded"]),
        ({"free": False}, ["free"]),
        ({"coded": True, "other": False}, ["free", "other"]),
        ({"coded": True}, ["free", "coded", "other"]),
    ],
)
def test_what_needs_no_code_is_asked_again_with_what_fails_unless_only_an_admin_can_help(
    failing: dict[str, bool], asked: list[str]
) -> None:
    serials = {"free": None, "coded": "a device", "other": "another device"}
    views = tuple(verify.IdentityView(name, name, serial, {}) for name, serial in serials.items())
    results = {
        name: Result(name, "arn", "no" if name in failing else "", for_admin=failing.get(name, False))
        for name in serials
    }
    assert [view.account for view in verify.Survey(views, has_aws=False).to_ask(results)] == asked
