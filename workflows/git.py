"""Git: whether the checkout is clean and up to date, what changed, and commits of chosen files.

The `git` program is used, not a library, so that the person's configuration and credentials apply. It gets no
terminal, because a question would hang.

A checkout comes from somebody else, and its configuration can name programs for nearly everything that git
does. Commands that only read run none of them; a fetch runs only those that the person's own configuration
names. Branches and commits are made because the person wants them, so hooks, filters and signing apply.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Final

from workflows.core.files import cause_of
from workflows.core.processes import ALLOWED, Completed, capture, child_environment
from workflows.core.sentences import OnboardError, Sentence

FETCH_SECONDS = 30
"""The time after which asking the upstream is stopped, and it counts as unreachable."""

LOOK_SECONDS = 60
"""The time limit for any other reading command: git waits forever if one of its files is a pipe."""

# If these are set, for example inside a hook, git may read another repository than the folder's.
_MISLEADING = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE"}

# The agent may ask for a signing key's passphrase in a window. It must not ask on the terminal, which the
# wizard uses, so GPG_TTY is not passed on.
_WINDOWS = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")

MOST_COMMITS = 100
"""The maximum number of listed commits; their authors and subjects are cut to fit a line."""

_WRITING = ("switch", "add", "commit")
"""The commands that change the checkout, as the person wants; all others only read."""

_LOOKING = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "diff.external": "",
    "diff.autoRefreshIndex": "false",
    "log.showSignature": "false",
    "submodule.recurse": "false",
    "fetch.all": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    # ignore a repository inside the checkout, whose configuration may have come with a branch
    "safe.bareRepository": "explicit",
}
"""Settings of every command that only reads; they override the configuration."""

_BY_NAME = {
    "filter": {"clean": "", "smudge": "", "process": "", "required": "false"},
    "hook": {"enabled": "false"},
}
"""Settings for each configured filter and hook, as git cannot switch them all off at once."""

_OPTIONS = {
    "status": ("--ignore-submodules=dirty",),
    "log": ("--no-ext-diff", "--no-textconv"),
    "diff": ("--no-ext-diff", "--no-textconv"),
    "grep": ("--no-textconv", "--no-color"),
    "fetch": ("--no-recurse-submodules",),
}
"""Options of single commands that switch off what no setting does."""

_NAMED = re.compile(rf"({'|'.join(_BY_NAME)})\.(.*)\.[^.]+", re.DOTALL)
_CHECKOUT = ("local", "worktree")
"""The scopes of git settings that belong to the checkout; others are the person's or the machine's."""

_CONNECTS = re.compile(
    r"(core\.(sshcommand|gitproxy|askpass|alternaterefscommand)|credential\.(.*\.)?helper"
    r"|remote\..*\.(uploadpack|vcs))=.+"
    r"|protocol\.(.*\.)?allow=(?!never$).*"
    # git passes a remote's name on as an argument, so this would be an option like --upload-pack=PROGRAM
    r"|remote\.-.*"
    r"|(remote\..*\.url|branch\..*\.remote)=(ext|fd)::.*|url\.(ext|fd)::.*\.insteadof=.*",
    re.DOTALL,
)
"""Matches settings ("key=value") with which connecting to an upstream runs a program."""


@dataclass(frozen=True)
class DirtyFile:
    """A file that differs from the last commit.

    Attributes:
        path: the file, absolute.
        status: git's two letters (index, work tree), as in `git status --porcelain`: " M", "A ", "??".
    """

    path: Path
    status: str

    @property
    def untracked(self) -> bool:
        """Whether the file is untracked."""
        return self.status == "??"


@dataclass(frozen=True)
class Upstream:
    """A comparison of a branch with its upstream, or with the default branch of the remote.

    Attributes:
        name: the other branch ("origin/main"); the remote ("origin") if its default branch is unknown; "" if
            there is no remote, or no commit yet.
        ahead: the number of commits that only the local branch has.
        behind: the number of commits that only the other has; a plan made here would undo them.
        why_not_fetched: git's message if the fetch failed, else "".
        is_default: whether the branch has no upstream and was compared with the remote's default branch.
        distrusted: names of the checkout's settings that run a program, and so prevented the fetch.
    """

    name: str
    ahead: int
    behind: int
    why_not_fetched: Sentence = ""
    is_default: bool = False
    distrusted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Commit:
    """A commit.

    Attributes:
        name: the abbreviated hash.
        author: the author's name.
        mine: whether the author's email address is the one that git uses here.
        subject: the first line of the message.
    """

    name: str
    author: str
    mine: bool
    subject: str


class FilterStays(OnboardError):  # noqa: N818 - it reads better where it is raised
    """Git cannot read a checkout without running a program that its configuration names."""


class NoBranchName(OnboardError):  # noqa: N818 - it reads better where it is raised
    """The branch name is invalid."""


class GitMissing(OnboardError):  # noqa: N818 - it reads better where it is raised
    """Git cannot be started."""


class GitTooSlow(OnboardError):  # noqa: N818 - it reads better where it is raised
    """Git did not end in time."""


class GitRefused(OnboardError):  # noqa: N818 - it says what happened
    """Git failed; `detail` is its error message."""


class NotSigned(GitRefused):
    """Git is configured to sign commits, but could not sign."""


class Git:
    """Git in one folder.

    Args:
        folder: a folder of the checkout.
        environment: the variables from which git's are chosen.
        program: the git program.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], program: str = "git") -> None:
        self.folder = folder
        self._program = program
        allowed = child_environment(environment, allowed=(*ALLOWED, *_WINDOWS))
        kept = {name: value for name, value in allowed.items() if name not in _MISLEADING}
        self._environment = {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_PAGER": "cat"}

    def is_repository(self) -> bool:
        """Return whether the folder is in a checkout; False also if git is not installed.

        Raises:
            FilterStays: the configuration names a filter that cannot be switched off.
        """
        try:
            return self._known("rev-parse", "--is-inside-work-tree") == "true"
        except (GitMissing, GitRefused, GitTooSlow):
            return False

    def root(self) -> Path:
        """Return the checkout's top folder."""
        return Path(self._ask("rev-parse", "--show-toplevel").rstrip("\n"))

    def head(self) -> str:
        """Return the commit that is checked out (40 or 64 hex digits), or "" before the first commit."""
        return self._commit("HEAD")

    def gained_since(self, moment: str) -> tuple[Commit, ...]:
        """Return the commits that were added to HEAD since a moment, newest first.

        The commits themselves may be older.

        Args:
            moment: the time in ISO 8601, for which git's reflog is asked.
        """
        before = self._commit(f"HEAD@{{{moment}}}")
        return self.commits(f"{before}..HEAD") if before else ()

    def commits(self, revisions: str, path: Path | None = None) -> tuple[Commit, ...]:
        """Return the newest `MOST_COMMITS` commits of a range ("HEAD..origin/main"), newest first.

        Args:
            revisions: the range.
            path: only commits that changed this file; None for all.
        """
        email = self._run("config", "user.email").stdout.strip()
        form = "--format=%h%x1f%<(40,trunc)%an%x1f%<(100,trunc)%ae%x1f%<(100,trunc)%s"
        paths = [str(path)] if path else []
        text = self._ask("log", "-z", form, f"--max-count={MOST_COMMITS}", revisions, "--", *paths)
        found = (map(str.strip, entry.split("\x1f", 3)) for entry in text.split("\0") if entry)
        return tuple(
            Commit(name, author, bool(email) and mail == email, subject)
            for name, author, mail, subject in found
        )

    def branch(self) -> str | None:
        """Return the branch that is checked out, or None if HEAD is detached."""
        return self._known("symbolic-ref", "--quiet", "--short", "HEAD") or None

    def dirty_files(self, paths: Sequence[Path] = ()) -> tuple[DirtyFile, ...]:
        """Return the files that differ from the last commit, sorted, without ignored ones.

        Args:
            paths: the files and folders to compare; () for the whole checkout.
        """
        options = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
        text = self._ask("status", *options, "--", *map(str, paths))
        root = self.root()
        found = [DirtyFile(root / entry[3:], entry[:2]) for entry in text.split("\0") if entry]
        return tuple(sorted(found, key=lambda file: file.path))

    def remote(self) -> str:
        """Return the remote `origin`, else the first one, or "" if there is none."""
        remotes = self._ask("remote").splitlines()
        return "origin" if "origin" in remotes else next(iter(remotes), "")

    def committed(self, path: Path) -> bytes | None:
        """Return a file's content in the last commit, or None if the commit does not contain it."""
        blob = self._run("cat-file", "blob", f"HEAD:./{path.relative_to(self.folder).as_posix()}")
        return blob.stdout.encode() if blob.exit_code == 0 else None

    def is_ignored(self, path: Path) -> bool:
        """Return whether git ignores a file."""
        return self._run("check-ignore", "--quiet", "--", str(path)).exit_code == 0

    def uncommitted(self, files: Sequence[Path]) -> list[Path]:
        """Return those of the files that the last commit doesn't have as they are, ignored ones included."""
        dirty = {file.path.resolve() for file in self.dirty_files(files)} if files else set[Path]()
        return [
            path for path in files if path.resolve() in dirty or (path.exists() and self.is_ignored(path))
        ]

    def upstream(self, *, fetch: bool = False, cancelled: Event | None = None) -> Upstream:
        """Compare the branch with its upstream, or with the remote's default branch.

        The latter is used if the branch has no upstream, if its upstream was deleted, or if HEAD is detached.
        The remote is `origin`, or the first one.

        Args:
            fetch: whether to fetch first. A fetch that fails is not an error. There is no fetch if the
                checkout's configuration names a program for it.
            cancelled: setting it stops asking the upstream, as if it were unreachable.
        """
        distrusted = self._distrusted() if fetch else ()
        found = self._compared(fetch and not distrusted, cancelled)
        return replace(found, distrusted=distrusted if found.name else ())

    def _compared(self, fetch: bool, cancelled: Event | None) -> Upstream:  # noqa: FBT001 - of `upstream`
        name, why_not = self._tracked(), ""
        if name and fetch:
            why_not = self._fetch(cancelled=cancelled)
            name = self._tracked()  # a fetch may have pruned it
        if name:
            return Upstream(name, *self._counts(name), why_not)
        return self._against_default(fetch, cancelled)

    def _tracked(self) -> str:
        return self._known("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")

    def _counts(self, revision: str) -> tuple[int, int]:
        """Return the number of commits that only HEAD has, and of those that only the revision has."""
        counts = self._ask("rev-list", "--left-right", "--count", f"HEAD...{revision}", "--").split()
        return int(counts[0]), int(counts[1])

    def _against_default(self, fetch: bool, cancelled: Event | None) -> Upstream:  # noqa: FBT001 - of `upstream`
        remote = self.remote()
        if not remote or not self.head():
            return Upstream("", 0, 0)
        why_not = self._fetch(remote, cancelled=cancelled) if fetch else ""
        name = self._default_branch(remote)
        if name:
            return Upstream(name, *self._counts(f"refs/remotes/{name}"), why_not, is_default=True)
        if fetch and not why_not:
            there, why_not = self._of_remote("ls-remote", remote, cancelled=cancelled)
            if there:
                why_not = (
                    f"iam-onboard found no default branch in what git fetches from {remote}: no HEAD, main "
                    "or master."
                )
        return Upstream(remote, 0, 0, why_not, is_default=True)

    def _default_branch(self, remote: str) -> str:
        """Return the remote's default branch, as last fetched ("origin/main"), or "" if it is unknown."""
        head = self._known("symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD")
        names = filter(None, (head, f"{remote}/main", f"{remote}/master"))
        return next((name for name in names if self._commit(f"refs/remotes/{name}^{{commit}}")), "")

    def _commit(self, revision: str) -> str:
        """Return the commit that a revision names, or "" if there is none."""
        return self._known("rev-parse", "--verify", "--quiet", revision)

    def _fetch(self, *remote: str, cancelled: Event | None) -> str:
        """Return why git couldn't fetch, or ""."""
        return self._of_remote("fetch", "--quiet", "--no-tags", *remote, cancelled=cancelled)[1]

    def _of_remote(self, command: str, *arguments: str, cancelled: Event | None) -> tuple[str, str]:
        """Return the output of a command that asks a remote, and why it got no answer, or ""."""
        try:
            answer = self._run(command, *arguments, cancelled=cancelled, timeout=FETCH_SECONDS)
        except TimeoutError:
            return "", f"The upstream didn't answer within {FETCH_SECONDS} seconds."
        if answer.exit_code:
            return "", answer.stderr.strip() or f"git {command} ended with status {answer.exit_code}."
        return answer.stdout, ""

    def holder(self, commit: str) -> str:
        """Return the remote's default branch, as last fetched, if it contains the commit; else ""."""
        remote = self.remote()
        name = self._default_branch(remote) if remote else ""
        if not name:
            return ""
        answer = self._run("merge-base", "--is-ancestor", commit, f"refs/remotes/{name}")
        return name if answer.exit_code == 0 else ""

    def branches_with(self, commit: str) -> tuple[str, ...]:
        """Return the branches that contain a commit ("refs/heads/main"); remote ones may be outdated."""
        command = ("for-each-ref", "--format=%(refname)", "--contains", commit)
        return tuple(self._known(*command, "refs/heads", "refs/remotes").split())

    def whereabouts(self, files: Mapping[Path, str]) -> tuple[str, ...]:
        """Return the stashes ("stash@{0}") and branches that contain lost contents of files.

        Args:
            files: path of a file -> SHA-256 of the lost content, in hexadecimal digits.

        Returns:
            All places with the greatest number of these contents, stashes first. Only the 20 latest branches
            are searched.
        """
        stashes = self._run("stash", "list", "--format=%gd").stdout.split()
        latest = ("--sort=-committerdate", "--count=20", "--format=%(refname:short)", "refs/heads")
        root = self.root()
        found = Counter[str]()
        for place in (*stashes, *self._run("for-each-ref", *latest).stdout.split()):
            for path, digest in files.items():
                blob = self._run("cat-file", "blob", f"{place}:{path.relative_to(root).as_posix()}")
                same = hashlib.sha256(blob.stdout.encode()).hexdigest() == digest
                found[place] += blob.exit_code == 0 and same
        most = max(found.values(), default=0)
        return tuple(place for place, count in found.items() if count == most) if most else ()

    def create_branch(self, name: str) -> None:
        """Make a branch at the current commit and switch to it; changed files stay changed.

        Raises:
            OnboardError: the branch exists already, or its name is invalid.
        """
        if self._run("check-ref-format", "--branch", name).exit_code != 0:
            raise NoBranchName(
                "Not a valid branch name",
                f"git doesn't accept {name!r} as a branch name.",
                next="Use letters, digits, dashes and slashes, as in onboard/jane.doe.",
            )
        self._ask("switch", "--quiet", "--create", name)

    def commit(self, files: Sequence[Path], message: str) -> str:
        """Commit exactly these files, changed, new, ignored or deleted; other staged files stay staged.

        Returns:
            The new commit.

        Raises:
            OnboardError: none of these files changed, a hook failed, or git does not know the author.
        """
        names = [str(path) for path in files]
        if not names:
            raise OnboardError("Nothing to commit", "No file was named.")
        self._ask("add", "--all", "--force", "--", *names)
        self._ask("commit", "--quiet", "--message", message, "--only", "--", *names)
        return self.head()

    def _distrusted(self) -> tuple[str, ...]:
        """Return the checkout's settings that run a program for a fetch, such as "core.sshcommand"."""
        own = {(key, value) for scope, key, value in self._settings if scope not in _CHECKOUT}
        given = {(key, value) for _, key, value in self._settings} - own
        return tuple(sorted({key for key, value in given if _CONNECTS.fullmatch(f"{key}={value}")}))

    @cached_property
    def _settings(self) -> tuple[tuple[str, str, str], ...]:
        """Scope, key ("core.sshcommand") and value of all settings, in the order in which git reads them."""
        parts = self._ask("config", "--list", "--show-scope", "-z").split("\0")
        entries = (
            (scope, *entry.partition("\n")) for scope, entry in zip(parts[::2], parts[1::2], strict=False)
        )
        return tuple((scope, key, value) for scope, key, _, value in entries)

    @cached_property
    def _switched_off(self) -> tuple[str, ...]:
        """The arguments that switch off every configured filter and hook.

        Raises:
            FilterStays: the name of a filter or hook cannot be used on the command line.
        """
        found = dict.fromkeys(
            match.groups() for _, key, _ in self._settings if (match := _NAMED.fullmatch(key))
        )
        for _section, name in found:
            if "=" in name or "\N{REPLACEMENT CHARACTER}" in name:
                raise FilterStays(
                    "Can't switch off a filter",
                    f"The git settings of {self.folder} name the filter or hook {name!r}.",
                    why=(
                        "iam-onboard runs none of a checkout's own programs when it looks at it, and git "
                        "can't leave this one out."
                    ),
                    next="Find out who set it with `git config --list --show-origin`, and remove it.",
                )
        settings = [
            (f"{kind}.{name}.{key}", to) for kind, name in found for key, to in _BY_NAME[kind].items()
        ]
        return tuple(part for key, value in settings for part in ("-c", f"{key}={value}"))

    def _argv(self, command: str, arguments: Sequence[str]) -> list[str]:
        """Return the command line of a git command; no other function builds one."""
        if command in _WRITING:
            return [self._program, command, *arguments]
        settings = [part for key, value in _LOOKING.items() for part in ("-c", f"{key}={value}")]
        by_name = () if command == "config" else self._switched_off
        return [self._program, *settings, *by_name, command, *_OPTIONS.get(command, ()), *arguments]

    def _variables(self, command: str) -> dict[str, str]:
        """Return the environment of a git command."""
        if command in _WRITING:
            return self._environment
        found = {**self._environment, "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
        own_ssh = found.keys() & {"GIT_SSH", "GIT_SSH_COMMAND"}
        if (
            command in {"fetch", "ls-remote"}
            and not own_ssh
            and all(key != "core.sshcommand" for _, key, _ in self._settings)
        ):
            found["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes -o ConnectTimeout=10"
        return found

    def _known(self, command: str, *arguments: str) -> str:
        """Return git's output without the whitespace around it, or "" if git fails."""
        answer = self._run(command, *arguments)
        return answer.stdout.strip() if answer.exit_code == 0 else ""

    def _ask(self, command: str, *arguments: str, folder: Path | None = None) -> str:
        return self._run(command, *arguments, answers=(0,), folder=folder).stdout

    def _run(
        self,
        command: str,
        *arguments: str,
        answers: tuple[int, ...] = (),
        folder: Path | None = None,
        cancelled: Event | None = None,
        timeout: float | None = None,
    ) -> Completed:
        argv, environment = self._argv(command, arguments), self._variables(command)
        try:
            answer = capture(
                argv,
                cwd=folder or self.folder,
                environment=environment,
                cancelled=cancelled,
                timeout=timeout or (None if command in _WRITING else LOOK_SECONDS),
            )
        except TimeoutError as error:
            if timeout:
                raise
            raise GitTooSlow(
                "git doesn't answer",
                f"git {command} didn't finish within {LOOK_SECONDS} seconds in {self.folder}.",
                next="Run `git status` there. If it hangs too, look for a pipe among the files below .git.",
            ) from error
        except OSError as error:
            raise GitMissing(
                "Can't run git",
                f"{self._program} didn't start in {self.folder}.",
                why=cause_of(error),
                next="Install git, or continue without branch and commit.",
            ) from error
        if answers and answer.exit_code not in answers:
            raise refused(command, self.folder, (answer.stderr + answer.stdout).strip())
        return answer


# Git's English messages (in gpg-interface.c): the one for OpenPGP and X.509, and the two for ssh.
_NOT_SIGNED: Final = ("failed to sign the data", "Couldn't sign message", "Couldn't load public key")


def refused(verb: str, folder: Path, words: str) -> OnboardError:
    """Return the error for a git command that failed.

    Args:
        verb: the git command, such as "commit".
        folder: the folder in which it ran.
        words: git's message in English.
    """
    if verb == "commit" and any(reason in words for reason in _NOT_SIGNED):
        return NotSigned(
            "Git couldn't sign the commit",
            f"The files are written but not committed, because git couldn't sign the commit in {folder}.",
            why=(
                "Git is set to sign commits (commit.gpgsign), but it can't ask for the key's passphrase "
                "here, because iam-onboard has the terminal."
            ),
            next=(
                "Sign something with that key in another terminal, so that its agent knows the passphrase, "
                "then do this step again. With gpg:  echo | gpg --clearsign\n"
                "Or switch “commit” off, and commit the files yourself."
            ),
            detail=words,
        )
    return GitRefused(
        "git refused",
        f"git {verb} failed in {folder}.",
        next="Read git's own message below. Nothing else changed.",
        detail=words,
    )


@dataclass(frozen=True)
class Hit:
    """A line that contains a searched text.

    Attributes:
        path: the file, relative to the checkout's top folder.
        line: the line's number, from 1.
        text: the line.
    """

    path: PurePosixPath
    line: int
    text: str


class GitSearch(Git):
    """Searches the whole checkout, including new files but not ignored ones."""

    def hits(self, texts: Sequence[str]) -> tuple[Hit, ...]:
        """Return the lines that contain one of the texts, ignoring case; binary files are left out.

        Raises:
            OnboardError: git failed.
        """
        if not texts:
            return ()
        patterns = [part for text in texts for part in ("-e", text)]
        options = ("-I", "-n", "-z", "-i", "-F", "--untracked")
        answer = self._run("grep", *options, *patterns, answers=(0, 1), folder=self.root())
        lines = (line.split("\0") for line in answer.stdout.splitlines() if line.count("\0") == 2)
        return tuple(Hit(PurePosixPath(path), int(number), text) for path, number, text in lines)

    def paths(self) -> tuple[PurePosixPath, ...]:
        """Return all files, relative to the top folder, sorted, with those whose deletion is not committed.

        Raises:
            OnboardError: git failed.
        """
        options = ("--cached", "--others", "--exclude-standard", "-z")
        names = set(self._ask("ls-files", *options, folder=self.root()).split("\0")) - {""}
        return tuple(map(PurePosixPath, sorted(names)))

    def last_contents(self, name: str) -> tuple[str, ...]:
        """Return the last committed contents of the files with this name in folders `keys`, deleted or not.

        Args:
            name: the file's name, without folders.

        Returns:
            The content of each such file in the newest commit that added or changed one of them.

        Raises:
            OnboardError: git failed.
        """
        if not self.head():
            return ()
        options = ("-n", "1", "--format=%H", "--name-only", "-z", "--diff-filter=AM", "--no-renames")
        answer = self._ask("log", *options, "--", f":(top,glob)**/keys/{name}").replace("\0", "\n")
        lines = [line for line in answer.splitlines() if line]
        return tuple(self._ask("cat-file", "blob", f"{lines[0]}:{file}") for file in lines[1:])
