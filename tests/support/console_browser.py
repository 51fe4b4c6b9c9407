"""A browser at the sandbox's console, and the user who signs in there."""

from __future__ import annotations

from support.strict_aws import PAGES, StrictWorld
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


def settled(environment: StrictWorld) -> None:
    iam = environment.administrator("iam")
    iam.update_login_profile(UserName="jane.doe", Password=CHOSEN, PasswordResetRequired=False)
