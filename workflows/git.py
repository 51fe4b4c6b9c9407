"""What the wizard asks git: is the checkout clean and current, what changed; and to commit just these files.

The `git` program is used, never a library of its own, so that the person's configuration and credentials
apply. It cannot ask anything: there is no terminal for it, and a question would hang.

A checkout comes from somebody else, and its configuration can name programs for nearly everything git does.
Looking at a checkout runs none of them, asking its upstream only what the person's own configuration names;
a branch and a commit are the person's wish, so hooks, filters and signing apply to them.
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

from workflows.core.errors import OnboardError
from workflows.core.files import cause_of
from workflows.core.processes import ALLOWED, Completed, capture, child_environment
from workflows.core.sentences import Sentence

FETCH_SECONDS = 30
"""How long a fetch may take before the upstream counts as not reachable."""

LOOK_SECONDS = 60
"""How long any other look may take: git waits without an end for a pipe in the place of one of its files."""

# Where these are set (inside a hook, say) git would look at another repository than the one of the folder.
_MISLEADING = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE"}

# A signing key's passphrase may be asked for in a window. It never is on the terminal, which the wizard has:
# GPG_TTY is not passed on.
_WINDOWS = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")

MOST_COMMITS = 100
"""How many commits of a range are listed, each with so much of its author and subject as a line takes."""

_WRITING = ("switch", "add", "commit")
"""What changes the checkout because the person asked for it; every other command only looks."""

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
    # a folder of the checkout that is itself a repository, with a configuration that came with a branch
    "safe.bareRepository": "explicit",
}
"""Settings of every command that only looks, whatever the configuration says."""

_BY_NAME = {
    "filter": {"clean": "", "smudge": "", "process": "", "required": "false"},
    "hook": {"enabled": "false"},
}
"""Settings of each filter and hook that is configured: git has no switch for all of them."""

_OPTIONS = {
    "status": ("--ignore-submodules=dirty",),
    "log": ("--no-ext-diff", "--no-textconv"),
    "diff": ("--no-ext-diff", "--no-textconv"),
    "grep": ("--no-textconv", "--no-color"),
    "fetch": ("--no-recurse-submodules",),
}
"""Options of single commands, for what no setting switches off."""

_NAMED = re.compile(rf"({'|'.join(_BY_NAME)})\.(.*)\.[^.]+", re.DOTALL)
_CHECKOUT = ("local", "worktree")
"""The scopes of git's settings that belong to the checkout; all others are the person's or the machine's."""

_CONNECTS = re.compile(
    r"(core\.(sshcommand|gitproxy|askpass|alternaterefscommand)|credential\.(.*\.)?helper"
    r"|remote\..*\.(uploadpack|vcs))=.+"
    r"|protocol\.(.*\.)?allow=(?!never$).*"
    # git passes a remote's name on as an argument: this would be an option, as --upload-pack=PROGRAM
    r"|remote\.-.*"
    r"|(remote\..*\.url|branch\..*\.remote)=(ext|fd)::.*|url\.(ext|fd)::.*\.insteadof=.*",
    re.DOTALL,
)
"""Settings ("key=value") by which reaching an upstream runs a program."""


@dataclass(frozen=True)
class DirtyFile:
    """A file that differs from the last commit.

    Attributes:
        path: the file, absolute.
        status: git's two letters for it (index, work tree), as in `git status --porcelain`: " M", "A ", "??".
    """

    path: Path
    status: str

    @property
    def untracked(self) -> bool:
        """Whether git does not know the file yet."""
        return self.status == "??"


@dataclass(frozen=True)
class Upstream:
    """How a branch stands to its upstream, or to the default branch of the remote.

    Attributes:
        name: what it was compared with ("origin/main"); the remote ("origin") if its default branch is not
            known here; "" if there is no remote, or no commit here yet.
        ahead: commits here that are not there.
        behind: commits there that are not here: a plan from here would undo them.
        why_not_fetched: git's words if it was asked and could not be reached, or "".
        is_default: True if the branch has no upstream, so that the remote's default branch was taken.
        distrusted: names of the checkout's own settings for which it was not asked: they run a program.
    """

    name: str
    ahead: int
    behind: int
    why_not_fetched: Sentence = ""
    is_default: bool = False
    distrusted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Commit:
    """A commit that somebody made.

    Attributes:
        name: its abbreviated hash.
        author: who made it, as git has the name.
        mine: whether it has the email address that git would use here.
        subject: the first line of its message.
    """

    name: str
    author: str
    mine: bool
    subject: str


class FilterStays(OnboardError):  # noqa: N818 - it reads better where it is raised
    """Git cannot look at a checkout without a program that its configuration names."""


class NoBranchName(OnboardError):  # noqa: N818 - it reads better where it is raised
    """Git takes no branch of that name."""


class GitMissing(OnboardError):  # noqa: N818 - it reads better where it is raised
    """Git could not be started."""


class GitTooSlow(OnboardError):  # noqa: N818 - it reads better where it is raised
    """Git did not answer in time."""


class GitRefused(OnboardError):  # noqa: N818 - it says what happened
    """Git ended with a failure; `detail` has its own words."""


class NotSigned(GitRefused):
    """Git is set to sign commits, and could not."""


class Git:
    """Git in one folder.

    Args:
        folder: any folder of the checkout.
        environment: the environment to build git's from.
        program: the program to run.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], program: str = "git") -> None:
        self.folder = folder
        self._program = program
        allowed = child_environment(environment, allowed=(*ALLOWED, *_WINDOWS))
        kept = {name: value for name, value in allowed.items() if name not in _MISLEADING}
        self._environment = {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_PAGER": "cat"}

    def is_repository(self) -> bool:
        """Whether the folder is in a checkout; False also where there is no git at all.

        Raises:
            FilterStays: its configuration names a filter that cannot be switched off.
        """
        try:
            return self._known("rev-parse", "--is-inside-work-tree") == "true"
        except (GitMissing, GitRefused, GitTooSlow):
            return False

    def root(self) -> Path:
        """The checkout's top folder."""
        return Path(self._ask("rev-parse", "--show-toplevel").rstrip("\n"))

    def head(self) -> str:
        """The commit that is checked out (40 or 64 hex digits), or "" before the first one."""
        return self._known("rev-parse", "--verify", "--quiet", "HEAD")

    def gained_since(self, moment: str) -> tuple[Commit, ...]:
        """The commits that HEAD has now and had not at a moment, the newest first, however old they are.

        Args:
            moment: ISO 8601; what HEAD was then is in git's own record of it (the reflog).
        """
        before = self._known("rev-parse", "--verify", "--quiet", f"HEAD@{{{moment}}}")
        return self.commits(f"{before}..HEAD") if before else ()

    def commits(self, revisions: str) -> tuple[Commit, ...]:
        """The newest `MOST_COMMITS` commits of a range ("HEAD..origin/main"), the newest first."""
        email = self._run("config", "user.email").stdout.strip()
        form = "--format=%h%x1f%<(40,trunc)%an%x1f%<(100,trunc)%ae%x1f%<(100,trunc)%s"
        text = self._ask("log", "-z", form, f"--max-count={MOST_COMMITS}", revisions, "--")
        found = (map(str.strip, entry.split("\x1f", 3)) for entry in text.split("\0") if entry)
        return tuple(
            Commit(name, author, bool(email) and mail == email, subject)
            for name, author, mail, subject in found
        )

    def branch(self) -> str | None:
        """The branch that is checked out, or None if the checkout is on a commit of its own."""
        return self._known("symbolic-ref", "--quiet", "--short", "HEAD") or None

    def dirty_files(self, paths: Sequence[Path] = ()) -> tuple[DirtyFile, ...]:
        """Files that differ from the last commit, sorted; ignored ones are left out.

        Args:
            paths: only files in these folders, or these files; nothing means the whole checkout.
        """
        options = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
        text = self._ask("status", *options, "--", *map(str, paths))
        root = self.root()
        found = [DirtyFile(root / entry[3:], entry[:2]) for entry in text.split("\0") if entry]
        return tuple(sorted(found, key=lambda file: file.path))

    def remote(self) -> str:
        """The remote `origin`, or the first one; "" if there is none."""
        remotes = self._ask("remote").splitlines()
        return "origin" if "origin" in remotes else next(iter(remotes), "")

    def committed(self, path: Path) -> bytes | None:
        """What a file holds in the last commit; None if it isn't in it."""
        blob = self._run("cat-file", "blob", f"HEAD:./{path.relative_to(self.folder).as_posix()}")
        return blob.stdout.encode() if blob.exit_code == 0 else None

    def is_ignored(self, path: Path) -> bool:
        """Whether a file is kept out of the repository by its ignore rules."""
        return self._run("check-ignore", "--quiet", "--", str(path)).exit_code == 0

    def upstream(self, *, fetch: bool = False, cancelled: Event | None = None) -> Upstream:
        """How the branch stands to its upstream, or where it has none, to the remote's default branch.

        A branch without an upstream, one whose upstream is gone and a checkout on a commit of its own are
        compared with the default branch of the remote `origin`, or of the first remote.

        Args:
            fetch: ask the upstream first. One that cannot be reached is a finding, not an error. It is not
                asked where the checkout itself names a program for it.
            cancelled: when set, the fetch is given up, as if the upstream could not be reached.
        """
        distrusted = self._distrusted() if fetch else ()
        found = self._compared(fetch and not distrusted, cancelled)
        return replace(found, distrusted=distrusted if found.name else ())

    def _compared(self, fetch: bool, cancelled: Event | None) -> Upstream:  # noqa: FBT001 - of `upstream`
        name, why_not = self._tracked(), ""
        if name and fetch:
            why_not = self._fetch((), cancelled)
            name = self._tracked()  # a fetch that prunes may have removed it
        if name:
            return Upstream(name, *self._counts(name), why_not)
        return self._against_default(fetch, cancelled)

    def _tracked(self) -> str:
        return self._known("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")

    def _counts(self, revision: str) -> tuple[int, int]:
        """How many commits only HEAD has, and how many only the other."""
        counts = self._ask("rev-list", "--left-right", "--count", f"HEAD...{revision}", "--").split()
        return int(counts[0]), int(counts[1])

    def _against_default(self, fetch: bool, cancelled: Event | None) -> Upstream:  # noqa: FBT001 - of `upstream`
        remote = self.remote()
        if not remote or not self.head():
            return Upstream("", 0, 0)
        why_not = self._fetch((remote,), cancelled) if fetch else ""
        name = self._default_branch(remote)
        if name:
            return Upstream(name, *self._counts(f"refs/remotes/{name}"), why_not, is_default=True)
        if fetch and not why_not and self._ask("ls-remote", remote):
            why_not = (
                f"iam-onboard found no default branch in what git fetches from {remote}: no HEAD, main "
                "or master."
            )
        return Upstream(remote, 0, 0, why_not, is_default=True)

    def _default_branch(self, remote: str) -> str:
        """The remote's default branch as it was last fetched ("origin/main"), or "" if it is not known."""
        head = self._known("symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD")
        for name in (head, f"{remote}/main", f"{remote}/master"):
            if name and self._known("rev-parse", "--verify", "--quiet", f"refs/remotes/{name}^{{commit}}"):
                return name
        return ""

    def _fetch(self, remote: tuple[str, ...], cancelled: Event | None) -> str:
        command = ("fetch", "--quiet", "--no-tags", *remote)
        try:
            answer = self._run(*command, cancelled=cancelled, timeout=FETCH_SECONDS)
        except TimeoutError:
            return f"The upstream didn't answer within {FETCH_SECONDS} seconds."
        failed = answer.stderr.strip() or f"git fetch ended with status {answer.exit_code}."
        return failed if answer.exit_code else ""

    def holder(self, commit: str) -> str:
        """The remote's default branch, as last fetched, if a commit is in it already; "" if it is not."""
        remote = self.remote()
        name = self._default_branch(remote) if remote else ""
        if not name:
            return ""
        answer = self._run("merge-base", "--is-ancestor", commit, f"refs/remotes/{name}")
        return name if answer.exit_code == 0 else ""

    def branches_with(self, commit: str) -> tuple[str, ...]:
        """The branches that have a commit, as "refs/heads/main"; a remote's as last fetched or pushed."""
        command = ("for-each-ref", "--format=%(refname)", "--contains", commit)
        return tuple(self._known(*command, "refs/heads", "refs/remotes").split())

    def whereabouts(self, files: Mapping[Path, str]) -> tuple[str, ...]:
        """Where the contents that files lack now still are, as git names it: "stash@{0}", a branch, a commit.

        Args:
            files: SHA-256 in hexadecimal digits of the wanted content, by the file's path.

        Returns:
            Every place that holds all that can be found of them, the stashes first; the 20 latest branches
            are looked at.
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
        """Make a branch at the commit that is checked out, and go to it. Changed files stay changed.

        Raises:
            OnboardError: there is such a branch already, or it is no name for a branch.
        """
        if self._run("check-ref-format", "--branch", name).exit_code != 0:
            raise NoBranchName(
                "Not a valid branch name",
                f"git doesn't accept {name!r} as a branch name.",
                next="Use letters, digits, dashes and slashes, as in onboard/jane.doe.",
            )
        self._ask("switch", "--quiet", "--create", name)

    def commit(self, files: Sequence[Path], message: str) -> str:
        """Commit exactly these files, changed, new or deleted; whatever else is staged stays staged.

        Returns:
            The new commit.

        Raises:
            OnboardError: nothing in these files changed, a hook refused, or git does not know who commits.
        """
        names = [str(path) for path in files]
        if not names:
            raise OnboardError("Nothing to commit", "No file was named.")
        self._ask("add", "--all", "--", *names)
        self._ask("commit", "--quiet", "--message", message, "--only", "--", *names)
        return self.head()

    def _distrusted(self) -> tuple[str, ...]:
        """The checkout's own settings that run a program to reach an upstream, as "core.sshcommand"."""
        own = {(key, value) for scope, key, value in self._settings if scope not in _CHECKOUT}
        given = {(key, value) for _, key, value in self._settings} - own
        return tuple(sorted({key for key, value in given if _CONNECTS.fullmatch(f"{key}={value}")}))

    @cached_property
    def _settings(self) -> tuple[tuple[str, str, str], ...]:
        """All settings in the order in which git reads them: scope, key ("core.sshcommand") and value."""
        parts = self._ask("config", "--list", "--show-scope", "-z").split("\0")
        entries = (
            (scope, *entry.partition("\n")) for scope, entry in zip(parts[::2], parts[1::2], strict=False)
        )
        return tuple((scope, key, value) for scope, key, _, value in entries)

    @cached_property
    def _switched_off(self) -> tuple[str, ...]:
        """Arguments that switch off every filter and hook that is configured.

        Raises:
            FilterStays: one of them has a name that git takes in its configuration only.
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
        """The whole command line of a git command: the only place where one is built."""
        if command in _WRITING:
            return [self._program, command, *arguments]
        settings = [part for key, value in _LOOKING.items() for part in ("-c", f"{key}={value}")]
        by_name = () if command == "config" else self._switched_off
        return [self._program, *settings, *by_name, command, *_OPTIONS.get(command, ()), *arguments]

    def _variables(self, command: str) -> dict[str, str]:
        """The whole environment of a git command."""
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
        """What git answers, without the blanks around it; "" where it ends with a failure."""
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


# git's own words in English (its gpg-interface.c): of OpenPGP and X.509, and the two of ssh.
_NOT_SIGNED: Final = ("failed to sign the data", "Couldn't sign message", "Couldn't load public key")


def refused(verb: str, folder: Path, words: str) -> OnboardError:
    """The error for a command that git ended with a failure.

    Args:
        verb: git's command, as "commit".
        folder: where it ran.
        words: what git said, in English.
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
    """A line in which a text was found.

    Attributes:
        path: the file, from the checkout's top folder.
        line: its number, from 1.
        text: the line.
    """

    path: PurePosixPath
    line: int
    text: str


class GitSearch(Git):
    """Searches the whole checkout, new files included and ignored ones left out."""

    def hits(self, texts: Sequence[str]) -> tuple[Hit, ...]:
        """The lines that hold any of the texts, in whatever case, by file; binary files are left out.

        Raises:
            OnboardError: git fails.
        """
        if not texts:
            return ()
        patterns = [part for text in texts for part in ("-e", text)]
        options = ("-I", "-n", "-z", "-i", "-F", "--untracked")
        answer = self._run("grep", *options, *patterns, answers=(0, 1), folder=self.root())
        lines = (line.split("\0") for line in answer.stdout.splitlines() if line.count("\0") == 2)
        return tuple(Hit(PurePosixPath(path), int(number), text) for path, number, text in lines)

    def paths(self) -> tuple[PurePosixPath, ...]:
        """Every file, from the checkout's top folder, sorted; those that are deleted but not committed too.

        Raises:
            OnboardError: git fails.
        """
        options = ("--cached", "--others", "--exclude-standard", "-z")
        names = set(self._ask("ls-files", *options, folder=self.root()).split("\0")) - {""}
        return tuple(map(PurePosixPath, sorted(names)))

    def last_contents(self, name: str) -> tuple[str, ...]:
        """What files of a name held when they were last committed, in whatever folder `keys`, deleted or not.

        Args:
            name: the file's name, without folders.

        Returns:
            The content of each such file at the newest commit that touched one of them.

        Raises:
            OnboardError: git fails.
        """
        if not self.head():
            return ()
        options = ("-n", "1", "--format=%H", "--name-only", "-z", "--diff-filter=AM", "--no-renames")
        answer = self._ask("log", *options, "--", f":(top,glob)**/keys/{name}").replace("\0", "\n")
        lines = [line for line in answer.splitlines() if line]
        return tuple(self._ask("cat-file", "blob", f"{lines[0]}:{file}") for file in lines[1:])
