from __future__ import annotations

import json
import re
from typing import Any

import pytest

from workflows.terraform.state import NEVER_WRITTEN, Role, State, assumed_roles, read_stored

CLEAR = "clear-canary"
ACCOUNT = "111122223333"


_ADDRESS = re.compile(r"(?:(?P<module>module\..+)\.)?(?P<type>aws_\w+)\.(?P<name>\w+)(?:\[(?P<key>.+)\])?\Z")


def resource(address: str, **values: Any) -> dict[str, Any]:
    parts = _ADDRESS.match(address)
    assert parts
    key = {} if parts["key"] is None else {"index_key": json.loads(parts["key"])}
    names = {name: parts[name] for name in ("module", "type", "name") if parts[name]}
    return {"mode": "managed", **names, "instances": [{**key, "attributes": values}]}


def stored(*resources: dict[str, Any]) -> str:
    outputs = {"password": {"value": CLEAR, "type": "string", "sensitive": True}}
    return json.dumps(
        {"version": 4, "serial": 1, "lineage": "l", "outputs": outputs, "resources": [*resources]}
    )


def read(text: str) -> State:
    found = read_stored(text)
    assert found
    return found.state


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def assume(*roles: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(roles)}


DEVOPS_IN_SHARED = "arn:aws:iam::222233334444:role/DevOps"
AUDITOR = "arn:aws:iam::333344445555:role/path/Auditor"

STATE = stored(
    resource("aws_iam_account_alias.this", id="bb-security", account_alias="bb-security"),
    resource(
        "aws_iam_policy.assume_devops",
        arn=f"arn:aws:iam::{ACCOUNT}:policy/assume_devops",
        policy=policy(assume(DEVOPS_IN_SHARED)),
    ),
    resource(
        'module.user["a.b"].aws_iam_user.this[0]',
        name="odd.name",
        arn=f"arn:aws:iam::{ACCOUNT}:user/odd.name",
    ),
    resource(
        'module.user["a.b"].aws_iam_user_login_profile.this[0]',
        user="odd.name",
        encrypted_password="wcFMA",
        pgp_key="mQINBF",
        key_fingerprint="0123456789abcdef0123456789abcdef01234567",
        password=None,
    ),
    resource(
        "module.m.module.n.aws_iam_access_key.this[0]",
        user="machine.x",
        id="AKIAIOSFODNN7EXAMPLE",
        encrypted_secret="wcFMB",
        secret="",
        ses_smtp_password_v4=CLEAR,
        status="Active",
    ),
    resource(
        "module.m.module.n.aws_iam_access_key.bad[0]",
        user="machine.y",
        id="AKIAIOSFODNN7EXAMPLF",
        secret=CLEAR,
        status="Active",
    ),
    resource(
        "module.g.aws_iam_group.this[0]",
        name="devops",
        arn=f"arn:aws:iam::{ACCOUNT}:group/devops",
    ),
    resource(
        "module.g.aws_iam_group_membership.this[0]",
        group="devops",
        users=["odd.name", "c.d"],
    ),
    resource(
        "module.g.aws_iam_group_policy_attachment.custom[0]",
        group="devops",
        policy_arn=f"arn:aws:iam::{ACCOUNT}:policy/assume_devops",
    ),
    resource("aws_iam_group.audit", name="audit"),
    resource("aws_iam_group_policy.audit", group="audit", policy=policy(assume(AUDITOR))),
    resource("aws_iam_user_group_membership.c", user="c.d", groups=["audit"]),
    {"mode": "data", "type": "aws_iam_user", "name": "x", "instances": [{"attributes": {"name": "no"}}]},
)


@pytest.fixture
def state() -> State:
    return read(STATE)


def test_the_login_profile_is_found_by_its_user_not_its_address(state: State) -> None:
    profile = state.login_profiles["odd.name"]
    assert profile.encrypted_password == "wcFMA"
    assert profile.pgp_key == "mQINBF"
    assert profile.address == 'module.user["a.b"].aws_iam_user_login_profile.this[0]'
    assert not profile.clear
    assert state.users == {"odd.name": f"arn:aws:iam::{ACCOUNT}:user/odd.name"}


def test_access_keys_have_their_ciphertext_and_say_if_a_secret_is_in_clear(state: State) -> None:
    (key,) = state.access_keys["machine.x"]
    assert (key.access_key_id, key.encrypted_secret, key.clear) == ("AKIAIOSFODNN7EXAMPLE", "wcFMB", False)
    (bad,) = state.access_keys["machine.y"]
    assert (bad.encrypted_secret, bad.clear) == ("", True)


def test_whose_belongings_go_with_them_is_known() -> None:
    forced = {"a.b": True, "c.d": False, "e.f": None}
    users = (
        resource(f"aws_iam_user.n{at}", name=name, force_destroy=forced[name])
        for at, name in enumerate(forced)
    )
    assert read(stored(*users)).forced == {"a.b"}


def test_no_secret_in_clear_gets_out(state: State) -> None:
    assert CLEAR in STATE
    assert CLEAR not in repr(state)


def test_account_alias_groups_and_roles(state: State) -> None:
    assert (state.account_id, state.partition, state.account_alias) == (ACCOUNT, "aws", "bb-security")
    assert state.groups == {"devops": ("c.d", "odd.name"), "audit": ("c.d",)}
    assert state.groups_of("c.d") == ("audit", "devops")
    assert state.roles_of("odd.name") == (Role("222233334444", "DevOps"),)
    assert [role.name for role in state.roles_of("c.d")] == ["DevOps", "Auditor"]


def test_an_empty_state_is_read() -> None:
    assert read_stored("") == NEVER_WRITTEN
    assert read(stored()) == State()


def test_other_partitions() -> None:
    arn = "arn:aws-us-gov:iam::111122223333:user/a"
    assert read(stored(resource("aws_iam_user.a", name="a", arn=arn))).partition == "aws-us-gov"


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 3, "serial": 1, "lineage": "l", "modules": []}',
        '{"encrypted_data": "x"}',
        "no JSON",
        "[]",
    ],
)
def test_a_state_of_another_form_is_not_read(text: str) -> None:
    assert read_stored(text) is None


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (policy(assume(AUDITOR, DEVOPS_IN_SHARED)), ["DevOps", "Auditor"]),
        (policy({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": AUDITOR}), []),
        (policy({"Effect": "Allow", "Action": ["s3:*", "sts:assumerole"], "Resource": AUDITOR}), ["Auditor"]),
        (policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}), []),
        (policy({"Effect": "Allow", "NotAction": "s3:*", "Resource": AUDITOR}), []),
        (json.dumps({"Statement": assume("arn:aws:iam::*:role/DevOps")}), ["DevOps"]),
        (policy(assume("arn:aws:iam::222233334444:role/*")), []),
        (policy("not a statement"), []),
        ("not json", []),
        ("", []),
    ],
)
def test_roles_of_a_policy(document: str, names: list[str]) -> None:
    assert [role.name for role in assumed_roles(document)] == names
