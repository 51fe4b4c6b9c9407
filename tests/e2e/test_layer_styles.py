# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""Layers of every style go through the admin's steps, from Project to Hand over: nothing else is changed.

Each case is one session over two layers of different styles, in which one person and one machine join, one of
each leaves, and a person changes groups. The files' difference is compared with the one that is expected.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.admin_project import AdminProject, decide, put, write
from support.admin_runs import LAYERS, AdminRuns, administrator
from support.pgp import GpgHome, gpg_home
from support.sandbox import sandbox, sandbox_cache, sandbox_folder  # noqa: F401
from support.styled_project import Styling, moves, restyle

from workflows.gpg.decrypt import clean_ciphertext
from workflows.layer.discover import find_project
from workflows.messages.handoff import open_handoff
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, hand_over, plan
from workflows.steps.admin.accepted_plan import Planned
from workflows.steps.admin.terraform_runs import run_folder
from workflows.terraform.runner import Kind

pytestmark = pytest.mark.e2e

JOINS, LEAVES, CHANGES = "jane.doe", "alex.kim", "sam.okafor"
NEW_MACHINE, OLD_MACHINE = "machine.gitlab", "machine.github.actions"
MEMBERS = {
    "management": {
        JOINS: {"admins"},
        NEW_MACHINE: {"github-automation"},
        CHANGES: {"admins", "auditors"},
    },
    "security": {
        JOINS: {"devops", "auditors"},
        NEW_MACHINE: {"deploymaster"},
        CHANGES: {"devops"},
    },
}
EXPECTED = Path(__file__).parent / "expected"


@dataclass(frozen=True)
class Case:
    """A styling for each layer; None leaves a layer as the sandbox has it: lists, pairs of outputs."""

    management: Styling | None
    security: Styling | None

    def of(self, account: str) -> Styling | None:
        return self.management if account == "management" else self.security


CASES = {
    "lists and blocks": Case(None, Styling("block", "block", outputs="starred")),
    "maps": Case(
        Styling("objects", "objects", outputs="hashed"),
        Styling("objects", "objects", outputs="one map", in_file=True),
    ),
    "mixed": Case(
        Styling("list", "block", outputs="starred together", banner="line"),
        Styling("block", "objects", outputs="live", in_file=True),
    ),
}


@pytest.fixture
def home() -> Iterator[GpgHome]:
    with gpg_home() as made:
        for name in (JOINS, NEW_MACHINE):
            made.key(name)
        yield made


class Team:
    """Colleagues at the sandbox's checkout: the real git and the real Terraform, without the wizard."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.project = find_project(sandbox.project_root)

    def run(self, *command: str, folder: Path | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=folder or self.sandbox.project_root,
            env=dict(self.sandbox.administrator.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def terraform(self, account: str, *arguments: str) -> str:
        location = self.project.layer(account)
        assert location is not None
        return self.run(*self.sandbox.terraform_argv, *arguments, folder=location.path)

    def apply(self, account: str) -> None:
        """Bring the state to what the files say."""
        location = self.project.layer(account)
        assert location is not None
        self.terraform(account, "init", f"-backend-config={location.backend_config}", "-input=false")
        files = [f"-var-file={path}" for path in location.var_files]
        self.terraform(account, "apply", *files, "-auto-approve", "-input=false")

    def restyle(self, case: Case) -> None:
        """Rewrite the layers, apply them and push them."""
        styled = [account for account in LAYERS if case.of(account)]
        for account in styled:
            location, styling = self.project.layer(account), case.of(account)
            assert location is not None
            assert styling is not None
            restyle(location.path, styling)
            (location.path / "moved.tf").write_text(moves(styling))
        self.terraform("security", "fmt", "-check", "-recursive", str(self.project.root))
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.apply, styled))
        for moved in self.project.root.rglob("moved.tf"):
            moved.unlink()
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "Declare people in another style")
        self.run("git", "push", "--quiet")

    def changes(self, planned: Planned, account: str) -> list[tuple[str, str]]:
        """What a plan file holds, as action and address, in Terraform's own words."""
        shown: dict[str, Any] = json.loads(self.terraform(account, "show", "-json", str(planned.record.plan)))
        return sorted(
            ("+".join(change["change"]["actions"]), change["address"])
            for change in shown["resource_changes"]
            if change["change"]["actions"] not in (["no-op"], ["read"])
        )


def expected_changes(styling: Styling | None, account: str) -> list[tuple[str, str]]:
    """One person and machine more, one of each less, and the members of the groups that they are in."""

    def module(name: str) -> str:
        machine, slug = name.startswith("machine."), name.replace(".", "_")
        kind = "machine_user" if machine else "user"
        style = "list" if styling is None else styling.machines if machine else styling.people
        labels = {"list": f'{kind}["{name}"]', "block": f"user_{slug}", "objects": f'{kind}["{slug}"]'}
        return f"module.{labels[style]}"

    of_account = {
        "management": ("admins", "auditors", "github_automation"),
        "security": ("auditors", "deploymaster", "devops"),
    }
    return sorted(
        [
            (action, f"{module(name)}.{resource}.this[0]")
            for action, name, secret in (
                ("create", JOINS, "aws_iam_user_login_profile"),
                ("create", NEW_MACHINE, "aws_iam_access_key"),
                ("delete", LEAVES, "aws_iam_user_login_profile"),
                ("delete", OLD_MACHINE, "aws_iam_access_key"),
            )
            for resource in ("aws_iam_user", secret)
        ]
        + [
            ("update", f"module.iam_group_{name}.aws_iam_group_membership.this[0]")
            for name in of_account[account]
        ]
    )


def is_initialised(styling: Styling | None) -> bool:
    """A sandbox's own layer was never initialised; of the others, only a new block is a module to install."""
    return styling is None or "block" in {styling.people, styling.machines}


def administered(sandbox: Sandbox, folder: Path) -> AdminProject:
    environment = administrator(sandbox, folder)
    return AdminProject(sandbox.project_root, sandbox.folder / "upstream.git", environment, folder)


@pytest.mark.parametrize(
    "name", [name if name == "mixed" else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_the_plan_holds_what_was_decided_and_nothing_else(
    sandbox: Sandbox, home: GpgHome, tmp_path: Path, name: str
) -> None:
    case, team = CASES[name], Team(sandbox)
    team.restyle(case)

    # Project, PGP keys, Users, Groups, Review
    admin = administered(sandbox, tmp_path)
    keys: Mapping[str, bytes] = {name: home.export(name) for name in (JOINS, NEW_MACHINE)}
    decide(
        admin,
        keys,
        joining=(JOINS, NEW_MACHINE),
        leaving=(LEAVES, OLD_MACHINE),
        regrouping=(CHANGES,),
    )
    put(admin, MEMBERS)
    write(admin)
    check_the_files(team, name)

    # Plan, Apply, Hand over for each layer
    runs = AdminRuns(admin.environment, tmp_path, admin.facts)
    for account in LAYERS:
        planned = plan.make(runs.context(account), runs.report)
        log = run_folder(runs.context(account)) / f"{Kind.INIT}.log"
        assert log.exists() is is_initialised(case.of(account))
        assert team.changes(planned, account) == expected_changes(case.of(account), account)
        assert planned.foreign == ()
        assert planned.gone == (LEAVES, OLD_MACHINE)
        runs.learn(account, plan.perform(plan.Request(planned), runs.context(account), runs.report))
        confirmed = apply.Request(removals=(LEAVES, OLD_MACHINE))
        assert apply.validate(confirmed, runs.context(account)) == []
        runs.learn(account, apply.perform(confirmed, runs.context(account), runs.report))
        made = {each.name: each for each in hand_over.prepare(runs.context(account), runs.report)}
        assert made.keys() == {JOINS, NEW_MACHINE, CHANGES}
        person, machine = made[JOINS], made[NEW_MACHINE]
        assert person.trouble == machine.trouble == made[CHANGES].trouble == ()
    assert person.accounts == machine.accounts == tuple(LAYERS)
    passwords = [identity.encrypted_password for identity in open_handoff(person.text).identities]
    secrets = [identity.encrypted_secret for identity in open_handoff(machine.text).identities]
    for ciphertext, length in (
        *((password, 20) for password in passwords),
        *((secret, 40) for secret in secrets),
    ):
        assert ciphertext is not None
        assert len(home.run("--decrypt", stdin=clean_ciphertext(ciphertext))) >= length
    assert plan.make(runs.context("security"), runs.report).empty


def check_the_files(team: Team, name: str) -> None:
    """The difference is the expected one to the byte, and everything is as `terraform fmt` writes it."""
    lines = team.run("git", "diff", "--no-color", "--", ":!*/keys/*").splitlines(keepends=True)
    diff = "".join(line for line in lines if not line.startswith("index "))
    expected = EXPECTED / f"{name.replace(' ', '_')}.diff"
    assert diff == expected.read_text(), diff
    gone = team.run("git", "diff", "--name-status", "--", "*/keys/*").split("\n")[:-1]
    keys = "global/base-identities/keys"
    assert gone == [f"D\t{layer}/{keys}/{name}" for layer in LAYERS for name in (LEAVES, OLD_MACHINE)]
    new = team.run("git", "ls-files", "--others", "--exclude-standard").split()
    assert new == [f"{layer}/{keys}/{name}" for layer in LAYERS for name in (JOINS, NEW_MACHINE)]
    team.terraform("security", "fmt", "-check", "-recursive", str(team.project.root))
