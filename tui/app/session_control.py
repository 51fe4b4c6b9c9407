"""Begins, resumes, repairs and leaves the open session. It shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from workflows.core.files import FileError, is_there
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence, text_of
from workflows.core.shapes import WrongShape, texts
from workflows.steps.kinds import REPLACING, replaces_key

with on_demand():
    from screens.new_user import replacement
    from screens.step import page
    from tui import environments, session_catalogue
    from workflows import environment, run as runs
    from workflows.core import processes
    from workflows.desktop import clipboard as clipboards
    from workflows.machine import events, session as sessions, state, summaries
    from workflows.steps import ledger
    from workflows.steps.new_user import handoff
    from workflows.steps.shared import bug_report, leftovers, module, paths
    from workflows.stores import key_records

Drafts = Mapping[str, Mapping[str, Any]]
_DEVICE_REMOVED = "your admin removed the device that you registered"
_PROGRAM = "program"
"""The draft, of no step, that keeps the program from `--binary`."""
_NAMES_PEOPLE = {"admin": "project", "new-user": "before-you-start"}
"""The step that names the people of a workflow."""


@dataclass(frozen=True)
class Start:
    """What to show first: Home, a new session of a workflow, or an existing one.

    Attributes:
        workflow: begin a session of this workflow, "" for none.
        session: resume this session, "" for none.
        drafts: input to start or resume with, by step id.
        again: settled steps to do again in it, each by its id, or as "mfa@security" for a single item, with
            the reason for its page; "" if the user knows it.
    """

    workflow: str = ""
    session: str = ""
    drafts: Drafts = field(default_factory=dict)
    again: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parts:
    """The parts of the wizard; loading them takes longer than showing the first screen.

    Attributes:
        catalogue: where sessions are kept.
        modules: the step modules, by workflow id and step id.
        panes: the pane class of each step, by step id.
        sandbox: returns the world of a sandbox in a folder, still closed.
    """

    catalogue: session_catalogue.SessionCatalogue
    modules: Mapping[str, Mapping[str, module.StepModule]]
    panes: Mapping[str, type[page.StepPane]]
    sandbox: Callable[[Path], environments.EnvironmentSource]


class SessionControl:
    """Keeps one session open at a time.

    Args:
        parts: the parts of the wizard.
        source: the world that its steps see, open.
        clipboard: where they copy to.
    """

    def __init__(
        self, parts: Parts, source: environments.EnvironmentSource, clipboard: clipboards.Clipboard
    ) -> None:
        self.parts = parts
        self.sessions = parts.catalogue.sessions_of(source.folder)
        self._source = source
        self._clipboard = clipboard
        self._session: sessions.Session | None = None
        self._begun = ""
        self._plays: tuple[state.State, bool] | None = None

    def begin(self, workflow: str, drafts: Drafts, *, proposed: bool = False) -> runs.SessionRun:
        """Begin a session of a workflow, with this initial input.

        Args:
            workflow: its id.
            drafts: the input, by step id.
            proposed: whether the input comes from another session's proposal, not from a person.

        Raises:
            OnboardError: it couldn't be written.
        """
        begun = self._proposed(workflow)
        replacing = bool(drafts.get("pgp-key", {}).get("replacement"))
        marks = {"sandbox": self._source.sandbox, REPLACING: replacing}
        details = {"by": processes.user_and_host({})} | {mark: True for mark, holds in marks.items() if holds}
        try:
            session = self.sessions.create(workflow, details)
        except FileExistsError as error:
            raise OnboardError(
                "Couldn't start the session",
                f"Something else already has its folder's name in {self.sessions.folder}.",
                why=str(error),
                next="Move it away, then start again.",
            ) from error
        merged = {step: {**begun.get(step, {}), **drafts.get(step, {})} for step in {**begun, **drafts}}
        if "joining" not in drafts.get("project", {}).get("kinds", ("joining",)):
            merged["project"].pop("joining", None)  # the proposed joiner is for that task only
        chosen_only = drafts.keys() <= {"project"} and drafts.get("project", {}).keys() <= {"kinds"}
        self._begun = session.folder.name if proposed or chosen_only else ""
        return self._opened(session, merged)

    def _proposed(self, workflow: str) -> Drafts:
        """Return a new session's initial input; a sandbox's new user is one being added there.

        Invited people come first.

        Raises:
            OnboardError: the sessions can't be read.
        """
        begun = self._source.drafts(workflow)
        if not self._source.sandbox or workflow != "new-user":
            return begun
        here, step = self.sessions.summaries(), _NAMES_PEOPLE[workflow]
        there = {name for summary in here if summary.workflow == workflow for name in _people(summary)}
        admins = (summary for summary in here if summary.workflow == "admin")
        named = [
            name for admin in admins for name in _not_removed(texts(admin.about.get("joining")), admin, here)
        ]
        invited = next(
            (name for name in (*self._mailed("invitation", named), *named) if name not in there), ""
        )
        return {**begun, step: {**begun.get(step, {}), **({"user": invited} if invited else {})}}

    def _mailed(self, what: str, names: Iterable[str]) -> list[str]:
        """Return people with an invitation or handoff in the sandbox's mailbox, the last one first."""
        environment, sent = self._source.environment("new-user", self._clipboard), dict[str, int]()
        for name in names:
            with suppress(OSError):
                if path := environment.mail(f"{what}-{name}.txt"):
                    sent[name] = path.stat().st_mtime_ns
        return sorted(sent, key=sent.__getitem__, reverse=True)

    def resume(self, start: Start, *, repair: bool = False) -> runs.SessionRun:
        """Resume a session, adding input; a damaged one continues from its last sound event.

        Raises:
            DamagedJournal: it has to be repaired first.
            OnboardError: there is none, it is in use, or it can't be read.
        """
        self._begun = ""
        session = self.sessions.open(start.session, repair=repair)
        run = self._opened(session, start.drafts)
        try:
            for key in session.layout() if start.again else ():
                reason = start.again.get(str(key), start.again.get(key.step))
                if reason is not None and session.status(key) in state.SETTLED | {state.Status.CONTRADICTED}:
                    session.do_again(key, reason)
        except OnboardError:
            self.leave()
            raise
        return run

    def leave(self) -> None:
        """Close the open session, if there is one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def left_unwatched(self, key: events.StepKey) -> None:
        """Remember that an apply ended while the user was asked whether to quit; a failure shows itself.

        Raises:
            OnboardError: it couldn't be written.
        """
        session = self._session
        if session is None or session.status(key) not in state.SETTLED:
            return
        workflow = session.state.workflow
        if workflow.step(key.step).outlives:
            self.sessions.mark_unwatched(session.folder.name, text_of(workflow.title_of(key)))

    def forget_untouched(self, session_id: str) -> None:
        """Delete a session begun here in which nothing happened beyond choosing or proposing a task.

        A resumed session stays.

        Raises:
            OnboardError: it couldn't be deleted.
        """
        if session_id == self._begun:
            self.sessions.delete(session_id)

    def delete(self, entry: session_catalogue.Entry) -> None:
        """Delete a session.

        Raises:
            OnboardError: it is in use, Terraform is still running in it, or it couldn't be deleted.
        """
        entry.sessions.delete(entry.summary.id, leftovers.refuse_while_running)

    def archive(self, entry: session_catalogue.Entry) -> Sentence:
        """Archive a session or bring it back to the list, and say so.

        Raises:
            OnboardError: it is in use, or its folder can't be written.
        """
        entry.sessions.archive(entry.summary.id, archived=not entry.archived)
        return (
            "It is back in the list."
            if entry.archived
            else "Archived. a brings it back. Next time, All (F3) lists it."
        )

    def report(self, entry: session_catalogue.Entry, target: str, home: Path) -> Sentence:
        """Write a bug report about a session, and say where it is.

        Args:
            target: a path as typed.
            home: the user's home folder.

        Raises:
            OnboardError: its journal can't be read, or the file can't be written.
        """
        text = bug_report.bug_report(entry.sessions.folder / entry.summary.id, home)
        return f"Saved as {paths.save_text(target, text, home)}."

    def remove_leftovers(self) -> None:
        """Remove the temporary credentials of runs that ended after their wizard was left or killed.

        Raises:
            OnboardError: some can't be removed.
        """
        self.sessions.visit_free(leftovers.remove_credentials)

    def key_remarks(self, now: datetime) -> tuple[Sentence, ...]:
        """Return remarks on the access keys kept here: old ones, interrupted rotations.

        Args:
            now: aware, in UTC.

        Raises:
            OnboardError: their records can't be read.
        """
        folder = self._source.key_records
        if not is_there(folder):
            return ()
        return key_records.remarks(folder, now)

    def entries(self) -> tuple[session_catalogue.Entry, ...]:
        """Return the sessions that can be resumed from here; a sandbox only knows those of sandboxes.

        Raises:
            OnboardError: their folder can't be read.
        """
        here = self._source.folder
        return tuple(
            replace(entry, elsewhere=entry.sandbox != here)
            for entry in self.parts.catalogue.entries()
            if entry.sandbox or not here
        )

    def other_person(self, session_id: str, about: str = "", left: str = "") -> Start | None:
        """Return where the other person of a session continues or begins; None if there is none.

        People removed by later sessions don't count.

        Args:
            about: the person to prefer, or "".
            left: the session that was left for this one, which comes first; "" for none.

        Raises:
            OnboardError: the sessions can't be read.
        """
        here, mine, names = self._part_of(session_id)
        if mine is None:
            return None
        alone = self._played(here, mine, {about}, left) if about in names else None
        return alone or self._played(here, mine, names, left)

    def _played(
        self, here: Sequence[summaries.Summary], mine: summaries.Summary, names: set[str], left: str
    ) -> Start | None:
        """Return where one of these people continues or begins, as `other_person` does."""
        workflow = {"admin": "new-user", "new-user": "admin"}.get(mine.workflow)
        joins = "joining" in (mine.about.get("kinds") or ["joining"])  # nobody is named yet
        if workflow is None or not (names or (joins and not mine.facts.get("project"))):
            return None
        theirs = [summary for summary in here if summary.workflow == workflow and not summary.damage]
        theirs.sort(key=lambda summary: (summary.id != left, not summary.next_step))
        people = {summary.id: _people(summary) for summary in theirs}
        unnamed = {left} if not (names and people.get(left)) else set[str]()
        matching = [each for each in theirs if names & people[each.id] or each.id in unnamed]
        fresh = (names - _without_new_key(mine)).difference(*people.values())
        begins, invited = fresh, list[str]()
        if workflow == "new-user":
            begins = fresh.difference(self._mailed("handoff", fresh))  # the others sent a key some other way
            invited = self._mailed("invitation", begins)
        if names and not (matching or fresh):
            return None
        found = matching or [summary for summary in theirs if not summary.facts.get("project")]
        likely = next(iter(found), None)
        back = likely is not None and likely.id == left
        again = _asked_again(mine)
        if names and workflow == "admin" and (again or (replaces_key(mine) and not back)):
            return _for_another_key(names, matching, again=again)
        if likely is not None and not invited and (likely.next_step or not begins):
            return Start(
                session=likely.id, drafts=_replacing(mine, likely), again=_without_device(mine, likely)
            )
        user = next(iter((*invited, *sorted(fresh))), "")
        asked = {"joining": sorted(fresh)} if workflow == "admin" else {"user": user}
        another = {"pgp-key": replacement.DRAFT} if user in texts(mine.about.get("rekeying")) else {}
        return Start(workflow, drafts={_NAMES_PEOPLE[workflow]: asked, **another} if fresh else {})

    def people_of(self, session_id: str) -> list[str]:
        """Return people with a part of their own in a session, except those whom later sessions removed.

        Raises:
            OnboardError: the sessions can't be read.
        """
        return sorted(self._part_of(session_id)[-1])

    def _part_of(
        self, session_id: str
    ) -> tuple[Sequence[summaries.Summary], summaries.Summary | None, set[str]]:
        """Return the sessions here, the one of an id, and its people as `people_of` does."""
        here = self.sessions.summaries()
        mine = next((summary for summary in here if summary.id == session_id), None)
        return here, mine, {*_not_removed(_people(mine), mine, here)} if mine else set()

    def plays_another(self, session: sessions.Session) -> bool:
        """Return whether `other_person` finds somebody, or can't look; never outside a sandbox."""
        if not self._source.sandbox:
            return False
        if self._plays is None or self._plays[0] is not session.state:  # every key press asks
            found = True
            with suppress(OnboardError):  # pressing the key shows why
                found = self.other_person(session.folder.name) is not None
            self._plays = session.state, found
        return self._plays[1]

    def _opened(self, session: sessions.Session, drafts: Drafts) -> runs.SessionRun:
        self.leave()
        self._session = session
        try:
            leftovers.remove_credentials(session.folder)
        except OnboardError:
            self.leave()
            raise
        try:
            for step, draft in drafts.items():
                session.drafts.save(events.StepKey(step), draft)
            world = self._with_program(session)
        except FileError as error:
            self.leave()
            raise OnboardError(
                "Couldn't save the session",
                f"iam-onboard couldn't write to {session.folder}.",
                why=error.why,
                next="Fix that, then resume the session.",
            ) from error
        return runs.SessionRun(session, world, self.parts.modules[session.header.workflow])

    def _with_program(self, session: sessions.Session) -> environment.Environment:
        """Return a session's environment, with the Terraform program that the user named now or earlier.

        Raises:
            FileError: it couldn't be kept, or read.
        """
        found = self._source.environment(session.header.workflow, self._clipboard)
        key = events.StepKey(_PROGRAM)
        if isinstance(found.binary, str):
            session.drafts.save(key, {"binary": found.binary})
        kept = session.drafts.load(key).get("binary")
        return replace(found, binary=found.binary or str(kept or "") or None)


def _people(summary: summaries.Summary) -> set[str]:
    """Return people with a part of their own in their admin's work."""
    facts = summary.about
    if summary.workflow == "new-user":
        return {*texts([facts.get("user")])} - {""}
    kinds = ("joining", "regrouping", "rekeying", "resetting", "mfa_reset")
    return {name for kind in kinds for name in texts(facts.get(kind))}


def _not_removed(
    names: Collection[str], summary: summaries.Summary, every: Iterable[summaries.Summary]
) -> list[str]:
    """Return a session's people, except those removed later from every account it covers for them."""
    history = ledger.ledgers(every, lambda _each: False)[summary.facts.get("project_root")]
    out = history.removed_everywhere(names, summary)
    return [name for name in names if name not in out]


def _for_another_key(names: set[str], matching: Sequence[summaries.Summary], *, again: bool) -> Start:
    """Return where an admin continues or begins with somebody's new PGP key; `again` after a handoff came."""
    for summary in matching:
        if (summary.next_step or not again) and names & {*texts(summary.about.get("rekeying"))}:
            return Start(session=summary.id)
    return Start("admin", drafts={"project": {"kinds": ["rekeying"], "rekeying": sorted(names)}})


def _asked_again(user: summaries.Summary) -> bool:
    """Return whether a new user waits for a request made after their handoff came."""
    with suppress(WrongShape):
        return user.next_step == "handoff" and handoff.asked_since(user.facts)
    return False


def _replacing(admin: summaries.Summary, user: summaries.Summary) -> Drafts:
    """Return the initial input of a user whose admin waits for another PGP key from them."""
    wanted = admin.next_step == "pgp-keys" and user.facts.get("user") in texts(admin.facts.get("rekeying"))
    return {"pgp-key": replacement.DRAFT} if wanted else {}


def _without_device(admin: summaries.Summary, user: summaries.Summary) -> Mapping[str, str]:
    """Return the steps to register again the devices that an admin has since removed, with the reason."""
    accounts = (account for account, name in ledger.without_devices(admin) if name == user.facts.get("user"))
    steps = {f"mfa@{account}": admin.settled[f"mfa-reset@{account}"] for account in accounts}
    again = (step for step, at in steps.items() if step in user.settled and user.settled[step] <= at)
    return dict.fromkeys(again, _DEVICE_REMOVED)


def _without_new_key(summary: summaries.Summary) -> set[str]:
    """Return existing users whose part needs the PGP key, or the access, that only they have."""
    facts = summary.about
    with_new_key = {name for kind in ("joining", "rekeying") for name in texts(facts.get(kind))}
    staying = ("regrouping", "resetting", "mfa_reset")
    return {name for kind in staying for name in texts(facts.get(kind))} - with_new_key


def first_with(run: runs.SessionRun, drafts: Drafts) -> events.StepKey | None:
    """Return the last step with new input (such as a handoff that just arrived), if it can be shown now."""
    keys = [key for key in run.session.layout() if key.step in drafts]
    open_keys = [key for key in keys if run.session.status(key) is not state.Status.LOCKED]
    return open_keys[-1] if open_keys else None
