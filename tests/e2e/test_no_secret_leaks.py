"""The hunt itself finds what is planted, and the wizard's failures and pictures hold no secret.

The hunt over both workflows is in `test_the_whole_way`, which walks them; the terminal's scrollback and
clipboard are in `test_secrets_at_the_terminal`.
"""

from __future__ import annotations

import base64
import html
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from support.leak_hunt import LeakHunt, hunting
from support.new_user import PASSPHRASE, PASSWORD, environment_of, handoff_for, written
from support.panes import PaneHost, new_session, rest, settle, until
from support.pgp import GpgHome, gpg_home

from screens.new_user.before_you_start import BeforeYouStartPane
from screens.new_user.handoff import HandoffPane
from screens.new_user.pgp_key import PgpKeyPane
from screens.new_user.sign_in import SignInPane
from workflows.core.secret import Secret
from workflows.machine.events import StepKey
from workflows.machine.session import Session
from workflows.steps.new_user import before_you_start, handoff, pgp_key, sign_in

pytestmark = pytest.mark.e2e
CANARY = "planted canary/4f+9c"
WAITS = "import sys; print(flush=True); sys.stdin.read()"
GRANDCHILD = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {WAITS!r}], env={{"X": sys.stdin.readline().strip()}})
"""
LATE = f"""
import os, sys, time
given = sys.stdin.readline().strip()
if os.fork():
    os.wait()
else:
    time.sleep(0.2)
    os.execve(sys.executable, [sys.executable, "-c", {WAITS!r}], {{"X": given}})
"""
MODULES = (before_you_start, pgp_key, handoff, sign_in)
PANES = {
    "before-you-start": BeforeYouStartPane,
    "pgp-key": PgpKeyPane,
    "handoff": HandoffPane,
    "sign-in": SignInPane,
}


def run_while_looked_at(hunt: LeakHunt, *argv: str, given: str = "", **options: Any) -> None:
    """Run a Python program that prints a line once it waits, and ends with its standard input."""
    command = [sys.executable, "-c", *argv]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, **options) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(given)
        process.stdin.flush()
        process.stdout.readline()
        hunt.catch_up()
        process.stdin.close()
    assert process.returncode == 0


def plant(place: str, folder: Path, hunt: LeakHunt) -> None:
    coded = base64.b64encode(f"xy{CANARY}z".encode()).decode()
    match place:
        case "argument":
            run_while_looked_at(hunt, WAITS, f"--password={CANARY}")
        case "environment":
            run_while_looked_at(hunt, WAITS, env={"TOKEN": coded})
        case "grandchild":
            run_while_looked_at(hunt, GRANDCHILD, given=f"{CANARY}\n")
        case "late":
            run_while_looked_at(hunt, LATE, given=f"{CANARY}\n")
        case "passing":
            (folder / "passing.tmp").write_text(CANARY)
            hunt.catch_up()
            (folder / "passing.tmp").unlink()
        case "base64":
            (folder / "log.txt").write_text(f"sent {coded} to the server")
        case "utf-16":
            (folder / "journal.jsonl").write_bytes(CANARY.encode("utf-16"))
        case "name":
            (folder / CANARY.replace("/", "-")).write_text("")
            (folder / "picture.svg").write_text(html.escape(CANARY).replace(" ", "&#160;"))


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("argument", "the arguments of python"),
        ("environment", "the environment of python"),
        ("grandchild", "the environment of python"),
        ("late", "the environment of python"),
        ("passing", "passing.tmp, for a moment"),
        ("base64", "log.txt"),
        ("utf-16", "journal.jsonl"),
        ("name", "picture.svg"),
    ],
)
def test_what_is_planted_is_found(place: str, told: str, tmp_path: Path) -> None:
    with hunting(tmp_path) as hunt:
        plant(place, tmp_path, hunt)
    found = hunt.leaks([CANARY], tmp_path)
    assert any(told in message for message in found), found
    assert CANARY not in repr(found)
    assert not hunt.leaks(["another canary"], tmp_path)


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        home.key("jane", passphrase=PASSPHRASE)
        yield home


def at_sign_in(tmp_path: Path, gpg: GpgHome) -> tuple[Session, PaneHost]:
    session = new_session(tmp_path / "sessions", MODULES)
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane.doe", "tools": {}})
    sent = {"fingerprint": gpg.fingerprint("jane"), "key_made": False, "request_sent": "sent"}
    settle(session, StepKey("pgp-key"), sent)
    held = handoff_for(gpg, "jane").payload()
    settle(session, StepKey("handoff"), {"handoff": held, "identities": ["security"]})
    gpg.forget_passphrases()
    environment = environment_of(tmp_path, gpg)
    return session, PaneHost(session, environment, MODULES, PANES, StepKey("sign-in", "security"))


async def test_a_failure_in_a_worker_tells_its_place_and_no_secret(
    tmp_path: Path, gpg: GpgHome, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(passphrase: Secret, *_: object, **__: object) -> NoReturn:
        plain = passphrase.reveal()
        raise ValueError(f"cannot parse {plain}")

    monkeypatch.setattr(sign_in, "decrypt_password", broken)
    session, app = at_sign_in(tmp_path, gpg)
    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        await pilot.press(*PASSPHRASE, "enter")
        await until(pilot, lambda: "ValueError" in app.text())
        shown = app.text()
    session.close()
    assert "test_no_secret_leaks.py" in shown
    told = capfd.readouterr()
    for text in (shown, told.out, told.err, written(tmp_path)):
        assert PASSPHRASE not in text
        assert "Traceback" not in text


async def test_a_picture_of_the_masked_or_hidden_password_does_not_hold_it(
    tmp_path: Path, gpg: GpgHome
) -> None:
    session, app = at_sign_in(tmp_path, gpg)

    def picture() -> str:
        return html.unescape(app.export_screenshot()).replace("\u00a0", " ")

    async with app.run_test(size=(120, 36)) as pilot:
        await rest(pilot)
        await pilot.press(*PASSPHRASE)
        typed = picture()
        await pilot.press("enter")
        await rest(pilot)
        masked = picture()
        await pilot.press("v")
        await pilot.pause()
        assert PASSWORD in picture(), "the hunt in pictures finds nothing even where it is shown"
        await pilot.press("v")
        await pilot.pause()
        hidden = picture()
    session.close()
    for page in (typed, masked, hidden):
        assert "jane.doe" in page
        assert PASSPHRASE not in page
        assert PASSWORD not in page
