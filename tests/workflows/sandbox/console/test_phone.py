from __future__ import annotations

import json

import pytest
from support.strict_aws import PAGES, SECURITY, SELF_MANAGEMENT, StrictWorld, code
from werkzeug.test import Client

from workflows.sandbox.console.phone import Entry, scan_into, shown_of
from workflows.sandbox.strict.state import code_at

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (SEED, "Unnamed account"),
        ("gezd gnbv gy3t qojq-gezd gnbv gy3t qojq", "Unnamed account"),
        (
            f"otpauth://totp/Amazon%20Web%20Services:jane@bb?secret={SEED}&issuer=x",
            "Amazon Web Services:jane@bb",
        ),
    ],
)
def test_a_secret_is_read_in_every_form(text: str, label: str) -> None:
    phone: dict[str, Entry] = {}
    scan_into(phone, text)
    assert shown_of(phone, 59) == [
        {"label": label, "code": "287082", "seconds_left": 1, "next_code": code_at(SEED, 60)},
    ]


@pytest.mark.parametrize(
    "text", ["", "12345", "not base32!", "ABC", f"otpauth://hotp/x?secret={SEED}", "otpauth://totp/x"]
)
def test_what_is_no_secret_is_refused(text: str) -> None:
    phone: dict[str, Entry] = {}
    with pytest.raises(ValueError, match=r"not one|no secret"):
        scan_into(phone, text)
    assert shown_of(phone, 0) == []


def test_the_same_secret_twice_is_one_account() -> None:
    phone: dict[str, Entry] = {}
    for label in ("first", "second"):
        scan_into(phone, f"otpauth://totp/{label}?secret={SEED}")
    assert [entry["label"] for entry in shown_of(phone, 0)] == ["second"]


def test_the_phone_scans_what_the_console_shows_and_keeps_it() -> None:
    environment = StrictWorld()
    iam = environment.administrator("iam")
    iam.create_user(UserName="jane.doe")
    iam.put_user_policy(UserName="jane.doe", PolicyName="self", PolicyDocument=SELF_MANAGEMENT)
    iam.create_login_profile(UserName="jane.doe", Password="Some-password-1")
    browser, base = Client(environment.console), PAGES
    form = {"account": SECURITY, "user_name": "jane.doe", "password": "Some-password-1"}
    browser.post("/console", base_url=base, data=form)
    assert 'name="pending"' not in browser.get("/phone", base_url=base).text
    browser.post("/console/mfa", base_url=base, data={"name": "jane.doe", "kind": "app"})
    serial = f"arn:aws:iam::{SECURITY}:mfa/jane.doe"
    assert serial in browser.get("/phone", base_url=base).text
    other = browser.post("/phone/scan", base_url=base, data={"pending": serial + "x"})
    assert other.status_code == 400
    browser.post("/phone/scan", base_url=base, data={"pending": serial})

    environment.restart()
    browser.application = environment.console
    shown = json.loads(browser.get("/phone/codes.json", base_url=base).text)
    assert shown["sandbox"] is True
    [entry] = shown["accounts"]
    assert entry["label"] == f"Amazon Web Services:jane.doe@{SECURITY}"
    assert 0 < entry["seconds_left"] <= 30
    codes = {"code_1": entry["code"], "code_2": entry["next_code"]}
    done = browser.post("/console/mfa/codes", base_url=base, data=codes)
    assert done.status_code == 200
    [seed] = environment.strict.state.dump()["phone"]
    assert entry["code"] == code(environment, seed)
    assert seed not in browser.get("/phone", base_url=base).text
    for number, left in (("7", 1), ("x", 1), ("0", 0)):
        browser.post("/phone/remove", base_url=base, data={"number": number})
        assert len(json.loads(browser.get("/phone/codes.json", base_url=base).text)["accounts"]) == left
