"""The demo in a real terminal of 80×24, by keys: walked, killed, resumed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.message_samples import identity
from support.pgp import gpg_home
from support.sandbox import sandbox_cache
from support.terminal import Terminal, terminal

from tui.host import Machine
from workflows.messages.handoff import Handoff
from workflows.messages.request import Request
from workflows.sandbox.project import lay_out

PROGRAM = Path(sys.executable).with_name("iam-onboard")
NEXT = "C-n"
__all__ = ["sandbox_cache"]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed; `make test` asks for it"),
]


@pytest.fixture
def machine(tmp_path: Path, sandbox_cache: Path) -> Iterator[Machine]:
    """The machine in the test's own home; ends once the sandboxes' servers have cleared up."""
    here = Machine.this()
    assert tmp_path.parent in here.home.parents, "the test would touch the developer's own things"
    sandbox_cache.mkdir(parents=True, exist_ok=True)
    here.places.cache.symlink_to(sandbox_cache)
    yield here
    while processes_of(here.home):
        time.sleep(0.1)


def put_request(mailbox: Path) -> None:
    """What jane.doe's wizard would have sent, with a key of a real gpg."""
    with gpg_home() as home:
        fingerprint = home.key("jane.doe", "rsa3072", subkey="rsa3072")
        key = base64.b64encode(home.export("jane.doe")).decode()
    text = Request("bb", "jane.doe", key, fingerprint, name="Jane Doe").render()
    (mailbox / "request-jane.doe.txt").write_text(text)


def sandbox_of(machine: Machine) -> Path:
    (folder,) = (path.parent for path in machine.places.sandboxes.glob("*/sandbox.json"))
    return folder


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes whose command line names a folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or ())
    ]


def walk_to_review(screen: Terminal, machine: Machine) -> None:
    screen.run(f"{PROGRAM} demo")
    screen.wait_for("Add people", "SANDBOX")
    screen.press("Enter")
    screen.wait_for("✓ bb", "jane.doe", "3 people")
    screen.press(NEXT)
    screen.wait_for("none yet")
    put_request(sandbox_of(machine) / "mailbox")
    screen.wait_for("request arrived")
    screen.press(NEXT)
    screen.wait_for("Is it the same?")
    screen.press("Up", "Enter")
    screen.wait_for("(•) Yes")
    screen.press(NEXT)
    screen.wait_for("+ jane.doe", "Keep 2 changes")
    screen.press(NEXT)
    screen.wait_for("▸ management:", "▌·")
    screen.press("Space")
    screen.wait_for("management: 1 change")
    screen.press(NEXT)
    screen.wait_for("▸ security:", "▌·")
    screen.press("Space")
    screen.wait_for("security: 1 change")
    screen.press(NEXT)
    screen.wait_for("1 of 8: management", "+++ b/management", "Write 8 files")


def write_files(screen: Terminal) -> None:
    screen.press(NEXT)
    screen.wait_for("Write 8 files?")
    screen.press("Left", "Enter")


STUCK_DISK = """
import os, time

_replace, _places = os.replace, set()


def replace(source, target, **folders):
    _places.add(os.fspath(target))
    places = [place for place in _places if "base-identities" in place and "override" not in place]
    if len(places) > 3 and not os.path.exists("{go_on}"):
        open("{stuck}", "w").close()
        while True:
            time.sleep(1)
    _replace(source, target, **folders)


os.replace = replace
"""
"""Python runs a `sitecustomize` first: the layers are on a disk that stands still after three files."""


def changed_files(root: Path) -> set[str]:
    """What differs from the last commit in the layers, leftovers of a write included."""
    command = ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line[3:].replace("global/base-identities/", "") for line in done.stdout.splitlines()}


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_killed_between_two_files_it_finishes_the_set_over_both_layers(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, go_on = tmp_path / "stuck", tmp_path / "go-on"
    (tmp_path / "sitecustomize.py").write_text(STUCK_DISK.format(stuck=stuck, go_on=go_on))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    files = {
        f"{account}/{name}"
        for account in ("management", "security")
        for name in ("groups.tf", "keys/jane.doe", "locals.tf", "outputs.tf")
    }
    with terminal(tmp_path) as screen:
        walk_to_review(screen, machine)
        root = sandbox_of(machine) / "bb"
        assert changed_files(root) == set()
        write_files(screen)
        while not stuck.exists():
            time.sleep(0.05)
        screen.kill()
        assert len(changed_files(root) & files) == 3
        go_on.touch()

        screen.run(f"clear; {PROGRAM} resume")
        text = screen.wait_for("▸ Review", "8 files written")
        assert "interrupted" in text
        assert changed_files(root) == files
        screen.press(NEXT)
        screen.wait_for("✓ Review", "▸ Plan")
        screen.press("C-q")
        screen.wait_for_shell()


def test_killed_after_review_it_goes_on_with_the_plan(tmp_path: Path, machine: Machine) -> None:
    with terminal(tmp_path) as screen:
        walk_to_review(screen, machine)
        write_files(screen)
        screen.wait_for("▸ Plan")
        screen.kill()
        sandbox = sandbox_of(machine)
        changed = subprocess.run(
            ["git", "-C", str(sandbox / "bb"), "status", "--porcelain"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for layer in ("management", "security"):
            assert f"{layer}/global/base-identities/keys/jane.doe" in changed
            assert f" M {layer}/global/base-identities/locals.tf" in changed

        screen.run("clear")  # the killed one's page is still on the screen
        screen.wait_until_gone("▸ Plan")
        screen.run(f"{PROGRAM} resume")
        text = screen.wait_for("▸ Plan", "5 of 11")
        assert "✓ Review" in text
        screen.press("F1")
        screen.wait_for("Help: Plan", "Close esc")
        screen.press("Escape")
        screen.wait_for("▸ Plan")
        screen.press("C-q")
        screen.wait_for_shell()
        screen.wait_for("Resume with:")

        screen.run("clear; stty -a | tr ' ;' '\\n' | grep -x -e echo -e icanon; echo usable $((6*7))")
        text = screen.wait_for("usable 42")
        assert text.split()[:4] == ["icanon", "echo", "usable", "42"]
        assert (
            "next: Plan"
            in subprocess.run([PROGRAM, "sessions"], capture_output=True, text=True, check=True).stdout
        )


def test_a_poisoned_project_and_message_reach_neither_clipboard_nor_title(tmp_path: Path) -> None:
    poison = "\x1b]52;c;UE9JU09O\x07\x1b]2;OWNED\x07\x9b31m"
    root = tmp_path / "project"
    lay_out(root)
    tfvars = root / "config" / "common.tfvars"
    tfvars.write_text(
        tfvars.read_text().replace('"binbash"', f'"bin{poison}"').replace("aws+", f"aws{poison}")
    )
    handoff = tmp_path / "handoff.txt"
    text = Handoff("bb", (identity(),)).render()
    handoff.write_text(text.replace('"bb-security"', f'"bb{json.dumps(poison)[1:-1]}"'))
    with terminal(root) as screen:
        screen.takes_copies()
        title = screen.title()
        for command in ("layer show security", f"handoff open {handoff}", f"decrypt {handoff}"):
            screen.run(f"{PROGRAM} {command}")
            screen.wait_for_shell()
        screen.run(f"{PROGRAM} admin")
        screen.wait_for("▸ Project", "␛]52")
        screen.press("C-q")
        screen.wait_for_shell()
        screen.run(f"{PROGRAM} join {handoff}")
        screen.wait_for("␛]52")
        screen.press("C-q")
        screen.wait_for_shell()
        assert screen.copied() == []
        assert screen.title() == title
