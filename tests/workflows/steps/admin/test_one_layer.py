"""Plan files that are kept for another command."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.kept_plans import planned_in

from workflows.core.sentences import OnboardError
from workflows.steps.admin.accepted_plan import ChangeLine, Planned
from workflows.steps.admin.new_passwords import Note
from workflows.steps.admin.one_layer import KeptPlans

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GONE = ChangeLine("module.user.alex", "user alex.kim: removed for good", ("alex.kim",))


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    folder = tmp_path / "layer"
    folder.mkdir()
    (folder / "users.tf").write_text("# none\n")
    return folder


@pytest.fixture
def plans(tmp_path: Path) -> KeptPlans:
    return KeptPlans(tmp_path / "plans")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "kept.tfplan"


def kept(plans: KeptPlans, layer: Path, target: Path, content: bytes = b"a plan") -> Planned:
    file = target.with_name("made.tfplan")
    planned = planned_in(file, layer, content, gone=("alex.kim",), destroys=(GONE,))
    plans.keep(planned, "security", target, NOW, Note(("jane.doe",)))
    file.unlink()
    return planned


def test_a_kept_plan_is_known_wherever_it_is_moved_and_private(
    plans: KeptPlans, layer: Path, target: Path, tmp_path: Path
) -> None:
    planned = kept(plans, layer, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    found = plans.find(target.rename(target.with_name("moved")))
    assert (found.planned, found.account, found.data) == (planned, "security", b"a plan")
    assert found.passwords == Note(("jane.doe",))
    notes = tmp_path / "plans"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (notes, *notes.iterdir())] == [0o700, 0o600]


def test_a_new_plan_takes_the_place_of_the_one_before_and_old_notes_go(
    plans: KeptPlans, layer: Path, target: Path, tmp_path: Path
) -> None:
    kept(plans, layer, target)
    (before,) = (tmp_path / "plans").iterdir()
    kept(plans, layer, target, b"another plan")
    (now,) = (tmp_path / "plans").iterdir()
    assert before != now
    os.utime(now, (0, 0))
    kept(plans, layer, target.with_name("third.tfplan"), b"a third plan")
    assert not now.exists()


def test_a_plan_file_that_changed_before_it_was_kept_is_refused(
    plans: KeptPlans, layer: Path, target: Path
) -> None:
    planned = planned_in(target.with_name("made.tfplan"), layer)
    planned.record.plan.write_bytes(b"another plan")
    with pytest.raises(OnboardError):
        plans.keep(planned, "security", target, NOW, Note())
    assert not target.exists()


def test_a_plan_replaces_only_a_plan_and_is_no_file_of_the_layer(
    plans: KeptPlans, layer: Path, target: Path, tmp_path: Path
) -> None:
    kept(plans, layer, target)
    plans.refuse_target(target, layer)
    plans.refuse_target(layer / "my.tfplan", layer)
    (tmp_path / "build.env").touch()
    for path in (tmp_path / "build.env", layer / "users.tf", tmp_path, layer / "plan.out", target / "x"):
        with pytest.raises(OnboardError):
            plans.refuse_target(path, layer)
