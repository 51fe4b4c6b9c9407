"""The aws command: the shell lines that make it use the profiles, and a test run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from workflows.aws.clients import ProfileFiles
from workflows.aws.role_profiles import needs_code
from workflows.core.errors import OnboardError
from workflows.core.processes import Completed, capture, child_environment
from workflows.core.sentences import Sentence
from workflows.profiles.shell_lines import Shell, export_lines, shell_of
from workflows.steps.shared.module import Context, Progress, Report

COMMAND = "aws sts get-caller-identity"
NOT_INSTALLED = "! The aws command isn't installed yet."
"""An action that every profile may do, since AWS requires no permission for it."""
_OF_THE_SANDBOX = ("AWS_ENDPOINT_URL", "HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "GNUPGHOME")
"""Variables that a terminal outside the sandbox lacks: the AWS endpoint, and the home with the key vault."""
_KEEPS_FOR = timedelta(hours=1)
_ASKS = "Enter MFA code for"
_OF_THE_QUESTION = re.compile(r"GetPassWarning|fallback_getpass|Password input may be echoed")


@dataclass(frozen=True)
class Tried:
    """The result of the test run.

    Attributes:
        output: what the command printed.
        words: what that means.
        needs_code: whether it asked for an MFA code and got none.
    """

    output: str
    words: Sentence
    needs_code: bool = False


def own_shell(context: Context) -> Shell:
    """Return the user's shell."""
    return shell_of(context.environment.variables.get("SHELL", ""))


def shell_lines(context: Context, profile: str, shell: Shell | None = None) -> tuple[str, ...]:
    """Return the three lines for a shell, the user's own if None. In the sandbox, more lines lead into it."""
    files, environment = profile_files(_written_with(context, profile)), context.environment
    inside = {name: environment.variables[name] for name in _OF_THE_SANDBOX if name in environment.variables}
    return export_lines(
        shell or own_shell(context),
        files.config_file,
        files.credentials_file,
        profile,
        inside if environment.sandbox else {},
        None if environment.sandbox else environment.home,
    )


def try_aws(profile: str, code: str, context: Context, report: Report) -> Tried:
    """Run `COMMAND` with a profile, as a new terminal would.

    The command remembers a role's session for some time, so it needs a code only once.

    Args:
        profile: the profile.
        code: from the MFA device, given to the command when it asks; "" tries without.
        context: of the step.
        report: receives the progress.

    Raises:
        RepeatedCode, WrongCode: the code can't be used.
        OnboardError: the aws command is missing, or fails; with its own message.
    """
    program = aws_program(context)
    if program is None:
        raise OnboardError(
            "The aws command isn't installed",
            "There is no program named aws on your PATH.",
            next="Install it (https://aws.amazon.com/cli/), open a new terminal, and try there.",
        )
    recorded = _written_with(context, profile)
    files = profile_files(recorded)
    serial = needs_code(files, str(recorded["base"]))
    digits = context.environment.codes.claim(serial, code) if serial and code else ""
    report(Progress(f"Running {COMMAND} as {profile}"))
    try:
        done = capture(
            [program, *COMMAND.split()[1:]],
            cwd=context.folder,
            environment=_aws_environment(context, files, profile),
            cancelled=context.cancelled,
            timeout=60.0,
            stdin=f"{digits}\n" if digits else "",
        )
    except TimeoutError as error:
        raise OnboardError(
            "aws doesn't answer", f"{error}.", next="Check your network, then try again."
        ) from None
    context.raise_if_cancelled()
    tried = _answer(done, profile, with_code=bool(digits))
    with_what = _with_what(profile, serial, context)
    context.environment.tried.pop(with_what, None)
    if not tried.needs_code:
        context.environment.tried[with_what] = context.environment.now()
    return tried


def keeps_session(profile: str, serial: str | None, context: Context) -> bool:
    """Return whether the command still has a role's session from a run here, and needs no code.

    Args:
        profile: the role's.
        serial: the device whose code it would need, or None.
        context: of the step.
    """
    at = context.environment.tried.get(_with_what(profile, serial, context))
    return at is not None and context.environment.now() - at < _KEEPS_FOR


def _with_what(profile: str, serial: str | None, context: Context) -> tuple[str, ...]:
    """Return the profile, access key and device that a test run uses."""
    accounts = (account for account, known in written_profiles(context).items() if profile in known["names"])
    key = context.of_each_item("access_key").get(next(accounts, "")) or {}
    return profile, str(key.get("id")), str(serial)


def aws_program(context: Context) -> str | None:
    """Return the path of the aws command, or None."""
    return shutil.which("aws", path=context.environment.variables.get("PATH", ""))


def _answer(done: Completed, profile: str, *, with_code: bool) -> Tried:
    output, said = done.stdout.strip(), _said(done.stderr)
    if done.exit_code == 0:
        return Tried(output, "It works.")
    if _ASKS in done.stderr and not with_code:
        words = f"{profile} wants a code: type the app's next one above, then run this again."
        return Tried("", words, needs_code=True)
    raise OnboardError(
        "aws failed",
        f"{COMMAND} ended with {done.exit_code} for the profile {profile}.",
        next="Read its message below; Verify above shows what each profile lacks.",
        detail=said or output,
    )


def _said(stderr: str) -> str:
    """Return the command's own messages, without its prompt for a code."""
    lines = [line for line in stderr.splitlines() if not _OF_THE_QUESTION.search(line)]
    return re.sub(rf"{_ASKS} \S+ ?", "", "\n".join(lines)).strip()


def _written_with(context: Context, profile: str) -> Mapping[str, Any]:
    written = tuple(written_profiles(context).values())
    return next((identity for identity in written if profile in identity["names"]), written[0])


def _aws_environment(context: Context, files: ProfileFiles, profile: str) -> dict[str, str]:
    extra = {
        "AWS_CONFIG_FILE": str(files.config_file),
        "AWS_SHARED_CREDENTIALS_FILE": str(files.credentials_file),
        "AWS_PROFILE": profile,
        "AWS_PAGER": "",
    }
    if context.environment.endpoint_url is not None:
        extra["AWS_ENDPOINT_URL"] = context.environment.endpoint_url
    return child_environment(context.environment.variables, extra)


def written_profiles(context: Context) -> dict[str, Mapping[str, Any]]:
    """Return the facts `profiles` of all identities that have them, by account, except skipped ones."""
    accounts, found = context.facts.get("identities") or (), context.of_each_item("profiles")
    return {account: found[account] for account in accounts if found.get(account)}


def profile_files(recorded: Mapping[str, Any]) -> ProfileFiles:
    """Return the two files named in a fact `profiles`."""
    return ProfileFiles(Path(recorded["config"]), Path(recorded["credentials"]))
