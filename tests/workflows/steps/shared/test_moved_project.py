"""A project that was moved after a session recorded its folder: the session finds it and continues there."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.admin_project import AdminProject, decide, put, quiet, write
from support.panes import settle
from support.steps import step_of

from workflows.catalogue import WORKFLOWS
from workflows.core.sentences import OnboardError
from workflows.machine.events import StepKey, in_folder
from workflows.machine.sessions import Sessions
from workflows.machine.state import Status
from workflows.machine.summaries import JOURNAL
from workflows.run import SessionRun
from workflows.step_modules import MODULES
from workflows.steps.admin import groups, pgp_keys, plan, project, review, users
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.shared import moved_project
from workflows.steps.shared.module import Context
from workflows.terraform.record import PlanRecord, file_sha256, hash_sources

NAME, PROJECT = "jane.doe", StepKey("project")


def session_now() -> datetime:
    return datetime.now(UTC)


def test_every_path_in_the_folder_is_one_elsewhere_and_nothing_else() -> None:
    before = {"/a/b": ["/a/b/c", "/a/bc", "a/b", 1, None, {"x": "/a/b"}]}
    assert in_folder(before, "/a/b", "/z") == {"/z": ["/z/c", "/a/bc", "a/b", 1, None, {"x": "/z"}]}


@pytest.fixture
def context(admin_project: AdminProject) -> Context:
    admin_project.begin(NAME)
    return admin_project.context()


def moved(admin_project: AdminProject, name: str = "elsewhere") -> Path:
    return admin_project.root.rename(admin_project.root.with_name(name))


def test_only_a_folder_that_is_gone_has_moved(admin_project: AdminProject, context: Context) -> None:
    assert moved_project.missing(context) is None
    assert moved_project.missing(replace(context, facts={})) is None
    admin_project.git("checkout", "--quiet", "--orphan", "empty")
    assert moved_project.missing(context) is None
    moved(admin_project)
    assert moved_project.missing(context) == admin_project.root


def test_it_is_known_by_its_content(admin_project: AdminProject, context: Context) -> None:
    now = moved(admin_project)
    assert moved_project.found_at(str(now / "security"), context) == now
    assert moved_project.proposal(context, now / "security") == now
    assert moved_project.proposal(context, now.parent) == now  # it is next to its old folder
    for facts in ({"project": "le"}, {"layers": ["security", "network"]}):
        with pytest.raises(OnboardError):
            moved_project.found_at(str(now), replace(context, facts={**context.facts, **facts}))
    with pytest.raises(OnboardError):
        moved_project.found_at(str(now.parent), context)


def test_of_two_copies_none_is_proposed(admin_project: AdminProject, context: Context) -> None:
    now = moved(admin_project)
    shutil.copytree(now, now.with_name("copy"), symlinks=True)
    assert moved_project.proposal(context, now.parent) is None
    assert moved_project.proposal(context, now) == now


def test_it_is_looked_for_beside_the_nearest_folder_that_is_still_there(
    admin_project: AdminProject, context: Context, tmp_path: Path
) -> None:
    gone = {**context.facts, "project_root": str(tmp_path / "a/b/c")}
    assert moved_project.proposal(replace(context, facts=gone), tmp_path / "a") == admin_project.root
    gone["project_root"] = str(tmp_path / "home/a/b")
    assert moved_project.proposal(replace(context, facts=gone), tmp_path / "a") is None


@pytest.fixture
def run(admin_project: AdminProject, people_keys: Mapping[str, bytes]) -> Iterator[SessionRun]:
    """Yield a session in which a person was added to a layer."""
    admin_project.folder.rmdir()
    sessions = Sessions(admin_project.folder.parent, WORKFLOWS, session_now)
    with contextlib.closing(sessions.create("admin", {}, admin_project.folder.name)) as session:
        decide(admin_project, people_keys, joining=(NAME,), layers=("security",))
        put(admin_project, {"security": {NAME: {"devops"}}})
        write(admin_project)
        for module in (project, pgp_keys, users, groups, review):
            facts = {
                name: fact for name, fact in admin_project.facts.items() if name in step_of(module).gives
            }
            settle(session, StepKey(step_of(module).id), facts)
        yield SessionRun(session, admin_project.environment, MODULES["admin"])


def test_everything_goes_on_where_it_is_now(admin_project: AdminProject, run: SessionRun) -> None:
    session, before = run.session, admin_project.root
    session.drafts.save(StepKey("account"), {"path": str(before / "security")})
    assert run.observe() == ()
    steps = {key: session.status(key) for key in session.layout()}
    now = moved(admin_project)
    session.move(PROJECT, before, now)
    assert {key: session.status(key) for key in session.layout()} == steps
    assert run.observe() == ()
    assert run.session_context().root == now
    assert str(before) not in json.dumps([session.facts(), session.drafts.load(StepKey("account"))])
    assert {Path(path).is_file() for _, path in review.files_written(session.folder)} == {True}
    admin_project.facts.update(session.facts())
    assert review.prepare(admin_project.context(), quiet).change_set.diff() == ""

    session.close()
    sessions = Sessions(session.folder.parent, WORKFLOWS, session_now)
    with contextlib.closing(sessions.open(session.folder.name)) as again:
        assert {key: again.status(key) for key in again.layout()} == steps
        assert again.facts() == session.facts()


def test_the_journal_names_the_folder_once_and_all_else_relative_to_it(
    admin_project: AdminProject, run: SessionRun
) -> None:
    session, root = run.session, str(admin_project.root)
    assert (session.folder / JOURNAL).read_text().count(root) == 1
    (first, *_) = session.facts()["changed_files"]
    assert Path(first["path"]).is_file()
    session.reopen(PROJECT)
    named = {name: fact for name, fact in session.facts().items() if name in step_of(project).gives}
    settle(session, PROJECT, {**named, "project_root": f"{root}-2"})
    assert session.facts()["changed_files"][0]["path"] == first["path"]  # until Review says otherwise


def test_a_move_that_was_cut_off_is_made_again(admin_project: AdminProject, run: SessionRun) -> None:
    session, before = run.session, admin_project.root
    now = moved(admin_project)
    written = session.folder / "written.json"
    written.write_text(written.read_text().replace(f"{before}/", f"{now}/"))
    session.move(PROJECT, before, now)
    assert {Path(path).is_file() for _, path in review.files_written(session.folder)} == {True}


def test_a_plan_is_as_fresh_there_as_it_was(
    admin_project: AdminProject, run: SessionRun, tmp_path: Path
) -> None:
    session, before, at = run.session, admin_project.root, StepKey("plan", "security")
    file = tmp_path / "plan.tfplan"
    file.write_bytes(b"a plan")
    layer = admin_project.file("security", ".")
    inputs = (before / "config/common.tfvars",)
    record = PlanRecord(file, file_sha256(file), layer, inputs, hash_sources(layer, inputs), "", "x", "now")
    settle(session, at, {"plan": Planned(record, ("jane.doe: new user",), {"add": 1}).as_facts()})
    now = moved(admin_project)
    session.move(PROJECT, before, now)
    assert session.status(at) is Status.DONE
    assert not plan.observe(run.context(at)).contradicts
    (now / "config/common.tfvars").write_text("")
    assert plan.observe(run.context(at)).contradicts
