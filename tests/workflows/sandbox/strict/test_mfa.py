from __future__ import annotations

import json

from support.strict_aws import SECURITY, SELF_MANAGEMENT, StrictWorld, code, failed, refused

from workflows.aws.errors import AwsFailure

JANE = f"arn:aws:iam::{SECURITY}:user/jane.doe"


def test_a_user_with_keys_sets_up_mfa_and_then_may_do_the_rest(environment: StrictWorld) -> None:
    key = environment.user("jane.doe", SELF_MANAGEMENT)
    iam = environment.of("iam", key)
    assert iam.get_user()["User"]["UserName"] == "jane.doe"
    assert failed(iam.list_access_keys) is AwsFailure.DENIED_EXPLICITLY
    assert {"iam:ListAccessKeys", JANE} <= set(refused(iam.list_access_keys)[1].split())
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="jane.doe")["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"]
    assert len(seed) == 64
    assert made["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
    assert refused(iam.create_virtual_mfa_device, VirtualMFADeviceName="jane.doe")[0] == "EntityAlreadyExists"
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "AccessDenied"
    assert iam.list_mfa_devices()["MFADevices"] == []

    named = {"UserName": "jane.doe", "SerialNumber": serial}
    now = code(environment, seed)
    twice = refused(iam.enable_mfa_device, **named, AuthenticationCode1=now, AuthenticationCode2=now)
    assert twice[0] == "InvalidAuthenticationCode"
    iam.enable_mfa_device(**named, AuthenticationCode1=code(environment, seed, -1), AuthenticationCode2=now)
    assert [device["SerialNumber"] for device in iam.list_mfa_devices()["MFADevices"]] == [serial]

    sts = environment.of("sts", key)
    reused = failed(sts.get_session_token, SerialNumber=serial, TokenCode=now)
    assert reused is AwsFailure.MFA_CODE
    with_mfa = sts.get_session_token(SerialNumber=serial, TokenCode=code(environment, seed, 1))["Credentials"]
    session = environment.of("iam", with_mfa)
    assert [entry["UserName"] for entry in session.list_access_keys()["AccessKeyMetadata"]] == ["jane.doe"]
    second = session.create_access_key()["AccessKey"]
    assert refused(session.create_access_key)[0] == "LimitExceeded"
    session.delete_access_key(AccessKeyId=second["AccessKeyId"])
    assert refused(session.list_access_keys, UserName="other")[0] == "AccessDenied"


def test_nobody_lists_a_seed(environment: StrictWorld) -> None:
    environment.user("jane.doe")
    serial, seed = environment.device()
    answer = environment.administrator("iam").list_virtual_mfa_devices()
    assert [device["SerialNumber"] for device in answer["VirtualMFADevices"]] == [serial]
    assert answer["VirtualMFADevices"][0]["User"]["UserName"] == "jane.doe"
    assert seed not in repr(answer)


def test_a_device_is_not_deleted_while_it_is_in_use(environment: StrictWorld) -> None:
    environment.user("jane.doe")
    serial, seed = environment.device()
    iam = environment.administrator("iam")
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "DeleteConflict"
    pair = {
        "AuthenticationCode1": code(environment, seed, 1),
        "AuthenticationCode2": code(environment, seed, 2),
    }
    assert (
        refused(iam.enable_mfa_device, UserName="jane.doe", SerialNumber=serial, **pair)[0]
        == "EntityAlreadyExists"
    )
    iam.deactivate_mfa_device(UserName="jane.doe", SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert serial not in environment.strict.state.used_codes, "another device of that name starts anew"


def test_a_policy_that_comes_through_a_group_counts(environment: StrictWorld) -> None:
    key = environment.user("jane.doe")
    iam = environment.administrator("iam")
    iam.create_group(GroupName="admins")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": everything})
    policy = iam.create_policy(PolicyName="all", PolicyDocument=document)["Policy"]
    iam.attach_group_policy(GroupName="admins", PolicyArn=policy["Arn"])
    assert failed(environment.of("iam", key).list_groups) is AwsFailure.NOT_GRANTED
    iam.add_user_to_group(GroupName="admins", UserName="jane.doe")
    assert [group["GroupName"] for group in environment.of("iam", key).list_groups()["Groups"]] == ["admins"]
    assert refused(iam.delete_group, GroupName="admins")[0] == "DeleteConflict"
