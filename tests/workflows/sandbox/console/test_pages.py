from __future__ import annotations

import csv
import io
import json
import re

import pytest
from support.console_browser import ALIAS, CHOSEN, ONCE, Browser, settled
from support.strict_aws import APPS, ASSUME_DEVOPS, SECURITY, TRUST_WITH_MFA, StrictWorld, code
from werkzeug.test import TestResponse


def test_the_whole_way_of_a_new_user(environment: StrictWorld, browser: Browser) -> None:
    assert f'value="{ALIAS}"' in browser.get(f"/console?account={ALIAS}").text
    page = browser.sign_in(ONCE)
    assert page.request.path == "/console/password"
    assert "12 to 128" in page.text
    assert browser.get("/console/security").request.path == "/console/password"
    page = browser.post(
        "/console/password", old_password=ONCE, new_password=CHOSEN, new_password_again=CHOSEN
    )
    assert page.request.path == "/console/home"
    assert f"{ALIAS} ({SECURITY})" in page.text

    assert "explicit deny" in browser.get("/console/security").text
    refused = browser.post("/console/keys")
    assert refused.status_code == 403
    assert "explicit deny" in refused.text

    page = browser.post("/console/mfa", name="jane.doe", kind="app")
    found = re.search(r'<code id="secret-key">([A-Z2-7]{64})</code>', page.text)
    assert found
    seed = found[1]
    assert 'src="data:image/png;base64,' in page.text
    assert seed in browser.get("/console/mfa").text
    assert browser.post("/console/mfa/codes", code_1="000000", code_2="111111").status_code == 403
    codes = {"code_1": code(environment, seed, -1), "code_2": code(environment, seed)}
    assert browser.post("/console/mfa/codes", **codes).status_code == 200

    browser.post("/console/sign-out")
    assert browser.sign_in(CHOSEN).request.path == "/console/code"
    assert browser.get("/console/home").request.path == "/console/code"
    assert browser.post("/console/code", code=code(environment, seed)).status_code == 403, "used already"
    page = browser.post("/console/code", code=code(environment, seed, 1))
    assert page.request.path == "/console/home"

    assert browser.post("/console/keys").request.path == "/console/keys/new"
    download = browser.get("/console/keys/download")
    assert download.headers["Content-Disposition"] == "attachment; filename=jane.doe_accessKeys.csv"
    heads, (key_id, secret) = csv.reader(io.StringIO(download.text))
    assert heads == ["Access key ID", "Secret access key"]
    key = {"AccessKeyId": key_id, "SecretAccessKey": secret}
    arn = environment.of("sts", key).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:iam::{SECURITY}:user/jane.doe"

    assert browser.post("/console/keys/new").request.path == "/console/security"
    assert browser.get("/console/keys/download").status_code == 404
    browser.post(f"/console/keys/{key['AccessKeyId']}/deactivate")
    assert "Inactive" in browser.get("/console/security").text
    browser.post(f"/console/keys/{key['AccessKeyId']}/delete")
    assert key["AccessKeyId"] not in browser.get("/console/security").text


def offered(page: TestResponse, key_id: str) -> list[str]:
    """Return the buttons in the row of a key."""
    line = next(line for line in page.text.split("<tr>") if key_id in line)
    return re.findall(r"<button>(\w+)</button>", line.split("</tr>")[0])


def test_a_key_is_offered_to_be_deleted_once_it_is_inactive(
    environment: StrictWorld, browser: Browser
) -> None:
    iam = environment.administrator("iam")
    own_keys = {"Effect": "Allow", "Action": "iam:*AccessKey*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [own_keys]})
    iam.put_user_policy(UserName="jane.doe", PolicyName="self", PolicyDocument=policy)
    settled(environment)
    browser.sign_in(CHOSEN)
    first, other = (iam.create_access_key(UserName="jane.doe")["AccessKey"]["AccessKeyId"] for _ in range(2))
    page = browser.get("/console/security")
    assert offered(page, first) == offered(page, other) == ["Deactivate"]
    assert offered(browser.post(f"/console/keys/{first}/deactivate"), first) == ["Activate", "Delete"]
    assert offered(browser.post(f"/console/keys/{first}/activate"), first) == ["Deactivate"]
    browser.post(f"/console/keys/{first}/deactivate")
    page = browser.post(f"/console/keys/{first}/delete")
    assert first not in page.text
    assert offered(page, other) == ["Deactivate"], "the other one is as it was"
    assert browser.post(f"/console/keys/{first}/delete").status_code == 404
    assert browser.post(f"/console/keys/{other}/rename").status_code == 404
    (left,) = iam.list_access_keys(UserName="jane.doe")["AccessKeyMetadata"]
    assert (left["AccessKeyId"], left["Status"]) == (other, "Active")


@pytest.mark.parametrize(
    ("account", "name", "password"),
    [
        (ALIAS, "jane.doe", "wrong"),
        (ALIAS, "nobody", ONCE),
        ("other-alias", "jane.doe", ONCE),
        (APPS, "jane.doe", ONCE),
        (ALIAS, "jane.doe", ""),
        (ALIAS, "no.password", ""),
    ],
)
def test_who_is_not_known_is_not_let_in(
    environment: StrictWorld, browser: Browser, account: str, name: str, password: str
) -> None:
    environment.administrator("iam").create_user(UserName="no.password")
    assert browser.sign_in(password, account, name).status_code == 403
    assert browser.get("/console/home").request.path == "/console"


@pytest.mark.parametrize(
    ("old", "new", "again", "status"),
    [
        (ONCE, CHOSEN, "other", 400),
        (ONCE, "short-1", "short-1", 400),
        (ONCE, "no-digit-in-here", "no-digit-in-here", 400),
        ("wrong", CHOSEN, CHOSEN, 403),
        (ONCE, ONCE, ONCE, 400),
    ],
)
def test_a_new_password_follows_the_policy(
    environment: StrictWorld, browser: Browser, old: str, new: str, again: str, status: int
) -> None:
    browser.sign_in(ONCE)
    page = browser.post("/console/password", old_password=old, new_password=new, new_password_again=again)
    assert page.status_code == status
    assert browser.get("/console/home").request.path == "/console/password"


def test_a_passkey_is_declined(environment: StrictWorld, browser: Browser) -> None:
    settled(environment)
    browser.sign_in(CHOSEN)
    assert browser.post("/console/mfa", name="jane.doe", kind="passkey").status_code == 400


def test_an_abandoned_device_blocks_its_name(environment: StrictWorld, browser: Browser) -> None:
    settled(environment)
    browser.sign_in(CHOSEN)
    browser.post("/console/mfa", name="jane.doe", kind="app")
    assert browser.post("/console/mfa/cancel").status_code == 403
    assert browser.post("/console/mfa", name="jane.doe", kind="app").status_code == 409
    page = browser.post("/console/mfa", name="jane.doe-2", kind="app")
    assert page.request.path == "/console/mfa/codes"


def test_roles_are_switched_to_as_the_link_says(environment: StrictWorld, browser: Browser) -> None:
    settled(environment)
    iam = environment.administrator("iam")
    iam.put_user_policy(UserName="jane.doe", PolicyName="devops", PolicyDocument=ASSUME_DEVOPS)
    environment.administrator("iam", APPS).create_role(
        RoleName="DevOps", AssumeRolePolicyDocument=TRUST_WITH_MFA
    )
    _, seed = environment.device()
    browser.sign_in(CHOSEN)
    browser.post("/console/code", code=code(environment, seed, 1))
    page = browser.get(f"/console/switchrole?account={APPS}&roleName=DevOps&displayName=bb-apps")
    assert f'value="{APPS}"' in page.text
    page = browser.post("/console/switchrole", account=APPS, roleName="DevOps", displayName="bb-apps")
    assert f"arn:aws:sts::{APPS}:assumed-role/DevOps/jane.doe" in page.text
    page = browser.post("/console/switchrole", account=APPS, roleName="Administrator")
    assert page.status_code == 403
    assert "sts:AssumeRole" in page.text


@pytest.mark.parametrize("path", ["/console", "/phone"])
def test_every_page_says_that_it_is_the_sandbox(browser: Browser, path: str) -> None:
    assert 'class="sandbox"' in browser.get(path).text
