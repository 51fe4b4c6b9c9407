from __future__ import annotations

import os
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from workflows import git as git_module
from workflows.core.sentences import OnboardError
from workflows.git import Git, GitMissing, GitRefused, NoBranchName, NotSigned


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\n  name = Jane\n  email = jane@example.org\n[init]\n  defaultBranch = main\n"
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_DIR": "/somewhere/else",
    }


def run(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    own = {name: value for name, value in environment.items() if name != "GIT_DIR"}
    subprocess.run(["git", *arguments], cwd=folder, env=own, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path, environment: dict[str, str]) -> Path:
    """Return a checkout with one commit, and an upstream that a colleague also uses."""
    upstream, folder = tmp_path / "upstream.git", tmp_path / "checkout"
    folder.mkdir()
    run(tmp_path, environment, "init", "--quiet", "--bare", str(upstream))
    run(folder, environment, "init", "--quiet")
    (folder / "layer").mkdir()
    (folder / "layer" / "users.tf").write_text("one\n")
    (folder / "other.txt").write_text("other\n")
    run(folder, environment, "add", ".")
    run(folder, environment, "commit", "--quiet", "-m", "First")
    run(folder, environment, "remote", "add", "origin", str(upstream))
    run(folder, environment, "push", "--quiet", "-u", "origin", "main")
    return folder


def test_what_is_a_repository(tmp_path: Path, checkout: Path, environment: dict[str, str]) -> None:
    git = Git(checkout / "layer", environment)
    assert git.is_repository()
    assert git.root() == checkout
    assert git.branch() == "main"
    assert len(git.head()) == 40
    assert not Git(tmp_path, environment).is_repository()
    assert not Git(tmp_path, environment, program=str(tmp_path / "none")).is_repository()
    with pytest.raises(GitMissing):
        Git(checkout, environment, program=str(tmp_path / "none")).root()
    with pytest.raises(GitRefused) as refused:
        Git(tmp_path, environment).root()
    assert "not a git repository" in refused.value.detail


def test_dirty_files_by_path(checkout: Path, environment: dict[str, str]) -> None:
    git = Git(checkout / "layer", environment)
    assert git.dirty_files() == ()
    (checkout / "layer" / "users.tf").write_text("two\n")
    (checkout / "layer" / "keys").mkdir()
    (checkout / "layer" / "keys" / "ä b").write_text("key\n")
    (checkout / "other.txt").unlink()
    (checkout / ".gitignore").write_text("ignored\n")
    (checkout / "ignored").write_text("x")
    assert [(str(file.path.relative_to(checkout)), file.status) for file in git.dirty_files()] == [
        (".gitignore", "??"),
        ("layer/keys/ä b", "??"),
        ("layer/users.tf", " M"),
        ("other.txt", " D"),
    ]
    found = git.dirty_files([checkout / "layer"])
    assert [(file.path.name, file.untracked) for file in found] == [("ä b", True), ("users.tf", False)]


def was_asked(checkout: Path) -> bool:
    """Return whether git has fetched something into a checkout."""
    record = checkout / ".git" / "FETCH_HEAD"
    return record.is_file() and bool(record.read_text())


def test_behind_its_upstream_only_after_a_fetch(
    tmp_path: Path, checkout: Path, environment: dict[str, str]
) -> None:
    colleague = tmp_path / "colleague"
    run(tmp_path, environment, "clone", "--quiet", str(tmp_path / "upstream.git"), str(colleague))
    (colleague / "layer" / "users.tf").write_text("theirs\n")
    run(colleague, environment, "commit", "--quiet", "-am", "Theirs")
    run(colleague, environment, "push", "--quiet")
    git = Git(checkout, environment)
    before = git.upstream()
    assert (before.name, before.ahead, before.behind) == ("origin/main", 0, 0)
    assert not was_asked(checkout)
    (checkout / "other.txt").write_text("mine\n")
    git.commit([checkout / "other.txt"], "Mine")
    after = git.upstream(fetch=True)
    assert (after.ahead, after.behind, after.why_not_fetched) == (1, 1, "")
    assert was_asked(checkout)


def test_what_came_in_since_a_moment_and_who_made_it(
    tmp_path: Path, checkout: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    colleague = tmp_path / "colleague"
    run(tmp_path, environment, "clone", "--quiet", str(tmp_path / "upstream.git"), str(colleague))
    run(colleague, environment, "config", "user.name", "Mary")
    run(colleague, environment, "config", "user.email", "mary@example.org")
    dated = {**environment, "GIT_COMMITTER_DATE": "2026-01-05T12:00:00Z"}  # long before it was pulled
    run(colleague, dated, "commit", "--quiet", "--allow-empty", "-m", "Theirs")
    run(colleague, environment, "push", "--quiet")
    git = Git(checkout, environment)
    first = subprocess.run(
        ["git", "reflog", "--date=iso-strict", "--format=%gd"],
        cwd=checkout, env={**environment, "GIT_DIR": ".git"}, check=True, capture_output=True, text=True,
    ).stdout.strip()[len("HEAD@{") : -1]  # fmt: skip
    assert git.gained_since(first) == ()
    later = (datetime.fromisoformat(first) + timedelta(hours=1)).isoformat()
    at = {**environment, "GIT_COMMITTER_DATE": later}
    run(checkout, at, "pull", "--quiet")
    run(checkout, at, "commit", "--quiet", "--allow-empty", "-m", "Mine")
    found = [(commit.author, commit.mine, commit.subject) for commit in git.gained_since(first)]
    assert found == [("Jane", True, "Mine"), ("Mary", False, "Theirs")]
    run(checkout, environment, "config", "user.email", "")
    run(checkout, at, "commit", "--quiet", "--allow-empty", "-m", "x" * 5_000)
    monkeypatch.setattr("workflows.git.MOST_COMMITS", 1)
    (only,) = git.gained_since(first)
    assert not only.mine  # without an address, no commit is the person's
    assert len(only.subject) == 100


def test_an_upstream_that_cannot_be_reached_is_told(
    tmp_path: Path, checkout: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "upstream.git").rename(tmp_path / "gone")
    upstream = Git(checkout, environment).upstream(fetch=True)
    assert (upstream.name, upstream.behind) == ("origin/main", 0)
    assert "not appear to be a git repository" in upstream.why_not_fetched


def test_a_branch_without_upstream_and_no_branch(checkout: Path, environment: dict[str, str]) -> None:
    git = Git(checkout, environment)
    git.create_branch("onboard/jane.doe")
    assert git.branch() == "onboard/jane.doe"
    upstream = git.upstream(fetch=True)
    assert (upstream.name, upstream.is_default, upstream.why_not_fetched) == ("origin/main", True, "")
    assert was_asked(checkout)
    with pytest.raises(GitRefused):
        git.create_branch("main")
    with pytest.raises(NoBranchName):
        git.create_branch("a..b")
    run(checkout, environment, "checkout", "--quiet", "--detach")
    assert git.branch() is None


def push_theirs(tmp_path: Path, environment: dict[str, str]) -> None:
    """A colleague adds a commit to the default branch."""
    colleague = tmp_path / "colleague"
    run(tmp_path, environment, "clone", "--quiet", str(tmp_path / "upstream.git"), str(colleague))
    run(colleague, environment, "commit", "--quiet", "--allow-empty", "-m", "Theirs")
    run(colleague, environment, "push", "--quiet")


def without_upstream(checkout: Path, environment: dict[str, str], how: str) -> None:
    if how == "branch":
        Git(checkout, environment).create_branch("onboard/jane.doe")
    elif how == "detached":
        run(checkout, environment, "checkout", "--quiet", "--detach")
    else:
        run(checkout, environment, "switch", "--quiet", "--create", "gone")
        run(checkout, environment, "push", "--quiet", "-u", "origin", "gone")
        run(checkout, environment, "push", "--quiet", "origin", ":gone")
        if how == "pruned by the fetch":
            run(checkout, environment, "update-ref", "refs/remotes/origin/gone", "HEAD")
            run(checkout, environment, "config", "fetch.prune", "true")


@pytest.mark.parametrize("how", ["branch", "detached", "gone", "pruned by the fetch"])
def test_without_an_upstream_the_default_branch_is_compared_with(
    tmp_path: Path, checkout: Path, environment: dict[str, str], how: str
) -> None:
    without_upstream(checkout, environment, how)
    git = Git(checkout, environment)
    (checkout / "other.txt").write_text("mine\n")
    git.commit([checkout / "other.txt"], "Mine")
    ours = git.upstream(fetch=True)
    assert (ours.name, ours.ahead, ours.behind, ours.why_not_fetched) == ("origin/main", 1, 0, "")
    assert was_asked(checkout)
    push_theirs(tmp_path, environment)
    both = git.upstream(fetch=True)
    assert (both.ahead, both.behind, both.is_default) == (1, 1, True)


def test_the_default_branch_is_the_one_that_the_remote_names(
    checkout: Path, environment: dict[str, str]
) -> None:
    run(checkout, environment, "push", "--quiet", "origin", "main:trunk")
    run(checkout, environment, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    run(checkout, environment, "checkout", "--quiet", "--detach")
    assert Git(checkout, environment).upstream(fetch=True).name == "origin/trunk"


def test_a_remote_that_cannot_be_reached_is_told_without_an_upstream_too(
    tmp_path: Path, checkout: Path, environment: dict[str, str]
) -> None:
    run(checkout, environment, "checkout", "--quiet", "--detach")
    (tmp_path / "upstream.git").rename(tmp_path / "away")
    upstream = Git(checkout, environment).upstream(fetch=True)
    assert upstream.name == "origin/main"
    assert "not appear to be a git repository" in upstream.why_not_fetched


@pytest.fixture
def without_default(tmp_path: Path, checkout: Path, environment: dict[str, str]) -> Path:
    """Return a checkout that doesn't know its remote's default branch."""
    run(checkout, environment, "config", "remote.origin.followRemoteHEAD", "never")
    run(checkout, environment, "push", "--quiet", "origin", "main:trunk")
    run(tmp_path / "upstream.git", environment, "symbolic-ref", "HEAD", "refs/heads/trunk")
    run(checkout, environment, "push", "--quiet", "origin", ":main")
    run(checkout, environment, "checkout", "--quiet", "--detach")
    return checkout


def test_a_default_branch_that_is_not_known_is_told(
    without_default: Path, environment: dict[str, str]
) -> None:
    upstream = Git(without_default, environment).upstream(fetch=True)
    assert upstream.name == "origin"
    assert " HEAD" in upstream.why_not_fetched


def test_asking_a_remote_for_its_branches_can_be_stopped_like_a_fetch(
    tmp_path: Path, without_default: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_module, "FETCH_SECONDS", 3600)
    asked, slow = tmp_path / "asked", tmp_path / "slow-git"
    slow.write_text(
        f'#!/bin/sh\ncase " $* " in *" ls-remote "*) touch {asked}; exec sleep 60;; esac\nexec git "$@"\n'
    )
    slow.chmod(0o755)

    class Stopped(Event):
        def is_set(self) -> bool:
            return asked.exists()

    git = Git(without_default, environment, program=str(slow))
    upstream = git.upstream(fetch=True, cancelled=Stopped())
    assert (upstream.name, upstream.behind) == ("origin", 0)
    assert upstream.why_not_fetched


def test_without_a_remote_there_is_nothing_to_compare_with(
    checkout: Path, environment: dict[str, str]
) -> None:
    run(checkout, environment, "remote", "remove", "origin")
    upstream = Git(checkout, environment).upstream(fetch=True)
    assert (upstream.name, upstream.behind) == ("", 0)
    assert not was_asked(checkout)


def test_commit_takes_just_these_files(checkout: Path, environment: dict[str, str]) -> None:
    git = Git(checkout / "layer", environment)
    users, new, gone = (
        checkout / "layer" / "users.tf",
        checkout / "layer" / "new.tf",
        checkout / "layer" / "gone.tf",
    )
    gone.write_text("x\n")
    git.commit([gone], "Add")
    users.write_text("two\n")
    new.write_text("new\n")
    gone.unlink()
    (checkout / "other.txt").write_text("staged by the person\n")
    run(checkout, environment, "add", "other.txt")
    before = git.head()
    after = git.commit([users, new, gone], "Onboard jane.doe\n\nWith a body.")
    assert after == git.head() != before
    assert [(file.path.name, file.status) for file in git.dirty_files()] == [("other.txt", "M ")]
    with pytest.raises(GitRefused):
        git.commit([users], "Nothing")
    with pytest.raises(OnboardError) as refused:
        git.commit([], "Nothing")
    assert not refused.value.detail, "git was not asked"


def test_a_hook_that_refuses_is_shown(checkout: Path, environment: dict[str, str]) -> None:
    hook = checkout / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho 'fmt first' >&2\nexit 1\n")
    hook.chmod(0o755)
    (checkout / "layer" / "users.tf").write_text("two\n")
    with pytest.raises(OnboardError) as refused:
        Git(checkout, environment).commit([checkout / "layer" / "users.tf"], "Message")
    assert refused.value.detail == "fmt first"


def test_a_repository_without_a_commit(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    run(folder, environment, "init", "--quiet")
    (folder / "a").write_text("a\n")
    git = Git(folder, environment)
    assert git.head() == ""
    assert git.branch() == "main"
    assert len(git.commit([folder / "a"], "First")) == 40


def test_a_commit_that_has_to_be_signed(checkout: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """A pinentry gets the person's display, but never the terminal, which the wizard uses."""
    seen = tmp_path / "seen"
    signer = tmp_path / "signer"
    signer.write_text(f'#!/bin/sh\nenv > "{seen}"\necho "gpg: signing failed: no terminal" >&2\nexit 2\n')
    signer.chmod(0o700)
    run(checkout, environment, "config", "commit.gpgsign", "true")
    run(checkout, environment, "config", "gpg.program", str(signer))
    shown = {"DISPLAY": ":7", "WAYLAND_DISPLAY": "wayland-7", "XAUTHORITY": "/run/x", "GPG_TTY": "/dev/pts/7"}
    git, before = Git(checkout, {**environment, **shown}), Git(checkout, environment).head()
    changed = checkout / "layer" / "users.tf"
    changed.write_text("two\n")

    with pytest.raises(NotSigned) as refused:
        git.commit([changed], "Second")

    told = seen.read_text().splitlines()
    assert {"DISPLAY=:7", "WAYLAND_DISPLAY=wayland-7", "XAUTHORITY=/run/x"} <= set(told)
    assert not any(line.startswith("GPG_TTY=") for line in told)
    assert "gpg --clearsign" in refused.value.next
    assert "no terminal" in refused.value.detail
    assert git.head() == before
    run(checkout, environment, "config", "commit.gpgsign", "false")
    assert git.commit([changed], "Second") == git.head() != before
