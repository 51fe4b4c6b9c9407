"""A checkout whose configuration names programs wherever git allows that: reading it runs none of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.distrusted_git import LOCAL

from workflows.core.sentences import OnboardError
from workflows.git import FilterStays, Git, GitSearch, GitTooSlow, Upstream

CONNECTING = {
    "core.sshCommand": ("{trap}", "ssh://127.0.0.1:1/x"),
    "core.gitProxy": ("{trap}", "git://127.0.0.1:1/x"),
    "core.askPass": ("{trap}", "ssh://127.0.0.1:1/x"),
    "credential.helper": ("!{trap}", "ssh://127.0.0.1:1/x"),
    "credential.https://example.org.helper": ("{trap}", "ssh://127.0.0.1:1/x"),
    "remote.origin.uploadpack": ("{trap}", ""),
    "remote.origin.vcs": ("trap", ""),
    "remote.origin.url": ("ext::{trap} %S", ""),
    "url.ext::{trap} %S /.insteadOf": ("x:", "x:y"),
    "protocol.allow": ("always", "ext::{trap} %S"),
    "protocol.ext.allow": ("user", "ext::{trap} %S"),
    "core.alternateRefsCommand": ("{trap}", ""),
}
"""Settings that run a program for a fetch, each with the address that it needs."""


class Desk:
    """A checkout with an upstream, and a program that leaves a mark when it runs."""

    def __init__(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir()
        self.own = home / ".gitconfig"
        self.own.write_text(
            "[user]\n name = Jane\n email = jane@example.org\n[init]\n defaultBranch = main\n"
        )
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
        self.marks = tmp_path / "marks"
        self.marks.mkdir()
        self.trap = _script(tmp_path / "trap", f'echo "$*" >> {self.marks}/run\n')
        _script(tmp_path / "git-remote-trap", f"touch {self.marks}/helper\n")
        self.environment["PATH"] += f":{tmp_path}"
        self.hooks = tmp_path / "hooks"
        self.hooks.mkdir()
        for name in ("post-index-change", "reference-transaction", "pre-auto-gc", "post-checkout"):
            _script(self.hooks / name, f"touch {self.marks}/{name}\n")
        self.upstream, self.checkout = tmp_path / "upstream.git", tmp_path / "checkout"
        self.asked = self.checkout / ".git" / "FETCH_HEAD"  # git writes it when a fetch starts
        (self.checkout / "layer" / "keys").mkdir(parents=True)
        self.plain(tmp_path, "init", "--quiet", "--bare", str(self.upstream))
        self.plain(self.checkout, "init", "--quiet")
        self.file = self.checkout / "layer" / "users.tf"
        self.file.write_text("jane\n")
        (self.checkout / "layer" / "keys" / "jane.doe").write_text("key\n")
        (self.checkout / "layer" / "process.tf").write_text("process\n")
        (self.checkout / ".gitattributes").write_text(
            "*.tf filter=trap diff=trap\nprocess.tf filter=process\njane.doe diff=trap\n"
        )
        self.plain(self.checkout, "add", ".")
        self.plain(self.checkout, "commit", "--quiet", "-m", "First")
        self.plain(self.checkout, "remote", "add", "origin", str(self.upstream))
        self.plain(self.checkout, "push", "--quiet", "-u", "origin", "main")

    def plain(self, folder: Path, *arguments: str) -> None:
        """Run git as the person does."""
        subprocess.run(["git", *arguments], cwd=folder, env=self.environment, check=True, capture_output=True)

    def set(self, settings: Mapping[str, str], *where: str) -> None:
        """Add settings to a configuration, by default to the checkout's."""
        for key, value in settings.items():
            given = [text.format(trap=self.trap, hooks=self.hooks) for text in (key, value)]
            self.plain(self.checkout, "config", *where, *given)

    def change(self) -> None:
        """Touch all files, so that git reads them again, change one and add one."""
        for path in self.checkout.rglob("*.tf"):
            os.utime(path, (1, 1))
        self.file.write_text("jane, john\n")
        (self.checkout / "layer" / "new.tf").write_text("new\n")

    def look(self, *, fetch: bool = True) -> Upstream:
        """Call all methods of `Git` that only read."""
        git = GitSearch(self.checkout / "layer", self.environment)
        assert git.is_repository()
        git.dirty_files()
        git.branch()
        git.is_ignored(self.file)
        git.holder(git.head())
        git.whereabouts({self.file: "0" * 64})
        assert git.hits(["jane"])
        assert git.paths()
        assert git.last_contents("jane.doe") == ("key\n",)
        git.upstream()
        return git.upstream(fetch=fetch)

    def left(self) -> list[str]:
        """Return the names of the marks."""
        return sorted(path.name for path in self.marks.iterdir())


def _script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_looking_runs_nothing_that_a_checkout_names(desk: Desk) -> None:
    desk.change()
    desk.plain(desk.checkout, "stash", "push", "--quiet", "--include-untracked")
    desk.set(LOCAL)
    desk.change()
    upstream = desk.look()
    assert desk.left() == []
    assert (upstream.why_not_fetched, upstream.distrusted) == ("", ())
    assert desk.asked.exists()
    git = Git(desk.checkout, desk.environment)
    assert {file.path.name for file in git.dirty_files()} == {"users.tf", "new.tf"}
    subprocess.run(
        ["git", "status"], cwd=desk.checkout, env=desk.environment, check=False, capture_output=True
    )
    assert desk.left()


@pytest.mark.parametrize("key", CONNECTING)
def test_an_upstream_is_asked_only_by_what_the_persons_own_settings_name(desk: Desk, key: str) -> None:
    value, address = CONNECTING[key]
    desk.set({key: value})
    if address:
        desk.set({"remote.origin.url": address})
    upstream = desk.look()
    assert desk.left() == []
    assert not desk.asked.exists()
    assert key.format(trap=desk.trap).casefold() in [text.casefold() for text in upstream.distrusted]


def test_a_remotes_name_is_no_option(desk: Desk) -> None:
    name = f"--upload-pack={desk.trap}"
    desk.plain(desk.checkout, "config", "--remove-section", "remote.origin")
    desk.plain(desk.checkout, "config", "--remove-section", "branch.main")
    desk.set({f"remote.{name}.url": str(desk.upstream), f"remote.{name}.fetch": "+refs/heads/*:refs/x/*"})
    upstream = desk.look()
    assert desk.left() == []
    assert upstream.distrusted == (f"remote.{name}.fetch", f"remote.{name}.url")
    assert not desk.asked.exists()


def test_a_pipe_in_the_place_of_gits_own_file_ends_a_look(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.git.LOOK_SECONDS", 0.5)
    index = desk.checkout / ".git" / "index"
    index.unlink()
    os.mkfifo(index)
    with pytest.raises(GitTooSlow):
        Git(desk.checkout, desk.environment).dirty_files()


@pytest.mark.parametrize(
    "included", [False, True], ids=["in the configuration itself", "in a file that it includes"]
)
def test_the_persons_own_ssh_is_used_and_the_checkouts_is_not(
    desk: Desk, tmp_path: Path, *, included: bool
) -> None:
    desk.set({"remote.origin.url": "ssh://example.org/x"})
    desk.set({"core.sshCommand": "{trap} mine"}, "--global")
    assert desk.look().distrusted == ()
    assert desk.left() == ["run"]
    assert (desk.marks / "run").read_text().startswith("mine ")
    (desk.marks / "run").unlink()
    foreign = tmp_path / "foreign"
    if included:
        desk.set({"include.path": str(foreign)})
    where = ("--file", str(foreign)) if included else ()
    desk.set({"core.sshCommand": "{trap} theirs"}, *where)
    assert desk.look().distrusted == ("core.sshcommand",)
    assert desk.left() == []
    desk.set({"core.sshCommand": "{trap} mine"}, *where)
    assert desk.look().distrusted == ()
    assert desk.left() == ["run"]


def test_a_folder_that_is_a_repository_of_its_own_is_not_entered(desk: Desk) -> None:
    """A branch can contain one: git treats a folder with HEAD, objects and refs as a repository."""
    desk.plain(desk.checkout, "init", "--quiet", "--bare", "layer/inner")
    inner = desk.checkout / "layer" / "inner"
    desk.plain(inner, "config", "core.bare", "false")
    desk.plain(inner, "config", "core.worktree", str(inner))
    desk.plain(inner, "config", "core.fsmonitor", str(desk.trap))
    git = Git(inner, desk.environment)
    assert not git.is_repository()
    with pytest.raises(OnboardError):
        git.dirty_files()
    assert desk.left() == []
    desk.plain(inner, "status")
    assert desk.left() == ["run"]


def test_submodules_are_not_entered(desk: Desk) -> None:
    inner = desk.checkout / "modules" / "inner"
    desk.plain(
        desk.checkout,
        *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(desk.upstream)),
        "modules/inner",
    )
    desk.plain(desk.checkout, "commit", "--quiet", "-m", "Submodule")
    desk.plain(inner, "config", "core.fsmonitor", str(desk.trap))
    desk.plain(inner, "config", "remote.origin.uploadpack", str(desk.trap))
    desk.set({"diff.submodule": "diff", "status.submoduleSummary": "true", "fetch.recurseSubmodules": "true"})
    (inner / "new").write_text("new\n")
    assert desk.look().why_not_fetched == ""
    assert desk.asked.exists()
    assert desk.left() == []
    desk.plain(desk.checkout, "status")
    assert desk.left() == ["run"]


def test_what_is_missing_is_not_fetched_while_looking(desk: Desk) -> None:
    git = Git(desk.checkout, desk.environment)
    gone = subprocess.run(
        ["git", "rev-parse", "HEAD:layer/users.tf"],
        cwd=desk.checkout,
        env=desk.environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    desk.set(
        {
            "extensions.partialClone": "origin",
            "remote.origin.promisor": "true",
            "remote.origin.uploadpack": "{trap}",
        }
    )
    (desk.checkout / ".git" / "objects" / gone[:2] / gone[2:]).unlink()
    assert git.whereabouts({desk.file: "0" * 64}) == ()
    assert desk.left() == []


@pytest.mark.parametrize("name", ["a=b", b"\xff".decode("utf-8", "surrogateescape")])
def test_a_filter_that_cannot_be_switched_off_is_refused(desk: Desk, name: str) -> None:
    with (desk.checkout / ".git" / "config").open("ab") as config:
        config.write(f'[filter "{name}"]\n clean = {desk.trap}\n'.encode(errors="surrogateescape"))
    (desk.checkout / ".gitattributes").write_bytes(f"*.tf filter={name}\n".encode(errors="surrogateescape"))
    desk.change()
    for look in (Git.is_repository, Git.dirty_files):
        with pytest.raises(FilterStays):
            look(Git(desk.checkout, desk.environment))
    assert desk.left() == []
    desk.plain(desk.checkout, "status")
    assert desk.left() == ["run"]


def test_a_filter_without_a_name_is_switched_off_too(desk: Desk) -> None:
    with (desk.checkout / ".git" / "config").open("a") as config:
        config.write(f'[filter ""]\n clean = {desk.trap}\n')
    (desk.checkout / ".gitattributes").write_text("*.tf filter=\n")
    desk.change()
    assert Git(desk.checkout, desk.environment).dirty_files()
    assert desk.left() == []


def test_hooks_and_filters_apply_to_a_commit(desk: Desk) -> None:
    _script(desk.checkout / ".git" / "hooks" / "pre-commit", f"touch {desk.marks}/hook\n")
    desk.set({"filter.trap.clean": "{trap}"})
    desk.file.write_text("jane, john\n")
    Git(desk.checkout, desk.environment).commit([desk.file], "Second")
    assert desk.left() == ["hook", "run"]
