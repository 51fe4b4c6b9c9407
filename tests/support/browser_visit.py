"""A new user's visit to the sandbox's console on loopback, as HTTP requests."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pyotp
import requests
from support.sandbox import advance_clock, seconds_ahead

from workflows.sandbox.sandbox import Sandbox

STEP_SECONDS = 30


class Phone:
    """An authenticator app. Each code is valid once, so a fresh one advances the sandbox's clock."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._seeds: dict[str, str] = {}

    def scan(self, account: str, seed: str) -> tuple[str, str]:
        """Add a seed and return two consecutive codes."""
        self._seeds[account] = seed
        now = time.time() + seconds_ahead(self._sandbox)
        totp = pyotp.TOTP(seed)
        return totp.at(now - STEP_SECONDS), totp.at(now)

    def seeds(self) -> list[str]:
        """The scanned seeds."""
        return list(self._seeds.values())

    def fresh(self, account: str) -> str:
        """Return a code that was not used before."""
        return self.fresh_ones(account)[0]

    def fresh_ones(self, *accounts: str) -> list[str]:
        """Return one unused code per account, all of the same half minute."""
        advance_clock(self._sandbox, STEP_SECONDS)
        now = time.time() + seconds_ahead(self._sandbox)
        return [pyotp.TOTP(self._seeds[account]).at(now) for account in accounts]


class BrowserVisit:
    """A browser window at the sign-in page of one account.

    Args:
        page: the address that the wizard shows or opens.
        downloads: the download folder.
    """

    def __init__(self, page: str, downloads: Path) -> None:
        self._page = page
        self._base = page.partition("/console")[0]
        self._account = page.rpartition("account=")[2]
        self._downloads = downloads
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> BrowserVisit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def post(self, path: str, **form: str) -> requests.Response:
        answer = self._session.post(f"{self._base}{path}", data=form, timeout=600)
        assert answer.ok, answer.text
        return answer

    def sign_in(self, user: str, password: str) -> requests.Response:
        return self.post("/console", account=self._account, user_name=user, password=password)

    def choose_password(self, old: str, new: str) -> None:
        page = self.post("/console/password", old_password=old, new_password=new, new_password_again=new)
        assert page.url.endswith("/console/home"), page.text

    def register_authenticator(self, name: str, phone: Phone) -> None:
        page = self.post("/console/mfa", name=name, kind="app").text
        found = re.search(r'<code id="secret-key">([A-Z2-7]{64})</code>', page)
        assert found, page
        first, second = phone.scan(self._account, found[1])
        self.post("/console/mfa/codes", code_1=first, code_2=second)

    def sign_in_with_code(self, user: str, password: str, phone: Phone) -> None:
        self.post("/console/sign-out")
        self.sign_in(user, password)
        page = self.post("/console/code", code=phone.fresh(self._account))
        assert page.url.endswith("/console/home"), page.text

    def download_access_key(self) -> Path:
        self.post("/console/keys")
        answer = self._session.get(f"{self._base}/console/keys/download", timeout=600)
        assert answer.ok, answer.text
        name = answer.headers["Content-Disposition"].rpartition("filename=")[2].strip('"')
        path = self._downloads / name
        path.write_bytes(answer.content)
        self.post("/console/keys/new")
        return path
