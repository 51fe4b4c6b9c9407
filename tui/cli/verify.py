"""`iam-onboard verify`: the step Verify without a screen, for the profiles in the project's files.

Results go to standard output, questions to the terminal, and everything else to standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui.cli import asking
from tui.cli.arguments import DONE, JSON, PROJECT_OR_NAME, REFUSED, SHELLS, Commands, flag, option
from tui.cli.context import own_context, report_progress
from tui.cli.output import answer, filling
from workflows.core.grouping import by_key
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, text_of

with on_demand():
    from tui import host
    from tui.cli import lookup
    from workflows.aws import clients as aws_clients, verify as aws_verify
    from workflows.core import installation
    from workflows.messages import handoff
    from workflows.profiles import plan, shell_lines, write
    from workflows.steps.new_user import verify as step
    from workflows.steps.shared import module, own_identity, role_profiles as roles

if TYPE_CHECKING:
    from workflows.core.secret import Credentials

    Keys = Mapping[str, Credentials | OnboardError]

_WAITS, _WORKS, _FAILS = "·", "✓", "✗"


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
        description="Ask AWS who each profile in ~/.aws/PROJECT is, and assume every role. Asks for a code "
        "on the terminal, once for each MFA device.",
        epilog="exit codes: 0 all work, 1 failed or one doesn't work (the output says why), 2 wrong usage",
    )


def verify(machine: host.Machine, options: argparse.Namespace) -> int:
    """`iam-onboard verify [PROJECT]`.

    Raises:
        OnboardError: there are no profiles, or a file can't be read.
    """
    project = lookup.named_project(machine, options.project).name
    paths = write.profile_paths(machine.home, project)
    files = aws_clients.ProfileFiles(paths.config, paths.credentials)
    context = _context(
        machine, project, files, plan.base_name(project, options.account) if options.account else ""
    )
    answers = Answers(
        step.survey(context, report_progress), () if options.account else aws_verify.orphan_roles(files)
    )
    if not answers.names:
        raise OnboardError(
            "No profiles",
            f"{paths.folder} has no profile with an access key{' of that name' if options.account else ''}.",
            next="Write them: run `iam-onboard profiles write`, or use the wizard's step “Profiles”.",
        )
    if not options.account:
        answers.others = aws_verify.other_profiles(files, answers.names)
    _ask_all(context, files, answers, options)
    chosen = next(iter(answers.survey.working(answers.results)), "")
    shell = shell_lines.Shell(options.shell) if options.shell else step.own_shell(context)
    exports = step.shell_lines(context, chosen, shell) if chosen else ()
    record = {
        "config": str(paths.config),
        "credentials": str(paths.credentials),
        "profiles": [_record(result, answers) for result in answers.given],
        "not_asked": list(answers.others),
        "export": list(exports),
    }
    lines = (*failure_lines(answers), *after_lines(answers, shell.value, exports))
    answer(record, lines, as_json=options.json)
    return REFUSED if any(result.problem for result in answers.given) else DONE


def _context(
    machine: host.Machine, project: str, files: aws_clients.ProfileFiles, only: str
) -> module.Context:
    """Return a context with an identity for each base profile, as if the step had written the files."""
    bases = [name for name in aws_verify.base_profiles(files) if only in {"", name}]
    identities = tuple(roles.unknown_user(name, aws_clients.USUAL_REGION) for name in bases)
    facts: dict[str, object] = {"handoff": handoff.Handoff(project, identities), "identities": bases}
    for name in bases:
        facts[f"profiles@{name}"] = {
            "names": [name, *(role.name for role in aws_verify.role_profiles(files, name))],
            "base": name,
            "config": str(files.config_file),
            "credentials": str(files.credentials_file),
        }
    return own_context(machine, facts)


def _ask_all(
    context: module.Context, files: aws_clients.ProfileFiles, answers: Answers, options: argparse.Namespace
) -> None:
    keys = _keys(context, files, answers.survey)
    try:
        codes = {} if options.no_code else _codes(answers.survey.identities, keys, context)
        with filling(answers.rows, shown=not options.json) as changed:

            def heard(progress: module.Progress) -> None:
                if isinstance(progress.payload, aws_verify.Result):
                    answers.results[progress.payload.profile] = progress.payload
                    changed()

            step.verify(codes, context, heard, keys)
            for role in answers.orphans:
                answers.results[role.name] = _no_source(role)
                changed()
    except KeyboardInterrupt:
        context.cancelled.set()
        raise
    finally:
        for key in keys.values():
            if not isinstance(key, OnboardError):
                key.drop()


def _keys(context: module.Context, files: aws_clients.ProfileFiles, survey: step.Survey) -> Keys:
    """Return the keys of the base profiles, asking for passphrases before the first code."""
    clients = own_identity.clients_for(context.environment, aws_clients.USUAL_REGION)
    keys: dict[str, Credentials | OnboardError] = {}
    for view in survey.identities:
        report_progress(module.Progress(f"Reading the access key of {view.base}"))
        try:
            keys[view.account] = clients.profile_credentials(files, view.base)
        except OnboardError as error:
            keys[view.account] = error
    return keys


def _codes(views: Sequence[step.IdentityView], keys: Keys, context: module.Context) -> dict[str, str]:
    """Return a code of each device by account, asked for once; none if nobody can be asked."""
    serials = {
        view.account: view.serial
        for view in views
        if view.serial and not isinstance(keys[view.account], OnboardError)
    }
    if not serials or not asking.has_terminal():
        return {}
    asked = {
        serial: asking.ask_code(serial, context.environment, or_none=True).reveal()
        for serial in dict.fromkeys(serials.values())
    }
    return {account: asked[serial] for account, serial in serials.items()}


def _no_source(role: aws_verify.RoleProfile) -> aws_verify.Result:
    error = OnboardError(
        "No access key",
        f"It uses the access key of {role.source}, but that profile has none.",
        next="Keep one with `iam-onboard access-key import`, or write the profiles again.",
    )
    return aws_verify.Result.failed(role.name, error)


@dataclass
class Answers:
    """The profiles to ask, and their answers so far.

    Attributes:
        survey: the base profiles, each with its roles.
        orphans: role profiles whose base profile has no key.
        results: the answers, by profile.
        others: profiles that aren't asked, having neither a key nor a role based on one.
    """

    survey: step.Survey
    orphans: tuple[aws_verify.RoleProfile, ...] = ()
    results: dict[str, aws_verify.Result] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All profiles in table order, each base profile before its roles."""
        return (*self.survey.names, *(role.name for role in self.orphans))

    @property
    def given(self) -> list[aws_verify.Result]:
        """The answers in table order."""
        return [self.results[name] for name in self.names if name in self.results]

    @property
    def links(self) -> list[str]:
        """The working role profiles with the console pages that switch to them, where known."""
        working = self.survey.working(self.results)
        pages = [page for view in self.survey.identities for page in view.roles.items()]
        return [f"  {name}  {url}" for name, url in pages if url and name in working]

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the table: a mark, the profile, and its answer."""
        return [self._row(name) for name in self.names]

    def _row(self, name: str) -> tuple[str, str, str]:
        if (result := self.results.get(name)) is None:
            return _WAITS, name, ""
        return (_FAILS, name, text_of(result.title)) if result.problem else (_WORKS, name, result.arn)


def failure_lines(answers: Answers) -> Iterator[str]:
    """Say how many work and, for each that doesn't: what, why, and what to do."""
    failed = [(result.error, result.profile) for result in answers.given if result.error]
    yield f"\n{step.how_many_work(len(answers.given) - len(failed), len(answers.given))}."
    if answers.others:
        yield f"Not checked, because they have no access key and no role on one: {', '.join(answers.others)}."
    same = by_key(
        (tuple(map(text_of, (error.what, error.why, error.next, error.detail))), name)
        for error, name in failed
    )
    for (what, *more), names in same.items():
        yield f"\n{_FAILS} {', '.join(names)}: {what}"
        yield from (f"  {words}" for words in more if words)


def after_lines(answers: Answers, shell: str, exports: Sequence[str]) -> Iterator[str]:
    """Yield the links that switch role, and the lines for the shell."""
    if answers.links:
        yield from ("\nSwitch role in the console:", *answers.links)
    if exports:
        yield f"\nFor {shell}, add to its start file, or type:"
        yield from (f"  {line}" for line in exports)
        yield f"Then open a new terminal and type  {step.COMMAND}"
    if not answers.survey.has_aws:
        yield f"\nThe aws command isn't installed. To install it:\n{installation.how_to_install('aws')}"


def _record(result: aws_verify.Result, answers: Answers) -> dict[str, Any]:
    urls = {name: url for view in answers.survey.identities for name, url in view.roles.items()}
    return {
        "profile": result.profile,
        "arn": result.arn or None,
        "problem": result.error.as_record() if result.error else None,
        "switch_role": urls.get(result.profile) or None,
    }
