from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from support.admin_project import AdminProject

from workflows.core.files import FileError
from workflows.core.openpgp import fingerprint_in
from workflows.core.sentences import Sentence, text_of
from workflows.git import Git
from workflows.gpg.normalise import normalise
from workflows.machine.summaries import DRAFTS, Summary, keep_summary, made_from
from workflows.sandbox.project import git
from workflows.steps.admin import judged_plan, other_sessions
from workflows.steps.admin.other_sessions import answer_about, decided_elsewhere, left_open_about
from workflows.steps.admin.suspect_keys import how_to_compare, suspicions, to_compare
from workflows.steps.decisions import Comparison
from workflows.steps.ledger import siblings
from workflows.steps.shared.module import Context

Keys = Mapping[str, bytes]
JANE = "jane.doe"


def context(admin: AdminProject, **facts: object) -> Context:
    known = {"project_root": str(admin.root), "layers": ["security"], **facts}
    return replace(admin.context(), facts=known, every=known, item="security")


def suspected(names: list[str], own: Context) -> Mapping[str, Sentence]:
    return suspicions(names, own, decided_elsewhere(own))


def doubted(names: list[str], own: Context) -> Mapping[str, Sentence]:
    planned: Any = SimpleNamespace(encrypted_for=names, rekeyed=())
    return judged_plan.doubted_keys(planned, own)


def put(admin: AdminProject, *files: str, key: bytes, committed: bool = True) -> str:
    """Write a key to files such as "security/jane.doe", and return its fingerprint."""
    text = normalise(key).text
    for file in files:
        account, _, name = file.partition("/")
        admin.file(account, f"keys/{name}").write_text(text)
    if committed:
        for command in (["add", "."], ["commit", "--quiet", "--message", "keys"]):
            git(command, folder=admin.root, environment=admin.environment.variables)
    return fingerprint_in(text.encode())


def other_session(admin: AdminProject, name: str, fingerprint: str, answer: str) -> None:
    other = admin.folder.with_name("other")
    other.mkdir(parents=True, exist_ok=True)
    key = {"text": "a key", "fingerprint": fingerprint, "source": "pasted"}
    facts = {
        "project_root": str(admin.root),
        "layers": ["security"],
        "joining": [name],
        "keys": {name: key},
        "comparisons": {name: answer},
    }
    keep_summary(other, Summary(other.name, "admin", facts=facts), made_from(other))


@pytest.mark.parametrize(
    ("files", "name", "committed", "doubted"),
    [
        (["security/jane.doe"], JANE, True, False),
        (["security/jane.doe"], JANE, False, True),
        (["security/jane.doe", "management/pat.jones"], JANE, True, True),
        (["security/jane.doe", "management/jane.doe"], JANE, True, False),
        (["security/pat.jones"], "pat.jones", True, True),
        (["management/alex.kim"], "alex.kim", True, True),
        (["management/dana.lopez"], "alex.kim", True, False),
    ],
    ids=[
        "theirs",
        "uncommitted",
        "somebody else's too",
        "everywhere",
        "user ids",
        "another account",
        "other",
    ],
)
def test_what_speaks_against_a_key_that_nobody_accepted(
    admin_project: AdminProject,
    people_keys: Keys,
    files: list[str],
    name: str,
    *,
    committed: bool,
    doubted: bool,
) -> None:
    assert suspected([name, "nobody"], context(admin_project)) == {}
    put(admin_project, *files, key=people_keys[JANE], committed=committed)
    assert {*suspected([name, "nobody"], context(admin_project))} == ({name} if doubted else set())


@pytest.mark.parametrize(("answer", "doubted"), [("same", False), ("later", True), (None, True)])
def test_another_key_than_before_is_doubted_until_somebody_compared_it(
    admin_project: AdminProject, people_keys: Keys, answer: str | None, *, doubted: bool
) -> None:
    fingerprint = put(admin_project, "security/jane.doe", "management/jane.doe", key=people_keys[JANE])
    if answer:
        other_session(admin_project, JANE, fingerprint, answer)
    own = context(admin_project)
    assert bool(suspicions([JANE], own, decided_elsewhere(own), [JANE])) is doubted
    assert suspected([JANE], own) == {}
    key = {JANE: {"text": "a key", "fingerprint": fingerprint, "source": "pasted"}}
    own = context(admin_project, rekeying=[JANE], keys=key)
    assert suspicions([JANE], own, decided_elsewhere(own), [JANE]) == {}


@pytest.mark.parametrize(("answer", "doubted"), [("same", False), ("later", True)])
def test_a_key_that_was_compared_is_no_suspect_wherever_it_lies(
    admin_project: AdminProject, people_keys: Keys, answer: str, *, doubted: bool
) -> None:
    fingerprint = put(admin_project, "security/jane.doe", key=people_keys[JANE], committed=False)
    other_session(admin_project, JANE, fingerprint, answer)
    assert bool(suspected([JANE], context(admin_project))) is doubted
    key = {JANE: {"text": "a key", "fingerprint": fingerprint, "source": "pasted"}}
    assert suspected([JANE], context(admin_project, joining=[JANE], keys=key)) == {}


def test_an_answer_about_a_key_is_on_the_disk_at_once(
    admin_project: AdminProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    answer_about(JANE, "A" * 40, Comparison.DIFFERS, context(admin_project))
    assert synced


@pytest.mark.parametrize("here", [True, False], ids=["in this session", "in another"])
def test_a_key_that_was_compared_for_another_user_of_its_file_is_no_suspect(
    admin_project: AdminProject, people_keys: Keys, *, here: bool
) -> None:
    name, user = "machine.other", "machine.github.actions"
    users = admin_project.file("security", "locals.tf")
    users.write_text(users.read_text().replace(f'"{user}" =', f'"{name}" = "{user}"\n    "{user}" =', 1))
    fingerprint = put(admin_project, f"security/{user}", key=people_keys[JANE], committed=False)
    own = context(admin_project)
    said = suspected([name], own)
    assert {*said} == {name}
    assert f"with {name}" not in text_of(said[name]), "nobody can ask a machine"
    assert [each in how_to_compare(each) for each in (name, JANE)] == [False, True]
    if here:
        key = {user: {"text": "a key", "fingerprint": fingerprint, "source": "pasted"}}
        own = context(admin_project, joining=[user], keys=key)
    else:
        other_session(admin_project, user, fingerprint, "same")
    assert suspected([name], own) == {}


@pytest.mark.parametrize("answer", [Comparison.SAME, Comparison.DIFFERS])
def test_an_answer_about_a_key_that_nobody_accepted_counts_here_and_elsewhere(
    admin_project: AdminProject, people_keys: Keys, answer: Comparison
) -> None:
    fingerprint = put(admin_project, "security/jane.doe", key=people_keys[JANE], committed=False)
    own = context(admin_project)
    assert to_compare([JANE], ["security"], own) == {(JANE, "security"): fingerprint}
    answer_about(JANE, fingerprint, answer, own)
    answer_about("ann", "B" * 40, Comparison.SAME, own)
    keep_summary(own.folder, Summary(own.folder.name, "admin", facts=own.facts), made_from(own.folder))
    other = own.folder.with_name("other")
    other.mkdir()
    for each in (own, replace(own, folder=other)):
        same = answer is Comparison.SAME
        assert bool(doubted([JANE], each)) is not same
        assert bool(judged_plan.rejected_elsewhere([JANE], each)) is not same
        assert bool(to_compare([JANE], ["security"], each)) is not same


@pytest.mark.parametrize("here", [True, False], ids=["in this session", "in another"])
def test_an_answer_that_cannot_be_read_is_no_missing_answer(
    admin_project: AdminProject, people_keys: Keys, *, here: bool
) -> None:
    fingerprint = put(admin_project, "security/jane.doe", key=people_keys[JANE])
    own = context(admin_project)
    other_session(admin_project, "ann", "B" * 40, "same")
    whose = own if here else replace(own, folder=own.folder.with_name("other"))
    answer_about(JANE, fingerprint, Comparison.DIFFERS, whose)
    (answers,) = (whose.folder / DRAFTS).iterdir()
    answers.unlink()
    answers.mkdir()
    for ask in (doubted, judged_plan.rejected_elsewhere):
        with pytest.raises(FileError):
            ask([JANE], own)


@pytest.mark.parametrize("before", [True, False])
def test_a_key_that_an_earlier_plan_changed_to_is_still_doubtful_in_the_next(
    admin_project: AdminProject, people_keys: Keys, *, before: bool
) -> None:
    put(admin_project, "security/jane.doe", "management/jane.doe", key=people_keys[JANE])
    made = {"passwords": [JANE], "access_keys": [], "rekeyed_before": [JANE] if before else []}
    own = context(admin_project, resetting=[JANE], **{"plan@security": made})
    assert bool(doubted([JANE], own)) is before


@pytest.mark.parametrize("whose", [JANE, "juan.delacruz"])
def test_a_commit_that_replaced_their_compared_key_is_named(
    admin_project: AdminProject, people_keys: Keys, whose: str
) -> None:
    put(admin_project, "security/jane.doe", key=people_keys[JANE])
    other_session(admin_project, whose, "A" * 40, "same")
    said = "".join(map(text_of, suspected([JANE], context(admin_project)).values()))
    head = Git(admin_project.root, admin_project.environment.variables).head()
    assert [part in said for part in (head[:7], "A" * 8)] == [whose == JANE] * 2


def test_without_a_checkout_the_other_reasons_count(admin_project: AdminProject, people_keys: Keys) -> None:
    shutil.rmtree(admin_project.root / ".git")
    put(admin_project, "security/jane.doe", "security/pat.jones", key=people_keys[JANE], committed=False)
    (said,) = suspected([JANE], context(admin_project)).values()
    assert "pat.jones" in text_of(said)


@pytest.mark.parametrize("answer", [Comparison.LATER, Comparison.DIFFERS])
@pytest.mark.parametrize("here", [True, False], ids=["in this session", "in another"])
def test_a_key_that_is_doubtful_as_somebody_elses_is_doubtful_as_anybodys(
    admin_project: AdminProject, people_keys: Keys, answer: Comparison, *, here: bool
) -> None:
    name = "alex.kim"
    fingerprint = put(admin_project, "security/alex.kim", key=people_keys[JANE], committed=False)
    own = context(admin_project)
    if here:
        key = {JANE: {"text": "a key", "fingerprint": fingerprint, "source": "pasted"}}
        own = context(admin_project, joining=[JANE], keys=key, comparisons={JANE: answer})
    else:
        other_session(admin_project, JANE, fingerprint, answer)
    (left,) = left_open_about({name: fingerprint}, own, decided_elsewhere(own)).values()
    assert (left.answer, left.whose) == (answer, JANE)
    assert name in doubted([name], own)
    assert bool(judged_plan.rejected_elsewhere([name], own)) is (answer is Comparison.DIFFERS)
    other_session(admin_project, name, fingerprint, "same")
    assert left_open_about({name: fingerprint}, own, decided_elsewhere(own)) == {}
    assert doubted([name], own) == {}


def test_the_other_sessions_are_read_once(
    admin_project: AdminProject, people_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(admin_project, "security/jane.doe", key=people_keys[JANE])
    other_session(admin_project, JANE, "A" * 40, "same")
    read: list[object] = []
    monkeypatch.setattr(other_sessions, "siblings", lambda *own: read.append(own) or siblings(*own))
    assert doubted([JANE], context(admin_project))
    assert len(read) == 1


def test_machine_users_may_share_a_key(admin_project: AdminProject) -> None:
    shared = admin_project.file("security", "keys/machine.github.actions").read_bytes()
    put(admin_project, "security/machine.other", key=shared)
    names = ["machine.github.actions", "machine.other"]
    assert suspected(names, context(admin_project)) == {}
