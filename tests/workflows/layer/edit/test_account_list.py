from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from workflows.layer.discover import find_project
from workflows.layer.edit.account_list import add_account, check_account, remove_account
from workflows.layer.edit.operation import EditRefused
from workflows.layer.mentioned import account_mentions
from workflows.layer.model import Account, Place, Project
from workflows.layer.write import write
from workflows.sandbox.project import lay_out

NEW = Account("data-science", "aws+data@example.com", "999999999999")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    lay_out(tmp_path / "project")
    return find_project(tmp_path / "project")


def common(project: Project) -> Path:
    return project.root / "config" / "common.tfvars"


def test_an_account_comes_last_as_its_sibling_is_written_and_goes_without_a_trace(project: Project) -> None:
    before = common(project).read_bytes()
    changes = add_account(project, NEW)
    assert common(project).read_bytes() == before
    write(changes)
    again = find_project(project.root)
    assert again.accounts == (*project.accounts, NEW)
    (change,) = changes.changes
    assert change.counts()[1] == 0
    assert "b/config/common.tfvars" in change.diff()
    write(remove_account(again, NEW.name))
    assert common(project).read_bytes() == before


def test_an_account_in_the_middle_goes_alone(project: Project) -> None:
    last = Account("lab", "aws+lab@example.com", "888888888888")
    write(add_account(project, NEW))
    write(add_account(find_project(project.root), last))
    write(remove_account(find_project(project.root), NEW.name))
    assert find_project(project.root).accounts == (*project.accounts, last)


ONE_LINE = 'accounts = { security = { email = "a@b.c", id = "222222222222" } }\n'
ONE_LINE_AFTER = ONE_LINE.replace(
    " } }", ' }, data-science = { email = "aws+data@example.com", id = "999999999999" } }'
)
ENTRY = '  "security" = {\r\n    email = "a@b.c" # x\r\n    id    = 222222222222\r\n  },\r\n'
NEW_ENTRY = (
    '  "data-science" = {\r\n    email = "aws+data@example.com" # x\r\n    id    = 999999999999\r\n  },\r\n'
)
COMMA_BETWEEN = "\n".join(
    f'  {name} = {{\n    email = "{name}@b.c"\n    id    = ""\n  }}{comma}'
    for name, comma in (("security", ","), ("shared", ""))
)
THIRD = '  data-science = {\n    email = "aws+data@example.com"\n    id    = "999999999999"\n  }'


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (ONE_LINE, ONE_LINE_AFTER),
        (f"accounts = {{\r\n{ENTRY}}}\r\n", f"accounts = {{\r\n{ENTRY}{NEW_ENTRY}}}\r\n"),
        (f"accounts = {{\n{COMMA_BETWEEN}\n}}\n", f"accounts = {{\n{COMMA_BETWEEN},\n{THIRD}\n}}\n"),
    ],
)
def test_the_form_of_the_list_is_kept(project: Project, text: str, after: str) -> None:
    end = "\r\n" if "\r\n" in text else "\n"
    text = f'project = "bb"{end}{text}'
    common(project).write_bytes(text.encode())
    (change,) = add_account(find_project(project.root), NEW).changes
    assert change.after is not None
    assert change.after.decode() == text.partition("accounts")[0] + after


@pytest.mark.parametrize(
    ("account", "field"),
    [
        (Account("Data", "a@b.cd", ""), "name"),
        (Account("", "a@b.cd", ""), "name"),
        (Account("security", "a@b.cd", ""), "name"),
        (Account("data", "nobody", ""), "email"),
        (Account("data", 'a"@b.cd', ""), "email"),
        (Account("data", "a@b.cd", "123"), "id"),
        (Account("data", "a@b.cd", "222222222222"), "id"),
    ],
)
def test_a_wrong_request_is_told_and_refused(project: Project, account: Account, field: str) -> None:
    assert [problem.field for problem in check_account(project, account)] == [field]
    with pytest.raises(EditRefused):
        add_account(project, account)


def test_what_two_accounts_have_already_is_one_problem(project: Project) -> None:
    first = project.accounts[0]
    twice = replace(project, accounts=(first, replace(first, name="copy")))
    problems = check_account(twice, replace(first, name="data"))
    assert [problem.field for problem in problems] == ["email", "id"]


def test_an_account_that_aws_has_not_made_yet_has_no_id(project: Project) -> None:
    write(add_account(project, Account("data", "a@b.cd", "")))
    assert find_project(project.root).accounts[-1] == Account("data", "a@b.cd", "")


def test_an_account_that_layers_need_is_kept(project: Project) -> None:
    for name, text in {
        "security/config/shared.tfvars": '# var.accounts.shared\nroles = { shared = "bb-shared-devops" }\n',
        "security/global/base-identities/zz.tf": (
            "/*\nvar.accounts.shared\n*/\nlocals {\n  a = var.accounts.shared.id\n"
            '  b = var.accounts["shared"].id\n  c = lookup(var.accounts, "shared")\n'
            '  d = var.accounts.shared-services.id\n  e = "shared/network/terraform.tfstate"\n'
            "  f = external_accounts.shared\n}\n"
        ),
        "management/network/main.tf": (
            'provider "aws" {\n  profile = "${var.project}-shared-devops"\n}\n'
            'data "terraform_remote_state" "x" {\n  config = {\n    bucket = "bb-shared-backend"\n  }\n}\n'
            'locals {\n  # profile = "bb-shared-devops"\n  profile = "bb-security-devops"\n}\n'
        ),
        "shared/network/main.tf": "locals {\n  a = var.accounts.shared.id\n}\n",
    }.items():
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text(text)
    places = account_mentions(project, "shared")
    assert [place for place in places if Path(place.file).name != "policies.tf"] == [
        Place("management/network/main.tf", 2),
        Place("management/network/main.tf", 6),
        *(Place("security/global/base-identities/zz.tf", line) for line in (5, 6, 7, 9)),
        Place("shared/network/main.tf", 1),
    ]
    with pytest.raises(EditRefused) as refusal:
        remove_account(project, "shared")
    assert refusal.value.place == places[0]


def test_what_is_computed_or_not_there_is_refused(project: Project) -> None:
    with pytest.raises(EditRefused, match=" nope "):
        remove_account(project, "nope")
    data = common(project).read_text().replace("accounts = {", "accounts = {\n  odd = { email = 1 }\n", 1)
    common(project).write_text(data.replace("accounts", "others", 1))
    with pytest.raises(EditRefused) as refusal:
        add_account(project, NEW)
    assert "common.tfvars:1" in refusal.value.next
