"""The sandbox's project with git and a real `terraform fmt`, but without AWS, for the admin's steps."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment
from support.pgp import GpgHome, all_kinds_of_keys, gpg_home
from support.terraform import asked_once

from workflows.core.processes import child_environment
from workflows.environment import Environment
from workflows.sandbox.project import git, lay_out, publish
from workflows.steps.admin import account, groups, pgp_keys, project, review, users
from workflows.steps.admin.pgp_keys import TakenKey
from workflows.steps.shared.module import Context, Progress, StepModule

MODULES: tuple[StepModule, ...] = (project, pgp_keys, users, groups, account, review)
LAYER = "global/base-identities"


def quiet(progress: Progress) -> None:
    """Ignore a progress report."""


def taken_key(data: bytes | str, name: str, context: Context, source: str = "pasted") -> TakenKey:
    """Return the only key in a person's text or file."""
    return pgp_keys.take_in_for(data, name, source, context).keys[name]


@dataclass
class AdminProject:
    """The project, and the environment of the administrator who has checked it out.

    Attributes:
        root: the checkout.
        upstream: the bare repository that is the checkout's upstream.
        environment: the administrator's environment.
        folder: the session's folder.
        facts: the facts of earlier steps; `run` adds to them.
    """

    root: Path
    upstream: Path
    environment: Environment
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)

    def begin(self, *joining: str) -> None:
        """Set the facts that Project gives if these people join management and security."""
        self.facts = {
            "project_root": str(self.root),
            "project": "bb",
            "layers": ["management", "security"],
            "joining": list(joining),
            "leaving": [],
            "regrouping": [],
            "rekeying": [],
        }

    def context(self, **facts: Any) -> Context:
        known = {**self.facts, **facts}
        return Context(self.environment, known, known, "", self.folder, threading.Event())

    def run(self, module: StepModule, request: Any) -> Mapping[str, Any]:
        """Validate and perform a step, and add its facts."""
        problems = module.validate(request, self.context())
        assert [problem for problem in problems if problem.fatal] == []
        given = module.perform(request, self.context(), quiet)
        self.facts.update(given)
        return given

    def file(self, account_name: str, name: str) -> Path:
        """Return the path of a file in an account's layer."""
        return self.root / account_name / LAYER / name

    def text(self, account_name: str, name: str) -> str:
        return self.file(account_name, name).read_text()

    def replace(self, account_name: str, name: str, old: str, new: str) -> None:
        """Replace a text in a layer's file, which must contain it."""
        text = self.text(account_name, name)
        assert old in text
        self.file(account_name, name).write_text(text.replace(old, new))

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env=dict(self.environment.variables),
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def with_mailbox(self) -> AdminProject:
        """Return a copy that is a sandbox with a mailbox."""
        mailbox = self.folder.parent / "mailbox"
        mailbox.mkdir()
        return replace(self, environment=replace(self.environment, mailbox=mailbox, sandbox=True))


@pytest.fixture(scope="session")
def admin_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a project with its upstream, which is made once and copied by tests."""
    folder = tmp_path_factory.mktemp("admin-template")
    make_template(folder)
    return folder


def make_template(folder: Path) -> None:
    """Write and publish the project, with as few files in git as possible, as each test copies them."""
    root, upstream = folder / "project", folder / "upstream.git"
    lay_out(root)
    environment = {**git_environment(folder), "GIT_TEMPLATE_DIR": ""}  # no sample hooks
    publish(root, upstream, environment)
    for repository in (root, upstream):
        git(["gc", "--quiet", "--prune=now"], folder=repository, environment=environment)


@pytest.fixture
def admin_project(admin_template: Path, tmp_path: Path) -> AdminProject:
    """Return a project for this test."""
    return make_project(admin_template, tmp_path)


def make_project(template: Path, folder: Path) -> AdminProject:
    """Copy the template, or another project's folder, and make an environment for it."""
    root, upstream = folder / "project", folder / "upstream.git"
    shutil.copytree(template, folder, symlinks=True, dirs_exist_ok=True)
    for name in ("home", "session"):
        (folder / name).mkdir(exist_ok=True)
    environment = git_environment(folder / "home")
    binary = asked_once(folder / "bin", template.parent / "answers-of-terraform")
    config = root / ".git" / "config"
    config.write_text(config.read_text().replace(str(template), str(folder)))
    return AdminProject(
        root, upstream, fake_environment(folder / "home", environment, binary=binary), folder / "session"
    )


def copied(made: AdminProject, folder: Path) -> AdminProject:
    """Copy a project and its facts to another folder."""
    copy = make_project(made.root.parent, folder)
    copy.facts = json.loads(json.dumps(made.facts).replace(str(made.root.parent), str(folder)))
    return copy


def git_environment(home: Path) -> dict[str, str]:
    own = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "CHECKPOINT_DISABLE": "1",
    }
    return child_environment(os.environ, own)


@pytest.fixture(scope="session")
def people_keys(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """Return binary public keys of every kind, one of jane.doe, and the secret key of jane.doe.

    Making them takes seconds of processor time, so all processes of a run share those of the first one.
    """
    own = tmp_path_factory.getbasetemp()
    kept = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "people-keys.json"
    with (kept.with_suffix(".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_text(json.dumps({name: key.hex() for name, key in _people_keys().items()}))
    return {name: bytes.fromhex(key) for name, key in json.loads(kept.read_text()).items()}


def _people_keys() -> dict[str, bytes]:
    with gpg_home() as home:
        keys = all_kinds_of_keys(home)
        home.key("jane.doe")
        home.key("juan.delacruz")
        keys["jane.doe"] = home.export("jane.doe")
        keys["juan.delacruz"] = home.export("juan.delacruz")
        keys["secret"] = _secret(home)
        return keys


def _secret(home: GpgHome) -> bytes:
    return home.run("--armor", "--export-secret-keys", "=jane.doe <jane.doe@a.example>")


_decided: dict[tuple[Any, ...], str] = {}
"""The inputs of `decide` -> the facts that it found for them, as JSON."""


def decide(admin: AdminProject, keys: Mapping[str, bytes], **request: Any) -> None:
    """Do Project, PGP keys and Users with the proposed choices, or reuse the facts of an equal call.

    Args:
        admin: the project.
        keys: IAM name -> binary public key.
        request: the people who join, leave and change groups, and other fields of Project's request.
    """
    folder = str(admin.root.parent)
    given = json.dumps([admin.facts, dict(admin.environment.variables), request], sort_keys=True)
    joining = tuple(keys[name] for name in request.get("joining", ()))
    known = (given.replace(folder, "{folder}"), joining, _contents(admin))
    if known not in _decided:
        _decide(admin, keys, **request)
        _decided[known] = json.dumps(admin.facts).replace(folder, "{folder}")
    admin.facts = json.loads(_decided[known].replace("{folder}", folder))


def _contents(admin: AdminProject) -> str:
    """Return a digest of the project's files, and of the branches in the checkout and in its upstream."""
    paths = [path for path in admin.root.rglob("*") if admin.root / ".git" not in path.parents]
    for repository in (admin.root / ".git", admin.upstream):
        paths += [repository / "HEAD", repository / "packed-refs", *(repository / "refs").rglob("*")]
    files = {os.path.relpath(path, admin.root): path.read_bytes() for path in paths if path.is_file()}
    return sha256(repr(sorted(files.items())).encode()).hexdigest()


def _decide(admin: AdminProject, keys: Mapping[str, bytes], **request: Any) -> None:
    layers = request.pop("layers", ("management", "security"))
    admin.run(project, project.Request(path=str(admin.root), layers=layers, **request))
    joining = request.get("joining", ())
    if joining:
        taken = {name: taken_key(keys[name], name, admin.context()) for name in joining}
        admin.run(pgp_keys, pgp_keys.Request(taken))
    admin.run(users, users.proposal(admin.context(), users.survey(admin.context(), quiet)))


def put(admin: AdminProject, members: Mapping[str, Mapping[str, set[str]]], **changes: Any) -> None:
    """Do Groups with these members (account -> person -> groups); `changes` are changes of groups."""
    views = {view.account: view for view in groups.survey(admin.context(), quiet)}
    layers = {}
    for account_name, view in views.items():
        choice = groups.decided(admin.context(), view)
        wanted = {name: frozenset(names) for name, names in members.get(account_name, {}).items()}
        own = changes.get(account_name, {})
        layers[account_name] = replace(choice, members={**choice.members, **wanted}, **own)
    admin.run(groups, groups.Request(layers))


def write(admin: AdminProject, **request: Any) -> Mapping[str, Any]:
    """Do Review, which writes the files."""
    shown = review.prepare(admin.context(), quiet).change_set
    return admin.run(review, review.Request(shown, **request))
