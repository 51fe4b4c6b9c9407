# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""A lost password made anew by commands alone; and a plan that found another account than its layer's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401

from tui.cli.arguments import DONE, REFUSED
from workflows.messages.handoff import NEW_PASSWORD, open_handoff
from workflows.sandbox.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PROGRAM = Path(sys.executable).with_name("iam-onboard")
NAME = "sam.okafor"
ELSEWHERE = 'profile = lookup({ a = "bb-management-administrator" }, "a", "none")'


def run(sandbox: Sandbox, *words: str, expect: int = DONE) -> tuple[str, str]:
    """What a command wrote to standard output and to standard error, with no terminal to ask on."""
    done = subprocess.run(
        [PROGRAM, *words],
        cwd=sandbox.project_root,
        env=dict(sandbox.administrator.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout, done.stderr


def password_in(text: str) -> str:
    (identity,) = open_handoff(text).identities
    assert identity.encrypted_password
    return identity.encrypted_password


def test_a_password_is_made_anew_and_handed_over_as_such(sandbox: Sandbox) -> None:
    plan = sandbox.administrator.home / "reset.tfplan"
    create = ("handoff", "create", "security", NAME)
    before, _ = run(sandbox, *create)
    _, told = run(sandbox, "plan", "security", "--password", "no.body", "--out", str(plan), expect=REFUSED)
    assert " no.body" in told
    text, _ = run(sandbox, "plan", "security", "--password", NAME, "--out", str(plan))
    assert f"{NAME}: " in text
    assert "that you didn't name" not in text
    _, told = run(sandbox, *create, "--new-password", expect=REFUSED)
    assert "from before" in told
    _, told = run(sandbox, "apply", "security", str(plan), expect=REFUSED)
    assert "terminal" in told
    _, told = run(sandbox, "apply", "security", str(plan), "--yes")
    assert f"{' '.join(create)} --new-password" in told
    after, _ = run(sandbox, *create, "--new-password")
    assert open_handoff(after).occasion == NEW_PASSWORD
    assert password_in(after) != password_in(before)
    _, told = run(sandbox, "handoff", "create", "security", "sam.okafro", expect=REFUSED)
    assert " sam.okafro" in told

    config = sandbox.project_root / "security/global/base-identities/config.tf"
    config.write_text(config.read_text().replace("profile = var.profile", ELSEWHERE))
    _, told = run(sandbox, "plan", "security", "--out", str(plan), expect=REFUSED)
    assert re.search(r" 111111111111\b.* 222222222222\b", told)
    assert list(sandbox.administrator.home.rglob("*.tfplan")) == []
