"""What AWS reports about people whose MFA device was removed."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.fakes import fake_environment
from support.stubbed_aws import stubbed_client

from workflows.machine.events import AGREES, NOT_ASKED, StepKey, Verdict
from workflows.steps.admin import mfa_reset
from workflows.steps.shared.module import Context

NAME = "sam.okafor"
MADE = datetime(2026, 1, 1, tzinfo=UTC)
USER = {"Path": "/", "UserName": NAME, "UserId": "AIDAEXAMPLEEXAMPLE01", "CreateDate": MADE}
USER["Arn"] = f"arn:aws:iam::111111111111:user/{NAME}"
SERIAL = f"arn:aws:iam::111111111111:mfa/{NAME}"


def context_of(folder: Path, *serials: str) -> Context:
    people = {NAME: list(serials)} if serials else {}
    facts = {"mfa_devices_reset": {"at": MADE.isoformat(), "people": people, "none": []}}
    return Context(fake_environment(folder, {}), facts, {}, "security", folder)


@pytest.mark.parametrize(
    ("devices", "verdict"), [(0, Verdict.AWAITED), (1, Verdict.AS_DECIDED), (None, Verdict.AS_DECIDED)]
)
def test_somebody_whose_device_was_removed_is_awaited_until_there_is_another(
    devices: int | None, verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stubbed_client("iam") as (client, stub):
        if devices is None:
            stub.add_client_error("get_user", "NoSuchEntity")
        else:
            stub.add_response("get_user", {"User": USER})
            device = {"UserName": NAME, "SerialNumber": SERIAL, "EnableDate": MADE}
            stub.add_response("list_mfa_devices", {"MFADevices": [device] * devices})
        monkeypatch.setattr(mfa_reset, "client_without_code", lambda *_: nullcontext(client))
        seen = mfa_reset.inquire(context_of(tmp_path, SERIAL))
    assert seen.verdict is verdict
    assert seen.about == (() if devices else (NAME,))
    assert [wait[1:] for wait in seen.waits] == [(NAME, "security")] * (verdict is Verdict.AWAITED)


def test_nobody_is_asked_where_nothing_was_removed(tmp_path: Path) -> None:
    assert mfa_reset.inquire(context_of(tmp_path)) is NOT_ASKED
    assert mfa_reset.observe(context_of(tmp_path, SERIAL)) is NOT_ASKED
    seen = mfa_reset.observe(context_of(tmp_path))
    assert (seen.verdict, seen.at) == (Verdict.AS_DECIDED, MADE.isoformat())


def test_somebody_without_a_device_is_awaited_before_aws_is_asked_but_not_after(tmp_path: Path) -> None:
    left = mfa_reset.Device("another", "authenticator app", MADE)
    owners = mfa_reset.Owner(NAME, True), mfa_reset.Owner("jane.doe", True, (left,))
    request = mfa_reset.Request(mfa_reset.Found(owners), ((NAME, SERIAL), ("jane.doe", "lost")))
    context = context_of(tmp_path)
    done = replace(context, facts=mfa_reset.perform(request, context, lambda _: None))
    seen = mfa_reset.observe(done)
    assert (seen.verdict, seen.about, bool(seen.at)) == (Verdict.AWAITED, (NAME,), True)
    key = StepKey("mfa-reset", "security")
    assert mfa_reset.observe(replace(done, observed={key: seen})) == seen
    for answer in (replace(seen, asked_at=seen.at), replace(AGREES, asked_at=seen.at), NOT_ASKED):
        assert mfa_reset.observe(replace(done, observed={key: answer})) is NOT_ASKED


def test_the_lines_of_the_text_are_wrapped_by_what_shows_it(tmp_path: Path) -> None:
    known = context_of(tmp_path)
    context = replace(known, facts={**known.facts, "project": "bb"})
    places = {
        account: mfa_reset.Place(number * 12, f"https://{number * 12}.signin.aws.amazon.com/console")
        for account, number in (("management", "1"), ("security", "2"))
    }
    for named in ({"security": places["security"]}, places):
        text = mfa_reset.text_for(NAME, named, context)
        assert all(line[-1] in ".,:" for line in text.splitlines() if line), "each line is a whole sentence"
        assert all((place.sign_in in text) is (account in named) for account, place in places.items())


@pytest.mark.parametrize("one_time", [True, False])
def test_a_password_that_was_reset_is_the_one_to_sign_in_with(
    one_time: bool,
    tmp_path: Path,
) -> None:
    with stubbed_client("iam") as (client, stub):
        stub.add_response("get_user", {"User": USER})
        stub.add_response("list_mfa_devices", {"MFADevices": []})
        stub.add_response("list_virtual_mfa_devices", {"VirtualMFADevices": []})
        profile = {"UserName": NAME, "CreateDate": MADE, "PasswordResetRequired": one_time}
        stub.add_response("get_login_profile", {"LoginProfile": profile})
        owner = mfa_reset._owner(client, NAME, "")
    assert owner.one_time is one_time
    known = context_of(tmp_path)
    context = replace(known, facts={**known.facts, "project": "bb"})
    request = mfa_reset.Request(mfa_reset.Found((owner,), "1" * 12, "https://a.example"), ((NAME, SERIAL),))
    fact = mfa_reset.perform(request, context, lambda _: None)["mfa_devices_reset"]
    place = mfa_reset.place(NAME, fact)
    assert place.one_time is one_time
    texts = [
        mfa_reset.text_for(NAME, {"security": at}, context) for at in (place, place._replace(one_time=False))
    ]
    assert (texts[0] != texts[1]) is one_time
