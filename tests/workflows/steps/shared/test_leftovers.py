"""The remains of an abandoned or killed session in its folder, with small Python programs as Terraform."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.fakes import FakeClipboard, fake_environment
from support.leak_hunt import LeakHunt
from support.panes import by_id
from support.small_steps import panes_for, small_workflow
from support.steps import step_of

from tui.app.session_control import Parts, SessionControl, Start
from tui.host import Machine, Places
from tui.session_catalogue import SessionCatalogue
from workflows.core.files import private_folder
from workflows.core.sentences import OnboardError
from workflows.desktop.clipboard import Clipboard
from workflows.environment import Environment
from workflows.machine.declaration import Workflow
from workflows.machine.lock import SessionLock
from workflows.steps.shared.leftovers import credentials_folder, release_credentials, remove_credentials
from workflows.steps.shared.module import Report
from workflows.terraform.binary import Binary, Product
from workflows.terraform.runner import Kind, Run
from workflows.terraform.service import Terraform


class Source:
    """A source of an environment that needs no opening."""

    sandbox = False
    folder = None
    words = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, report: Report) -> None:
        """Do nothing."""

    def environment(self, workflow: str, clipboard: Clipboard) -> Environment:  # noqa: ARG002
        return fake_environment(self._folder, {}, clipboard=clipboard)

    @property
    def key_records(self) -> Path:
        return self._folder / "access-keys"

    def drafts(self, workflow: str) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002
        return {}

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def control(tmp_path: Path) -> SessionControl:
    modules = small_workflow()
    workflow = Workflow("admin", "Admin", tuple(step_of(module) for module in modules))
    places = Places(tmp_path / "sessions", tmp_path / "sandboxes", tmp_path / "vault", tmp_path / "cache")
    machine = Machine(places, tmp_path, tmp_path, tmp_path, {}, lambda: datetime(2026, 1, 2, tzinfo=UTC))
    catalogue, source = SessionCatalogue(machine, [workflow]), Source(tmp_path)
    catalogue.sessions_of().create("admin", {}, "s").close()
    parts = Parts(catalogue, {"admin": by_id(modules)}, panes_for(modules), lambda _folder: source)
    return SessionControl(parts, source, FakeClipboard())


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "s"


def start_run(session: Path, kind: Kind, until: Path) -> Run:
    """Start a run that goes on until a file exists."""
    runs = session / "terraform" / "security"
    environment = {"PATH": os.defpath, "TMPDIR": str(session.parent.parent)}
    private_folder(runs)
    program = f"import os, time\nwhile not os.path.exists({str(until)!r}): time.sleep(0.02)"
    return Run.start(
        [sys.executable, "-I", "-S", "-c", program],
        kind=kind,
        folder=runs / kind,
        cwd=session,
        environment=environment,
    )


def leave_credentials(session: Path, account: str = "security") -> Path:
    folder = session / "aws" / account
    folder.mkdir(mode=0o700, parents=True)
    (folder / "credentials").write_text("aws_session_token = x")
    return folder


@pytest.mark.parametrize(
    ("kind", "title"), [(Kind.APPLY, "An apply is still"), (Kind.PLAN, "A plan is still")]
)
def test_a_session_is_not_deleted_under_terraform(
    control: SessionControl, session: Path, tmp_path: Path, kind: Kind, title: str
) -> None:
    run = start_run(session, kind, tmp_path / "end")
    (entry,) = control.entries()
    try:
        with pytest.raises(OnboardError, match=title):
            control.delete(entry)
        assert (session / "journal.jsonl").is_file()
        assert run.is_running()
    finally:
        (tmp_path / "end").touch()
        assert run.follow().succeeded
    control.delete(entry)
    assert not session.exists()


def test_credentials_of_a_killed_wizard_go_when_the_session_is_resumed(
    control: SessionControl, session: Path, tmp_path: Path
) -> None:
    (tmp_path / "end").touch()
    assert start_run(session, Kind.PLAN, tmp_path / "end").follow().succeeded
    credentials = leave_credentials(session)
    control.resume(Start(session="s"))
    control.leave()
    assert not credentials.parent.exists()


def test_credentials_that_terraform_may_still_read_stay_until_it_has_ended(
    control: SessionControl, session: Path, tmp_path: Path
) -> None:
    run = start_run(session, Kind.APPLY, tmp_path / "end")
    try:
        credentials, others = leave_credentials(session), leave_credentials(session, "management")
        control.resume(Start(session="s"))
        control.leave()
        release_credentials(session, "security")
        assert (credentials / "credentials").is_file()
        assert not others.exists()
    finally:
        (tmp_path / "end").touch()
        assert run.follow().succeeded
    release_credentials(session, "security")
    assert not credentials.parent.exists()


def test_any_start_of_the_program_removes_what_an_ended_apply_read(
    control: SessionControl, session: Path, tmp_path: Path
) -> None:
    run = start_run(session, Kind.APPLY, tmp_path / "end")
    credentials = leave_credentials(session)
    try:
        control.remove_leftovers()
        assert (credentials / "credentials").is_file()
    finally:
        (tmp_path / "end").touch()
        assert run.follow().succeeded
    control.remove_leftovers()
    assert not credentials.parent.exists()


def test_what_a_session_in_use_has_written_is_left_alone(control: SessionControl, session: Path) -> None:
    credentials = leave_credentials(session)
    lock = SessionLock(session / "lock")
    try:
        control.remove_leftovers()
        assert (credentials / "credentials").is_file()
    finally:
        lock.release()


def test_credentials_that_cannot_be_removed_are_told_and_the_session_is_given_back(
    control: SessionControl, session: Path
) -> None:
    # rmtree rejects a symlink, even for root.
    (session / "aws").symlink_to(session)
    with pytest.raises(OnboardError, match="credentials"):
        control.resume(Start(session="s"))
    (session / "aws").unlink()
    control.resume(Start(session="s"))
    control.leave()


def test_the_folder_of_all_runs_is_private(session: Path) -> None:
    runs, binary = session / "terraform" / "security", Binary(("terraform",), Product.TERRAFORM, "1.6.6")
    outside: dict[str, Any] = {"environment": {}, "variables": {}, "now": lambda: datetime.now(UTC)}
    Terraform(binary, session, runs, backend_configs=(), backend={}, var_files=(), **outside)
    for folder in (session / "terraform", session / "terraform" / "security"):
        assert folder.stat().st_mode & 0o777 == 0o700


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path

from workflows.core.secret import Secret
from workflows.aws.clients import Credentials
from workflows.stores.kept_credentials import write_pair
from workflows.steps.shared.leftovers import credentials_folder

session, secret, token = Path(sys.argv[1]), *sys.stdin.read().split()
given = Credentials("ASIAROLEROLEROLE0001", Secret(secret), Secret(token), datetime.now(UTC))
left = [int(sys.argv[2])]


def watch(event, arguments):
    if event in {"open", "os.mkdir", "os.rename", "os.chmod"} and str(session) in str(arguments[0]):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(watch)
write_pair(credentials_folder(session, "security"), {"bb-security": {}}, {"bb-security": given})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_temporary_credentials_of_a_kill_at_any_moment_are_private_and_go(tmp_path: Path) -> None:
    secret, token = "canary/secret+of-a-session-41", "canary/token+of-a-session-42"
    seen = []
    for moment in range(12):
        session = tmp_path / f"session-{moment}"
        session.mkdir(mode=0o700)
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, str(session), str(moment)],
            input=f"{secret} {token}",
            text=True,
            capture_output=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert killed.stdout + killed.stderr == ""
        holding = [path for path in session.rglob("*") if path.is_file() and token in path.read_text()]
        seen += holding
        for path in holding:
            assert path.is_relative_to(credentials_folder(session, "security"))
            assert [folder.stat().st_mode & 0o077 for folder in (path, path.parent)] == [0, 0]
        remove_credentials(session)
        assert LeakHunt().leaks([secret, token], tmp_path) == []
    assert seen, "no kill came while they were there"
