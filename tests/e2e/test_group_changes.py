# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""Groups and their policies, changed on the step that decides them, planned and applied for real."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support.admin_runs import AdminRuns, administrator
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401

from workflows.messages.handoff import open_handoff
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, groups, hand_over, plan
from workflows.steps.admin.groups import renamed
from workflows.steps.decisions import NewGroup, PolicyChanges

pytestmark = pytest.mark.e2e
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture
def runs(sandbox: Sandbox, tmp_path: Path) -> AdminRuns:
    folder = tmp_path / "session"
    folder.mkdir(mode=0o700)
    facts = {
        "project_root": str(sandbox.project_root),
        "project": "bb",
        "layers": ["security"],
        "joining": [],
        "leaving": [],
        "regrouping": ["sam.okafor"],
        "keys": {},
        "user_changes": {"add": {}, "remove": {}},
    }
    return AdminRuns(administrator(sandbox, folder), folder, facts)


def test_the_plan_holds_exactly_what_was_changed_about_groups_and_nothing_is_foreign(runs: AdminRuns) -> None:
    (view,) = groups.survey(runs.context(""), runs.report)
    choice = groups.decided(runs.context(""), view)
    choice = replace(
        choice,
        add=(NewGroup("observers", "auditors"),),
        policies={
            "admins": PolicyChanges(add=(READ_ONLY,), remove=(ADMINISTRATOR,)),
            "observers": PolicyChanges(add=(READ_ONLY,)),
        },
    )
    choice = renamed(choice, "devops", "platform", written=True)
    for name, group in (("sam.okafor", "observers"), ("alex.kim", "auditors")):
        assert view.refusal(choice, name, group) == ""
        choice = view.toggled(choice, name, group)
    request = groups.Request({"security": choice})
    assert groups.validate(request, runs.context("")) == []
    runs.once.update(groups.perform(request, runs.context(""), runs.report))
    runs.write_files()

    context = runs.context("security")
    planned = plan.make(context, runs.report)
    told = "\n".join(planned.summary)
    assert planned.foreign == ()
    assert "sam.okafor" in told
    assert re.search(r"alex\.kim: .*auditors", told)
    assert planned.passwords == planned.access_keys == planned.gone == ()
    runs.learn("security", plan.perform(plan.Request(planned, ()), context, runs.report))
    context = runs.context("security")
    runs.learn("security", apply.perform(apply.Request(), context, runs.report))

    again = plan.make(runs.context("security"), runs.report)
    assert again.empty, again.summary
    (person,) = hand_over.prepare(runs.context("security"), runs.report)
    (sent,) = open_handoff(person.text).identities
    assert (sent.user, bool(sent.profiles)) == ("alex.kim", True)
    assert sent.encrypted_password, "they have never signed in"
