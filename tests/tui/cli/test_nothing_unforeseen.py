"""What can be foreseen of a machine is said in a sentence: the handler for the unforeseen is never reached.

Each way to break the machine is tried with each command, in a process of its own, which loses what root may
do beyond other users.
"""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from support.repository import TESTS
from support.terminal import terminal

from tui.cli.arguments import DONE, REFUSED, USAGE
from workflows.core.processes import child_environment
from workflows.sandbox.project import lay_out

PROGRAM = Path(sys.executable).with_name("iam-onboard")
INVALID = os.fsdecode(b"\xff\xfe")
STRANGER = 12_345
SESSION = "20260101-000000-abcd"
UNFORESEEN = "unforeseen"


@dataclass
class Broken:
    """A machine that is broken in a way.

    Attributes:
        home: the home folder.
        root: a project.
        environment: more variables.
        start: called in the child before the program.
    """

    home: Path
    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    start: Callable[[], None] = lambda: None

    @property
    def state(self) -> Path:
        return self.home / ".local" / "state" / "iam-onboard"

    @property
    def folders(self) -> dict[str, Path]:
        data = self.home / ".local" / "share" / "iam-onboard"
        names = ("sessions", "access-keys", "sandboxes", "plans", "layer-runs")
        own = {"state": self.state, "vault": data / "vault", "profiles": self.home / ".aws" / "bb"}
        return {**own, **{name: self.state / name for name in names}}

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert re.search(old, text)
        path.write_text(re.sub(old, new, text))


def foreign(name: str, mode: int, machine: Broken) -> None:
    folder = machine.folders[name]
    folder.chmod(mode)
    if os.getuid() == 0:
        os.chown(folder, STRANGER, STRANGER)


def own(name: str, mode: int, machine: Broken) -> None:
    machine.folders[name].chmod(mode)


def linked(name: str, machine: Broken) -> None:
    folder = machine.folders[name]
    moved = folder.rename(folder.with_name("moved"))
    folder.symlink_to(moved)


def a_file(name: str, machine: Broken) -> None:
    folder = machine.folders[name]
    shutil.rmtree(folder)
    folder.write_text("in the way")


def closed(*descriptors: int) -> Callable[[Broken], None]:
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return lambda machine: setattr(machine, "start", close)


def full(*descriptors: int) -> Callable[[Broken], None]:
    def fill() -> None:
        target = os.open("/dev/full", os.O_WRONLY)
        for descriptor in descriptors:
            os.dup2(target, descriptor)

    return lambda machine: setattr(machine, "start", fill)


def small_files(size: int, machine: Broken) -> None:
    machine.start = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))


def key_record(change: str, value: object, machine: Broken) -> None:
    now = datetime.now(UTC).isoformat()
    record = {
        "project": "bb", "profile": "bb-security", "id": "AKIA" + "A" * 16, "kept": "keyring",
        "user": "jane.doe", "account_id": "1" * 12, "region": "us-east-1", "kept_at": now, "created": now,
        "fingerprint": "", "backend": "", "rotation": None,
    }  # fmt: skip
    (machine.folders["access-keys"] / "x.json").write_text(json.dumps({**record, change: value}))


def journal(change: str, value: object, machine: Broken) -> None:
    """A session whose facts are of a wrong type."""
    lines = (TESTS / "journals" / "admin-done.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    for event in events:
        if change in event.get("facts", {}):
            event["facts"][change] = value
    folder = machine.folders["sessions"] / SESSION
    folder.mkdir(mode=0o700)
    (folder / "journal.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))


WAYS: dict[str, Callable[[Broken], None]] = {
    "as it is": lambda _machine: None,
    "an account id of eleven digits": lambda made: made.edit(
        "config/common.tfvars", r'"(\d{11})\d"', r'"\1"'
    ),
    "AWS_PROFILE of another project": lambda made: made.environment.update(AWS_PROFILE="nope"),
    "no TMPDIR": lambda made: made.environment.update(TMPDIR="/nowhere"),
    "files that cannot grow": partial(small_files, 0),
    "files of a kilobyte": partial(small_files, 1_000),
    **{f"closed {fds}": closed(*fds) for fds in ((0,), (1,), (2,), (0, 1, 2))},
    **{f"full {fds}": full(*fds) for fds in ((1,), (2,), (1, 2))},
    "a name of the shell": lambda made: made.environment.update(AWS_PROFILE=INVALID, AWS_REGION=INVALID),
    "a name in the project": lambda made: (made.root / f"{INVALID}.tf").write_text("x"),
    "a naive date": partial(key_record, "kept_at", "2026-01-01T00:00:00"),
    "a number for a text": partial(key_record, "profile", 7),
    "a number for a date": partial(key_record, "created", 7),
    "a fact that is a number": partial(journal, "project", 7),
    "a fact that is a list": partial(journal, "user_changes", [1]),
    "a fact that is a text": partial(journal, "group_changes", "x"),
    **{
        f"{name}: {how.__name__} {mode:o}": partial(how, name, mode)
        for name in ("state", "sessions", "vault", "access-keys", "profiles", "plans")
        for how, mode in ((foreign, 0o755), (foreign, 0o700), (own, 0o000), (own, 0o500), (own, 0o777))
    },
    **{f"{name}: a link": partial(linked, name) for name in ("state", "sessions", "vault", "profiles")},
    **{f"{name}: a file": partial(a_file, name) for name in ("state", "sessions", "vault", "profiles")},
}
STARTS = {
    "an account id of eleven digits": "admin",
    "AWS_PROFILE of another project": "admin",
    "a naive date": "",
    "a fact that is a number": "resume",
    "a fact that is a list": "resume",
    "state: own 500": "",
    "sessions: a link": "",
    "sessions: foreign 700": "admin",
}
"""How the wizard is started on a machine that is broken so."""
COMMANDS = (
    ["--version"],
    ["sessions", "--json"],
    ["doctor"],
    ["layer", "show", "security"],
    ["plan", "security"],
    ["regions"],
    ["profiles", "write", "--as", "security"],
    ["pgp", "request", "--user", "jane.doe", "--project", "bb"],
    ["credential-process", "--project", "bb", "--profile", "bb-security"],
)


@pytest.fixture
def machine(tmp_path: Path) -> Broken:
    """A machine that is well."""
    made = Broken(tmp_path / "home", tmp_path / "bb")
    lay_out(made.root)
    for folder in made.folders.values():
        folder.mkdir(parents=True, exist_ok=True)
        for path in (folder, *folder.parents):
            if path.is_relative_to(made.home):
                path.chmod(0o700)
    return made


def ordinary() -> list[str]:
    """What takes from root what other users may not do."""
    if os.getuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is not installed")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


def run(machine: Broken, command: list[str]) -> tuple[int, str]:
    done = subprocess.run(
        [*ordinary(), str(PROGRAM), *command],
        cwd=machine.root,
        env=child_environment(
            os.environ, {"HOME": str(machine.home), **machine.environment}, allowed=("PATH",)
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        preexec_fn=machine.start,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_command_says_what_is_wrong(way: str, machine: Broken) -> None:
    WAYS[way](machine)
    for command in COMMANDS:
        code, text = run(machine, command)
        assert code in {DONE, REFUSED, USAGE}, (command, code, text)
        assert UNFORESEEN not in text, (command, text)
        assert "Traceback" not in text, (command, text)


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("state: foreign 755", ".local/state/iam-onboard belongs to user"),
        ("vault: a link", "vault is a symbolic link to"),
        ("access-keys: own 777", "was open to other users"),
        ("a naive date", "x.json isn't a valid record of an access key"),
    ],
)
def test_the_folder_or_file_is_named(way: str, words: str, machine: Broken) -> None:
    if "foreign" in way and os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    WAYS[way](machine)
    _, text = run(machine, ["sessions"])
    assert words in text


def test_a_folder_that_was_open_is_closed(machine: Broken) -> None:
    machine.folders["vault"].chmod(0o755)
    run(machine, ["sessions"])
    assert machine.folders["vault"].stat().st_mode & 0o777 == 0o700


def test_a_full_disk_takes_no_version_and_no_traceback(machine: Broken) -> None:
    full(1)(machine)
    code, text = run(machine, ["--version"])
    assert code == REFUSED
    assert os.strerror(errno.ENOSPC) in text


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed; `make test` asks for it")
@pytest.mark.parametrize("way", STARTS)
def test_the_wizard_starts_or_says_what_is_wrong(way: str, machine: Broken) -> None:
    WAYS[way](machine)
    variables = [f"{name}={value}" for name, value in machine.environment.items()]
    with terminal(machine.root) as screen:
        program = shlex.join(["env", f"HOME={machine.home}", *variables, *ordinary(), str(PROGRAM)])
        screen.run(f"clear; {program} {STARTS[way]}; echo over $((6*7))")
        text = screen.wait_for_any("over 42", "F1 Help")
        if "over 42" not in text:
            screen.press("C-q")
            screen.wait_for("over 42")
        assert UNFORESEEN not in text + screen.scrollback()


@pytest.mark.parametrize("given", [INVALID, "~nobody.here", "~nobody.here/x"])
@pytest.mark.parametrize(
    "command", ["layer show", "decrypt", "plan", "regions", "verify", "pgp check", "access-key import"]
)
def test_arguments_of_any_bytes_are_said_in_words(command: str, given: str, machine: Broken) -> None:
    code, text = run(machine, [*command.split(), given])
    assert code in {REFUSED, USAGE}
    assert UNFORESEEN not in text
