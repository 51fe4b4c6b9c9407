"""`iam-onboard verify`: the step Verify without a screen, for whatever profiles the project's files have.

What was asked for goes to standard output; questions go to the terminal, everything else to standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from tui.cli import asking
from tui.cli.context import own_context, tell
from tui.cli.exit_codes import DONE, REFUSED
from tui.cli.output import answer, filling
from tui.cli.project_named import named_project
from tui.cli.verify_report import Answers, after_lines, as_record, failure_lines
from tui.places import Machine
from workflows.core.errors import Cancelled, OnboardError
from workflows.services.client_settings import USUAL_REGION
from workflows.services.clients import Credentials, ProfileFiles
from workflows.services.profiles.plan import base_name
from workflows.services.profiles.write import profile_paths
from workflows.services.role_profiles import (
    RoleProfile,
    base_profiles,
    needs_code,
    orphan_roles,
    other_profiles,
    role_profiles,
)
from workflows.services.shell_lines import Shell, shell_of
from workflows.services.verify import Verification, verify_profiles
from workflows.steps.aws_command import aws_program
from workflows.steps.base import Context, Progress
from workflows.steps.key_session import clients_for
from workflows.world import World


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


def verify(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard verify [PROJECT]`.

    Raises:
        OnboardError: there are no profiles, or a file cannot be read.
    """
    named, context = named_project(machine, options.project), own_context(machine)
    paths = profile_paths(machine.home, named.name)
    files = ProfileFiles(paths.config, paths.credentials)
    bases = _bases(context, files, base_name(named.name, options.account) if options.account else "")
    orphans = () if options.account else orphan_roles(files)
    if not bases and not orphans:
        raise OnboardError(
            "No profiles",
            f"{paths.folder} has no profile with an access key{' of that name' if options.account else ''}.",
            next="Write them: `iam-onboard profiles write`, or the wizard's step “Profiles”.",
        )
    try:
        answers = _ask_all(context, files, bases, orphans, options)
    finally:
        for base in bases:
            if isinstance(base.key, Credentials):
                base.key.drop()
    shell = Shell(options.shell) if options.shell else shell_of(machine.environment.get("SHELL", ""))
    has_aws = aws_program(context) is not None
    lines = (*failure_lines(answers), *after_lines(answers, shell, has_aws=has_aws))
    answer(as_record(answers, shell), lines, as_json=options.json)
    return REFUSED if any(one.problem for one in answers.results.values()) else DONE


def _bases(context: Context, files: ProfileFiles, only: str) -> tuple[_Base, ...]:
    """The base profiles with their keys: a passphrase is asked for before the first code."""
    found = []
    for name in base_profiles(files):
        if only in {"", name}:
            tell(Progress(f"Reading the access key of {name}"))
            roles = role_profiles(files, name)
            found.append(_Base(name, roles, _key(context, files, name), needs_code(files, name)))
    return tuple(found)


def _key(context: Context, files: ProfileFiles, base: str) -> Credentials | OnboardError:
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
    roles = _all_roles(bases, orphans)
    answers = Answers(files, tuple(base.name for base in bases), roles)
    if not options.account:
        answers.others = other_profiles(files, [*answers.bases, *(role.name for role in roles)])
    codes = {} if options.no_code else _codes(bases, context.world)
    with filling(answers.rows, shown=not options.json) as changed:

        def answered(one: Verification) -> None:
            answers.results[one.profile] = one
            changed()

        for base in bases:
            code = codes.get(base.serial) if base.serial else None
            _ask_one(context, files, base, code, answered)
        for role in orphans:
            answered(Verification(role.name, None, _no_source(role)))
    return answers


def _codes(bases: tuple[_Base, ...], world: World) -> dict[str, str]:
    """A code of each device, asked for once; none where nobody can be asked."""
    usable = [base for base in bases if isinstance(base.key, Credentials)]
    serials = dict.fromkeys(base.serial for base in usable if base.serial)
    if not serials or not asking.has_terminal():
        return {}
    asked = {serial: asking.ask_code(serial, world, or_none=True) for serial in serials}
    return {serial: code.reveal() for serial, code in asked.items() if code}


def _ask_one(
    context: Context,
    files: ProfileFiles,
    base: _Base,
    code: str | None,
    answered: Callable[[Verification], None],
) -> None:
    """Ask a base profile and its roles; what goes wrong for all of them is the answer of each."""
    heard: set[str] = set()

    def heard_one(one: Verification) -> None:
        heard.add(one.profile)
        answered(one)

    stop = Event()
    try:
        if isinstance(base.key, OnboardError):
            raise base.key
        verify_profiles(
            clients_for(context.world, USUAL_REGION),
            files,
            base.name,
            code=code,
            memory=context.world.codes,
            report=heard_one,
            cancelled=stop,
            keys=base.key,
        )
    except Cancelled:
        raise
    except OnboardError as error:
        for name in (base.name, *(role.name for role in base.roles)):
            if name not in heard:
                answered(Verification(name, None, error))
    except KeyboardInterrupt:
        stop.set()
        raise


def _all_roles(bases: tuple[_Base, ...], orphans: tuple[RoleProfile, ...]) -> tuple[RoleProfile, ...]:
    return (*(role for base in bases for role in base.roles), *orphans)


def _no_source(role: RoleProfile) -> OnboardError:
    return OnboardError(
        "No access key",
        f"It uses the access key of {role.source}, and that profile has none.",
        next="Keep one: `iam-onboard access-key import`, or write the profiles again.",
    )
