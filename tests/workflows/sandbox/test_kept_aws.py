from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from moto.backends import get_backend
from support.strict_aws import MANAGEMENT, SECURITY, SELF_MANAGEMENT, TRUST_WITH_MFA, StrictWorld

from workflows.core.parsing import parse_json
from workflows.sandbox import kept_aws
from workflows.sandbox.kept_aws import NotOfMoto
from workflows.sandbox.server import found_organization

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictWorld]:
    """Yield objects of every kind in a sandbox, in a process with AWS's managed policies."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    environment = StrictWorld()
    iam = environment.administrator("iam", SECURITY)
    iam.create_account_alias(AccountAlias="bb-security")
    iam.update_account_password_policy(MinimumPasswordLength=12)
    iam.create_user(UserName="jane.doe", Tags=[{"Key": "a", "Value": "ü"}])
    iam.put_user_policy(UserName="jane.doe", PolicyName="self", PolicyDocument=SELF_MANAGEMENT)
    iam.create_login_profile(UserName="jane.doe", Password="Some-password-1")
    iam.create_access_key(UserName="jane.doe")
    iam.create_virtual_mfa_device(VirtualMFADeviceName="jane.doe")
    iam.create_group(GroupName="devops")
    iam.add_user_to_group(GroupName="devops", UserName="jane.doe")
    own = iam.create_policy(PolicyName="own", PolicyDocument=SELF_MANAGEMENT)["Policy"]["Arn"]
    iam.create_role(RoleName="DevOps", AssumeRolePolicyDocument=TRUST_WITH_MFA)
    for arn in (own, READ_ONLY):
        iam.attach_role_policy(RoleName="DevOps", PolicyArn=arn)
        iam.attach_group_policy(GroupName="devops", PolicyArn=arn)
    s3 = environment.administrator("s3", MANAGEMENT)
    s3.create_bucket(Bucket="state")
    s3.put_bucket_versioning(Bucket="state", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(
        Bucket="state",
        LifecycleConfiguration={
            "Rules": [{"ID": "x", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 3}}]
        },
    )
    for body in (b"first", b"\x00second\xff"):
        s3.put_object(Bucket="state", Key="a/terraform.tfstate", Body=body)
    table = environment.administrator("dynamodb", MANAGEMENT)
    table.create_table(
        TableName="lock",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(TableName="lock", Item={"LockID": {"S": "x"}, "Info": {"M": {"n": {"N": "1"}}}})
    found_organization({"management": MANAGEMENT, "security": SECURITY}, "us-east-1")
    yield environment
    kept_aws.load(nothing())


def nothing() -> dict[str, Any]:
    """Return the state of a newly started moto."""
    own = {"s3": "bucket_accounts", "organizations": "master_accounts"}
    more = {name: {own[name]: ["object", 0]} if name in own else {} for name in kept_aws.SERVICES}
    services = {name: {"accounts": {}, "more": more[name]} for name in kept_aws.SERVICES}
    return {"objects": [["dict", []]], "services": services}


def as_kept() -> dict[str, Any]:
    kept: dict[str, Any] = parse_json(json.dumps(kept_aws.dump()))
    return kept


def answers(environment: StrictWorld) -> list[Any]:
    iam, s3 = environment.administrator("iam", SECURITY), environment.administrator("s3", MANAGEMENT)
    found = [
        iam.get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"]),
        iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"],
        iam.list_access_keys(UserName="jane.doe")["AccessKeyMetadata"],
        iam.list_virtual_mfa_devices()["VirtualMFADevices"],
        iam.get_account_password_policy()["PasswordPolicy"],
        iam.list_account_aliases()["AccountAliases"],
        iam.get_account_summary()["SummaryMap"],
        len(iam.list_policies(Scope="AWS", MaxItems=1000)["Policies"]),
        s3.get_object(Bucket="state", Key="a/terraform.tfstate")["Body"].read(),
        s3.get_bucket_lifecycle_configuration(Bucket="state")["Rules"],
        s3.list_object_versions(Bucket="state")["Versions"],
        environment.administrator("dynamodb", MANAGEMENT).scan(TableName="lock")["Items"],
        environment.administrator("organizations", MANAGEMENT).list_accounts()["Accounts"],
    ]
    return [{**answer, "ResponseMetadata": {}} if isinstance(answer, dict) else answer for answer in found]


def test_a_new_process_knows_what_the_old_one_knew(environment: StrictWorld) -> None:
    before, kept = answers(environment), as_kept()
    assert len(json.dumps(kept)) < 200_000  # AWS's own policies alone have 20 million bytes
    kept_aws.load(kept)
    assert as_kept() == kept
    assert answers(environment) == before
    iam = environment.administrator("iam", SECURITY)
    iam.detach_role_policy(RoleName="DevOps", PolicyArn=READ_ONLY)
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 1
    iam.remove_user_from_group(GroupName="devops", UserName="jane.doe")
    assert iam.list_groups_for_user(UserName="jane.doe")["Groups"] == []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "os:system",
            "builtins:eval",
            "subprocess:Popen",
            "workflows.core.secret:Secret",
            "",
            ":",
            "moto:x",
        ),
        *(
            "moto.iam.models:json",
            "moto.iam.models:datetime",
            "moto.iam.models:mock_aws",
            "moto.iam.models:re",
        ),
        *(
            "moto.iam.models:IAMBackend.__init__",
            "moto.not_loaded.models:X",
            "motox.y:Z",
            "moto.core.utils:dict",
        ),
    ],
)
def test_data_names_nothing_but_classes_of_moto(name: str) -> None:
    kept_aws.load(nothing())
    kept, loaded = nothing(), set(sys.modules)
    kept["objects"].append(["instance", {}, name, []])
    with pytest.raises(NotOfMoto):
        kept_aws.load(kept)
    assert set(sys.modules) == loaded
    kept_aws.load(nothing())


def test_what_cannot_be_kept_is_said_at_once() -> None:
    kept_aws.load(nothing())
    vars(get_backend("iam")[SECURITY]["aws"])["odd"] = threading.Lock()
    with pytest.raises(NotOfMoto, match="lock"):
        kept_aws.dump()
    kept_aws.load(nothing())
