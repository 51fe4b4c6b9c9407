"""The sandbox's project with git and a real `terraform fmt`, without AWS: for the admin's steps."""

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
    """A report that nobody reads."""


def taken_key(data: bytes | str, name: str, context: Context, source: str = "pasted") -> TakenKey:
    """The one key in what was sent, for a person."""
    return pgp_keys.take_in_for(data, name, source, context).keys[name]


@dataclass
class AdminProject:
    """The project, and the world of the administrator who has it checked out.

    Attributes:
        root: the checkout.
        upstream: the bare repository that it follows.
        environment: the administrator's environment.
        folder: the session's folder.
        facts: what earlier steps gave; `run` adds to it.
    """

    root: Path
    upstream: Path
    environment: Environment
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)

    def begin(self, *joining: str) -> None:
        """Know what Project gives when these people join management and security, and that is all."""
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
        """Validate and perform a step, and keep its facts."""
        problems = module.validate(request, self.context())
        assert [problem for problem in problems if problem.fatal] == []
        given = module.perform(request, self.context(), quiet)
        self.facts.update(given)
        return given

    def file(self, account_name: str, name: str) -> Path:
        """A file of an account's layer."""
        return self.root / account_name / LAYER / name

    def text(self, account_name: str, name: str) -> str:
        return self.file(account_name, name).read_text()

    def replace(self, account_name: str, name: str, old: str, new: str) -> None:
        """Edit a file of a layer by hand; what is replaced has to be there."""
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
        """The same, as a sandbox with a mailbox."""
        mailbox = self.folder.parent / "mailbox"
        mailbox.mkdir()
        return replace(self, environment=replace(self.environment, mailbox=mailbox, sandbox=True))


@pytest.fixture(scope="session")
def admin_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with its upstream, made once; tests copy it."""
    folder = tmp_path_factory.mktemp("admin-template")
    make_template(folder)
    return folder


def make_template(folder: Path) -> None:
    """Lay the project out and publish it, in as few files as git can do with: each test copies them."""
    root, upstream = folder / "project", folder / "upstream.git"
    lay_out(root)
    environment = {**git_environment(folder), "GIT_TEMPLATE_DIR": ""}  # no samples of hooks
    publish(root, upstream, environment)
    for repository in (root, upstream):
        git(["gc", "--quiet", "--prune=now"], folder=repository, environment=environment)


@pytest.fixture
def admin_project(admin_template: Path, tmp_path: Path) -> AdminProject:
    """A project of the test's own."""
    return make_project(admin_template, tmp_path)


def make_project(template: Path, folder: Path) -> AdminProject:
    """Copy the template, or the folder of another one, and make a world around it."""
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
    """The same project with what is known of it, in another folder."""
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
    """Binary public keys of every kind, one of jane.doe, and the secret key of jane.doe.

    They take seconds of the processor's time, so all processes of a run share what the first one makes.
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
"""The facts that were decided, as JSON, by all that they come from."""


def decide(admin: AdminProject, keys: Mapping[str, bytes], **request: Any) -> None:
    """Go through Project, PGP keys and Users as they propose themselves, or know what that gave before.

    Args:
        admin: the project.
        keys: binary public keys by IAM name.
        request: who joins, leaves and changes groups, and other fields of Project's request.
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
    """A digest of the project's files, and of the branches here and in its upstream."""
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
    """Perform Groups with these members by account and person; `changes`: groups made, removed, renamed."""
    views = {view.account: view for view in groups.survey(admin.context(), quiet)}
    layers = {}
    for account_name, view in views.items():
        choice = groups.decided(admin.context(), view)
        wanted = {name: frozenset(names) for name, names in members.get(account_name, {}).items()}
        own = changes.get(account_name, {})
        layers[account_name] = replace(choice, members={**choice.members, **wanted}, **own)
    admin.run(groups, groups.Request(layers))


def write(admin: AdminProject, **request: Any) -> Mapping[str, Any]:
    """Review what was decided, and write it."""
    digest = review.prepare(admin.context(), quiet).change_set.digest
    return admin.run(review, review.Request(digest, **request))
