"""The console after the admin's apply, and a browser."""

from __future__ import annotations

import pytest
from support.console_browser import ALIAS, ONCE, POLICY, Browser
from support.strict_aws import SELF_MANAGEMENT, StrictWorld


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
