from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import example, given, strategies as st
from support.admin_project import AdminProject, decide, put, quiet, write

from workflows.core import openpgp
from workflows.core.sentences import OnboardError, text_of
from workflows.git import NoBranchName
from workflows.layer.edit import run
from workflows.layer.edit.operation import Operation
from workflows.layer.model import Layer, Place
from workflows.layer.write import ChangedMeanwhile, ChangeSet, FileChange, Protected
from workflows.machine.events import AGREES, NOT_ASKED, Choice, StepKey, Verdict
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.steps.admin import pgp_keys, review, users
from workflows.steps.admin.edits import operations, read_layers
from workflows.steps.admin.other_sessions import left_in_git, not_applied, sessions_that_can_undo
from workflows.steps.admin.review import Request
from workflows.steps.admin.status_grid import PersonStatus, status_grid
from workflows.steps.admin.written import holds_files, journal_of, to_undo, writes_of
from workflows.steps.decisions import Decisions
from workflows.steps.shared.by_hand import NotPossible
from workflows.steps.shared.leftovers import RUNS
from workflows.steps.shared.module import Progress
from workflows.terraform.binary import VersionExcluded
from workflows.terraform.runner import Kind

Keys = Mapping[str, bytes]


@pytest.fixture
def admin(admin_project: AdminProject, people_keys: Keys) -> AdminProject:
    """Return a project in which it is decided that jane.doe joins security."""
    decide(admin_project, people_keys, joining=("jane.doe",), layers=("security",))
    put(admin_project, {"security": {"jane.doe": {"devops"}}})
    return admin_project


def perform(admin: AdminProject, request: Request) -> Mapping[str, object]:
    return review.perform(request, admin.context(), quiet)


def undoable(admin: AdminProject) -> ChangeSet:
    return to_undo(admin.folder, admin.context().every)


def changed_lines(diff: str) -> list[str]:
    """Return the added and removed lines of a diff, sorted, as the order of files may vary."""
    heads = ("+++", "---")
    return sorted(line for line in diff.splitlines() if line.startswith(("+", "-")) and line[:3] not in heads)


def test_what_the_difference_does_not_say_is_noted(admin: AdminProject) -> None:
    assert review.prepare(admin.context(), quiet).notes == ()
    path = admin.root / "security/global/base-identities/locals.tf"
    path.write_text(path.read_text() + '# "jane.doe" was here\n')
    (note,) = review.prepare(admin.context(), quiet).notes
    assert all(part in note for part in ("security", "jane.doe", "locals.tf:"))
    write(admin)
    assert review.prepare(admin.context(), quiet).notes == ()


def test_a_member_whom_nobody_declares_any_more_is_noted_since_no_plan_can_be_made(
    admin: AdminProject,
) -> None:
    admin.replace("security", "locals.tf", '"sam.okafor",', "")
    (note,) = review.prepare(admin.context(), quiet).notes
    assert all(part in text_of(note) for part in ("security", "sam.okafor", "groups.tf:"))


def test_a_layer_is_edited_once_for_the_difference_and_its_notes(
    admin: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Operation] = []
    original = run._run

    def once(layer: Layer, operation: Operation) -> Layer:
        done.append(operation)
        return original(layer, operation)

    monkeypatch.setattr(run, "_run", once)
    layers = read_layers(admin.context()).values()
    review.prepare(admin.context(), quiet)
    assert done == [wanted for layer in layers for wanted in operations(layer, admin.context().decisions)]


def test_a_group_that_loses_its_last_member_is_noted(admin_project: AdminProject) -> None:
    decide(admin_project, {}, leaving=("dana.lopez",), layers=("security",))
    (group,) = [
        group.name
        for group in read_layers(admin_project.context())["security"].groups
        if group.members == ("dana.lopez",)
    ]
    assert any(group in text_of(note) for note in review.prepare(admin_project.context(), quiet).notes)


def test_who_ends_in_no_group_is_noted_and_who_was_in_none_is_not(admin_project: AdminProject) -> None:
    decide(admin_project, {}, regrouping=("alex.kim",), layers=("security",))
    put(admin_project, {"security": {"alex.kim": set()}})
    layer = read_layers(admin_project.context())["security"]
    made = run.edit(layer, operations(layer, admin_project.context().decisions))
    (sentence,) = made.alone_sentences
    assert "alex.kim" in text_of(sentence)
    assert any(
        text_of(sentence) in text_of(note) for note in review.prepare(admin_project.context(), quiet).notes
    )
    assert run.edit(made.after, ()).alone_sentences == ()


@pytest.mark.parametrize(
    ("request_of", "noted"),
    [({"leaving": ("dana.lopez",)}, 0), ({"regrouping": ("dana.lopez",)}, 1)],
)
def test_who_stays_but_is_no_longer_an_administrator_or_becomes_one_is_noted(
    admin_project: AdminProject, request_of: Mapping[str, tuple[str, ...]], noted: int
) -> None:
    decide(admin_project, {}, layers=("security",), **request_of)
    if noted:
        put(admin_project, {"security": {"dana.lopez": {"devops"}}})
    layer = read_layers(admin_project.context())["security"]
    made = run.edit(layer, operations(layer, admin_project.context().decisions))
    assert len(made.administrator_sentences) == noted
    said = [text_of(note) for note in review.prepare(admin_project.context(), quiet).notes]
    assert all(any(text_of(sentence) in note for note in said) for sentence in made.administrator_sentences)
    back = replace(made, before=made.after, after=made.before)
    assert len(back.administrator_sentences) == noted, "who joins the layer isn't noted"


def test_a_password_that_the_policy_refuses_is_refused_at_its_line(admin: AdminProject) -> None:
    path = admin.root / "security/global/base-identities/account.tf"
    path.write_text(path.read_text().replace("= 16", "= 40"))
    with pytest.raises(NotPossible) as refusal:
        review.prepare(admin.context(), quiet)
    spot = refusal.value.spot
    assert spot is not None
    assert spot.place == Place("users.tf", 12)


def test_a_file_that_cannot_be_written_is_named_with_its_layer_and_not_offered_for_editing(
    admin: AdminProject,
) -> None:
    name = "security/global/base-identities/outputs.tf"
    (admin.root / name).chmod(0o444)
    with pytest.raises(Protected) as refusal:
        review.prepare(admin.context(), quiet)
    assert f" {name}." in refusal.value.what
    (admin.root / name).chmod(0o644)
    assert not review.prepare(admin.context(), quiet).change_set.is_empty


def test_a_policy_that_denies_the_first_password_change_is_noted(admin: AdminProject) -> None:
    (admin.root / "security/global/base-identities/zz_mfa.tf").write_text(
        'data "aws_iam_policy_document" "mfa" {\n  statement {\n    effect      = "Deny"\n'
        '    not_actions = ["iam:GetUser"]\n    condition {\n      test     = "Bool"\n'
        '      variable = "aws:MultiFactorAuthPresent"\n      values   = ["false"]\n    }\n  }\n}\n'
    )
    (note,) = review.prepare(admin.context(), quiet).notes
    assert all(part in note for part in ("security", "zz_mfa.tf:2 "))


def test_a_checkout_that_fell_behind_is_not_written_to(admin: AdminProject) -> None:
    shown = review.prepare(admin.context(), quiet).change_set
    admin.git("commit", "--quiet", "--allow-empty", "--message", "A colleague's")
    admin.git("push", "--quiet")
    admin.git("reset", "--quiet", "--hard", "HEAD~1")
    with pytest.raises(OnboardError, match="behind"):
        perform(admin, Request(shown, branch="onboard/jane.doe", commit=True, message="Add Jane"))
    assert admin.git("status", "--porcelain") == ""
    assert "onboard/jane.doe" not in admin.git("branch")


def test_a_binary_that_a_layer_excludes_is_refused_before_a_byte_is_written(admin: AdminProject) -> None:
    admin.replace("security", "config.tf", "required_version = ", 'required_version = "< 1.0" #')
    before = admin.git("status", "--porcelain")
    with pytest.raises(VersionExcluded):
        review.prepare(admin.context(), quiet)
    assert admin.git("status", "--porcelain") == before


def test_files_are_written_without_terraform_and_the_missing_check_is_noted(admin: AdminProject) -> None:
    admin = replace(admin, environment=replace(admin.environment, binary="/nowhere/terraform"))
    prepared = review.prepare(admin.context(), quiet)
    (note,) = prepared.notes
    assert str(note).startswith("security: ")
    assert perform(admin, Request(prepared.change_set))["changed_files"]


def test_an_argument_that_no_plan_may_have_is_refused_before_a_byte_is_written(admin: AdminProject) -> None:
    variables = {**admin.environment.variables, "TF_CLI_ARGS": "-target=aws_iam_user.x"}
    admin = replace(admin, environment=replace(admin.environment, variables=variables))
    with pytest.raises(OnboardError, match="TF_CLI_ARGS"):
        review.prepare(admin.context(), quiet)


def test_a_format_that_was_checked_when_it_was_shown_is_not_checked_again(
    admin: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = review.prepare(admin.context(), quiet).change_set
    monkeypatch.setattr(review, "fmt_clean", lambda *_, **__: pytest.fail("checked again"))
    assert perform(admin, Request(shown))["changed_files"]


def test_exactly_what_was_shown_is_written(admin: AdminProject) -> None:
    shown = review.prepare(admin.context(), quiet).change_set.diff()
    assert admin.git("status", "--porcelain") == ""
    facts = write(admin)
    changed = [Path(changed_file["path"]).relative_to(admin.root) for changed_file in facts["changed_files"]]
    layer = Path("security/global/base-identities")
    names = ("groups.tf", "keys/jane.doe", "locals.tf", "outputs.tf")
    assert changed == [layer / name for name in names]
    admin.git("add", "--all")
    git_diff = admin.git("diff", "--cached", "--no-color", "--no-prefix", "HEAD")
    assert changed_lines(git_diff) == changed_lines(shown)
    assert facts["commit"] is None
    for changed_file in facts["changed_files"]:
        assert sha256(Path(changed_file["path"]).read_bytes()).hexdigest() == changed_file["sha256"]
    assert review.observe(admin.context()).verdict is Verdict.AS_DECIDED


def test_a_text_that_changed_is_no_contradiction_while_it_says_what_was_decided(admin: AdminProject) -> None:
    write(admin)
    admin.replace("security", "locals.tf", '"sam.okafor",', '"sam.okafor",\n    "x.y",')
    assert review.observe(admin.context()).verdict is Verdict.AS_DECIDED
    admin.git("add", "--all")
    admin.git("commit", "--quiet", "--message", "by hand")
    assert review.observe(admin.context()).verdict is Verdict.AS_DECIDED


def test_a_decision_that_the_files_lost_is_a_contradiction(admin: AdminProject) -> None:
    write(admin)
    admin.replace("security", "locals.tf", '"jane.doe"', '"jane.roe"')
    seen = review.observe(admin.context())
    assert seen.verdict is Verdict.CHANGED
    assert not seen.continuing, "no plan is made without the person"
    done = replace(admin.context(), every={**admin.context().every, "applied@security": {}})
    assert review.observe(done).continuing
    assert "security/global/base-identities/locals.tf" in seen.words
    again = review.observe(admin.context())
    assert again.identity == seen.identity


def test_a_decision_that_the_files_lost_contradicts_nobody_else(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin = admin_project
    decide(admin, people_keys, joining=("jane.doe", "juan.delacruz"))
    put(
        admin,
        {
            account: {
                name: {"auditors" if account == "management" else "devops"}
                for name in ("jane.doe", "juan.delacruz")
            }
            for account in ("management", "security")
        },
    )
    write(admin)
    admin.replace("security", "locals.tf", '"jane.doe"', '"jane.roe"')
    seen, key = review.observe(admin.context()), StepKey("review")
    assert seen.contradicts
    grid = status_grid(
        replace(admin.context(), observed={key: seen}, contradicted=frozenset({key})),
    )
    changed = {
        (name, account)
        for name, stands in grid.rows
        for account, stand in zip(grid.accounts, stands, strict=True)
        if stand is PersonStatus.CHANGED
    }
    assert changed == {("jane.doe", "security")}


def test_files_that_were_put_back_are_neither_written_nor_changed(admin: AdminProject) -> None:
    write(admin)
    before, key = admin.context(), StepKey("review")
    review.undo(before, quiet)
    seen = review.observe(before)
    assert seen.contradicts
    context = replace(before, observed={key: seen}, contradicted=frozenset({key}))
    assert dict(status_grid(context).rows)["jane.doe"] == (PersonStatus.DECIDED,)


def leaving_later(admin: AdminProject, people_keys: Keys) -> AdminProject:
    """Write that jane.doe joins; return a later session with the decision that she leaves security."""
    write(admin)
    later = replace(admin, folder=admin.folder.with_name("later"), facts={})
    later.folder.mkdir()
    decide(later, people_keys, leaving=("jane.doe",), layers=("security",))
    return later


def test_what_a_later_session_took_out_is_said_so_and_not_proposed_to_be_written_again(
    admin: AdminProject, people_keys: Keys
) -> None:
    later = leaving_later(admin, people_keys)
    write(later)
    keep_summary(later.folder, Summary("later", "admin", facts=later.facts), made_from(later.folder))
    seen = review.observe(admin.context())
    assert (seen.verdict, seen.likely) == (Verdict.CHANGED, Choice.CONTINUE)
    assert "Remove jane.doe" in seen.about
    here = admin.context()
    for account, verdict in (("management", Verdict.CHANGED), ("security", Verdict.REVERTED)):
        applied_here = replace(here, every={**here.every, f"applied@{account}": {}})
        assert review.observe(applied_here).verdict is verdict
    own = Summary("own", "admin", "2026-01-01T00:00:00+00:00", facts=admin.facts)
    keep_summary(admin.folder, own, made_from(admin.folder))
    applied = Summary(
        "later",
        "admin",
        "2026-01-02T00:00:00+00:00",
        facts=later.facts,
        settled={"apply@security": "2026-01-02"},
    )
    keep_summary(later.folder, applied, made_from(later.folder))
    over = review.observe(admin.context())
    assert (over.verdict, over.about, over.contradicts) == (Verdict.REVERTED, ("jane.doe",), False)
    keep_summary(later.folder, replace(applied, settled={}), made_from(later.folder))
    later.replace("security", "locals.tf", '"sam.okafor"', '"x.y"')
    assert review.observe(admin.context()).likely is Choice.REDO


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("kind", ["joining", "rekeying"])
def test_whom_a_later_session_removed_is_said_and_nobody_is_asked_to_undo_it(
    admin: AdminProject, people_keys: Keys, kind: str, applied: bool
) -> None:
    later = leaving_later(admin, people_keys)
    write(later)
    if kind == "rekeying":
        admin.facts |= {"joining": [], "rekeying": ["jane.doe"], "user_changes": {}, "memberships": {}}
        admin.facts["keys"]["jane.doe"]["resets"] = {
            "security": {"file": "keys/jane.doe", "passwords": ["jane.doe"]}
        }
    own = Summary("own", "admin", "2026-01-01T00:00:00+00:00", facts=admin.facts)
    keep_summary(admin.folder, own, made_from(admin.folder))
    settled = dict.fromkeys(["review", *(["apply@security"] if applied else [])], "2026-01-02T00:00:00+00:00")
    removal = Summary("later", "admin", "2026-01-02T00:00:00+00:00", facts=later.facts, settled=settled)
    keep_summary(later.folder, removal, made_from(later.folder))
    shown = review.prepare(admin.context(), quiet).change_set
    beside = review.beside(shown, admin.context())
    assert shown.is_empty is (kind == "rekeying")
    assert "Remove jane.doe" in text_of(beside.gone_since)
    assert ("files of security" in text_of(beside.gone_since)) is not applied
    assert ("again" in text_of(beside.consequence)) is (kind == "joining")
    assert ("in security" in text_of(beside.consequence)) is (kind == "rekeying"), (
        "nothing of another account"
    )
    seen = review.observe(admin.context())
    if applied:
        assert seen.verdict is Verdict.REVERTED
    else:
        asked = Verdict.CHANGED if kind == "joining" else Verdict.REVERTED
        assert (seen.verdict, seen.likely) == (asked, Choice.CONTINUE)
        assert text_of(beside.gone_since) in text_of(seen.words)
        assert (seen.redoing, seen.by_item) == (beside.consequence, {"security": ("jane.doe",)})
        assert dict(status_grid(admin.context()).rows)["jane.doe"] == (PersonStatus.GONE_FROM_FILES,)
    admin.facts["changed_files"] = []
    seen = review.observe(admin.context())
    assert (seen.verdict, seen.by_item) == (Verdict.AS_DECIDED, {"security": ("jane.doe",)})


@pytest.mark.parametrize("other", ["", "a comment", "a group"])
def test_who_was_removed_after_the_apply_lacks_nothing_though_files_were_changed_otherwise_too(
    admin_project: AdminProject, people_keys: Keys, other: str
) -> None:
    admin = admin_project
    decide(admin, people_keys, joining=("jane.doe", "juan.delacruz"), layers=("security",))
    put(admin, {"security": {name: {"devops"} for name in ("jane.doe", "juan.delacruz")}})
    later = leaving_later(admin, people_keys)
    write(later)
    own = Summary("own", "admin", "2026-01-01T00:00:00+00:00", facts=admin.facts)
    keep_summary(admin.folder, own, made_from(admin.folder))
    at = "2026-01-02T00:00:00+00:00"
    settled = {"review": at, "apply@security": at}
    removal = Summary("later", "admin", at, facts=later.facts, settled=settled)
    keep_summary(later.folder, removal, made_from(later.folder))
    groups = admin.file("security", "groups.tf")
    if other == "a comment":
        groups.write_text(groups.read_text() + "\n# by hand\n")
    elif other:
        groups.write_text(groups.read_text().replace('"juan.delacruz"', '"x.y"'))
    here = admin.context()
    seen = review.observe(replace(here, every={**here.every, "applied@security": {"at": "2026-01-01"}}))
    assert seen.contradicts is (other == "a group")
    assert seen.contradicts or seen.by_item == {"security": ("jane.doe",)}


def test_files_that_were_applied_elsewhere_are_not_put_back(
    admin: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(admin)
    monkeypatch.setattr(review.state_now, "seen", lambda _context: AGREES)
    with pytest.raises(OnboardError, match=" security "):
        review.undo(admin.context(), quiet)
    assert undoable(admin).changes
    monkeypatch.setattr(review.state_now, "seen", lambda _context: NOT_ASKED)
    review.undo(admin.context(), quiet)
    assert not undoable(admin).changes


def test_what_other_sessions_wrote_or_decided_and_did_not_apply_is_noted(admin: AdminProject) -> None:
    moves = {"security": {"sam": {"add": ["devops"], "remove": []}}, "management": {"sam": {}}}
    decided = {"layers": ["management", "security"], "regrouping": ["sam"], "memberships": moves}
    written = {**decided, "changed_files": []}
    for name, facts, step, settled in (
        ("b", written, "plan", {}),
        ("c", {"layers": ["security", "apps-prd"], "joining": ["juan"]}, "users", {}),
        ("d", {**written, "regrouping": ["ann"]}, "", {}),
        ("f", {"layers": ["security"], "regions_wanted": True}, "sts-regions", {}),
        ("e", {**written, "regrouping": ["max"]}, "plan", {"apply@security": "2026-01-02"}),
    ):
        folder = admin.folder.with_name(name)
        folder.mkdir()
        of_project = {"project_root": str(admin.root), **facts}
        other = Summary(name, "admin", facts=of_project, next_step=step, settled=settled)
        keep_summary(folder, other, made_from(folder))
    assert [words.rpartition(": ")[2] for words in not_applied(admin.context())] == [
        "Change groups of sam.",
        "Add juan.",
    ]
    assert {*not_applied(admin.context())} <= {*review.prepare(admin.context(), quiet).notes}


def test_a_session_that_a_later_one_left_nothing_to_do_has_nothing_to_apply(admin: AdminProject) -> None:
    known = {"project_root": str(admin.root), "layers": ["security"], "changed_files": []}
    jane = {"security": ["jane.doe"]}
    add = {**known, "joining": ["jane.doe"], "user_changes": {"add": jane}}
    remove = {**known, "leaving": ["jane.doe"], "user_changes": {"remove": jane}}

    def keep(folder: str, day: int, facts: Mapping[str, Any]) -> None:
        at = f"2026-01-0{day}"
        path = admin.folder.with_name(folder)
        path.mkdir(exist_ok=True)
        summary = Summary(folder, "admin", at, facts=facts, next_step="plan", settled={"review": at})
        keep_summary(path, summary, made_from(path))

    keep(admin.folder.name, 3, known)
    keep("add", 1, add)
    (before,) = not_applied(admin.context())
    assert "Add jane.doe" in before
    keep("remove", 2, remove)
    (after,) = not_applied(admin.context())
    assert "Remove jane.doe" in after
    assert "Add jane.doe" not in after


def test_files_that_another_session_put_back_count_as_not_written(
    admin: AdminProject, people_keys: Keys
) -> None:
    other = replace(admin, folder=admin.folder.with_name("other"), facts={})
    other.folder.mkdir()
    decide(other, people_keys, leaving=("alex.kim",), layers=("security",))
    write(other)
    facts = {**other.facts, "project_root": str(admin.root)}
    keep_summary(other.folder, Summary("other", "admin", facts=facts, next_step="plan"), [])
    (written,) = not_applied(admin.context())
    at_security = replace(admin.context(), item="security")
    assert sessions_that_can_undo(at_security) == {"Remove alex.kim": False}
    assert sessions_that_can_undo(replace(at_security, item="management")) == {}
    write(admin)
    assert sessions_that_can_undo(at_security) == {"Remove alex.kim": True}
    review.undo(admin.context(), quiet)
    review.undo(other.context(), quiet)
    assert sessions_that_can_undo(at_security) == {}
    (begun,) = not_applied(admin.context())
    assert written != begun
    (other.folder / "archived").touch()
    assert list(not_applied(admin.context())) == []


def test_a_key_file_that_is_gone_is_a_contradiction_and_review_writes_it_again(admin: AdminProject) -> None:
    write(admin)
    written = admin.text("security", "keys/jane.doe")
    admin.git("clean", "--quiet", "--force", "-d")
    assert review.observe(admin.context()).verdict is Verdict.CHANGED
    write(admin)
    assert admin.text("security", "keys/jane.doe") == written


@pytest.mark.parametrize("where", ["stash@{0}", "elsewhere"])
def test_what_git_took_away_is_undone_and_said_where_it_is(admin: AdminProject, where: str) -> None:
    write(admin)
    branch = admin.git("branch", "--show-current").strip()
    if where == "elsewhere":
        admin.git("switch", "--quiet", "--create", where)
        admin.git("add", "--all")
        admin.git("commit", "--quiet", "--message", "there")
        admin.git("switch", "--quiet", branch)
    else:
        admin.git("stash", "push", "--quiet", "--include-untracked")
    seen = review.observe(admin.context())
    assert seen.verdict is Verdict.UNDONE
    assert where in seen.about


def test_a_key_that_expired_or_was_replaced_since_stops_before_a_byte_is_written(
    admin: AdminProject, people_keys: Keys
) -> None:
    key = admin.root / "security/global/base-identities/keys/jane.doe"
    key.write_bytes(b64encode(people_keys["juan.delacruz"]))
    with pytest.raises(OnboardError, match=r"jane\.doe") as refused:
        review.prepare(admin.context(), quiet)
    seen = pgp_keys.observe(admin.context())
    assert seen.verdict is Verdict.CHANGED
    assert not seen.continuing
    decided = admin.context().decisions.keys["jane.doe"].fingerprint
    (conflict,) = seen.about
    assert decided in conflict
    assert seen.by_item == {"security": ("jane.doe",)}
    assert openpgp.grouped(decided) in refused.value.what
    key.unlink()
    admin.facts["keys"]["jane.doe"]["expires"] = "2000-01-01T00:00:00+00:00"
    with pytest.raises(OnboardError, match="expired"):
        review.prepare(admin.context(), quiet)
    seen = pgp_keys.observe(admin.context())
    assert (seen.verdict, seen.about, seen.continuing) == (Verdict.GONE, ("jane.doe",), "")


@pytest.mark.parametrize(
    ("created", "changed_files", "whose", "verdict"),
    [
        pytest.param("2026-01-02", [], "jane.doe", Verdict.REVERTED, id="a later session wrote it"),
        pytest.param(
            "2026-01-02", [], "bo.ek", Verdict.CHANGED, id="a later one wrote it for another person"
        ),
        pytest.param("2026-01-02", None, "jane.doe", Verdict.CHANGED, id="a later one took it in only"),
        pytest.param("2025-12-31", [], "jane.doe", Verdict.CHANGED, id="an earlier one wrote it"),
    ],
)
def test_a_key_that_a_later_session_put_in_place_is_no_contradiction(
    admin: AdminProject,
    people_keys: Keys,
    created: str,
    changed_files: list[str] | None,
    whose: str,
    verdict: Verdict,
) -> None:
    key = admin.root / "security/global/base-identities/keys/jane.doe"
    key.write_bytes(b64encode(people_keys["juan.delacruz"]))
    own = Summary("own", "admin", "2026-01-01T00:00:00+00:00", facts=admin.facts)
    keep_summary(admin.folder, own, made_from(admin.folder))
    fingerprint = openpgp.fingerprint_in(key.read_bytes())
    facts = {
        "project_root": str(admin.root),
        "rekeying": [whose],
        "keys": {whose: {"text": "x", "fingerprint": fingerprint}},
        **({} if changed_files is None else {"changed_files": changed_files}),
    }
    other = Summary("later", "admin", f"{created}T00:00:00+00:00", facts=facts, next_step="plan")
    folder = admin.folder.with_name("later")
    folder.mkdir()
    keep_summary(folder, other, made_from(folder))
    assert pgp_keys.observe(admin.context()).verdict is verdict


def test_what_else_changed_beside_a_later_sessions_keys_is_still_seen(
    admin_project: AdminProject, people_keys: Keys
) -> None:
    admin = admin_project
    decide(admin, people_keys, joining=("jane.doe",))
    put(admin, {account: {"jane.doe": {"auditors"}} for account in ("management", "security")})
    write(admin)
    keep_summary(
        admin.folder,
        Summary("own", "admin", "2026-01-01T00:00:00+00:00", facts=admin.facts),
        made_from(admin.folder),
    )
    for account in ("management", "security"):
        admin.file(account, "keys/jane.doe").write_bytes(b64encode(people_keys["juan.delacruz"]))
    fingerprint = openpgp.fingerprint_in(admin.file("security", "keys/jane.doe").read_bytes())
    with pytest.raises(OnboardError):  # it is unknown whose key that is
        review.observe(admin.context())
    keys = {"jane.doe": {"text": "x", "fingerprint": fingerprint}}
    facts = {"project_root": str(admin.root), "rekeying": ["jane.doe"], "keys": keys, "changed_files": []}
    folder = admin.folder.with_name("later")
    folder.mkdir()
    later = Summary("later", "admin", "2026-01-02T00:00:00+00:00", facts=facts)
    keep_summary(folder, later, made_from(folder))
    assert review.observe(admin.context()).verdict is Verdict.AS_DECIDED
    seen = pgp_keys.observe(admin.context())
    assert seen.verdict is Verdict.REVERTED
    assert all(account in text_of(seen.words) for account in ("management", "security"))
    admin.file("security", "keys/jane.doe").unlink()
    assert review.observe(admin.context()).contradicts


def test_of_later_sessions_only_the_one_whose_key_is_there_is_named(
    admin: AdminProject, people_keys: Keys
) -> None:
    key = admin.root / "security/global/base-identities/keys/jane.doe"
    key.write_bytes(b64encode(people_keys["juan.delacruz"]))
    keep_summary(
        admin.folder,
        Summary("own", "admin", "2026-01-01T00:00:00+00:00", facts=admin.facts),
        made_from(admin.folder),
    )
    fingerprints = {"jane.doe": openpgp.fingerprint_in(key.read_bytes()), "bo.ek": "B" * 40}
    for name, fingerprint in fingerprints.items():
        keys = {name: {"text": "x", "fingerprint": fingerprint}}
        facts = {"project_root": str(admin.root), "rekeying": [name], "keys": keys, "changed_files": []}
        folder = admin.folder.with_name(name)
        folder.mkdir()
        later = Summary(name, "admin", "2026-01-02T00:00:00+00:00", facts=facts, next_step="plan")
        keep_summary(folder, later, made_from(folder))
    seen = pgp_keys.observe(admin.context())
    assert seen.verdict is Verdict.REVERTED
    assert "jane.doe" in seen.words
    assert "bo.ek" not in seen.words


def test_nothing_is_written_when_a_file_changed_since_it_was_shown(admin: AdminProject) -> None:
    shown = review.prepare(admin.context(), quiet).change_set
    admin.replace("security", "locals.tf", '"sam.okafor",', '"sam.okafor",\n    "x.y",')
    before = admin.text("security", "groups.tf")
    with pytest.raises(OnboardError) as caught:
        perform(admin, Request(shown))
    assert "security/global/base-identities/locals.tf" in caught.value.what
    assert "groups.tf" not in caught.value.what
    assert admin.text("security", "groups.tf") == before
    assert not admin.file("security", "keys/jane.doe").exists()


def test_the_files_alone_go_into_a_commit_on_a_branch(admin: AdminProject) -> None:
    (admin.root / "notes.txt").write_text("mine")
    facts = write(admin, commit=True, branch="onboard/jane.doe", message="Add jane.doe")
    assert facts["commit"] == {
        "branch": "onboard/jane.doe",
        "sha": admin.git("rev-parse", "HEAD").strip(),
        "remote": "origin",
    }
    assert admin.git("status", "--porcelain") == "?? notes.txt\n"
    assert len(admin.git("show", "--name-only", "--format=", "HEAD").split()) == 4
    assert admin.git("log", "-1", "--format=%s").strip() == "Add jane.doe"
    assert admin.git("log", "-1", "--format=%b").strip() == review.message_body("", admin.context())


def test_what_a_commit_takes_in_and_leaves_out_is_known_before(admin: AdminProject) -> None:
    key = admin.file("security", "keys/dana.lopez")
    admin.git("rm", "--quiet", "--cached", str(key))
    admin.git("commit", "--quiet", "--message", "Lose a key")
    path = admin.file("security", "locals.tf")
    path.write_text(path.read_text() + "# mine\n")
    shown = review.prepare(admin.context(), quiet).change_set
    found = review.beside(shown, admin.context())
    assert (found.lines, found.others) == ({path: 1}, ((key, "security", "keys/dana.lopez"),))
    assert admin.git("status", "--porcelain") != ""
    perform(admin, Request(shown, commit=True, message="Add jane.doe"))
    assert admin.git("status", "--porcelain").startswith("??")
    perform(admin, Request(shown, commit=True, message="Add the key", others=(key,)))
    assert admin.git("status", "--porcelain") == ""


def test_a_commit_may_take_in_what_else_a_plan_of_its_layers_is_made_from(admin: AdminProject) -> None:
    admin.file("security", "README.md").write_text("ours")
    admin.git("add", "--all")
    admin.git("commit", "--quiet", "--message", "Before")
    (admin.root / ".git/info/exclude").write_text("ignored.tf\n")
    layer = admin.file("security", "x").parent
    for name in (".terraform/a.tf", "new.tf", "notes.txt", "ignored.tf", "out.tfplan", "terraform.tfstate"):
        (layer / name).parent.mkdir(exist_ok=True)
        (layer / name).write_text("# new\n")
    admin.file("management", "locals.tf").write_text(admin.text("management", "locals.tf") + "# mine\n")
    (layer / "account.tf").write_text((layer / "account.tf").read_text() + "# mine\n")
    (layer / "README.md").unlink()
    key, lost = layer / "keys/dana.lopez", layer / "keys/sam.okafor"
    key.write_text(key.read_text() + "replaced\n")
    admin.git("rm", "--quiet", "--cached", str(lost))
    admin.git("commit", "--quiet", "--message", "Lose a key")
    admin.git("add", str(lost))
    lost.write_text(lost.read_text() + "changed\n")
    shown = review.prepare(admin.context(), quiet).change_set
    others = review.beside(shown, admin.context()).others
    assert [other.name for other in others] == ["README.md", "account.tf", "keys/sam.okafor", "new.tf"]
    assert {other.account for other in others} == {"security"}
    paths = tuple(other.path for other in others)
    perform(admin, Request(shown, commit=True, message="Add jane.doe", others=paths))
    assert not review.beside(ChangeSet(()), admin.context()).others
    assert len(admin.git("show", "--name-only", "--format=", "HEAD").split()) == 4 + len(others)
    assert f" M {key.relative_to(admin.root)}" in admin.git("status", "--porcelain")


def test_uncommitted_lines_that_a_session_takes_out_are_none_that_its_commit_takes_in(
    admin: AdminProject, people_keys: Keys
) -> None:
    later = leaving_later(admin, people_keys)
    shown = review.prepare(later.context(), quiet).change_set
    assert len(shown.changes) == 4
    assert review.beside(shown, later.context()).lines == {}
    write(later)
    assert review.beside(ChangeSet(()), later.context()).lines == {}


def test_lines_of_others_are_known_after_the_write_too(admin: AdminProject) -> None:
    path = admin.file("security", "locals.tf")
    path.write_text(path.read_text() + "# mine\n# mine too\n")
    write(admin)

    def lines() -> dict[Path, int]:
        return dict(review.beside(ChangeSet(()), admin.context()).lines)

    assert lines() == {path: 2}
    path.write_text(path.read_text() + "# later\n")
    assert lines() == {path: 3}
    admin.git("commit", "--quiet", "--all", "--message", "By hand")
    assert lines() == {}
    path.write_text(path.read_text() + "# last\n")
    assert lines() == {path: 1}


def test_files_that_were_committed_by_hand_are_in_git_and_ignored_ones_are_not(admin: AdminProject) -> None:
    write(admin)

    def in_git() -> bool:
        return review.beside(review.prepare(admin.context(), quiet).change_set, admin.context()).in_git

    assert not in_git()
    admin.git("add", "--all")
    admin.git("commit", "--quiet", "--message", "By hand")
    assert in_git()
    admin.git("rm", "--quiet", "--cached", str(admin.file("security", "keys/jane.doe")))
    (admin.root / ".git/info/exclude").write_text("jane.doe\n")
    admin.git("commit", "--quiet", "--message", "Without her key")
    assert admin.git("status", "--porcelain") == ""
    assert not in_git(), "git says nothing of what it ignores"


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_commit_has_written_files_that_git_ignores_and_the_page_knows_them_before(
    admin: AdminProject, *, by_hand: bool
) -> None:
    (admin.root / ".git/info/exclude").write_text("**/keys/\n")
    (admin.root / "mine").write_text("not Review's")
    key, shown = admin.file("security", "keys/jane.doe"), review.prepare(admin.context(), quiet).change_set
    assert review.beside(shown, admin.context()).ignored == (key,)
    facts = write(admin, commit=not by_hand, message="Add jane.doe")
    if by_hand:
        assert review.beside(ChangeSet(()), admin.context()).ignored == (key,)
        admin.git("commit", "--quiet", "--all", "--message", "What git knows")
        assert left_in_git(admin.context(**facts))
        return
    assert {*admin.git("show", "--name-only", "--format=", "HEAD").split()} == {
        Path(file["path"]).relative_to(admin.root).as_posix() for file in facts["changed_files"]
    }
    found = review.beside(ChangeSet(()), admin.context())
    assert (found.in_git, found.ignored) == (True, ())


def test_a_commit_that_a_hook_refused_can_be_made_without_writing_again(admin: AdminProject) -> None:
    hook = admin.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho never-on-Fridays >&2\nexit 1\n")
    hook.chmod(0o755)
    request = Request(review.prepare(admin.context(), quiet).change_set, commit=True, message="Add jane.doe")
    with pytest.raises(OnboardError) as caught:
        perform(admin, request)
    assert "never-on-Fridays" in caught.value.detail
    written = {path: path.stat().st_mtime_ns for path in admin.file("security", "x").parent.glob("*.tf")}
    hook.unlink()
    facts = perform(admin, request)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert len(facts["changed_files"]) == 4  # type: ignore[arg-type]
    assert admin.git("status", "--porcelain") == ""


def test_files_written_before_a_failed_commit_are_known_after_a_resume(admin: AdminProject) -> None:
    admin.git("config", "user.useConfigOnly", "true")
    admin.git("config", "--unset", "user.email")
    with pytest.raises(OnboardError):
        write(admin, commit=True, message="Add jane.doe")
    shown = review.prepare(admin.context(), quiet).change_set
    assert shown.is_empty
    assert len(write(admin)["changed_files"]) == 4


def test_a_branch_name_that_git_refuses_stops_before_anything_is_written(admin: AdminProject) -> None:
    with pytest.raises(NoBranchName):
        write(admin, commit=True, branch="..", message="Add jane.doe")
    assert admin.git("status", "--porcelain") == ""


def test_without_a_checkout_a_commit_is_refused_before_anything_is_written(admin: AdminProject) -> None:
    (admin.root / ".git").rename(admin.root.parent / "git-away")
    with pytest.raises(OnboardError, match="git"):
        write(admin, commit=True, message="Add jane.doe")
    assert not admin.file("security", "keys/jane.doe").exists()
    assert write(admin)["commit"] is None


def test_another_person_after_the_first_is_reviewed_alone_and_all_files_are_kept(
    admin: AdminProject, people_keys: Keys
) -> None:
    write(admin)
    first = admin.text("security", "keys/jane.doe")
    decide(admin, people_keys, joining=("jane.doe", "juan.delacruz"), layers=("security",))
    put(admin, {"security": {"juan.delacruz": {"auditors"}}})
    diff = review.prepare(admin.context(), quiet).change_set.diff()
    assert "juan.delacruz" in diff
    assert not [line for line in diff.splitlines() if line.startswith(("+", "-")) and "jane.doe" in line]
    facts = write(admin)
    assert [Path(changed_file["path"]).name for changed_file in facts["changed_files"]] == [
        "groups.tf",
        "jane.doe",
        "juan.delacruz",
        "locals.tf",
        "outputs.tf",
    ]
    assert admin.text("security", "keys/jane.doe") == first
    assert facts["changed_files"] != []
    assert users.observe(admin.context()).verdict is Verdict.AS_DECIDED


def test_another_session_on_the_same_layers_is_named(admin: AdminProject) -> None:
    def other(name: str, **changes: Any) -> None:
        facts = {"project_root": str(admin.root), "layers": ["security"], "leaving": ["alex.kim"]}
        summary = Summary(name, "admin", facts={**facts, **changes}, next_title="Plan", next_step="plan")
        folder = admin.folder.parent / name
        folder.mkdir(parents=True)
        keep_summary(folder, summary, [])

    before = review.prepare(admin.context(), quiet).notes
    other("elsewhere", project_root="/srv/other")
    other("in-other-layers", layers=["shared"])
    assert review.prepare(admin.context(), quiet).notes == before
    other("of-odd-facts", layers=5, leaving={"a": 1})
    assert review.prepare(admin.context(), quiet).notes == before
    other("beside")
    (note,) = [note for note in review.prepare(admin.context(), quiet).notes if note not in before]
    assert "alex.kim" in text_of(note)


def test_what_a_session_wrote_in_two_goes_comes_back_from_before_the_first(
    admin: AdminProject, people_keys: Keys
) -> None:
    admin.file("security", "locals.tf").write_text(admin.text("security", "locals.tf") + "# not committed\n")
    before = admin.git("diff"), admin.git("status", "--porcelain")
    write(admin)
    decide(admin, people_keys, joining=("jane.doe", "juan.delacruz"), layers=("security",))
    put(admin, {"security": {"juan.delacruz": {"auditors"}}})
    write(admin)
    assert admin.git("diff") != before[0]
    undone = review.undo(admin.context(), quiet)
    assert (admin.git("diff"), admin.git("status", "--porcelain")) == before
    assert {change.name for change in undone.changes} >= {"keys/jane.doe", "keys/juan.delacruz", "locals.tf"}
    assert undoable(admin).is_empty
    write(admin)
    assert not undoable(admin).is_empty


def test_what_others_changed_after_the_files_were_put_back_stays_when_they_are_put_back_again(
    admin: AdminProject,
) -> None:
    write(admin)
    review.undo(admin.context(), quiet)
    path = admin.file("security", "locals.tf")
    path.write_text(f"{path.read_text()}# by another\n")
    shown = review.prepare(admin.context(), quiet).change_set
    assert review.beside(shown, admin.context()).lines == {path: 1}
    write(admin)
    review.undo(admin.context(), quiet)
    assert path.read_text().endswith("# by another\n")


def test_files_that_were_put_back_are_written_no_more(admin: AdminProject) -> None:
    write(admin)

    def stand() -> PersonStatus:
        grid = status_grid(admin.context())
        return dict(grid.rows)["jane.doe"][grid.accounts.index("security")]

    assert (holds_files(admin.folder, admin.facts), stand()) == (True, PersonStatus.WRITTEN)
    review.undo(admin.context(), quiet)
    assert (holds_files(admin.folder, admin.facts), stand()) == (False, PersonStatus.DECIDED)
    assert not review.beside(ChangeSet(()), admin.context()).written


@pytest.mark.parametrize("commit", [True, False])
def test_files_that_were_put_back_after_a_commit_are_uncommitted_on_its_branch(
    admin: AdminProject, monkeypatch: pytest.MonkeyPatch, *, commit: bool
) -> None:
    admin.file("security", "locals.tf").write_text(admin.text("security", "locals.tf") + "# their own\n")
    write(admin, commit=commit, branch="jane-joins" if commit else "", message="Add jane.doe")
    undone = review.undo(admin.context(), quiet)
    assert review.uncommitted_on(undone, admin.context()) == ("jane-joins" if commit else "")
    broken = Mock(side_effect=OnboardError("Git failed", "It took too long."))
    monkeypatch.setattr(review.Git, "committed", broken)
    assert review.uncommitted_on(undone, admin.context()) == "", "the files are back all the same"
    broken.assert_called_once()


def test_nothing_is_undone_where_a_file_changed_since_or_an_apply_began(admin: AdminProject) -> None:
    write(admin)
    changed = admin.text("security", "groups.tf") + "# later\n"
    admin.file("security", "groups.tf").write_text(changed)
    status = admin.git("status", "--porcelain")
    with pytest.raises(ChangedMeanwhile, match=r"security/global/base-identities/groups\.tf"):
        review.undo(admin.context(), quiet)
    assert admin.text("security", "groups.tf") == changed
    assert admin.git("status", "--porcelain") == status
    elsewhere = replace(admin.context(), every={"applied@security": {"elsewhere": True}})
    assert to_undo(elsewhere.folder, elsewhere.every).is_empty
    assert not undoable(admin).is_empty
    (admin.folder / RUNS / "security" / Kind.APPLY).mkdir(parents=True)
    assert undoable(admin).is_empty


def test_a_review_that_was_written_can_be_made_again_and_writes_nothing(admin: AdminProject) -> None:
    first = write(admin)
    assert review.prepare(admin.context(), quiet).change_set.is_empty
    assert write(admin) == first


def test_a_person_is_removed_with_outputs_memberships_and_key(admin_project: AdminProject) -> None:
    decide(admin_project, {}, leaving=("alex.kim",))
    facts = write(admin_project)
    assert "alex" not in "".join(
        admin_project.text(account, name)
        for account in ("management", "security")
        for name in ("locals.tf", "groups.tf", "outputs.tf")
    )
    gone = [
        changed_file
        for changed_file in facts["changed_files"]
        if changed_file["path"].endswith("keys/alex.kim")
    ]
    assert [file["sha256"] for file in gone] == ["", ""]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(None), "Wait"),
        (Request(ChangeSet(()), commit=True, message=" "), "message"),
        (Request(ChangeSet(()), branch="b"), "branch"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(
    admin_project: AdminProject, request_: Request, words: str
) -> None:
    (problem,) = review.validate(request_, admin_project.context())
    assert problem.fatal
    assert words in problem.message


def test_the_proposed_message_says_who_and_where(admin_project: AdminProject) -> None:
    context = admin_project.context(
        layers=["security"],
        user_changes={"add": {"security": ["jane.doe"]}, "remove": {"security": ["alex.kim"]}},
    )
    added = review.proposed_message(context)
    assert [part in added for part in (" jane.doe", " alex.kim", "(security)")] == [True] * 3
    moves = {"sam.okafor": {"add": ["devops"], "remove": []}, "dana.lopez": {"add": [], "remove": []}}
    facts = {"layers": ["security"], "regrouping": [*moves], "memberships": {"security": moves}}
    context = admin_project.context(**facts)
    assert " sam.okafor (" in review.proposed_message(context)
    assert "dana.lopez" not in review.proposed_message(context)
    context = admin_project.context(**{**facts, "rekeying": ["alex.kim"], "memberships": {"security": {}}})
    assert " alex.kim (" in review.proposed_message(context)


@given(
    names=st.lists(st.text("a.", min_size=1, max_size=90), min_size=1, max_size=6, unique=True),
    accounts=st.lists(st.text("b-", min_size=1, max_size=90), min_size=1, max_size=5, unique=True),
)
@example(["jane.doe"], [f"bb-platform-production-{place}" for place in ("europe", "america", "asia")])
def test_a_subject_is_never_longer_than_lists_show_and_the_body_has_what_it_lacks(
    names: list[str], accounts: list[str]
) -> None:
    facts = {"layers": accounts, "user_changes": {"add": dict.fromkeys(accounts, names)}}
    context: Any = SimpleNamespace(decisions=Decisions.from_facts(facts))
    subject = review.proposed_message(context)
    body = review.message_body(subject, context)
    assert len(subject) <= 72
    assert all(part in (body or subject) for part in (*names, *accounts))
    if len(names) == 1 and len(names[0]) < 50:
        assert names[0] in subject


def test_the_body_has_what_a_subject_of_the_users_own_leaves_out(admin_project: AdminProject) -> None:
    context = admin_project.context(layers=["security"], user_changes={"add": {"security": ["jane.doe"]}})
    subject = review.proposed_message(context)
    assert not review.message_body(f"OPS-1: {subject}", context)
    assert all(part in review.message_body("IAM update", context) for part in ("jane.doe", "security"))


def as_kept_earlier(change: FileChange) -> dict[str, str | None]:
    """Return a change as recorded by sessions before commands and sessions shared the record."""
    sides = {"before": change.before, "after": change.after}
    return {
        "layer": change.layer,
        "name": change.name,
        "path": str(change.path),
        **{side: None if data is None else b64encode(data).decode() for side, data in sides.items()},
    }


def test_a_review_cut_off_by_a_kill_is_whole_after_the_session_is_resumed(admin: AdminProject) -> None:
    shown = review.prepare(admin.context(), quiet).change_set
    record = {change.path: change.after for change in shown.changes}
    first = shown.changes[0]
    writing = admin.folder / "writing.json"
    journal_of(admin.folder).write(ChangeSet((first,)))
    writing.write_text(json.dumps([as_kept_earlier(change) for change in shown.changes]))
    again = review.prepare(admin.context(), quiet).change_set
    assert again.is_empty
    assert {path: path.read_bytes() for path in record} == record
    assert len(write(admin)["changed_files"]) == len(record)


def test_what_a_command_left_half_written_is_finished_before_a_review(admin: AdminProject) -> None:
    writes = writes_of(admin.folder.parent.parent, admin.root)
    folder = admin.root / "security/global/base-identities"
    first, last = (FileChange("l", name, folder / name, None, b"# new\n") for name in ("a.tf", "b.tf"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workflows.layer.write._write_one", killed_at(last))
        with writes.alone(), pytest.raises(KeyboardInterrupt):
            writes.write(ChangeSet((first, last)))
    cut_off = writes.cut_off()
    assert cut_off is not None
    assert cut_off.is_half_written
    said: list[Progress] = []
    review.prepare(admin.context(), said.append)
    assert last.path.read_bytes() == b"# new\n"
    assert writes.cut_off() is None
    assert "b.tf" in text_of(said[0].words)


def killed_at(change: FileChange) -> Callable[[FileChange], None]:
    """Return a function that writes files, but raises KeyboardInterrupt at one."""

    def write(file: FileChange) -> None:
        if file is change:
            raise KeyboardInterrupt
        assert file.after is not None
        file.path.write_bytes(file.after)

    return write


def test_a_long_commit_has_a_short_subject_and_a_line_for_each_change(admin_project: AdminProject) -> None:
    people = [f"person.number.{number:02}" for number in range(12)]
    context = admin_project.context(
        layers=["management", "security"],
        user_changes={
            "add": {"security": people},
            "remove": {"management": ["alex.kim"], "security": ["alex.kim"]},
        },
    )
    subject = review.proposed_message(context)
    body = review.message_body(subject, context)
    assert len(subject) <= 72
    assert "\n" not in subject
    lines = body.splitlines()
    assert len(lines) == 13
    assert all(any(name in line for line in lines) for name in (*people, "alex.kim"))
    assert {"management", "security"} <= {*next(line for line in lines if "alex.kim" in line).split()}
