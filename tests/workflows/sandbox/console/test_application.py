"""The console and the phone are closed to other sites and other users."""

from __future__ import annotations

import re

import pytest
from support.console_browser import ALIAS, CHOSEN, ONCE, Browser, settled
from support.strict_aws import HOST, PAGES, StrictWorld
from werkzeug.test import Client


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
