"""What `verify` shows: the answers, the reasons, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workflows.core.errors import OnboardError
from workflows.core.sentences import text_of
from workflows.services.clients import ProfileFiles
from workflows.services.installation import how_to_install
from workflows.services.role_profiles import RoleProfile
from workflows.services.shell_lines import Shell, export_lines, switch_role_url
from workflows.services.sts import partition_of
from workflows.services.verify import Verification

_WAITS, _WORKS, _FAILS = "·", "✓", "✗"


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
        working = [name for name in self.names if name in self.results and not self.results[name].problem]
        return next((name for name in working if name not in self.bases), working[0] if working else "")

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
        if not role.account:
            return ""
        try:
            return switch_role_url(role.account, role.role_name, role.name, partition_of(role.role_arn))
        except OnboardError:
            return ""


def failure_lines(answers: Answers) -> Iterator[str]:
    """How many work, and of each that does not: what, why, and what to do."""
    results = [answers.results[name] for name in answers.names if name in answers.results]
    failed = [one for one in results if one.problem]
    yield f"\n{len(results) - len(failed)} of {len(results)} profiles work."
    if answers.others:
        yield f"Not asked, without a key or a role on one: {', '.join(answers.others)}."
    for one in failed:
        problem = one.problem
        if problem is not None:
            yield f"\n{_FAILS} {one.profile}: {problem.what}"
            yield from (f"  {words}" for words in (problem.why, problem.next) if words)


def after_lines(answers: Answers, shell: Shell, *, has_aws: bool) -> Iterator[str]:
    """The links that switch role, and the lines for the shell."""
    links = [(role.name, answers.switch_url(role)) for role in answers.roles if _works(answers, role.name)]
    if any(url for _, url in links):
        yield "\nSwitch role in the console:"
        yield from (f"  {name}  {url}" for name, url in links if url)
    if answers.chosen:
        yield f"\nFor {shell.value}, in its start file or typed:"
        yield from (f"  {line}" for line in _exports(answers, shell))
        yield "Then open a new terminal and type  aws s3 ls"
    if not has_aws:
        yield f"\nThe aws command is not here. To install it:\n{how_to_install('aws')}"


def as_record(answers: Answers, shell: Shell) -> dict[str, Any]:
    """All of it for programs."""
    urls = {role.name: answers.switch_url(role) for role in answers.roles}
    return {
        "config": str(answers.files.config_file),
        "credentials": str(answers.files.credentials_file),
        "profiles": [
            {
                "profile": name,
                "arn": answers.results[name].arn,
                "problem": _problem(answers.results[name]),
                "switch_role": urls.get(name) or None,
            }
            for name in answers.names
            if name in answers.results
        ],
        "not_asked": list(answers.others),
        "export": list(_exports(answers, shell)) if answers.chosen else [],
    }


def _exports(answers: Answers, shell: Shell) -> tuple[str, ...]:
    files = answers.files
    return export_lines(shell, files.config_file, files.credentials_file, answers.chosen)


def _problem(one: Verification) -> dict[str, str] | None:
    return one.problem.as_record() if one.problem else None


def _works(answers: Answers, name: str) -> bool:
    return name in answers.results and not answers.results[name].problem
