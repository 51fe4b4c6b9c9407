"""The QR code of a device in a real terminal of 80×24, read from its picture as a phone reads it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.terminal import terminal
from support.terminal_picture import codes_in, rows_of_capture

pytestmark = pytest.mark.e2e

SEED = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" * 2
PROGRAM = """
import sys
from textual.app import App
from screens.new_user.mfa import QrDialog
from workflows.core.secret import Credentials, Secret
from workflows.steps.new_user.mfa import Pending

class Shown(App):
    def on_mount(self):
        key = Credentials("AKIAEXAMPLEEXAMPLE01", Secret("s"))
        user, account, seed = sys.argv[1:]
        device = Pending(f"arn:aws:iam::222222222222:mfa/{user}", Secret(seed), account, key)
        self.push_screen(QrDialog(device.matrix(), device.seed, device.entry, str))

Shown().run()
"""


@pytest.mark.parametrize(
    ("settings", "user", "account"),
    [
        ("COLORTERM=truecolor", "jane.doe", "bb-security"),
        ("COLORTERM= TERM=xterm", "maximiliano.fernandez-gonzalez", "company-apps-devstg"),
        ("NO_COLOR=1", "u" * 64, "a" * 63),
    ],
    ids=["all colours", "eight colours", "no colours"],
)
def test_a_phone_reads_it_from_the_picture_of_the_terminal(
    tmp_path: Path, settings: str, user: str, account: str
) -> None:
    program = tmp_path / "shown.py"
    program.write_text(PROGRAM)
    with terminal(tmp_path) as shell:
        shell.run(f"{settings} {sys.executable} {program} {user} {account} {SEED}")
        shell.wait_for("ABCD EFGH IJKL MNOP", "Type its codes")
        picture = rows_of_capture(shell.coloured())
        shell.press("C-q")
        shell.wait_for_shell()
    label = user if len(account) == 63 else f"{user}@{account}"
    for cell in ((8, 16), (7, 15), (10, 22)):
        assert codes_in(picture, cell=cell) == [f"otpauth://totp/{label}?secret={SEED}"], cell
