from __future__ import annotations

import csv
import io
import json
import re

import pytest
from support.strict_aws import (
    APPS,
    ASSUME_DEVOPS,
    HOST,
    PAGES,
    SECURITY,
    SELF_MANAGEMENT,
    TRUST_WITH_MFA,
    StrictWorld,
    code,
)
from werkzeug.test import Client, TestResponse

ALIAS = "bb-security"
ONCE, CHOSEN = "Once-only-1234", "Chosen-by-jane-1"
POLICY = {"MinimumPasswordLength": 12, "RequireNumbers": True, "PasswordReusePrevention": 2}


class Browser:
    """A browser that follows redirects and stores cookies."""

    def __init__(self, environment: StrictWorld) -> None:
        self.client = Client(environment.console)

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, base_url=PAGES, follow_redirects=True)

    def post(self, path: str, **form: str) -> TestResponse:
        return self.client.post(path, base_url=PAGES, data=form, follow_redirects=True)

    def sign_in(self, password: str, account: str = ALIAS, name: str = "jane.doe") -> TestResponse:
        return self.post("/console", account=account, user_name=name, password=password)


@pytest.fixture
def environment() -> StrictWorld:
    """Return AWS after the admin's apply: Jane has a one-time password and the self-management policy."""
    environment = StrictWorld()
    iam = environment.administrator("iam")
    iam.create_account_alias(AccountAlias=ALIAS)
    iam.update_account_password_policy(**POLICY)
    iam.create_user(UserName="jane.doe")
    iam.put_user_policy(UserName="jane.doe", PolicyName="self", PolicyDocument=SELF_MANAGEMENT)
    iam.create_login_profile(UserName="jane.doe", Password=ONCE, PasswordResetRequired=True)
    return environment


@pytest.fixture
def browser(environment: StrictWorld) -> Browser:
    return Browser(environment)


def settled(environment: StrictWorld) -> None:
    iam = environment.administrator("iam")
    iam.update_login_profile(UserName="jane.doe", Password=CHOSEN, PasswordResetRequired=False)


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


def test_a_deleted_user_is_not_found(environment: StrictWorld, browser: Browser) -> None:
    settled(environment)
    browser.sign_in(CHOSEN)
    iam = environment.administrator("iam")
    iam.delete_login_profile(UserName="jane.doe")
    iam.delete_user_policy(UserName="jane.doe", PolicyName="self")
    iam.delete_user(UserName="jane.doe")
    assert browser.post("/console/keys").status_code == 404


def test_other_sites_are_kept_out(environment: StrictWorld, browser: Browser) -> None:
    form = {"account": ALIAS, "user_name": "jane.doe", "password": ONCE}
    base = f"http://{HOST}"
    foreign = browser.client.post(
        "/console", base_url=PAGES, data=form, headers={"Origin": "http://evil.example"}
    )
    assert foreign.status_code == 403
    rebound = browser.client.get("/console", base_url="http://evil.example:5999/t0ken")
    assert rebound.status_code == 403
    own = browser.client.post("/console", base_url=PAGES, data=form, headers={"Origin": base})
    assert own.status_code == 302
    cookie = own.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "Path=/t0ken/console" in cookie
    assert "SameSite=Strict" in cookie
    assert own.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/console", "/phone"])
def test_every_page_says_that_it_is_the_sandbox(browser: Browser, path: str) -> None:
    assert 'class="sandbox"' in browser.get(path).text


def test_markup_in_a_name_stays_text(browser: Browser) -> None:
    page = browser.sign_in("x", "<script>alert(1)</script>", '"><b>')
    assert "<script>" not in page.text
    assert '"><b>' not in page.text


@pytest.mark.parametrize("token", ["", "t0keN", "t0ken0", "t0ke", "%74%00"])
@pytest.mark.parametrize("page", ["console", "console/home", "phone", "phone/codes.json", "static/x", ""])
def test_without_the_token_nothing_is_read_nor_done(
    environment: StrictWorld, browser: Browser, token: str, page: str
) -> None:
    settled(environment)
    browser.sign_in(CHOSEN)
    inside = {
        "HTTP_COOKIE": "; ".join(
            f"{cookie.key}={cookie.value}" for cookie in browser.client._cookies.values()
        )
    }
    for method in ("GET", "POST", "HEAD"):
        path = "/".join(["", *filter(None, (token, page))])
        answer = Client(environment.console).open(
            path, method=method, base_url=f"http://{HOST}", environ_overrides=inside
        )
        assert answer.status_code == 403
        assert "jane" not in answer.text


def test_every_link_of_a_page_holds_the_token(environment: StrictWorld, browser: Browser) -> None:
    settled(environment)
    pages = [browser.sign_in(CHOSEN), browser.get("/console/security"), browser.get("/phone")]
    links = [link for page in pages for link in re.findall(r'(?:href|action)="([^"]*)"', page.text)]
    assert len(links) > 5
    assert [link for link in links if not link.startswith("/t0ken/")] == []
