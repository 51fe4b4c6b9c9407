"""Places that only a person can edit, and the files that the editor may open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.admin_project import AdminProject, decide

from workflows.core.sentences import OnboardError, Problem
from workflows.desktop.editor import EditorMissing
from workflows.layer.model import Layer, Place
from workflows.steps.admin.edits import read_layers
from workflows.steps.shared import by_hand
from workflows.steps.shared.by_hand import Spot, not_possible, spots_of


@pytest.fixture
def admin(admin_project: AdminProject) -> AdminProject:
    admin_project.replace("security", "locals.tf", "users = [", 'users = concat(["b.sample"], [')
    admin_project.replace("security", "locals.tf", '"sam.okafor",\n  ]', '"sam.okafor",\n  ])')
    admin_project.file("security", "keys/b.sample").write_text("a key")
    decide(admin_project, {}, account_wanted=True, layers=("security",))
    return admin_project


def layer_of(admin: AdminProject) -> Layer:
    return read_layers(admin.context())["security"]


def with_editor(admin: AdminProject, script: str) -> AdminProject:
    """Return the project with an editor that is this shell script; its last argument is the file."""
    editor = admin.folder.parent / "bin" / "myedit"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    environment = {**admin.environment.variables, "EDITOR": str(editor)}
    return replace(admin, environment=replace(admin.environment, variables=environment))


def spot(admin: AdminProject, name: str = "locals.tf") -> Spot:
    return Spot("It is computed.", "security", Place(name, 3), admin.file("security", name))


def test_what_is_computed_is_a_spot_before_what_a_comment_hides(admin: AdminProject) -> None:
    hidden = '\n/*\nmodule "user_old" {\n  source = "../x/iam-user"\n  name   = "old"\n}\n*/\n'
    users = admin.file("security", "users.tf")
    users.write_text(hidden + users.read_text())
    layer = layer_of(admin)
    first, *others = spots_of(layer, layer.findings)
    assert first.place.file == "locals.tf"
    assert first.path == admin.file("security", "locals.tf")
    assert [str(other.place) for other in others] == ["users.tf:3"]


def test_a_refusal_knows_the_place_of_its_problem(admin: AdminProject) -> None:
    layer = layer_of(admin)
    known = Place("locals.tf", 3)
    problems = [Problem("No name."), Problem("Not so.", place=known)]
    error = not_possible(layer, problems, "Unmark it")
    assert error.spot is not None
    assert error.spot.place == known
    assert error.spot.path == admin.file("security", "locals.tf")
    assert error.title.endswith(" security")
    assert error.next.startswith("Unmark it")
    assert not_possible(layer, [Problem("No name.")], "Give one").spot is None


def test_what_the_editor_did_is_told(admin: AdminProject) -> None:
    changed = with_editor(admin, 'printf "# a\\n# b\\n" >> "$1"')
    assert " +2 -0 " in by_hand.edit(spot(admin), changed.context())
    unchanged = by_hand.edit(spot(admin), with_editor(admin, ":").context())
    assert all(part in unchanged for part in ("security", "locals.tf"))
    failed = by_hand.edit(spot(admin), with_editor(admin, "exit 1").context())
    assert failed.startswith(unchanged)
    assert failed.endswith(" 1.")
    gone = by_hand.edit(spot(admin), with_editor(admin, 'rm "$1"').context())
    assert all(part in gone for part in ("security", "locals.tf"))
    assert gone != unchanged


def test_what_the_editor_left_broken_is_told(admin: AdminProject) -> None:
    changed = with_editor(admin, 'printf "\\nlocals {\\n  a = [1\\n" > "$1"')
    told = by_hand.edit(spot(admin), changed.context())
    fine = with_editor(admin, 'printf "locals {\\n}\\n" > "$1"')
    parsed = by_hand.edit(spot(admin), fine.context())
    assert told.partition("lines.")[2] != parsed.partition("lines.")[2]


def test_a_file_outside_of_the_project_is_not_opened(admin: AdminProject, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.tf"
    outside.write_text("x = 1\n")
    inside = admin.file("security", "link.tf")
    inside.symlink_to(outside)
    writing = with_editor(admin, 'echo touched >> "$1"')
    with pytest.raises(OnboardError, match=r"link\.tf"):
        by_hand.edit(spot(admin, "link.tf"), writing.context())
    assert outside.read_text() == "x = 1\n"


def test_a_link_within_the_project_is_edited_at_its_target(admin: AdminProject) -> None:
    writing = with_editor(admin, 'echo "# touched" >> "$1"')
    shared = admin.file("security", "common-variables.tf")
    assert shared.is_symlink()
    by_hand.edit(spot(admin, "common-variables.tf"), writing.context())
    assert shared.is_symlink()
    assert shared.resolve().read_text().endswith("# touched\n")


def test_without_an_editor_nothing_is_opened(admin: AdminProject) -> None:
    environment = {**admin.environment.variables, "EDITOR": "no-such-editor"}
    without = replace(admin, environment=replace(admin.environment, variables=environment))
    with pytest.raises(EditorMissing):
        by_hand.edit(spot(admin), without.context())
