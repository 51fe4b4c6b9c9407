from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from support.admin_project import AdminProject, decide, quiet, write
from support.steps import step_of

from workflows.core.sentences import OnboardError, text_of
from workflows.machine.events import Verdict
from workflows.steps.admin import account
from workflows.steps.admin.account import (
    DEFAULTS,
    EXPLANATIONS,
    MEANINGS,
    Choice,
    Request,
    limits,
    weaknesses,
)
from workflows.steps.admin.edits import read_layers
from workflows.steps.shared.by_hand import people_unknown

COMPUTED = '"${var.project_long}-${var.environment}"'


@pytest.fixture
def admin(admin_project: AdminProject) -> AdminProject:
    decide(admin_project, {}, account_wanted=True)
    return admin_project


def request(**layers: Mapping[str, Any]) -> Request:
    return Request({name: Choice(values) for name, values in layers.items()})


def test_it_applies_only_when_asked_for(admin: AdminProject) -> None:
    assert step_of(account).skippable
    assert step_of(account).applies.holds(admin.facts)
    assert not step_of(account).applies.holds({**admin.facts, "account_wanted": False})


def test_settings_are_shown_evaluated_and_a_computed_alias_is_left_alone(admin: AdminProject) -> None:
    management, security = account.survey(admin.context(), quiet)
    assert [view.settings["account_alias"].value for view in (management, security)] == [
        "binbash-management",
        "binbash-security",
    ]
    assert security.settings["account_alias"].source == COMPUTED
    assert str(security.settings["account_alias"].place) == "account.tf:7"
    assert not security.can_set("account_alias")
    assert security.can_set("minimum_password_length")


def test_only_differing_values_are_recorded_and_written(admin: AdminProject) -> None:
    values = {
        view.account: account.decided(admin.context(), view)
        for view in account.survey(admin.context(), quiet)
    }
    values["security"]["minimum_password_length"] = 20
    admin.run(account, request(**values))
    length = "minimum_password_length"
    changes = {"alias": None, "policy": {length: 20}, "before": {length: 16}}
    assert admin.facts["account_changes"] == {"security": changes}
    before = admin.text("security", "account.tf")
    facts = write(admin)
    assert [changed_file["path"] for changed_file in facts["changed_files"]] == [
        str(admin.file("security", "account.tf"))
    ]
    assert admin.text("security", "account.tf") == before.replace("= 16", "= 20")
    assert account.observe(admin.context()).verdict is Verdict.AS_DECIDED


def test_a_literal_alias_can_be_changed(admin: AdminProject) -> None:
    admin.replace("security", "account.tf", COMPUTED, '"binbash-sec"')
    admin.run(account, request(security={"account_alias": "binbash-security-2"}))
    assert admin.facts["account_changes"]["security"]["alias"] == "binbash-security-2"
    (_, view) = account.survey(admin.context(), quiet)
    assert account.decided(admin.context(), view)["account_alias"] == "binbash-security-2"
    write(admin)
    assert '"binbash-security-2"' in admin.text("security", "account.tf")


def test_a_number_that_the_layer_does_not_set_can_be_added(admin: AdminProject) -> None:
    admin.replace("security", "account.tf", "  max_password_age               = 90\n", "")
    (_, view) = account.survey(admin.context(), quiet)
    assert view.can_set("max_password_age")
    admin.run(account, request(security={"max_password_age": 180}))
    write(admin)
    (_, view) = account.survey(admin.context(), quiet)
    assert view.settings["max_password_age"].value == 180


def test_a_computed_value_is_never_replaced(admin: AdminProject) -> None:
    with pytest.raises(OnboardError) as caught:
        account.perform(request(security={"account_alias": "other-alias"}), admin.context(), quiet)
    assert "account.tf:7" in caught.value.what


def test_a_layer_without_an_account_module_says_so(admin: AdminProject) -> None:
    admin.file("security", "account.tf").unlink()
    _, view = account.survey(admin.context(), quiet)
    assert "no module" in view.notice
    assert not view.settings
    assert not any(view.can_set(name) for name in MEANINGS)


def test_settings_in_resources_are_named_with_their_places(admin: AdminProject) -> None:
    admin.file("security", "account.tf").write_text(
        'resource "aws_iam_account_alias" "this" {\n  account_alias = "bb"\n}\n\n'
        'resource "aws_iam_account_password_policy" "strict" {\n  minimum_password_length = 6\n}\n'
    )
    _, security = account.survey(admin.context(), quiet)
    assert re.findall(r"\b(?:this|strict) |account\.tf:\d", text_of(security.notice)) == [
        *("this ", "account.tf:1"),
        *("strict ", "account.tf:5"),
    ]
    assert [str(spot.place) for spot in security.spots] == ["account.tf:1", "account.tf:5"]
    assert not people_unknown(read_layers(admin.context()).values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("minimum_password_length", 5),
        ("minimum_password_length", 129),
        ("minimum_password_length", "many"),
        ("password_reuse_prevention", 25),
        ("max_password_age", 1096),
        ("account_alias", "No"),
        ("account_alias", "123456789012"),
    ],
)
def test_values_beyond_awss_limits_are_refused_at_their_field(
    admin: AdminProject, name: str, value: object
) -> None:
    (problem,) = account.validate(request(security={name: value}), admin.context())
    assert problem.fatal
    assert problem.field == f"set-security-{name}"


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"minimum_password_length": 8}, "14"),
        ({"create_account_password_policy": False}, "8 characters"),
        (
            {
                "require_lowercase_characters": False,
                "require_uppercase_characters": False,
                "require_numbers": False,
                "require_symbols": False,
            },
            "No kind",
        ),
        ({"allow_users_to_change_password": False}, "first password"),
        ({"hard_expiry": True}, "locked out"),
    ],
)
def test_a_weak_policy_is_warned_about(admin: AdminProject, policy: dict[str, Any], words: str) -> None:
    (problem,) = account.validate(request(security=policy), admin.context())
    assert not problem.fatal
    assert words in problem.message


def test_a_good_policy_is_not_warned_about(admin: AdminProject) -> None:
    _, view = account.survey(admin.context(), quiet)
    written = Choice({name: setting.value for name, setting in view.settings.items()}, {}, view.shortest)
    assert weaknesses(written) == ()
    assert view.shortest is not None
    longer = {**written.values, "minimum_password_length": view.shortest.length + 1}
    assert len(weaknesses(replace(written, values=longer))) == 1


def test_a_value_that_became_computed_since_is_noticed(admin: AdminProject) -> None:
    admin.run(account, request(security={"minimum_password_length": 20}))
    admin.replace("security", "account.tf", "= 16", "= var.length")
    seen = account.observe(admin.context())
    assert seen.contradicts
    assert "var.length" in seen.words


@pytest.mark.parametrize("name", ["max_password_age", "password_reuse_prevention"])
def test_zero_switches_a_limit_off_and_is_written(admin: AdminProject, name: str) -> None:
    assert "0: " in limits(name)
    assert [
        problem for problem in account.validate(request(security={name: 0}), admin.context()) if problem.fatal
    ] == []
    admin.run(account, request(security={name: 0}))
    write(admin)
    _, view = account.survey(admin.context(), quiet)
    assert view.settings[name].value == 0


def test_switches_that_the_layer_does_not_set_can_be_added(admin: AdminProject) -> None:
    admin.replace("security", "account.tf", "  hard_expiry                    = false\n", "")
    _, view = account.survey(admin.context(), quiet)
    assert view.can_set("hard_expiry")
    assert "hard_expiry" not in account.decided(admin.context(), view)
    admin.run(account, request(security={"hard_expiry": True, "create_account_password_policy": True}))
    write(admin)
    _, view = account.survey(admin.context(), quiet)
    assert view.settings["hard_expiry"].value is True


def test_text_for_numbers_and_switches_and_null_are_plain_values(admin: AdminProject) -> None:
    admin.replace("security", "account.tf", "= 16", '= "16"')
    admin.replace("security", "account.tf", "= false", '= "false"')
    admin.replace("security", "account.tf", "= 4", "= null")
    _, view = account.survey(admin.context(), quiet)
    values = account.decided(admin.context(), view)
    assert values["minimum_password_length"] == 16
    assert values["hard_expiry"] is False
    assert values["password_reuse_prevention"] is None
    assert view.spots == view.spots[:1]  # only the alias is computed
    same = {name: value for name, value in values.items() if value is not None}
    admin.run(account, request(security=same))
    assert admin.facts["account_changes"] == {}
    admin.run(account, request(security={**same, "password_reuse_prevention": 5}))
    write(admin)
    assert "= 5" in admin.text("security", "account.tf")
    assert '= "16"' in admin.text("security", "account.tf")


def test_everything_that_can_be_set_is_explained() -> None:
    assert MEANINGS.keys() == EXPLANATIONS.keys()
    assert {name for name in MEANINGS if not limits(name)} - {"account_alias"} == DEFAULTS.keys()


def test_what_is_computed_is_a_place_to_edit_by_hand(admin: AdminProject) -> None:
    _, view = account.survey(admin.context(), quiet)
    (spot,) = view.spots
    assert str(spot.place) == "account.tf:7"
    assert str(spot).endswith(f" {COMPUTED}")
