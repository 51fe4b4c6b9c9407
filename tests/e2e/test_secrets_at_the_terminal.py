"""What stays in a real terminal and its clipboard when the wizard ends, in whichever way it ends."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.new_user import PASSPHRASE, PASSWORD, handoff_for
from support.pgp import GpgHome, gpg_home
from support.signing_in import waiting_session
from support.terminal import Terminal, terminal

PROGRAM = Path(sys.executable).with_name("iam-onboard")
SANE = "0 0 1 1"
LOCKED, PINENTRY = "Unlock your password", "Please enter the passphrase"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed; `make test` asks for it"),
]
# The program with a defect: it fails where the password is a local variable and in the exception's text.
DEFECTIVE = """
import sys
from screens.new_user.sign_in import SignInPane
press = SignInPane.action_press
def broken(self, button):
    if button != "hints":
        return press(self, button)
    password = self.password.reveal()
    raise RuntimeError(f"defect at {password}")
SignInPane.action_press = broken
from tui.cli.main import main
sys.exit(main(["resume"]))
"""


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        home.key("jane", passphrase=PASSPHRASE)
        yield home


@pytest.fixture
def screen(tmp_path: Path, gpg: GpgHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("GNUPGHOME", str(gpg.path))
    gpg.forget_passphrases()
    with terminal(tmp_path) as opened:
        opened.takes_copies()
        yield opened


def decrypted(screen: Terminal, gpg: GpgHome, command: str = f"{PROGRAM} resume") -> None:
    """Up to the password shown and copied: so it is really there to be leaked."""
    waiting_session(gpg, "jane")
    screen.run(command)
    screen.wait_for(LOCKED, "▌")  # the focus is where the letters go
    for letter in PASSPHRASE:
        screen.press(letter)
    screen.press("Enter")
    screen.wait_for("Copy address")
    screen.press("v")
    screen.wait_for(PASSWORD)
    screen.press("4")
    while PASSWORD not in screen.copied():
        time.sleep(0.1)


def assert_clean(screen: Terminal) -> None:
    screen.wait_for_shell()
    left = screen.scrollback()
    assert PASSWORD not in left, left
    assert PASSPHRASE not in left, left
    assert screen.modes() == SANE
    assert PASSWORD not in screen.copied()


def test_after_leaving_nothing_is_in_the_scrollback_and_the_clipboard(screen: Terminal, gpg: GpgHome) -> None:
    decrypted(screen, gpg)
    limits = Path(f"/proc/{screen.program().pid}/limits")
    if limits.exists():
        (line,) = [row for row in limits.read_text().splitlines() if row.startswith("Max core file size")]
        assert line.split()[4:6] == ["0", "0"]
    screen.press("C-q")
    assert_clean(screen)
    assert "Saved." in screen.text()


def test_a_terminal_that_is_no_tmux_gets_it_by_its_own_way_and_is_cleared(
    screen: Terminal, gpg: GpgHome
) -> None:
    decrypted(screen, gpg, f"env -u TMUX {PROGRAM} resume")
    assert screen.copied() == [PASSWORD]
    screen.kill(signal.SIGTERM)
    screen.wait_for_shell()
    # This terminal is a tmux all the same, and keeps what was copied before; others hold only the latest.
    assert screen.copied()[0] == " "


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_ended_by_a_signal_it_leaves_nothing_either(
    screen: Terminal, gpg: GpgHome, how: signal.Signals
) -> None:
    decrypted(screen, gpg)
    screen.kill(how)
    assert_clean(screen)


def test_a_closed_window_ends_the_wizard_and_only_a_suspended_one_resumes(
    screen: Terminal, gpg: GpgHome
) -> None:
    waiting_session(gpg, "jane")
    screen.run(f"sh -c '{PROGRAM} resume; true'")  # as make runs it: whoever waits for it stops, too
    screen.wait_for(LOCKED)
    (wizard,) = screen.program().children()
    threads = wizard.num_threads()
    wizard.send_signal(signal.SIGCONT)  # as the kernel does after the SIGHUP of a closed window
    time.sleep(0.3)
    assert wizard.num_threads() <= threads
    wizard.send_signal(signal.SIGTSTP)
    screen.wait_for("Stopped")
    assert screen.modes() == SANE
    screen.run("fg")
    screen.wait_for(LOCKED)
    assert screen.modes() != SANE
    screen.end()
    wizard.wait()


def test_a_defect_prints_no_traceback_and_no_secret(screen: Terminal, gpg: GpgHome, tmp_path: Path) -> None:
    script = tmp_path / "defective.py"
    script.write_text(DEFECTIVE)
    decrypted(screen, gpg, f"{sys.executable} {script}")
    screen.press("w")
    assert_clean(screen)
    said = screen.scrollback()
    assert "RuntimeError" in said
    assert "Traceback" not in said


def test_after_a_kill_the_next_wizard_leaves_the_terminal_in_order(screen: Terminal, gpg: GpgHome) -> None:
    decrypted(screen, gpg)
    screen.kill()
    assert screen.modes() == "1 1 0 0"
    screen.run(f"stty raw -echo; {PROGRAM}")  # as a shell leaves it that repairs nothing
    screen.wait_for("Add people")
    screen.press("C-q")
    screen.wait_for_modes(SANE)
    assert PASSWORD not in screen.scrollback()
    screen.run("clear; stty -a | tr ' ;' '\\n' | grep -x -e echo -e icanon; echo usable $((6*7))")
    assert screen.wait_for("usable 42").split()[:4] == ["icanon", "echo", "usable", "42"]


@pytest.mark.skipif(
    shutil.which("pinentry-curses") is None, reason="pinentry-curses is not installed; `.ci/run` installs it"
)
def test_pinentry_has_the_terminal_and_the_wizard_gets_it_back(screen: Terminal, gpg: GpgHome) -> None:
    (gpg.path / "gpg-agent.conf").write_text(f"pinentry-program {shutil.which('pinentry-curses')}\n")
    gpg.forget_passphrases()
    waiting_session(gpg, "jane")
    screen.run(f"{PROGRAM} resume")
    screen.wait_for(LOCKED)

    screen.press_until(["Tab", "Enter"], PINENTRY)
    assert screen.modes().split()[1] == "0", "the wizard still has the mouse"
    screen.press("C-c")
    screen.wait_for(LOCKED, "You cancelled")

    screen.press_until(["Tab", "Enter"], PINENTRY)
    (pinentry,) = [process for process in psutil.process_iter(["name", "environ"]) if _is_ours(process, gpg)]
    pinentry.kill()
    screen.wait_for("✗ ", "Copy text")
    screen.press("Escape")
    screen.wait_until_gone("Copy text")

    screen.press_until(["Tab", "Enter"], PINENTRY)
    for letter in PASSPHRASE:
        screen.press(letter)
    screen.press("Enter")
    screen.wait_for("Copy address")
    screen.press("C-q")
    screen.wait_for_shell()
    assert screen.modes() == SANE
    screen.run("clear; stty -a | tr ' ;' '\\n' | grep -x -e echo -e icanon; echo usable $((6*7))")
    assert screen.wait_for("usable 42").split()[:4] == ["icanon", "echo", "usable", "42"]


def _is_ours(process: psutil.Process, gpg: GpgHome) -> bool:
    if process.info["name"] != "pinentry-curses":
        return False
    parents = [part for parent in process.parents() for part in parent.cmdline()]
    return any(str(gpg.path) in part for part in parents)


def test_ten_kilobytes_are_pasted_in_one_go(screen: Terminal, gpg: GpgHome) -> None:
    message = handoff_for(gpg, "jane").render()
    quoted = "".join(f"> {line}\n" for line in message.splitlines())
    padding = "> I am sorry for the length of this thread.\n" * 200
    text = f"From: admin\n\n{padding}{quoted}-- \nThe admin\n"
    assert len(text) > 10_000
    waiting_session(gpg, "jane", with_handoff=False)
    screen.run(f"{PROGRAM} resume")
    screen.wait_for("▸ Handoff", "▌")
    screen.paste(text)
    screen.wait_for("The admin")
    screen.press("C-n")
    screen.wait_for("✓ This handoff")
    screen.press("C-q")
    screen.wait_for_shell()
