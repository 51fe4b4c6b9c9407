from __future__ import annotations

import pytest
from support.strict_aws import SECURITY, SELF_MANAGEMENT, StrictWorld, refused

POLICY = {
    "MinimumPasswordLength": 12,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "RequireNumbers": True,
    "RequireSymbols": False,
    "PasswordReusePrevention": 3,
    "AllowUsersToChangePassword": True,
}


def test_a_password_policy_is_kept_and_enforced(environment: StrictWorld) -> None:
    environment.user("jane.doe")
    iam = environment.administrator("iam")
    assert refused(iam.get_account_password_policy)[0] == "NoSuchEntity"
    iam.update_account_password_policy(**POLICY)
    kept = iam.get_account_password_policy()["PasswordPolicy"]
    assert {name: kept[name] for name in POLICY} == POLICY
    code, message = refused(iam.create_login_profile, UserName="jane.doe", Password="short")
    assert code == "PasswordPolicyViolation"
    for words in ("must have 12 to 128 characters", "an uppercase letter", "a digit"):
        assert words in message
    assert "symbol" not in message
    assert refused(iam.get_login_profile, UserName="jane.doe")[0] == "NoSuchEntity"
    iam.create_login_profile(UserName="jane.doe", Password="Long-enough-1")
    iam.delete_account_password_policy()
    assert refused(iam.get_account_password_policy)[0] == "NoSuchEntity"


@pytest.mark.parametrize(
    ("password", "good"),
    [("Ab3defgh", True), ("Ab3defg", False), ("abcdefgh", False), ("abcdefg1", False), ("abcdef1!", True)],
)
def test_without_a_policy_awss_default_holds(environment: StrictWorld, password: str, good: bool) -> None:
    environment.user("jane.doe")
    iam = environment.administrator("iam")
    if good:
        iam.create_login_profile(UserName="jane.doe", Password=password)
    else:
        refusal = refused(iam.create_login_profile, UserName="jane.doe", Password=password)
        assert refusal[0] == "PasswordPolicyViolation"


def test_a_login_profile_keeps_its_reset_flag_and_its_password(environment: StrictWorld) -> None:
    environment.user("jane.doe")
    iam = environment.administrator("iam")
    made = iam.create_login_profile(UserName="jane.doe", Password="Once-only-1", PasswordResetRequired=True)
    assert made["LoginProfile"]["PasswordResetRequired"]
    profile = iam.get_login_profile(UserName="jane.doe")["LoginProfile"]
    assert profile["PasswordResetRequired"]
    again = refused(iam.create_login_profile, UserName="jane.doe", Password="Other-one-1")
    assert again[0] == "EntityAlreadyExists"
    iam.update_login_profile(UserName="jane.doe", PasswordResetRequired=False)
    assert not iam.get_login_profile(UserName="jane.doe")["LoginProfile"]["PasswordResetRequired"]
    iam.delete_login_profile(UserName="jane.doe")
    environment.ahead += 60
    assert refused(iam.get_login_profile, UserName="jane.doe")[0] == "NoSuchEntity"
    iam.create_login_profile(UserName="jane.doe", Password="Once-only-1")
    again = iam.get_login_profile(UserName="jane.doe")["LoginProfile"]
    assert not again["PasswordResetRequired"]
    assert again["CreateDate"] > profile["CreateDate"]


def test_a_user_changes_its_own_password_under_the_policy(environment: StrictWorld) -> None:
    key = environment.user("jane.doe", SELF_MANAGEMENT)
    admin = environment.administrator("iam")
    admin.update_account_password_policy(**POLICY)
    admin.create_login_profile(UserName="jane.doe", Password="First-one-123", PasswordResetRequired=True)
    iam = environment.of("iam", key)
    wrong = refused(iam.change_password, OldPassword="not this", NewPassword="Second-one-123")
    assert wrong[0] == "AccessDenied"
    weak = refused(iam.change_password, OldPassword="First-one-123", NewPassword="weak")
    assert weak[0] == "PasswordPolicyViolation"
    same = refused(iam.change_password, OldPassword="First-one-123", NewPassword="First-one-123")
    assert same[0] == "PasswordPolicyViolation"
    iam.change_password(OldPassword="First-one-123", NewPassword="Second-one-123")
    assert not admin.get_login_profile(UserName="jane.doe")["LoginProfile"]["PasswordResetRequired"]


def test_changing_a_password_needs_a_permission(environment: StrictWorld) -> None:
    key = environment.user("jane.doe")
    admin = environment.administrator("iam")
    admin.create_login_profile(UserName="jane.doe", Password="First-one-123")
    change = {"OldPassword": "First-one-123", "NewPassword": "Second-one-123"}
    assert refused(environment.of("iam", key).change_password, **change)[0] == "AccessDenied"
    admin.update_account_password_policy(**POLICY)
    environment.of("iam", key).change_password(**change)


def test_a_user_is_not_deleted_while_it_holds_something(environment: StrictWorld) -> None:
    key = environment.user("jane.doe")
    iam = environment.administrator("iam")
    serial, _ = environment.device()
    iam.create_login_profile(UserName="jane.doe", Password="First-one-123")
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="jane.doe")
    removals = [
        ("access keys", lambda: iam.delete_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"])),
        ("login profile", lambda: iam.delete_login_profile(UserName="jane.doe")),
        ("MFA device", lambda: iam.deactivate_mfa_device(UserName="jane.doe", SerialNumber=serial)),
        ("group", lambda: iam.remove_user_from_group(GroupName="team", UserName="jane.doe")),
    ]
    for held, remove in removals:
        code, message = refused(iam.delete_user, UserName="jane.doe")
        assert code == "DeleteConflict"
        assert held in message
        remove()
    iam.delete_user(UserName="jane.doe")
    assert iam.list_users()["Users"] == []


def test_the_first_administrator_is_a_user_to_everybody(environment: StrictWorld) -> None:
    user = environment.administrator("iam").get_user()["User"]
    arn = environment.administrator("sts").get_caller_identity()["Arn"]
    assert user["Arn"] == arn == f"arn:aws:iam::{SECURITY}:user/2-admin"
    session = environment.administrator("sts").get_session_token()["Credentials"]
    assert environment.of("sts", session).get_caller_identity()["Arn"] == arn
    assert refused(environment.of("iam", session).list_users)[0] == "InvalidClientTokenId"
    assert environment.administrator("iam").get_account_summary()["SummaryMap"]["Users"] == 0


def test_a_managed_policy_of_awss_own_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    environment = StrictWorld()
    key = environment.user("jane.doe")
    assert refused(environment.of("iam", key).list_roles)[0] == "AccessDenied"
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    environment.administrator("iam").attach_user_policy(UserName="jane.doe", PolicyArn=arn)
    assert environment.of("iam", key).list_roles()["Roles"] == []
