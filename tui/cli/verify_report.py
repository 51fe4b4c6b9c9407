"""What `verify` shows: a table that fills as the answers come, the reasons, and what to type next."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from workflows.core.errors import OnboardError
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

    def switch_url(self, role: RoleProfile) -> str:
        """The console's page that switches to a role; "" where the partition has none that is known."""
        if not role.account:
            return ""
        try:
            return switch_role_url(role.account, role.role_name, role.name, partition_of(role.role_arn))
        except OnboardError:
            return ""


class AnswerTable:
    """Shows the answers: on a terminal in one table from the start, elsewhere a line each at the end.

    Args:
        answers: what is asked; `answered` adds to it.
        shown: whether anything is shown at all.
    """

    def __init__(self, answers: Answers, *, shown: bool) -> None:
        self._answers = answers
        self._shown = shown
        self._live: Live | None = None
        if shown and sys.stdout.isatty():
            console = Console(file=sys.stdout, highlight=False, markup=False)
            self._live = Live(self._table(), console=console, auto_refresh=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        elif self._shown and kind is None:
            width = max(map(len, self._answers.names))
            for name in self._answers.names:
                mark, words = self._row(name)
                sys.stdout.write(f"{mark} {name:<{width}}  {words}\n")

    def answered(self, one: Verification) -> None:
        """Take an answer in."""
        self._answers.results[one.profile] = one
        if self._live is not None:
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name in self._answers.names:
            mark, words = self._row(name)
            style = {_WORKS: "green", _FAILS: "red"}.get(mark, "dim")
            table.add_row(Text(mark, style=style), Text(name), Text(words, style=style))
        return table

    def _row(self, name: str) -> tuple[str, str]:
        one = self._answers.results.get(name)
        if one is None:
            return _WAITS, ""
        return (_FAILS, one.problem.title) if one.problem else (_WORKS, one.arn or "")


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
            what = problem.what.removeprefix(f"{one.profile}: ")
            yield f"\n{_FAILS} {one.profile}: {what}"
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
