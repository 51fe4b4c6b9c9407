from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from support.admin_project import AdminProject, decide, put, quiet, write
from support.layers import USERS, layer_of
from support.steps import step_of

from workflows.admin import ADMIN
from workflows.core.sentences import OnboardError, text_of
from workflows.layer.edit.operation import EditRefused
from workflows.layer.model import Subject
from workflows.machine.events import Started, StepKey, Succeeded, Verdict
from workflows.machine.rules import reduce
from workflows.machine.state import State
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.steps.admin import project, users
from workflows.steps.admin.other_sessions import AlreadyThere
from workflows.steps.admin.project import Request
from workflows.steps.admin.upstream import CheckoutBehind, UpstreamUnreachable
from workflows.steps.kinds import KINDS, work_of
from workflows.terraform import binary

LAYERS = ("management", "security")


def joining(admin: AdminProject, *names: str, layers: tuple[str, ...] = LAYERS) -> Request:
    return Request(path=str(admin.root), layers=layers, joining=names or ("jane.doe",))


def refused(admin: AdminProject, request: Request) -> OnboardError:
    with pytest.raises(OnboardError) as caught:
        project.perform(request, admin.context(), quiet)
    return caught.value


def test_the_facts_hold_what_is_to_be_done_with_management_first(admin_project: AdminProject) -> None:
    request = Request(
        path=str(admin_project.root / "security"),
        layers=("security", "management"),
        joining=("jane.doe",),
        leaving=("alex.kim",),
        account_wanted=True,
    )
    assert admin_project.run(project, request) == {
        "project_root": str(admin_project.root),
        "project": "bb",
        "layers": ["management", "security"],
        "joining": ["jane.doe"],
        "leaving": ["alex.kim"],
        "regrouping": [],
        "rekeying": [],
        "resetting": [],
        "mfa_reset": [],
        "account_wanted": True,
        "regions_wanted": False,
    }
    assert project.observe(admin_project.context()).verdict is Verdict.AS_DECIDED


def test_a_survey_proposes_management_and_security_and_knows_the_people(admin_project: AdminProject) -> None:
    found = project.survey(str(admin_project.root), admin_project.context(), quiet)
    assert found.proposed == LAYERS
    assert found.people() == ("alex.kim", "dana.lopez", "machine.github.actions", "sam.okafor")
    for kind in ("resetting", "mfa_reset"):
        assert found.people(kind) == ("alex.kim", "dana.lopez", "sam.okafor")
    assert found.remarks == ()


def test_a_folder_that_is_no_project_is_refused(admin_project: AdminProject, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    error = refused(admin_project, Request(path=str(empty), layers=LAYERS, joining=("jane.doe",)))
    assert "build.env" in error.as_text()


def test_a_folder_that_is_not_there_is_refused(admin_project: AdminProject, tmp_path: Path) -> None:
    assert (
        str(tmp_path / "nowhere") in refused(admin_project, Request(path=str(tmp_path / "nowhere"))).as_text()
    )


def test_the_home_folder_may_be_written_as_a_tilde(admin_project: AdminProject) -> None:
    (admin_project.environment.home / "infra").symlink_to(admin_project.root)
    found = project.survey("~/infra", admin_project.context(), quiet)
    assert found.project.name == "bb"


def test_a_project_without_accounts_is_refused(admin_project: AdminProject) -> None:
    common = admin_project.root / "config" / "common.tfvars"
    text = common.read_text()
    common.write_text(text[: text.index("accounts")])
    assert "accounts" in refused(admin_project, joining(admin_project)).as_text()


def test_missing_common_variables_are_named(admin_project: AdminProject) -> None:
    (admin_project.root / "config" / "common.tfvars").unlink()
    assert "common.tfvars" in refused(admin_project, joining(admin_project)).as_text()


def test_a_project_without_a_layer_says_where_it_looked(admin_project: AdminProject) -> None:
    for account in LAYERS:
        (admin_project.root / account / "global").rename(admin_project.root / account / "elsewhere")
    error = refused(admin_project, joining(admin_project))
    assert str(admin_project.root) in error.what
    assert "base-identities" in error.why


def test_a_layer_that_the_project_does_not_have_is_refused(admin_project: AdminProject) -> None:
    error = refused(admin_project, joining(admin_project, layers=("management", "apps-prd")))
    assert "apps-prd" in error.what


def test_uncommitted_changes_are_told_of_the_layers_that_are_selected(admin_project: AdminProject) -> None:
    admin_project.replace("security", "locals.tf", '"sam.okafor",', '"sam.okafor",\n    "b.sample",')
    found = project.survey(str(admin_project.root), admin_project.context(), quiet)
    assert found.uncommitted == {"management": 0, "security": 1}
    (remark,) = found.to_be_planned(LAYERS)
    assert all(part in text_of(remark) for part in ("1 ", " security"))
    assert found.to_be_planned(("management",)) == ()


def test_a_folder_without_git_is_told(admin_project: AdminProject) -> None:
    (admin_project.root / ".git").rename(admin_project.root.parent / "git-away")
    (remark,) = project.survey(str(admin_project.root), admin_project.context(), quiet).of_the_files
    assert " git " in remark
    admin_project.run(project, joining(admin_project))


def test_a_checkout_behind_its_upstream_is_refused(admin_project: AdminProject) -> None:
    admin_project.git("commit", "--quiet", "--allow-empty", "--message", "A colleague's")
    admin_project.git("push", "--quiet")
    admin_project.git("reset", "--quiet", "--hard", "HEAD~1")
    error = refused(admin_project, joining(admin_project))
    assert isinstance(error, CheckoutBehind)
    assert "`git pull`" in error.next


def test_commits_that_colleagues_pushed_are_seen_in_the_background_until_all_is_applied(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object, **__: object) -> NoReturn:
        raise OnboardError("No answer", "git doesn't answer.")

    admin_project.run(project, joining(admin_project))
    assert project.inquire(admin_project.context()).verdict is Verdict.AS_DECIDED
    admin_project.git("commit", "--quiet", "--allow-empty", "--message", "A colleague's")
    tip = admin_project.git("rev-parse", "--short", "HEAD").strip()
    admin_project.git("push", "--quiet")
    admin_project.git("reset", "--quiet", "--hard", "HEAD~1")
    admin_project.git("update-ref", "refs/remotes/origin/main", "HEAD")
    seen = project.inquire(admin_project.context())
    assert seen.verdict is Verdict.CHANGED
    assert seen.about == ("origin/main", tip)
    lacking = replace(admin_project.context(), observed={StepKey("project"): seen})
    assert project.observe(lacking) == seen
    applied = {f"applied@{account}": {} for account in LAYERS}
    context = replace(admin_project.context(), every=applied)
    assert project.inquire(context).verdict is Verdict.AS_DECIDED
    with monkeypatch.context() as broken:
        broken.setattr(project.Git, "upstream", refusing)
        assert project.observe(lacking) == seen, "git says nothing of it"
    admin_project.git("pull", "--quiet")
    assert project.observe(lacking).verdict is Verdict.AS_DECIDED, "no look at the network is needed for that"
    assert project.inquire(admin_project.context()).verdict is Verdict.AS_DECIDED


def test_a_checkout_without_remote_is_told_and_not_refused(admin_project: AdminProject) -> None:
    admin_project.git("remote", "remove", "origin")
    (remark,) = project.survey(str(admin_project.root), admin_project.context(), quiet).of_the_files
    assert "remote" in remark
    assert admin_project.run(project, joining(admin_project))["joining"] == ["jane.doe"]


def test_an_upstream_that_does_not_answer_is_told_and_may_be_done_without(
    admin_project: AdminProject,
) -> None:
    admin_project.upstream.rename(admin_project.upstream.with_name("away.git"))
    error = refused(admin_project, joining(admin_project))
    assert isinstance(error, UpstreamUnreachable)
    assert error.detail
    request = Request(
        path=str(admin_project.root), layers=LAYERS, joining=("jane.doe",), without_upstream=True
    )
    assert admin_project.run(project, request)["joining"] == ["jane.doe"]


@pytest.mark.parametrize(("name", "asked"), [("Bob New", True), ("Bob New!", False), ("bob.new", None)])
def test_a_first_and_a_last_name_are_asked_about(
    name: str, asked: bool | None, admin_project: AdminProject
) -> None:
    problems = project.validate(joining(admin_project, name), admin_project.context())
    assert bool(problems) is (asked is not None)
    assert any("bob.new" in str(problem.message) for problem in problems) is bool(asked)


def test_a_layer_whose_program_is_missing_is_only_remarked_on(admin_project: AdminProject) -> None:
    lock = admin_project.root / "security/global/base-identities/.terraform.lock.hcl"
    lock.write_text('provider "registry.opentofu.org/hashicorp/aws" {\n  version = "4.67.0"\n}\n')
    found = project.survey(str(admin_project.root), admin_project.context(), quiet)
    assert found.missing.keys() == {"security"}
    assert len(found.without_program(LAYERS)) == 1
    assert not found.without_program(("management",))
    assert admin_project.run(project, joining(admin_project))["layers"] == [*LAYERS]


def test_a_look_at_the_project_hashes_no_program_of_it(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[object] = []
    mine = admin_project.root / "bin" / "terraform"
    mine.parent.mkdir()
    mine.write_text("#!/bin/sh\nexit 1\n")
    mine.chmod(0o755)
    build_env = admin_project.root / "build.env"
    build_env.write_text(f"{build_env.read_text()}\nTF_BINARY=bin/terraform\n")
    admin_project.environment = replace(admin_project.environment, binary=None)
    monkeypatch.setattr(binary, "file_sha256", hashed.append)
    assert not project.survey(str(admin_project.root), admin_project.context(), quiet).missing
    assert not hashed


def test_a_program_named_by_the_user_is_remarked_on(admin_project: AdminProject) -> None:
    admin_project.environment = replace(admin_project.environment, binary="/nowhere/tofu")
    found = project.survey(str(admin_project.root), admin_project.context(), quiet)
    assert any("/nowhere/tofu" in text_of(remark) for remark in found.remarks)
    assert found.missing.keys() >= {*LAYERS}


def test_somebody_who_is_everywhere_does_not_join(admin_project: AdminProject) -> None:
    assert isinstance(refused(admin_project, joining(admin_project, "alex.kim")), AlreadyThere)


def test_somebody_whom_another_session_has_added_everywhere_joins_no_more(
    admin_project: AdminProject, people_keys: Mapping[str, bytes]
) -> None:
    admin_project.run(project, joining(admin_project))
    other = replace(admin_project, folder=admin_project.folder.with_name("other"), facts={})
    other.folder.mkdir()
    decide(other, people_keys, joining=("jane.doe", "juan.delacruz"))
    put(other, {account: {"jane.doe": {"auditors"}, "juan.delacruz": {"auditors"}} for account in LAYERS})
    assert project.observe(admin_project.context()).verdict is Verdict.AS_DECIDED
    write(other)
    summary = Summary(other.folder.name, "admin", facts=other.facts)
    keep_summary(other.folder, summary, made_from(other.folder))
    unwritten = {name: fact for name, fact in other.facts.items() if name != "changed_files"}
    undone = replace(summary, id="undone", facts={**unwritten, "joining": ["bob.roe"]})
    folder = other.folder.with_name(undone.id)
    folder.mkdir()
    keep_summary(folder, undone, made_from(folder))
    seen = project.observe(admin_project.context())
    assert seen.contradicts
    assert work_of(summary) in text_of(seen.words)
    assert work_of(undone) not in text_of(seen.words)
    with pytest.raises(AlreadyThere) as caught:
        users.survey(admin_project.context(), quiet)
    assert caught.value.step == step_of(project).id
    assert refused(admin_project, joining(admin_project)).field == "joining"
    assert project.observe(other.context()).verdict is Verdict.AS_DECIDED
    users.survey(other.context(), quiet)


def test_somebody_who_is_nowhere_does_not_leave(admin_project: AdminProject) -> None:
    error = refused(
        admin_project, Request(path=str(admin_project.root), layers=LAYERS, leaving=("jane.doe",))
    )
    assert error.field == "leaving"
    assert "alex.kim" in str(error.next)


def test_the_project_can_be_done_again_after_its_people_were_written(admin_project: AdminProject) -> None:
    admin_project.facts = {"joining": ["sam.okafor"], "leaving": ["gone.already"]}
    request = Request(
        path=str(admin_project.root),
        layers=LAYERS,
        joining=("sam.okafor", "jane.doe"),
        leaving=("gone.already",),
    )
    assert refused(admin_project, request).field == "leaving", "somebody else has removed them"
    changes = {"add": ["sam.okafor"], "remove": ["gone.already"]}
    admin_project.facts["user_changes"] = {
        kind: dict.fromkeys(LAYERS, names) for kind, names in changes.items()
    }
    assert admin_project.run(project, request)["joining"] == ["sam.okafor", "jane.doe"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (Request(path="", layers=LAYERS, joining=("a.example",)), "path"),
        (Request(path="/x", layers=(), joining=("a.example",)), "layers"),
        (Request(path="/x", layers=LAYERS), "joining"),
        (Request(path="/x", layers=LAYERS, asked=("leaving",)), "leaving"),
        (Request(path="/x", layers=LAYERS, joining=("a example",)), "joining"),
        (Request(path="/x", layers=LAYERS, joining=("ñandú",)), "joining"),
        (Request(path="/x", layers=LAYERS, joining=("long" * 1000,)), "joining"),
        (Request(path="/x", layers=LAYERS, joining=("long" * 1000, "LONG" * 1000)), "joining"),
        (Request(path="/x", layers=LAYERS, leaving=("long" * 9999,), regrouping=("long" * 9999,)), "leaving"),
        (Request(path="/x", layers=LAYERS, joining=("a.example", "A.Example")), "joining"),
        (Request(path="/x", layers=LAYERS, joining=("a.example",), leaving=("a.example",)), "leaving"),
        (Request(path="/x", layers=LAYERS, leaving=("a.example",), regrouping=("a.example",)), "leaving"),
    ],
)
def test_input_that_cannot_be_meant_is_refused(
    admin_project: AdminProject, request_: Request, field: str
) -> None:
    problems = project.validate(request_, admin_project.context())
    assert [problem for problem in problems if problem.fatal and problem.field == field]
    assert all(len(text_of(problem.message)) < 200 for problem in problems), "it stands below the field"


def test_a_project_that_moved_away_is_noticed(admin_project: AdminProject) -> None:
    admin_project.run(project, joining(admin_project))
    (admin_project.root / "security" / "global").rename(admin_project.root / "security" / "elsewhere")
    seen = project.observe(admin_project.context())
    assert seen.contradicts
    assert "security" in seen.words
    admin_project.root.rename(admin_project.root.with_name("moved"))
    assert project.observe(admin_project.context()).contradicts


def test_the_regions_alone_lead_to_nothing_but_their_step() -> None:
    facts = {"project_root": "/p", "project": "bb", "layers": ["security"], **{kind: [] for kind in KINDS}}
    done = {**facts, "account_wanted": False, "regions_wanted": True}
    state = reduce(State.beginning(ADMIN), Started(StepKey("project"), "r", ""))
    state = reduce(state, Succeeded(StepKey("project"), "r", "", done))
    assert [key.step for key in state.expected()] == ["project", "sts-regions"]


def resetting(admin: AdminProject, **more: tuple[str, ...]) -> Request:
    return Request(path=str(admin.root), layers=LAYERS, resetting=("alex.kim",), **more)


def test_a_missing_key_file_is_among_the_remarks(admin_project: AdminProject) -> None:
    admin_project.file("security", "keys/alex.kim").unlink()
    found = project.survey(str(admin_project.root), admin_project.context(), quiet)
    (missing,) = (finding for layer in found.layers for finding in layer.findings)
    assert (missing.subject, missing.label) == (Subject.KEY, "alex.kim")
    assert any("keys/alex.kim" in remark for remark in found.of_the_files)


@pytest.mark.parametrize("key", ["missing", "expired"])
def test_no_password_is_reset_for_a_key_that_cannot_be_used(
    admin_project: AdminProject, people_keys: Mapping[str, bytes], key: str
) -> None:
    file = admin_project.file("security", "keys/alex.kim")
    file.unlink() if key == "missing" else file.write_bytes(b64encode(people_keys["expired"]))
    admin_project.git("commit", "--quiet", "--all", "--message", key)
    assert refused(admin_project, resetting(admin_project)).field == "resetting"
    project.perform(resetting(admin_project, rekeying=("alex.kim",)), admin_project.context(), quiet)


def test_no_password_is_reset_while_another_persons_missing_key_fails_every_plan(
    admin_project: AdminProject,
) -> None:
    admin_project.file("security", "keys/sam.okafor").unlink()
    admin_project.git("commit", "--quiet", "--all", "--message", "gone")
    assert refused(admin_project, resetting(admin_project)).field == "resetting"
    for kind in ("rekeying", "leaving"):
        request = resetting(admin_project, **{kind: ("sam.okafor",)})
        project.perform(request, admin_project.context(), quiet)


def test_no_account_is_planned_for_a_password_that_is_not_in_it(
    admin_project: AdminProject, people_keys: Mapping[str, bytes]
) -> None:
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    put(admin_project, {"security": {"jane.doe": {"auditors"}}})
    write(admin_project)
    admin_project.facts = {}
    both = replace(resetting(admin_project), resetting=("jane.doe",))
    assert refused(admin_project, both).field == "layers"
    for wanted in (
        replace(both, layers=("security",)),
        replace(both, resetting=("jane.doe", "alex.kim")),
        replace(both, mfa_reset=("alex.kim",)),
        replace(both, account_wanted=True),
    ):
        project.perform(wanted, admin_project.context(), quiet)
    file = admin_project.file("management", "locals.tf")
    file.write_text(f"{file.read_text()}\nnot HCL\n")
    project.perform(both, admin_project.context(), quiet)


def test_no_password_is_reset_that_the_policy_would_reject(admin_project: AdminProject) -> None:
    account = admin_project.file("security", "account.tf")
    account.write_text(re.sub(r"(minimum_password_length\s*=) 16", r"\1 99", account.read_text()))
    error = refused(admin_project, resetting(admin_project))
    assert isinstance(error, EditRefused)
    assert error.field == "resetting"


def test_how_many_names_there_are_besides_those_listed_is_said() -> None:
    users = [f"{letter}{letter}{letter}.person" for letter in "abcdefghi"]
    locals_ = (
        "locals {\n  users = [" + ", ".join(f'"{user}"' for user in users) + "]\n  machine_users = {}\n}\n"
    )
    told = str(project.nobody("zz", [layer_of({"users.tf": USERS, "locals.tf": locals_})], "leaving").next)
    left = [user for user in users if user not in told]
    assert left
    assert f" {len(left)} " in told


def test_a_name_with_spaces_is_not_split_where_commas_separate_the_others() -> None:
    assert "Mira, Good" in text_of(project.spaced("Mira Good", alone=True))
    assert "Mira, Good" not in text_of(project.spaced("Mira Good", alone=False))
