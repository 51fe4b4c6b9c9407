# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""`plan`, `apply` and `handoff` as they are typed: real Terraform, the local AWS, real gpg, no screen."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.admin_runs import slow_resource
from support.pgp import GpgHome, gpg_home
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401

from tui.cli.arguments import DONE, REFUSED
from workflows.sandbox.sandbox import Sandbox
from workflows.terraform.failures import Failure
from workflows.terraform.plan import MARKDOWN_HEAD

pytestmark = pytest.mark.e2e
PROGRAM = Path(sys.executable).with_name("iam-onboard")
NAME = "jane.doe"


class Admin:
    """The administrator's shell in the project, without a terminal to ask on."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.root = sandbox.project_root
        self.layer = self.root / "security/global/base-identities"
        self.environment = dict(sandbox.administrator.environment)
        self.home = sandbox.administrator.home
        self.plan = self.home / "jane.tfplan"

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PROGRAM, *words],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, expect: int = DONE) -> tuple[str, str]:
        """Run a command; what it wrote to standard output and to standard error."""
        process = self.start(*words)
        out, err = process.communicate()
        assert process.returncode == expect, out + err
        return out, err

    def left_over(self) -> list[Path]:
        """Plan files and temporary credentials below the home."""
        return [*self.home.rglob("*.tfplan"), *self.home.glob(".local/state/**/aws/*")]


@pytest.fixture
def home() -> Iterator[GpgHome]:
    with gpg_home() as made:
        made.key(NAME)
        yield made


@pytest.fixture
def admin(sandbox: Sandbox, home: GpgHome) -> Admin:
    made = Admin(sandbox)
    key = made.home / "jane.asc"
    key.write_bytes(home.export(NAME))
    made.run("layer", "add", "security", NAME, "--key", str(key), "--group", "admins")
    return made


def until_running(process: subprocess.Popen[str], admin: Admin, resource: str) -> None:
    """Wait until Terraform has begun with a resource in an apply."""
    while True:
        assert process.poll() is None, process.communicate()
        for log in admin.home.glob(".local/state/**/apply/output.log"):
            if any("apply_start" in line and resource in line for line in log.read_text().splitlines()):
                return
        time.sleep(0.05)


def test_a_person_gets_in_and_out_again_without_a_screen(admin: Admin, home: GpgHome) -> None:
    markdown, told = admin.run("plan", "security", "--redact")
    assert markdown.startswith(f"{MARKDOWN_HEAD} security/")
    assert NAME in markdown
    assert "222222222222" not in markdown
    assert "Planning security/global/base-identities" in told
    assert admin.left_over() == []

    text, _ = admin.run("plan", "security", "--for", NAME, "--out", str(admin.plan))
    assert f"{NAME}: new user" in text
    assert "that you didn't name" not in text
    assert stat.S_IMODE(admin.plan.stat().st_mode) == 0o600
    assert admin.left_over() == [admin.plan]

    users = admin.layer / "account.tf"
    before = users.read_text()
    users.write_text(f"{before}\n# later\n")
    _, told = admin.run("apply", "security", str(admin.plan), expect=REFUSED)
    assert "account.tf" in told
    users.write_text(before)
    _, told = admin.run("apply", "management", str(admin.plan), expect=REFUSED)
    assert "security" in told

    text, told = admin.run("apply", "security", str(admin.plan))
    assert text.startswith("Applied: ")
    assert f"create security {NAME}" in told
    assert "✓" in told
    assert admin.left_over() == []

    handoff = admin.home / "handoff.txt"
    admin.run("handoff", "create", "security", NAME, "--out", str(handoff))
    assert stat.S_IMODE(handoff.stat().st_mode) == 0o600
    _, told = admin.run("handoff", "open", str(handoff), expect=REFUSED)
    assert re.search(r": security\b", told)
    admin.environment["GNUPGHOME"] = str(home.path)
    text, _ = admin.run("handoff", "open", str(handoff), "--user", NAME)
    assert f"user      {NAME}" in text
    assert "secret key" in text
    assert "role      " in text

    admin.run("layer", "remove", "security", NAME)
    second = admin.home / "second.tfplan"
    for file in (admin.plan, second):
        admin.run("plan", "security", "--out", str(file))
    _, told = admin.run("apply", "security", str(admin.plan), expect=REFUSED)
    assert f"user {NAME}: " in told
    text, _ = admin.run("apply", "security", str(admin.plan), "--yes", "--json")
    assert '"destroyed": ' in text
    _, told = admin.run("apply", "security", str(second), "--yes", expect=REFUSED)
    assert Failure.STALE_PLAN.value.title in told
    _, told = admin.run("handoff", "create", "security", NAME, expect=REFUSED)
    assert f" {NAME}" in told


@pytest.mark.slow
def test_an_apply_is_stopped_once_left_to_itself_and_its_end_taken_in(admin: Admin) -> None:
    slow = admin.layer / "slow.tf"
    over = admin.home / "over"
    slow.write_text(slow_resource(over))
    admin.run("plan", "security", "--out", str(admin.plan))
    stopped = admin.start("apply", "security", str(admin.plan))
    until_running(stopped, admin, "terraform_data.slow")
    assert stopped.stderr is not None
    stopped.send_signal(signal.SIGINT)
    told = ""
    while "Stopping; waiting" not in told:
        told += stopped.stderr.readline()
    stopped.send_signal(signal.SIGINT)
    told += stopped.communicate()[1]
    assert stopped.returncode == REFUSED
    assert " already" in told, "it was asked twice"
    assert NAME in told
    assert admin.left_over() == []

    admin.run("plan", "security", "--out", str(admin.plan))
    left = admin.start("apply", "security", str(admin.plan), "--yes")
    until_running(left, admin, "terraform_data.slow")
    os.kill(left.pid, signal.SIGHUP)
    _, told = left.communicate()
    assert left.returncode == REFUSED
    assert "same command again" in told
    over.touch()
    text, _ = admin.run("apply", "security", str(admin.plan))
    assert text.startswith("Applied: ")
    assert admin.left_over() == []
