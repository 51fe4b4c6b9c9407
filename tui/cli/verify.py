"""`iam-onboard verify`: the step Verify without a screen, for whatever profiles the project's files have.

What was asked for goes to standard output; questions go to the terminal, everything else to standard error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui.cli import asking
from tui.cli.arguments import JSON, PROJECT_OR_NAME, SHELLS, Commands, flag, option
from tui.cli.context import own_context, report_progress
from tui.cli.exit_codes import DONE, REFUSED
from tui.cli.output import answer, filling
from workflows.core.errors import Cancelled, OnboardError
from workflows.core.sentences import text_of

if TYPE_CHECKING:
    import argparse

    from tui.host import Machine
    from workflows.aws.clients import Credentials, ProfileFiles
    from workflows.aws.role_profiles import RoleProfile
    from workflows.aws.verify import Verification
    from workflows.environment import World
    from workflows.profiles.shell_lines import Shell
    from workflows.steps.shared.module import Context

_WAITS, _WORKS, _FAILS = "·", "✓", "✗"


@dataclass(frozen=True)
class _Base:
    """A profile with a key, and those that build on it.

    Attributes:
        name: its name.
        roles: the profiles that assume a role with its key.
        key: its key, or why it has none.
        serial: of the device whose code is needed, or None.
    """

    name: str
    roles: tuple[RoleProfile, ...]
    key: Credentials | OnboardError
    serial: str | None


def add_to(commands: Commands) -> None:
    """Declare the command."""
    commands.add(
        "verify",
        verify,
        PROJECT_OR_NAME,
        option(
            "--as",
            "ACCOUNT",
            "check only your user's profiles in this account (default: all)",
            dest="account",
        ),
        flag("--no-code", "don't ask for an MFA code; roles that need one say so"),
        option("--shell", None, "print the export lines for this shell (default: yours)", choices=SHELLS),
        JSON,
        description="Asks AWS who each profile in ~/.aws/PROJECT is, and assumes every role. "
        "Asks for a code on the terminal, once for each MFA device.",
        epilog="exit codes: 0 all work, 1 failed or one doesn't work (the output says why), 2 wrong usage",
    )


def verify(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard verify [PROJECT]`.

    Raises:
        OnboardError: there are no profiles, or a file cannot be read.
    """
    from tui.cli.project_named import named_project
    from workflows.aws.clients import ProfileFiles
    from workflows.aws.role_profiles import orphan_roles
    from workflows.profiles.plan import base_name
    from workflows.profiles.shell_lines import Shell, shell_of
    from workflows.profiles.write import profile_paths
    from workflows.steps.new_user.aws_command import aws_program

    named, context = named_project(machine, options.project), own_context(machine)
    paths = profile_paths(machine.home, named.name)
    files = ProfileFiles(paths.config, paths.credentials)
    bases = _bases(context, files, base_name(named.name, options.account) if options.account else "")
    orphans = () if options.account else orphan_roles(files)
    if not bases and not orphans:
        raise OnboardError(
            "No profiles",
            f"{paths.folder} has no profile with an access key{' of that name' if options.account else ''}.",
            next="Write them: run `iam-onboard profiles write`, or use the wizard's step “Profiles”.",
        )
    try:
        answers = _ask_all(context, files, bases, orphans, options)
    finally:
        for base in bases:
            if not isinstance(base.key, OnboardError):
                base.key.drop()
    shell = Shell(options.shell) if options.shell else shell_of(machine.environment.get("SHELL", ""))
    has_aws = aws_program(context) is not None
    lines = (*failure_lines(answers), *after_lines(answers, shell, has_aws=has_aws))
    answer(as_record(answers, shell), lines, as_json=options.json)
    return REFUSED if any(one.problem for one in answers.results.values()) else DONE


def _bases(context: Context, files: ProfileFiles, only: str) -> tuple[_Base, ...]:
    """The base profiles with their keys: a passphrase is asked for before the first code."""
    from workflows.aws.role_profiles import base_profiles, needs_code, role_profiles
    from workflows.steps.shared.module import Progress

    found = []
    for name in base_profiles(files):
        if only in {"", name}:
            report_progress(Progress(f"Reading the access key of {name}"))
            roles = role_profiles(files, name)
            found.append(_Base(name, roles, _key(context, files, name), needs_code(files, name)))
    return tuple(found)


def _key(context: Context, files: ProfileFiles, base: str) -> Credentials | OnboardError:
    from workflows.aws.clients import USUAL_REGION
    from workflows.steps.shared.own_identity import clients_for

    try:
        return clients_for(context.world, USUAL_REGION).profile_credentials(files, base)
    except OnboardError as error:
        return error


def _ask_all(
    context: Context,
    files: ProfileFiles,
    bases: tuple[_Base, ...],
    orphans: tuple[RoleProfile, ...],
    options: argparse.Namespace,
) -> Answers:
    from workflows.aws.role_profiles import other_profiles
    from workflows.aws.verify import Verification

    roles = (*(role for base in bases for role in base.roles), *orphans)
    answers = Answers(files, tuple(base.name for base in bases), roles)
    if not options.account:
        answers.others = other_profiles(files, [*answers.bases, *(role.name for role in roles)])
    codes = {} if options.no_code else _codes(bases, context.world)
    with filling(answers.rows, shown=not options.json) as changed:

        def answered(verification: Verification) -> None:
            answers.results[verification.profile] = verification
            changed()

        for base in bases:
            code = codes.get(base.serial) if base.serial else None
            _ask_one(context, answers, base, code, answered)
        for role in orphans:
            answered(Verification(role.name, None, _no_source(role)))
    return answers


def _codes(bases: tuple[_Base, ...], world: World) -> dict[str, str]:
    """A code of each device, asked for once; none where nobody can be asked."""
    usable = [base for base in bases if not isinstance(base.key, OnboardError)]
    serials = dict.fromkeys(base.serial for base in usable if base.serial)
    if not serials or not asking.has_terminal():
        return {}
    asked = {serial: asking.ask_code(serial, world, or_none=True) for serial in serials}
    return {serial: code.reveal() for serial, code in asked.items() if code}


def _ask_one(
    context: Context,
    answers: Answers,
    base: _Base,
    code: str | None,
    answered: Callable[[Verification], None],
) -> None:
    """Ask a base profile and its roles; what goes wrong for all of them is the answer of each."""
    from workflows.aws.clients import USUAL_REGION
    from workflows.aws.verify import Verification, verify_profiles
    from workflows.steps.shared.own_identity import clients_for

    try:
        if isinstance(base.key, OnboardError):
            raise base.key
        verify_profiles(
            clients_for(context.world, USUAL_REGION),
            answers.files,
            base.name,
            code=code,
            memory=context.world.codes,
            report=answered,
            cancelled=context.cancelled,
            keys=base.key,
        )
    except Cancelled:
        raise
    except OnboardError as error:
        for name in (base.name, *(role.name for role in base.roles)):
            if name not in answers.results:
                answered(Verification(name, None, error))
    except KeyboardInterrupt:
        context.cancelled.set()
        raise


def _no_source(role: RoleProfile) -> OnboardError:
    return OnboardError(
        "No access key",
        f"It uses the access key of {role.source}, but that profile has none.",
        next="Keep one with `iam-onboard access-key import`, or write the profiles again.",
    )


@dataclass
class Answers:
    """The profiles that are asked, and what they have answered so far.

    Attributes:
        files: where they are.
        bases: the profiles with keys.
        roles: those that assume roles.
        results: the answers, by profile.
        others: the profiles that are not asked: they have neither a key nor a role on one.
    """

    files: ProfileFiles
    bases: tuple[str, ...]
    roles: tuple[RoleProfile, ...]
    results: dict[str, Verification] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All profiles, in the order of the table: each base profile before its roles."""
        grouped = [
            name
            for base in self.bases
            for name in (base, *(one.name for one in self.roles if one.source == base))
        ]
        return tuple(dict.fromkeys((*grouped, *(one.name for one in self.roles))))

    @property
    def chosen(self) -> str:
        """The profile for the person's shell: a role that works, else a base profile; "" if none does."""
        working = [name for name in self.names if self.works(name)]
        return next((name for name in working if name not in self.bases), working[0] if working else "")

    def works(self, name: str) -> bool:
        """Whether a profile has answered who it is."""
        return name in self.results and not self.results[name].problem

    @property
    def given(self) -> list[Verification]:
        """The answers in the order of the table."""
        return [self.results[name] for name in self.names if name in self.results]

    def rows(self) -> list[tuple[str, str, str]]:
        """The table: a mark, the profile, and its answer."""
        return [self._row(name) for name in self.names]

    def _row(self, name: str) -> tuple[str, str, str]:
        one = self.results.get(name)
        if one is None:
            return _WAITS, name, ""
        return (_FAILS, name, text_of(one.problem.title)) if one.problem else (_WORKS, name, one.arn or "")

    def switch_url(self, role: RoleProfile) -> str:
        """The console's page that switches to a role; "" where the partition has none that is known."""
        from workflows.aws.sts import partition_of
        from workflows.profiles.shell_lines import switch_role_url

        if not role.account:
            return ""
        try:
            return switch_role_url(role.account, role.role_name, role.name, partition_of(role.role_arn))
        except OnboardError:
            return ""


def failure_lines(answers: Answers) -> Iterator[str]:
    """How many work, and of each that does not: what, why, and what to do."""
    failed = [(one.profile, one.problem) for one in answers.given if one.problem]
    yield f"\n{len(answers.given) - len(failed)} of {len(answers.given)} profiles work."
    if answers.others:
        yield f"Not checked, because they use neither a key nor a role with one: {', '.join(answers.others)}."
    for profile, problem in failed:
        yield f"\n{_FAILS} {profile}: {problem.what}"
        yield from (f"  {words}" for words in (problem.why, problem.next) if words)


def after_lines(answers: Answers, shell: Shell, *, has_aws: bool) -> Iterator[str]:
    """The links that switch role, and the lines for the shell."""
    from workflows.core.installation import how_to_install

    links = [(role.name, answers.switch_url(role)) for role in answers.roles if answers.works(role.name)]
    if any(url for _, url in links):
        yield "\nSwitch role in the console:"
        yield from (f"  {name}  {url}" for name, url in links if url)
    if answers.chosen:
        yield f"\nFor {shell.value}, in its start file or typed:"
        yield from (f"  {line}" for line in _exports(answers, shell))
        yield "Then open a new terminal and type  aws s3 ls"
    if not has_aws:
        yield f"\nThe aws command isn't installed. To install it:\n{how_to_install('aws')}"


def as_record(answers: Answers, shell: Shell) -> dict[str, Any]:
    """All of it for programs."""
    urls = {role.name: answers.switch_url(role) for role in answers.roles}
    return {
        "config": str(answers.files.config_file),
        "credentials": str(answers.files.credentials_file),
        "profiles": [
            {
                "profile": one.profile,
                "arn": one.arn,
                "problem": one.problem.as_record() if one.problem else None,
                "switch_role": urls.get(one.profile) or None,
            }
            for one in answers.given
        ],
        "not_asked": list(answers.others),
        "export": list(_exports(answers, shell)) if answers.chosen else [],
    }


def _exports(answers: Answers, shell: Shell) -> tuple[str, ...]:
    from workflows.profiles.shell_lines import export_lines

    files = answers.files
    return export_lines(shell, files.config_file, files.credentials_file, answers.chosen)
