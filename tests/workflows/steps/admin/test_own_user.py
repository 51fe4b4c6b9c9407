from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.admin_project import AdminProject, decide, quiet
from support.served_aws import served, user_key

from workflows.machine.events import RESTED
from workflows.sandbox.sandbox import PROFILES
from workflows.steps.admin import review
from workflows.steps.admin.own_user import OwnUser, refuse_own_user

NAME = "dana.lopez"


@pytest.fixture
def admin(admin_project: AdminProject, tmp_path: Path) -> Iterator[AdminProject]:
    """Return a project whose security layer is applied with the key of dana.lopez."""
    (tmp_path / "aws").mkdir()
    with served(tmp_path / "aws") as made:
        key = user_key(made, NAME)
        files = admin_project.environment.home / ".aws" / "bb"
        files.mkdir(parents=True)
        (files / "config").write_text("")
        (files / "credentials").write_text(
            f"[{PROFILES['security']}]\naws_access_key_id = {key['AccessKeyId']}\n"
            f"aws_secret_access_key = {key['SecretAccessKey']}\n"
        )
        admin_project.environment = replace(
            admin_project.environment, endpoint_url=made.environment.endpoint_url
        )
        yield admin_project


def test_nobody_removes_the_user_whose_key_the_removal_takes(admin: AdminProject) -> None:
    admin.begin()
    here = replace(admin.context(), item="security")
    with pytest.raises(OwnUser, match=NAME) as stopped:
        refuse_own_user(["sam.okafor", NAME], here)
    assert stopped.value.as_record()["kind"] == RESTED
    refuse_own_user(["sam.okafor"], here)


@pytest.mark.parametrize("account", ["security", "management"])
def test_review_does_not_write_the_removal_of_the_own_user(admin: AdminProject, account: str) -> None:
    who = {"security": NAME, "management": "alex.kim"}[account]
    decide(admin, {}, leaving=(who,), layers=(account,))
    if account == "security":
        with pytest.raises(OwnUser, match=NAME):
            review.prepare(admin.context(), quiet)
    else:  # no key is known that would apply this layer: the later steps ask again
        assert review.prepare(admin.context(), quiet).change_set.changes


def test_review_shows_the_removal_where_aws_cannot_be_asked(admin: AdminProject) -> None:
    decide(admin, {}, leaving=(NAME,), layers=("security",))
    admin.environment = replace(admin.environment, endpoint_url="http://127.0.0.1:9")
    assert review.prepare(admin.context(), quiet).change_set.changes
