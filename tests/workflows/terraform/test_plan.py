from __future__ import annotations

import base64
import json
import re
import textwrap
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.layers import location

from workflows.core.sentences import OnboardError
from workflows.gpg.normalise import normalise
from workflows.steps.admin.plan import refuse_short_passwords
from workflows.terraform.plan import (
    MARKDOWN_HEAD,
    Plan,
    Sort,
    about_nobody,
    plan_markdown,
    read_plan,
    summary,
)
from workflows.terraform.redaction import redact

CANARY = "canary-value-that-is-in-no-text"


def change(
    address: str, actions: list[str], before: dict[str, Any] | None, after: dict[str, Any] | None, **more: Any
) -> dict[str, Any]:
    module = address.rpartition(".aws_")[0]
    kind = address.removeprefix(f"{module}.").partition(".")[0]
    entry = {
        "address": address,
        "mode": "managed",
        "type": kind,
        "change": {
            "actions": actions,
            "before": before,
            "after": after,
            "after_unknown": more.pop("unknown", {}),
        },
        **more,
    }
    if module:
        entry["module_address"] = module
    return entry


def plan_of(*changes: dict[str, Any], **more: Any) -> Plan:
    return read_plan(
        {"format_version": "1.2", "terraform_version": "1.15.5", "resource_changes": changes, **more}
    )


def login_profile(user: str, actions: list[str], length: int) -> dict[str, Any]:
    after = {"user": user, "password_length": length}
    return change(f'module.user["{user}"].aws_iam_user_login_profile.this[0]', actions, None, after)


def test_passwords_are_compared_with_the_policy_that_holds_after_the_apply() -> None:
    policy = {"minimum_password_length": 30}
    plan = plan_of(
        change("module.a.aws_iam_account_password_policy.this[0]", ["no-op"], policy, policy),
        login_profile("jane.doe", ["create"], 20),
        login_profile("sam.poe", ["delete", "create"], 24),
        login_profile("kim.lee", ["create"], 30),
        login_profile("old.one", ["no-op"], 20),
    )
    assert plan.least_password_length == 30
    assert [short_password.user for short_password in plan.short_passwords(30)] == ["jane.doe", "sam.poe"]
    refuse_short_passwords(plan, location(), None)
    refuse_short_passwords(plan, location(), 20)
    with pytest.raises(OnboardError):
        refuse_short_passwords(plan, location(), plan.least_password_length)


def test_another_key_than_the_replaced_password_was_encrypted_to_is_known(people_keys: Any) -> None:
    def file(name: str, width: int = 0) -> str:
        text = normalise(people_keys[name]).text
        return "\n".join(textwrap.wrap(text.replace("\n", ""), width)) if width else text

    keys = {
        "other": (file("jane.doe"), file("juan.delacruz")),
        "wrapped": (file("jane.doe"), file("jane.doe", 76)),
        "first": (None, file("jane.doe")),
    }
    plan = plan_of(
        *(
            change(
                f'module.user["{name}"].aws_iam_user_login_profile.this[0]',
                ["delete", "create"],
                {"user": name, "pgp_key": before},
                {"user": name, "pgp_key": after},
            )
            for name, (before, after) in keys.items()
        )
    )
    assert [made.user for made in plan.changes if made.rekeyed] == ["other"]


NEW_USER = [
    change(
        'module.user["jane.doe"].aws_iam_user.this[0]', ["create"], None, {"name": "jane.doe", "path": "/"}
    ),
    change(
        'module.user["jane.doe"].aws_iam_user_login_profile.this[0]',
        ["create"],
        None,
        {"user": "jane.doe", "pgp_key": CANARY},
        unknown={"encrypted_password": True},
    ),
]
DEVOPS = change(
    "module.group_devops.aws_iam_group_membership.this[0]",
    ["update"],
    {"name": "devops", "group": "devops", "users": ["a.example"]},
    {"name": "devops", "group": "devops", "users": ["a.example", "jane.doe"]},
)
ALIAS = change("aws_iam_account_alias.this", ["create"], None, {"account_alias": "bb-security"})


def test_a_new_user_with_a_group_is_told_in_one_line() -> None:
    plan = plan_of(*NEW_USER, DEVOPS)
    assert plan.users == ("jane.doe",)
    (line,) = summary(plan)
    assert all(name in line for name in ("jane.doe:", "devops"))
    assert plan.counts() == {"add": 2, "change": 1, "destroy": 0}
    assert (plan.changes[2].group, plan.changes[2].joining) == ("devops", ("jane.doe",))


def test_who_joins_and_who_leaves_a_group_have_a_line_each() -> None:
    both = plan_of(
        change(
            "module.group_devops.aws_iam_group_membership.this[0]",
            ["update"],
            {"group": "devops", "users": ["a.example"]},
            {"group": "devops", "users": ["jane.doe"]},
        )
    )
    assert (both.changes[0].leaving, both.changes[0].joining) == (("a.example",), ("jane.doe",))
    assert both.users == ("a.example", "jane.doe")
    assert [line.partition(":")[0] for line in summary(both)] == ["a.example", "jane.doe"]


def test_account_settings_are_about_nobody() -> None:
    plan = plan_of(ALIAS)
    (line,) = about_nobody(plan)
    assert line.sort is Sort.RESOURCE
    assert summary(plan) == (line.words,)
    assert "aws_iam_account_alias.this" in line.words
    assert about_nobody(plan, {"aws_iam_account_alias.this"}) == ()


def test_destroys_and_replacements_are_found_by_person() -> None:
    plan = plan_of(
        change(
            'module.user["a.example"].aws_iam_user.this[0]',
            ["delete"],
            {"name": "a.example", "arn": "arn:aws:iam::111122223333:user/a.example"},
            None,
        ),
        change(
            'module.user["b.sample"].aws_iam_user_login_profile.this[0]',
            ["delete", "create"],
            {"user": "b.sample", "pgp_key": "old", "encrypted_password": CANARY},
            {"user": "b.sample", "pgp_key": "new"},
            unknown={"encrypted_password": True},
            action_reason="replace_because_cannot_update",
        ),
        change(
            'module.machine_user["machine.x"].aws_iam_access_key.this[0]',
            ["create", "delete"],
            {"user": "machine.x"},
            {"user": "machine.x"},
        ),
    )
    assert [entry.user for entry in plan.destroyed] == ["a.example"]
    assert [entry.user for entry in plan.replaced] == ["b.sample", "machine.x"]
    assert plan.replaced[0].attributes == ("encrypted_password", "pgp_key")
    assert [line.partition(":")[0] for line in summary(plan)] == ["a.example", "b.sample", "machine.x"]


def test_a_resource_without_a_name_belongs_to_its_modules_user_or_group() -> None:
    plan = plan_of(
        change(
            'module.user["x"].aws_iam_user.this[0]', ["no-op"], {"name": "odd.name"}, {"name": "odd.name"}
        ),
        change('module.user["x"].aws_iam_virtual_mfa_device.this[0]', ["create"], None, {"path": "/"}),
        change("module.group.aws_iam_group.this[0]", ["create"], None, {"name": "finops"}),
        change("module.group.aws_iam_policy.custom[0]", ["create"], None, {"name": "p"}),
    )
    assert [(entry.user, entry.group) for entry in plan.changes] == [
        ("odd.name", None),
        (None, "finops"),
        (None, "finops"),
    ]
    assert [line.sort for line in about_nobody(plan)] == [Sort.GROUP]
    assert [line.partition(":")[0] for line in summary(plan)] == ["odd.name", "group finops"]


def test_policies_are_no_addresses() -> None:
    kind = "aws_iam_group_policy_attachment"
    attached = [
        change(
            f'module.group.{kind}.custom["{name}"]', ["create"], None, {"group": "finops", "policy_arn": name}
        )
        for name in "ab"
    ]
    policy = {"minimum_password_length": 20}
    plan = plan_of(
        *attached,
        change("aws_iam_account_password_policy.this", ["update"], {"minimum_password_length": 16}, policy),
    )
    lines = about_nobody(plan)
    assert [line.sort for line in lines] == [Sort.GROUP, Sort.RESOURCE]
    assert not [entry for entry in plan.changes if any(entry.address in str(line.words) for line in lines)]
    assert "16 → 20" in str(lines[-1].words)


def test_members_that_are_unknown_are_told() -> None:
    plan = plan_of(
        change(
            "module.g.aws_iam_group_membership.this[0]",
            ["update"],
            {"group": "devops", "users": ["a.example"]},
            {"group": "devops", "users": ["a.example", None]},
            unknown={"users": [False, True]},
        )
    )
    assert plan.changes[0].members_unknown
    (line,) = about_nobody(plan)
    assert line.sort is Sort.GROUP
    assert "devops" in line.words


def test_reads_and_unchanged_resources_are_no_changes_but_moves_and_imports_are() -> None:
    imported = change("aws_iam_user.c", ["no-op"], {"name": "c"}, {"name": "c"})
    imported["change"]["importing"] = {"id": "c"}
    plan = plan_of(
        {"address": "data.x.y", "mode": "data", "type": "x", "change": {"actions": ["read"]}},
        change("aws_iam_user.a", ["no-op"], {"name": "a"}, {"name": "a"}),
        change(
            "aws_iam_user.b", ["no-op"], {"name": "b"}, {"name": "b"}, previous_address="aws_iam_user.old"
        ),
        imported,
    )
    assert [entry.user for entry in plan.changes] == ["b", "c"]


def test_an_empty_plan_says_so() -> None:
    assert plan_of().is_empty
    assert len(summary(plan_of())) == 1


def test_outputs_and_drift_are_read_without_values() -> None:
    plan = plan_of(
        output_changes={
            "user_jane_doe_password": {"actions": ["create"], "after": CANARY, "after_sensitive": True},
            "same": {"actions": ["no-op"], "before": CANARY, "after": CANARY},
        },
        resource_drift=[
            change(
                "aws_iam_user.a",
                ["update"],
                {"name": "a", "tags": {}},
                {"name": "a", "tags": {"secret": CANARY}},
            )
        ],
    )
    assert [output.name for output in plan.outputs] == ["user_jane_doe_password"]
    assert [entry.user for entry in plan.drift] == ["a"]
    assert CANARY not in repr(plan)
    (line,) = about_nobody(plan)
    assert (line.sort, line.number) == (Sort.OUTPUT, 1)


def test_the_markdown_is_a_block_that_unfolds_and_gives_nothing_away() -> None:
    plan = plan_of(
        *NEW_USER,
        DEVOPS,
        change("aws_iam_policy.to_111122223333", ["delete"], {"name": "x"}, None),
        output_changes={"jane": {"actions": ["create"], "before": None, "after": CANARY}},
    )
    text = plan_markdown(plan, title="security/global/base-identities")
    assert text == (
        "### Plan for security/global/base-identities\n"
        "\n"
        "- jane.doe: new user; gets a console password; joins devops\n"
        "- aws_iam_policy.to_\\<account-id> will be destroyed\n"
        "- 1 output will be created\n"
        "\n"
        "<details>\n"
        "<summary>Plan: 2 to add, 1 to change, 1 to destroy</summary>\n"
        "\n"
        "```diff\n"
        '+ module.user["jane.doe"].aws_iam_user.this[0]\n'
        '+ module.user["jane.doe"].aws_iam_user_login_profile.this[0]\n'
        "! module.group_devops.aws_iam_group_membership.this[0]  (+jane.doe)\n"
        "- aws_iam_policy.to_<account-id>\n"
        '    - name = "x"\n'
        "+ output.jane\n"
        "```\n"
        "\n"
        "</details>\n"
    )


def test_the_markdown_tells_what_a_reviewer_has_to_judge() -> None:
    attachment = "module.group_devops.aws_iam_group_policy_attachment.custom_arns[0]"
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    own_policy = {"group": "devops", "policy": json.dumps({"Resource": "arn:aws:s3:::bb-111122223333-x"})}
    plan = plan_of(
        *NEW_USER,
        change(attachment, ["create"], None, {"group": "devops", "policy_arn": arn}),
        change("aws_iam_group_policy.own", ["create"], None, own_policy),
        change("aws_iam_user.a", ["update"], {"name": "a", "path": "/"}, {"name": "a", "path": "/x/"}),
        change("aws_ses.x", ["create"], None, {"smtp_password": CANARY, "host": "mail"}),
    )
    text = plan_markdown(plan, title="security", origin="Its origin.")
    assert text.startswith(f"{MARKDOWN_HEAD} security\n\nIts origin.\n\n- ")
    assert f'+ {attachment}\n    + group = "devops"\n    + policy_arn = "<arn:policy/Admin' in text
    assert "<arn:bb-<account-id>-x>" in text
    assert '! aws_iam_user.a  (path)\n    ~ path = "/" → "/x/"\n' in text
    assert '"name"' not in text.partition("aws_iam_user_login_profile")[0], "a new user is told by its line"
    assert "smtp_password = (sensitive)" in text
    assert CANARY not in text


def test_a_plan_that_is_too_long_for_a_pull_request_is_told_without_what_changes_inside() -> None:
    policy = {"policy": json.dumps({f"statement {number}": "s3:Get" for number in range(500)})}
    changes = [change(f"aws_iam_policy.a[{number}]", ["create"], None, policy) for number in range(60)]
    short, long = (plan_markdown(plan_of(*some), title="x") for some in (changes[:1], changes))
    assert "statement 1" in short
    assert " more lines" in short
    assert "statement 1" not in long
    assert len(long) < 65_536
    assert "+ aws_iam_policy.a[59]" in long


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("arn:aws:iam::111122223333:role/DevOps", "<arn:role/DevOps>"),
        ("bucket bb-111122223333-state", "bucket bb-<account-id>-state"),
        ("account 1111-2222-3333", "account <account-id>"),
        ("key AKIAIOSFODNN7EXAMPLE used", "key <key-id> used"),
        ("id AIDACKCEVSQ6C2EXAMPLE", "id <key-id>"),
        (
            "-----BEGIN PGP MESSAGE-----\n\nhQIM\n-----END PGP MESSAGE-----\nafter",
            "<pgp-block>\nafter",
        ),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\ntorn", "<pgp-block>"),
        ('  + ses_smtp_password_v4 = "short"', "  + ses_smtp_password_v4 = <secret>"),
        ('  ~ password = "one" -> "two" # forces', "  ~ password = <secret> # forces"),
        ("  ~ token_secret = 'one' → 'two'", "  ~ token_secret = <secret>"),
        ("aws_session_token=FwoGZ/x==", "aws_session_token=<secret>"),
        ("https://x/?client_secret=abc&page=1", "https://x/?client_secret=<secret>&page=1"),
        ("  encrypted_secret = <<-EOT\n    aGk\n    EOT\nnext", "  encrypted_secret = <secret>\nnext"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----.", "<private-key>."),
        ("-----BEGIN PRIVATE KEY-----\ntorn", "<private-key>"),
        ("arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FDevOps&x", "<arn:role%2FDevOps>&x"),
        ("arn%253Aaws%253Asts%253A%253A111122223333%253Arole%252FX", "<arn:role%252FX>"),
        ("  account = 1.11122223333e+11", "  account = <account-id>"),
        ("  max_password_age = 90 -> 91", None),
        ("  + encrypted_password = (known after apply)", None),
        ("  ~ password = (sensitive value)", None),
        ("  password = var.password", None),
        ("  password_reset_required = true", None),
        ("Error: wrong password: try again", None),
        ("aws_iam_account_password_policy.this == null", None),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1 end", "<encoded-text> end"),
        ("aws_iam_user.a: Refreshing state... [id=a]\nPlan: 1 to add", "Plan: 1 to add"),
        ("data.x.y: Reading...\ndata.x.y: Read complete after 0s [id=1]\nrest", "rest"),
        ("/home/somebody/projects/infrastructure/security/global/base/identities", None),
        ('module.user["jane.doe"].aws_iam_user_login_profile.this[0]', None),
        ("2026-02-03T10:20:30.123456Z took 20260203102030", None),
        ("sha256:" + "0123456789abcdef" * 4 + "x", None),
    ],
)
def test_redaction(given_text: str, expected: str | None) -> None:
    assert redact(given_text) == (given_text if expected is None else expected)


def test_a_wrapped_key_goes_with_its_short_last_line() -> None:
    key = base64.b64encode(bytes(range(256)) * 3 + b"xy").decode()
    wrapped = "\n".join(key[start : start + 64] for start in range(0, len(key), 64))
    assert redact(f"before\n{wrapped}\nafter\n") == "before\n<encoded-text>\nafter\n"


@given(st.text(), st.integers(10**11, 10**12 - 1), st.text())
def test_no_account_id_survives(before: str, account: int, after: str) -> None:
    redacted = redact(f"{before} {account} {after}")
    assert not re.search(r"(?<!\d)\d{12}(?!\d)", redacted)


@given(st.binary(min_size=60, max_size=400))
def test_redacting_twice_is_redacting_once(data: bytes) -> None:
    text = json.dumps({"value": base64.b64encode(data).decode()})
    assert redact(redact(text)) == redact(text)
