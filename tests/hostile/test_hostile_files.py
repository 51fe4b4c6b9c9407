"""Every reading command over files that are none, too large, too deep or damaged: it ends, and says so.

Whoever adds a command, a file or a kind of hostility extends the tables.
"""

from __future__ import annotations

import re
import resource
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hostile.kinds import KINDS, put
from support.admin_project import quiet

from tui.app.session_control import Parts, SessionControl
from tui.cli.main import main
from tui.environments import OwnMachine
from tui.host import Machine, Places
from tui.session_catalogue import SessionCatalogue
from workflows.catalogue import WORKFLOWS
from workflows.core.sentences import OnboardError
from workflows.desktop.clipboard import Osc52Clipboard
from workflows.machine.events import StepKey
from workflows.machine.sessions import Sessions
from workflows.sandbox.project import lay_out
from workflows.step_modules import MODULES
from workflows.steps.admin import project as project_step

pytestmark = pytest.mark.timeout(600)  # what waits for a pipe waits for ever

NOW = datetime(2026, 1, 31, tzinfo=UTC)
LAYER = "security/global/base-identities"
USUAL = {"a pipe", "a huge file", "deep HCL", "no UTF-8"}
"""What every run tries; `make slow` tries the rest."""

MOST_MEMORY = 300 * 1024
"""KiB that a test may add to the most that the process ever had."""

COMMANDS = (
    ("layer", "show", LAYER),
    ("layer", "groups", LAYER, "dana.lopez"),
    ("layer", "account", LAYER),
    ("layer", "accounts", "."),
    ("layer", "remove", LAYER, "dana.lopez", "--dry-run"),
    ("pgp", "check", f"{LAYER}/keys"),
    ("profiles", "show", "--as", "security"),
    ("profiles", "show", "bb", "--as", "security"),
    ("access-key", "list"),
    ("verify", "bb", "--no-code"),
    ("regions", ".", "--account", "security"),
    ("sessions",),
    ("doctor",),
)
AS_JSON = (
    ("layer", "show", LAYER, "--json"),
    ("sessions", "--json"),
)
"""They read what the same commands above read; `make slow` tries them too."""
OF_THE_PROJECT = (
    "build.env",
    "config/common.tfvars",
    "security/config/backend.tfvars",
    "security/config/account.tfvars",
    f"{LAYER}/locals.tf",
    f"{LAYER}/x.tf",
    f"{LAYER}/x_override.tf",
    f"{LAYER}/terraform.tfvars",
    f"{LAYER}/.terraform.lock.hcl",
    f"{LAYER}/.terraform/terraform.tfstate",
    f"{LAYER}/.terraform/environment",
    f"{LAYER}/.terraform/modules/modules.json",
    f"{LAYER}/keys/dana.lopez",
)
OF_THE_PERSON = (
    ".aws/bb/config",
    ".aws/bb/credentials",
    ".aws/config",
    ".local/state/iam-onboard/trusted-programs.json",
    ".local/state/iam-onboard/access-keys/bb-security.json",
    ".local/state/iam-onboard/sessions/one/journal.jsonl",
    ".local/state/iam-onboard/sessions/one/observed.json",
    ".local/state/iam-onboard/sessions/one/lock",
    ".local/state/iam-onboard/sessions/other/journal.jsonl",
)
GIVEN = (
    ("handoff", "open"),
    ("decrypt",),
    ("pgp", "check"),
    ("access-key", "import", "--project", "bb", "--profile", "bb-security"),
    ("apply",),
)
"""Commands that are given a file. A pipe is what the person means there, as with `<(gpg --export)`."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    lay_out(root)
    monkeypatch.chdir(root)
    sessions = Sessions(Places.of_this_machine().sessions, WORKFLOWS, lambda: NOW)
    sessions.create("admin", {"project_root": str(root)}, "one").close()
    return root


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command; what it wrote, which is no failure that nobody foresaw."""

    def run(*arguments: str) -> str:
        try:
            code = main(arguments)
        except SystemExit as ended:  # argparse's way
            code = int(ended.code or 0)
        written = "".join(capfd.readouterr())
        assert code in {0, 1, 2}, arguments
        assert "Traceback" not in written, (arguments, written)
        assert not re.search(r"unforeseen|unexpected", written, re.IGNORECASE), (arguments, written)
        return written

    return run


@pytest.mark.parametrize("place", OF_THE_PROJECT)
def test_a_project_with_it_is_read_or_refused(place: str, project: Path, run: Callable[..., str]) -> None:
    read_with(USUAL, project / place, run)


@pytest.mark.slow
@pytest.mark.parametrize("place", OF_THE_PROJECT)
def test_a_project_with_any_of_it_is_read_or_refused(
    place: str, project: Path, run: Callable[..., str]
) -> None:
    read_with(KINDS, project / place, run, COMMANDS + AS_JSON)


@pytest.mark.parametrize("place", OF_THE_PERSON)
@pytest.mark.usefixtures("project")
def test_a_home_with_it_is_read_or_refused(place: str, own_home: Path, run: Callable[..., str]) -> None:
    read_with(USUAL, own_home / place, run)


@pytest.mark.slow
@pytest.mark.parametrize("place", OF_THE_PERSON)
@pytest.mark.usefixtures("project")
def test_a_home_with_any_of_it_is_read_or_refused(
    place: str, own_home: Path, run: Callable[..., str]
) -> None:
    read_with(KINDS, own_home / place, run, COMMANDS + AS_JSON)


def read_with(
    kinds: Collection[str],
    path: Path,
    run: Callable[..., str],
    commands: tuple[tuple[str, ...], ...] = COMMANDS,
) -> None:
    """Run every command with each kind in turn in place of a file."""
    for kind in sorted(kinds):
        put(kind, path)
        for command in commands:
            run(*command)
        begin_as_admin()


def begin_as_admin() -> None:
    """What `iam-onboard admin` does at its start and at Next; only what it foresees may keep it from that."""
    machine = Machine.this()
    source = OwnMachine(machine)
    board = Osc52Clipboard(lambda _text: None, machine.now)
    control = SessionControl(Parts(SessionCatalogue(machine), MODULES, {}, lambda _: source), source, board)
    walk = control.begin("admin", {})
    key = StepKey("project")
    draft = walk.session.drafts.load(key)
    request = project_step.Request(path=draft["path"], layers=("security",), regrouping=("dana.lopez",))
    with suppress(OnboardError):
        project_step.perform(request, walk.context(key), quiet)
    control.leave()
    control.sessions.delete(walk.session.folder.name)


@pytest.mark.parametrize("command", GIVEN, ids=" ".join)
def test_a_file_that_is_given_is_read_or_refused(
    command: tuple[str, ...], tmp_path: Path, run: Callable[..., str]
) -> None:
    for kind in KINDS.keys() - {"a pipe"}:
        put(kind, tmp_path / "given")
        assert run(*command, str(tmp_path / "given"))
