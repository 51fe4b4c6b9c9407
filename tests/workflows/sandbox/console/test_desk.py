"""The console's sign-ins, one per browser."""

from __future__ import annotations

from support.console_browser import CHOSEN, Browser, settled
from support.strict_aws import SECURITY, StrictWorld


def test_a_sign_in_survives_a_restart_and_ends_by_itself(environment: StrictWorld, browser: Browser) -> None:
    settled(environment)
    browser.sign_in(CHOSEN)
    page = browser.post("/console/mfa", name="phone", kind="app")
    serial = f"arn:aws:iam::{SECURITY}:mfa/phone"
    assert serial in page.text
    environment.restart()
    browser.client.application = environment.console
    assert serial in browser.get("/console/mfa/codes").text
    environment.ahead += 13 * 3600
    assert browser.get("/console/home").request.path == "/console"


def test_a_deleted_user_is_not_found(environment: StrictWorld, browser: Browser) -> None:
    settled(environment)
    browser.sign_in(CHOSEN)
    iam = environment.administrator("iam")
    iam.delete_login_profile(UserName="jane.doe")
    iam.delete_user_policy(UserName="jane.doe", PolicyName="self")
    iam.delete_user(UserName="jane.doe")
    assert browser.post("/console/keys").status_code == 404
