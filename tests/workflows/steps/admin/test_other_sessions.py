"""What git contains of the files that a session wrote, and what other sessions leave open about keys."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from support.admin_project import AdminProject, quiet

from workflows.core.openpgp import fingerprint_in
from workflows.core.sentences import OnboardError, text_of
from workflows.core.shapes import plain
from workflows.machine.events import NOT_ASKED, Verdict
from workflows.machine.summaries import Summary, keep_summary, made_from
from workflows.sandbox.project import git
from workflows.steps.admin import apply, hand_over, judged_plan, other_sessions
from workflows.steps.admin.accepted_plan import HandedOver, Planned, Sent
from workflows.steps.admin.hand_over import PersonHandoff
from workflows.steps.admin.other_sessions import left_by_facts, left_in_git
from workflows.terraform.record import PlanRecord, file_sha256, hash_sources


def test_a_commit_is_to_be_pushed_until_a_branch_of_the_remote_has_it(admin_project: AdminProject) -> None:
    def run(*arguments: str) -> None:
        git([*arguments], folder=admin_project.root, environment=admin_project.environment.variables)

    def left(**commit: Any) -> str:
        context = admin_project.context()
        facts = {"project_root": str(admin_project.root), "changed_files": [{"path": str(file)}]}
        if commit:
            facts["commit"] = {"branch": "onboard/jane", "remote": "origin", **commit}
        return str(left_in_git(replace(context, facts=facts)))

    file = admin_project.root / "README.md"
    file.write_text("mine\n")
    assert "uncommitted" in left()
    run("switch", "--quiet", "--create", "onboard/jane")
    run("add", "README.md")
    run("commit", "--quiet", "--message", "mine")
    sha = (admin_project.root / ".git/refs/heads/onboard/jane").read_text().strip()
    assert left() == left(sha=sha, remote="") == ""
    assert "git push -u origin onboard/jane" in left(sha=sha)
    assert left(sha="0" * 40) == left(sha=None) == ""
    run("push", "--quiet", "origin", "onboard/jane")
    assert left(sha=sha) == ""
    file.write_text("other\n")
    assert "uncommitted" in left(sha=sha)


def test_files_that_a_later_session_wrote_to_are_to_be_committed_all_the_same(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [admin_project.root / "README.md", admin_project.root / ".gitignore"]
    later = dict[str, str]()
    monkeypatch.setattr(other_sessions, "written_since", lambda *_: later)
    admin_project.facts = {"changed_files": [{"path": str(file)} for file in files]}
    admin_project.facts["project_root"] = str(admin_project.root)
    for changed in files:
        changed.write_text("ours and theirs\n")
    before = str(left_in_git(admin_project.context()))
    assert "2 files have" in before
    later[str(files[0])] = "Remove jane.doe"
    after = str(left_in_git(admin_project.context()))
    assert after.startswith(before)
    assert "Remove jane.doe" in after


@pytest.mark.parametrize(
    ("facts", "left"),
    [
        ({}, ""),
        ({"changed_files": [1]}, "if you haven't"),
        ({"changed_files": [1], "commit": {"branch": "b", "sha": "s"}}, "git push -u origin b"),
        ({"changed_files": [1], "commit": {"branch": "a$(b)", "sha": "s"}}, "git push -u origin 'a$(b)'"),
        ({"changed_files": [1], "commit": {"branch": "", "sha": "s"}}, ""),
        ({"changed_files": [1], "commit": {"remote": "origin"}}, ""),
    ],
)
def test_without_a_look_it_is_what_the_session_did(facts: dict[str, Any], left: str) -> None:
    said = str(left_by_facts(facts))
    assert left in said
    assert bool(said) is bool(left)


@pytest.mark.parametrize(
    ("made", "answer", "doubted"),
    [
        ({"passwords": ("alex.kim",)}, "later", True),
        ({"access_keys": ("alex.kim",)}, "later", True),
        ({"passwords": ("alex.kim",)}, "differs", True),
        ({"passwords": ("alex.kim",)}, "same", False),
        ({"passwords": ("dana.lopez",)}, "later", False),
        ({}, "later", False),
    ],
)
@pytest.mark.parametrize("same_key", [True, False])
def test_plan_and_apply_doubt_a_key_that_they_encrypt_to_as_another_session_does(
    admin_project: AdminProject, made: Mapping[str, Any], answer: str, *, doubted: bool, same_key: bool
) -> None:
    known = {"project_root": str(admin_project.root), "layers": ["security"]}
    there = fingerprint_in(admin_project.file("security", "keys/alex.kim").read_bytes())
    assert there
    key = {"text": "a key", "fingerprint": there if same_key else "A" * 40, "source": "pasted"}
    other = admin_project.folder.with_name("other")
    other.mkdir(parents=True)
    facts = {**known, "joining": ["alex.kim"], "keys": {"alex.kim": key}, "comparisons": {"alex.kim": answer}}
    keep_summary(other, Summary(other.name, "admin", facts=facts), made_from(other))
    planned = Planned(_record(admin_project), (), {"add": 1, "change": 0, "destroy": 0}, **made)
    facts = {**known, "plan": planned.as_facts()}
    context = replace(admin_project.context(), facts=facts, every=facts, item="security")
    expected = doubted and same_key
    replaced = answer == "same" and not same_key  # the key that was compared
    assert bool(judged_plan.doubted_keys(planned, context)) is (expected or replaced)
    rejected = expected and answer == "differs"
    for found in (judged_plan.survey(planned, context), apply.survey(context, quiet)):
        assert found.doubts == judged_plan.doubted_keys(planned, context)
        assert bool(found.refusal) is rejected
    assert judged_plan.survey(planned, context).rejected == ("alex.kim",) * rejected
    for own, doubts in (("same", False), ("later", rejected)):
        own_key = {
            **facts,
            "rekeying": ["alex.kim"],
            "keys": {"alex.kim": key},
            "comparisons": {"alex.kim": own},
        }
        decided = replace(context, facts=own_key, every=own_key)
        assert bool(judged_plan.doubted_keys(planned, decided)) is doubts
    with pytest.raises(OnboardError) if rejected else nullcontext() as stopped:
        judged_plan.refuse_rejected_keys(planned, context)
    if stopped is not None:
        assert text_of(stopped.value.next) in text_of(found.refusal), "both name the way out"


@pytest.mark.parametrize(("answer", "same_key"), [("differs", True), ("differs", False), ("later", True)])
def test_a_text_for_a_key_that_another_session_rejects_is_known_before_and_after_it_is_sent(
    admin_project: AdminProject, answer: str, *, same_key: bool
) -> None:
    known = {"project_root": str(admin_project.root), "layers": ["security"], "resetting": ["alex.kim"]}
    there = fingerprint_in(admin_project.file("security", "keys/alex.kim").read_bytes())
    key = {"text": "a key", "fingerprint": there if same_key else "A" * 40, "source": "pasted"}
    other = admin_project.folder.with_name("other")
    other.mkdir(parents=True)
    facts = {**known, "resetting": [], "rekeying": ["alex.kim"], "keys": {"alex.kim": key}}
    summary = Summary(other.name, "admin", facts={**facts, "comparisons": {"alex.kim": answer}})
    keep_summary(other, summary, made_from(other))
    sent = plain(HandedOver({"alex.kim": Sent("2026-03-01T10:00:00+00:00")}))
    every = {**known, "plan@security": {"passwords": ["alex.kim"]}, "handed_over@security": sent}
    context = replace(admin_project.context(), facts=known, every=every, item="security")
    rejected = answer == "differs" and same_key
    seen = hand_over.observe(context)
    assert (seen.verdict, seen.about) == (
        (Verdict.GONE, ("alex.kim",)) if rejected else (Verdict.UNKNOWN, ())
    )
    assert not seen.asks, "it can't be left as it is"
    if rejected:
        assert hand_over.inquire(context) == seen
    assert hand_over.observe(replace(context, every={**every, "handed_over@security": {}})) is NOT_ASKED
    text = PersonHandoff("alex.kim", "text", ("security",))
    unsent = replace(context, every={**known})
    assert (hand_over.as_of_now(text, unsent, quiet) is None) is rejected


@pytest.mark.parametrize(
    ("kind", "written", "ahead"),
    [("resetting", True, 1), ("resetting", False, 1), ("rekeying", False, 1), ("rekeying", True, 0)],
)
def test_a_password_is_reset_by_another_session_too_unless_its_key_is_in_the_files(
    admin_project: AdminProject, kind: str, ahead: int, *, written: bool
) -> None:
    known = {"project_root": str(admin_project.root), "layers": ["security"]}
    facts = {**known, kind: ["alex.kim"], **({"changed_files": []} if written else {})}
    sessions = {
        admin_project.folder: Summary("own", "admin", facts=known),
        admin_project.folder.with_name("other"): Summary("other", "admin", facts=facts, next_step="plan"),
    }
    for folder, summary in sessions.items():
        folder.mkdir(parents=True, exist_ok=True)
        keep_summary(folder, summary, made_from(folder))
    context = replace(admin_project.context(), facts=known, every=known, item="security")
    assert len([*other_sessions.replaced_before_sent(("alex.kim",), context)]) == ahead


def _record(admin: AdminProject) -> PlanRecord:
    layer, file = admin.file("security", "keys").parent, admin.folder.with_name("a.tfplan")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"a plan")
    sources, made_at = hash_sources(layer, ()), "2026-03-01T09:00:00+00:00"
    return PlanRecord(file, file_sha256(file), layer, (), sources, "", "Terraform 1.15.5", made_at)
