"""The aws command: the lines that make it use the profiles, and a try of it right here."""

from __future__ import annotations

import shutil

from workflows.errors import OnboardError
from workflows.services.clients import ProfileFiles
from workflows.services.processes import capture, child_environment
from workflows.services.shell_lines import export_lines, shell_of
from workflows.steps.base import Context, Progress, Report
from workflows.steps.written_profiles import profile_files, written_profiles

_AWS_SECONDS = 60.0


def shell_lines(context: Context, profile: str) -> tuple[str, ...]:
    """The three lines for the person's own shell."""
    recorded = next(iter(written_profiles(context).values()))
    files = profile_files(recorded)
    shell = shell_of(context.world.environment.get("SHELL", ""))
    return export_lines(shell, files.config_file, files.credentials_file, profile)


def run_aws(profile: str, context: Context, report: Report) -> str:
    """Run `aws sts get-caller-identity` with a base profile, as a new terminal would; gives its answer.

    Raises:
        OnboardError: the aws command is not here, or it fails: with its own words.
    """
    program = aws_program(context)
    if program is None:
        raise OnboardError(
            "The aws command is not here",
            "There is no program named aws on your PATH.",
            next="Install it (https://aws.amazon.com/cli/), open a new terminal, and try there.",
        )
    report(Progress("Running aws sts get-caller-identity"))
    recorded = next(one for one in written_profiles(context).values() if profile in one["names"])
    environment = _aws_environment(context, profile_files(recorded), profile)
    try:
        done = capture(
            [program, "sts", "get-caller-identity", "--output", "json"],
            cwd=context.folder,
            environment=environment,
            cancelled=context.cancelled,
            timeout=_AWS_SECONDS,
        )
    except TimeoutError as error:
        raise OnboardError(
            "aws does not answer", f"{error}.", next="Check your network, then again."
        ) from None
    context.raise_if_cancelled()
    if done.exit_code != 0:
        raise OnboardError(
            "aws says no",
            f"aws sts get-caller-identity ended with {done.exit_code} for the profile {profile}.",
            next="Read its words below; Verify above tells what each profile lacks.",
            detail=done.stderr.strip() or done.stdout.strip(),
        )
    return done.stdout.strip()


def aws_program(context: Context) -> str | None:
    """Where the aws command is, or None."""
    return shutil.which("aws", path=context.world.environment.get("PATH", ""))


def _aws_environment(context: Context, files: ProfileFiles, profile: str) -> dict[str, str]:
    extra = {
        "AWS_CONFIG_FILE": str(files.config_file),
        "AWS_SHARED_CREDENTIALS_FILE": str(files.credentials_file),
        "AWS_PROFILE": profile,
        "AWS_PAGER": "",
    }
    if context.world.endpoint_url is not None:
        extra["AWS_ENDPOINT_URL"] = context.world.endpoint_url
    return child_environment(context.world.environment, extra)
