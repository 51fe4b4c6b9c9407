"""AWS's evidence of a sign-in, with a strict AWS and its console: with a key, and with MFA."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.served_aws import BASE, NewUserAws, jane, user_key
from support.strict_aws import PAGES, SECURITY

from workflows.aws.errors import AwsError, AwsFailure
from workflows.core.secret import Credentials, Secret
from workflows.machine.events import AGREES, SAID_SO, StepKey, Verdict, seen_at
from workflows.steps.new_user import access_keys, sign_in
from workflows.steps.new_user.access_keys import API, TYPED, Request
from workflows.steps.shared.module import Looks
from workflows.steps.shared.own_access_key import NOT_REPLACED, TAKEN_AWAY, VAULT, keep_recorded
from workflows.stores.key_records import KeyRecord
from workflows.stores.key_store import VaultStore
from workflows.stores.vault import delete_access_key

ONCE, CHOSEN = "Once-only-1234", "Chosen-by-jane-1"
OWN_LOGIN = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "iam:GetLoginProfile", "Resource": "*"},
    }
)
NO_LOOK = OWN_LOGIN.replace("Allow", "Deny").replace("GetLoginProfile", "GetUser")
OWN_USER = OWN_LOGIN.replace("iam:GetLoginProfile", "iam:Get*")
NOT_YET = "AWS hasn't recorded your sign-in yet: its record is a few minutes late."


def with_password(new_user: NewUserAws) -> dict[str, Any]:
    key = user_key(new_user)
    iam = new_user.aws.administrator("iam")
    iam.put_user_policy(UserName="jane.doe", PolicyName="login", PolicyDocument=OWN_LOGIN)
    iam.create_login_profile(UserName="jane.doe", Password=ONCE, PasswordResetRequired=True)
    return key


def signs_in(new_user: NewUserAws) -> None:
    browser = new_user.aws.browser()
    pages = (
        ("/console", {"account": SECURITY, "user_name": "jane.doe", "password": ONCE}),
        (
            "/console/password",
            {"old_password": ONCE, "new_password": CHOSEN, "new_password_again": CHOSEN},
        ),
    )
    for path, form in pages:
        answer = browser.post(path, base_url=PAGES, data=form, follow_redirects=True)
        assert answer.status_code == 200


def keeps(new_user: NewUserAws, key: dict[str, Any]) -> Any:
    environment = new_user.environment
    vault = environment.vault("").vault
    store = VaultStore(vault, "bb", BASE)
    made = Credentials(key["AccessKeyId"], Secret(key["SecretAccessKey"]))
    record = KeyRecord(
        *("bb", BASE, made.access_key_id, store.kind, "jane.doe", jane().account_id, "us-east-1"),
        kept_at=environment.now(),
        backend=store.backend,
    )
    keep_recorded(store, made, record, environment, fingerprint="", mfa_serial=None)
    return vault


def recorded(new_user: NewUserAws) -> str:
    facts = sign_in.perform(sign_in.Request(chosen=True), new_user.context(), new_user.report)
    assert facts["signed_in"]["proof"] == sign_in.Proof.CHOSEN
    told: str = facts["signed_in"]["recorded"]
    return told


def test_without_a_key_the_persons_word_stands(new_user: NewUserAws) -> None:
    with_password(new_user)
    assert recorded(new_user) == ""


def test_with_a_kept_key_aws_tells_the_sign_in(new_user: NewUserAws) -> None:
    vault = keeps(new_user, with_password(new_user))
    assert recorded(new_user) == NOT_YET  # the usual policy allows GetLoginProfile only with MFA
    signs_in(new_user)
    day = f"{new_user.environment.now():%-d %B}"
    assert f" {day}, " in recorded(new_user)
    delete_access_key(vault, "bb", BASE)
    assert recorded(new_user) == ""


def test_a_kept_key_shows_that_the_device_was_removed_before_the_sign_in(new_user: NewUserAws) -> None:
    keeps(new_user, with_password(new_user))
    for facts in ({}, {"mfa": {"serial": None, "how": "console"}}):
        new_user.progress.clear()
        sign_in.perform(sign_in.Request(chosen=True), new_user.context(**facts), new_user.report)
        looks = [step.payload.by_step for step in new_user.progress if isinstance(step.payload, Looks)]
        assert [{str(key): look.verdict for key, look in seen.items()} for seen in looks] == (
            [{"mfa@security": Verdict.GONE}] if facts else []
        )


def test_a_sign_in_that_is_older_than_the_handoff_was_with_another_password(new_user: NewUserAws) -> None:
    keeps(new_user, with_password(new_user))
    signs_in(new_user)
    later = (new_user.environment.now() + timedelta(hours=1)).isoformat(timespec="seconds")
    reset = new_user.context(accepted_at=later)
    facts = sign_in.perform(sign_in.Request(chosen=True), reset, new_user.report)
    assert (facts["signed_in"]["recorded"], facts["signed_in"]["seen"]) == (NOT_YET, False)
    before = {"id": "AKIAIOSFODNN7EXAMPLE", "kept": "keyring", "signed_in": "AWS has recorded it."}
    for at, counts in (("2020-01-01T00:00:00+00:00", False), ("2100-01-01T00:00:00+00:00", True)):
        context = new_user.context(accepted_at=later, **facts, access_key={**before, "at": at})
        assert bool(sign_in.evidence(context)[0]) is counts
        late = sign_in.inquire(context)
        assert (late.verdict, bool(late.remedy)) == (Verdict.UNKNOWN, True)
    facts["signed_in"]["since"] = ""
    known = new_user.context(**facts, access_key={**before, "at": later})
    assert sign_in.inquire(known) == replace(AGREES, at=later)
    new_user.aws.administrator("iam").put_user_policy(
        UserName="jane.doe", PolicyName="no-look", PolicyDocument=NO_LOOK
    )
    with pytest.raises(AwsError):  # looking again later would not help
        sign_in.inquire(known)


def test_a_sign_in_confirms_only_its_own_time_if_the_password_may_have_been_reset_after_it(
    new_user: NewUserAws,
) -> None:
    key = with_password(new_user)
    keeps(new_user, key)
    signs_in(new_user)
    kept_here = {"id": key["AccessKeyId"], "kept": "keyring"}
    said = new_user.context(signed_in={"since": ""}, access_key=kept_here)
    news = sign_in.inquire(said)
    assert (news.verdict, bool(news.at)) == (Verdict.AS_DECIDED, True)
    known = replace(said, observed={StepKey("sign-in", said.item): news})
    assert sign_in.inquire(known).at == news.at
    iam = new_user.aws.administrator("iam")
    iam.put_user_policy(UserName="jane.doe", PolicyName="policy-0", PolicyDocument=OWN_USER)
    assert sign_in.inquire(known) == AGREES
    iam.update_login_profile(UserName="jane.doe", Password=ONCE, PasswordResetRequired=True)
    assert sign_in.inquire(known).verdict is Verdict.UNDONE
    iam.delete_login_profile(UserName="jane.doe")
    assert sign_in.inquire(known).verdict is Verdict.GONE
    assert recorded(new_user) == TAKEN_AWAY


def test_that_aws_cannot_be_asked_is_told_and_stops_nobody(new_user: NewUserAws) -> None:
    key = with_password(new_user)
    keeps(new_user, key)
    new_user.aws.administrator("iam").delete_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"])
    assert AwsFailure.KEY_UNKNOWN.value.what in recorded(new_user)


def test_a_key_that_comes_later_proves_the_sign_in(new_user: NewUserAws) -> None:
    key = with_password(new_user)
    signs_in(new_user)
    request = Request(VAULT, TYPED, key_id=key["AccessKeyId"], secret=Secret(key["SecretAccessKey"]))
    said = {"signed_in": {"proof": sign_in.Proof.CHOSEN.value, "recorded": "", "seen": False}}
    assert sign_in.observe(new_user.context(**said)) is SAID_SO
    made = access_keys.perform(request, new_user.context(), new_user.report)
    key = made["access_key"]
    assert key["signed_in"]
    assert access_keys.outcome(key) == [*key["told"], key["signed_in"]]
    assert sign_in.observe(new_user.context(**said, **made)) == seen_at(
        made["access_key"]["at"], new_user.environment.now()
    )


def test_with_mfa_it_is_known_that_the_one_time_password_is_not_replaced(new_user: NewUserAws) -> None:
    key = with_password(new_user)
    _, seed = new_user.aws.device()
    request = Request(VAULT, API, path=str(new_user.csv(key)), code=new_user.code(seed, 1))
    told = access_keys.perform(request, new_user.context(), new_user.report)["access_key"]["told"]
    assert NOT_REPLACED in told


def test_a_machine_user_is_not_asked_about(new_user: NewUserAws) -> None:
    new_user.identities = (jane(encrypted_password=None, sign_in_url=""),)
    key = user_key(new_user)
    keeps(new_user, key)
    facts = sign_in.perform(sign_in.Request(), new_user.context(), new_user.report)
    assert facts["signed_in"]["recorded"] == ""
