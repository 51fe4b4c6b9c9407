"""Before you start: who the new user is, which programs they need, and how to get missing ones."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from workflows.core.files import read_text
from workflows.core.processes import capture, child_environment
from workflows.core.sentences import OnboardError, Problem, Sentence, listed
from workflows.gpg.tools import GpgMissing, gpg_version
from workflows.machine.events import Facts, Observation
from workflows.messages import rules
from workflows.messages.file_names import handoff_file
from workflows.messages.invitation import Invitation, open_invitation
from workflows.steps.shared.module import Context, Progress, Report, unless_refused

MAX_INVITATION = 100_000


@dataclass(frozen=True)
class Request:
    """The user's input.

    Attributes:
        project: the project's short name, "" if unknown.
        user: their present or future IAM user name.
    """

    project: str
    user: str


@dataclass(frozen=True)
class Tool:
    """A program that this step looks for.

    Attributes:
        name: its command.
        version: the version it reports, or "" if it isn't installed.
        needed: whether the user can't continue without it.
        purpose: what it is for.
    """

    name: str
    version: str
    needed: bool
    purpose: Sentence


@dataclass(frozen=True)
class Found:
    """The findings.

    Attributes:
        tools: the programs, needed ones first.
        invitations: the invitations in the sandbox's mailbox.
    """

    tools: tuple[Tool, ...]
    invitations: tuple[Invitation, ...]


def survey(context: Context, report: Report, user: str = "") -> Found:
    """Look for the programs and, in a sandbox, in the mailbox; change nothing.

    Args:
        user: the user name so far, as for `invitations`.

    Raises:
        OnboardError: the mailbox can't be read.
    """
    report(Progress("Looking for gpg and aws"))
    tools = (
        Tool("gpg", _gpg_version(context), needed=True, purpose="makes your key and decrypts your password"),
        Tool("aws", _aws_version(context), needed=False, purpose="optional, for the command line"),
    )
    return Found(tools, invitations(context, user))


def _gpg_version(context: Context) -> str:
    try:
        return gpg_version(context.environment.variables)
    except GpgMissing:
        return ""


def _aws_version(context: Context) -> str:
    """Return the first word of `aws --version` ("aws-cli/2.15.0"), or "" if aws is missing."""
    environment = child_environment(context.environment.variables)
    program = shutil.which("aws", path=environment.get("PATH", ""))
    if program is None:
        return ""
    try:
        answer = capture(
            [program, "--version"],
            cwd=context.folder,
            environment=environment,
            timeout=20.0,
            cancelled=context.cancelled,
        )
    except TimeoutError:
        return "(doesn't report its version)"
    words = (answer.stdout or answer.stderr).split()
    return words[0].removeprefix("aws-cli/") if words else "(doesn't report its version)"


def invitations(context: Context, user: str = "") -> tuple[Invitation, ...]:
    """Return the invitations in the sandbox's mailbox, the last one first; none outside a sandbox.

    Args:
        user: the user name so far; if a handoff for it has come, other people's invitations don't count.

    Raises:
        OnboardError: one can't be read, or isn't an invitation.
    """
    mailbox = context.environment.mailbox
    if mailbox is None or not mailbox.is_dir():
        return ()
    paths = sorted(mailbox.glob("invitation-*.txt"), key=lambda path: -path.stat().st_mtime_ns)
    found = (open_invitation(read_text(path, MAX_INVITATION)) for path in paths)
    handed_over = any(path.name == handoff_file(user) for path in mailbox.iterdir())
    return tuple(invitation for invitation in found if invitation.user == user or not handed_over)


def _readable_invitations(context: Context, user: str) -> tuple[Invitation, ...]:
    """Return them as `invitations` does; none if one can't be read, as `survey` says."""
    try:
        return invitations(context, user)
    except OnboardError:
        return ()


def validate(request: Request, context: Context) -> list[Problem]:
    """Require the user name; warn without the project's short name, or if somebody else was invited."""
    only = context.environment.project
    invited = {invitation.user for invitation in _readable_invitations(context, request.user)}
    elsewhere = Problem(f"The only project in this sandbox is {only}.", "project")
    nobody = Problem("Enter your IAM user name, for example jane.doe; it is in the invitation.", "user")
    nowhere = Problem(
        "Without the project's short name you can only continue if you already have a handoff.",
        "project",
        fatal=False,
    )
    another = Problem(
        f"The invitation in the mailbox is for {listed(sorted(invited), 3)}.", "user", fatal=False
    )
    return [
        *(rules.check(user=request.user) if request.user else [nobody]),
        *([another] if invited and request.user not in {"", *invited} else []),
        *(rules.check(project=request.project) if request.project else [nowhere]),
        *([elsewhere] if only and request.project not in {"", only} else []),
    ]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Look for the programs again and record who the user is.

    Raises:
        GpgMissing: gpg is missing; nothing works without it.
    """
    report(Progress("Looking for gpg and aws"))
    tools = {"gpg": gpg_version(context.environment.variables)}
    if version := _aws_version(context):
        tools["aws"] = version
    return {"project": request.project, "user": request.user, "tools": tools}


def observe(context: Context) -> Observation:
    """Check that gpg is still here."""
    return unless_refused(lambda: gpg_version(context.environment.variables))
