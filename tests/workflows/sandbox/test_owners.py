from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workflows.core.locks import FileLock, is_held, is_shared
from workflows.core.sentences import OnboardError
from workflows.sandbox import sandbox
from workflows.sandbox.layout import Layout
from workflows.sandbox.sandbox import ServerProcess
from workflows.sandbox.server import Owners


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.owner_lock.parent.mkdir()
    return made


@pytest.mark.parametrize("lock", ["owner_lock", "terraform_lock"])
def test_a_server_has_owners_while_a_wizard_or_a_terraform_is_there(layout: Layout, lock: str) -> None:
    owners, there = Owners(layout), FileLock(getattr(layout, lock))
    there.acquire(shared=True)
    assert not owners.are_gone()
    there.release()
    assert owners.are_gone()


def test_a_server_that_ends_never_looks_like_a_terraform_that_runs(layout: Layout) -> None:
    owners = Owners(layout)
    assert owners.are_gone()
    assert is_held(layout.terraform_lock)
    assert not is_shared(layout.terraform_lock)


def test_an_owner_that_has_no_time_leaves_the_server_to_end_by_itself(layout: Layout) -> None:
    process, server = ServerProcess(layout), FileLock(layout.server_lock)
    assert not process.own()
    server.acquire()  # it takes a long time to save
    process.leave(wait=False)
    assert process.is_running()
    assert Owners(layout).are_gone()


def test_a_server_that_ends_at_once_is_explained_by_its_log_alone(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.server_log.parent.mkdir(exist_ok=True)
    ends = [sys.executable, "-c", "raise SystemExit('another server has this sandbox')"]
    monkeypatch.setattr(sandbox, "own_module", lambda _name: ends)
    with pytest.raises(OnboardError) as failure:
        ServerProcess(layout).start({})
    assert (failure.value.why, failure.value.detail) == ("", "another server has this sandbox")
