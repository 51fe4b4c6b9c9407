"""All sessions on this machine: the user's own, and those of each sandbox, in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tui.host import Machine
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError
from workflows.machine.sessions import Sessions, is_archived
from workflows.machine.summaries import DRAFTS, OBSERVED, Summary
from workflows.messages.file_names import handoff_file, reply_file, request_file
from workflows.steps.kinds import people_of
from workflows.steps.ledger import Ledger, ledgers

with on_demand():
    from workflows import catalogue
    from workflows.machine import declaration, drafts, events
    from workflows.sandbox import sandbox as sandboxes
    from workflows.steps.admin import written as written_files
    from workflows.steps.shared import leftovers
    from workflows.terraform import results as run_results


@dataclass(frozen=True)
class Entry:
    """A session and its place.

    Attributes:
        summary: its summary.
        sessions: its folder of sessions.
        sandbox: the folder of its sandbox, or None.
        arrived: when the message for its next step, or a newer handoff, came, ISO 8601; "" while it hasn't;
            None if it waits for none.
        replied: whether what came instead of a handoff is the admin's reply about the key.
        archived: whether the user archived it.
        apply: "running", "finished" or "failed" for an apply whose result no wizard has recorded, or nobody
            has seen; else "".
        undone_by: the work of the later sessions that left it nothing to do; () for none.
        unapplied: whether the last of them has still to be applied.
        removed: its people whom later sessions removed from one of its accounts.
        elsewhere: whether it belongs to another world than the open one: in a sandbox, or in another one.
    """

    summary: Summary
    sessions: Sessions = field(compare=False)
    sandbox: Path | None
    arrived: str | None = None
    replied: bool = False
    archived: bool = False
    apply: str = ""
    undone_by: tuple[str, ...] = ()
    unapplied: bool = False
    removed: tuple[str, ...] = ()
    elsewhere: bool = False

    @property
    def ended(self) -> bool:
        """Whether an apply in it ended unwatched."""
        return self.apply in {"finished", "failed"}

    @property
    def open_last(self) -> str:
        """When the user had it open last, ISO 8601: opening a session looks at the world, even at its end."""
        changed = self.summary.changed
        return _came(self.sessions.folder / self.summary.id / OBSERVED, changed) or changed

    @property
    def over(self) -> bool:
        """Whether nothing is left to do in it, and nobody is awaited."""
        summary = self.summary
        waits = summary.next_title or summary.awaited or summary.damage
        return bool(self.undone_by) or not (waits or self.arrived)


class SessionCatalogue:
    """The sessions of a machine.

    Args:
        machine: the machine.
        workflows: the possible workflows; by default all.
    """

    def __init__(self, machine: Machine, workflows: Iterable[declaration.Workflow] = ()) -> None:
        self._machine = machine
        self._workflows = tuple(workflows)

    def sessions_of(self, sandbox: Path | None = None) -> Sessions:
        """Return the sessions of a sandbox by its folder; the user's own without one."""
        folder = sandbox.with_name(f"{sandbox.name}.sessions") if sandbox else self._machine.places.sessions
        return Sessions(folder, self._every_workflow(), self._machine.now)

    def sandboxes(self) -> tuple[Path, ...]:
        """Return the folders of sandboxes, the latest first."""
        place = self._machine.places.sandboxes
        if not place.is_dir():
            return ()
        found = [folder for folder in place.iterdir() if (folder / "sandbox.json").exists()]
        return tuple(sorted(found, key=lambda folder: folder.name, reverse=True))

    def new_sandbox(self) -> Path:
        """Return the folder for a new sandbox; not created yet."""
        return self._machine.places.sandboxes / self._machine.now().strftime("%Y%m%d-%H%M%S")

    def entries(self) -> tuple[Entry, ...]:
        """Return all sessions, the most recently changed first."""
        return tuple(sorted(self._all(), key=lambda entry: entry.summary.changed, reverse=True))

    def find(self, session_id: str | None) -> Entry:
        """Return the session of an id; for None the unarchived one that the user had open last.

        The user's own come before a sandbox's, and unfinished ones before others.

        Raises:
            OnboardError: there is none.
        """
        fitting = [entry for entry in self.entries() if session_id in {None, entry.summary.id}]
        if session_id is None:
            kept = (entry for entry in fitting if not entry.archived)
            fitting = sorted(
                kept, key=lambda entry: (not entry.sandbox, not entry.over, entry.open_last), reverse=True
            )
        if fitting:
            return fitting[0]
        if session_id is None:
            raise OnboardError(
                "No session yet", "There is nothing to resume.", next="Run `iam-onboard` to start a session."
            )
        raise OnboardError(
            "No such session",
            f"There is no session {session_id!r}.",
            next="Choose one that `iam-onboard sessions --all` lists.",
        )

    def tidy(self) -> None:
        """Delete sandboxes without sessions, since a sandbox belongs to its sessions."""
        for folder in self.sandboxes():
            if self.sessions_of(folder).summaries():
                continue
            try:
                sandboxes.delete_sandbox(folder)
            except sandboxes.SandboxInUse:
                continue  # another wizard has just opened it
            shutil.rmtree(self.sessions_of(folder).folder, ignore_errors=True)

    def _every_workflow(self) -> Iterator[declaration.Workflow]:
        yield from self._workflows or catalogue.WORKFLOWS  # loaded on first use

    def _all(self) -> Iterator[Entry]:
        for folder in (None, *self.sandboxes()):
            sessions = self.sessions_of(folder)
            mailbox = folder / "mailbox" if folder else self._machine.downloads_folder
            every = sessions.summaries()
            projects = ledgers(every, partial(_holds_files, sessions.folder))
            for summary in every:
                ledger = projects[summary.facts.get("project_root")]
                awaits = replace(summary, awaited=ledger.still_awaited(summary))
                entry = self._entry(awaits, sessions, folder, mailbox)
                undone_by = () if entry.apply else ledger.finished_by(summary)
                removed = dict.fromkeys(name for _, name in ledger.removals(summary, people_of(summary)))
                gone = bool(folder and entry.arrived) and _gone(
                    summary, str(entry.arrived), projects.values()
                )
                arrived = None if undone_by or gone else entry.arrived
                waiting = ledger.removals(summary, people_of(summary), ledger.written)
                yield replace(
                    entry,
                    undone_by=undone_by,
                    unapplied=bool(undone_by and ledger.ahead & waiting.keys()),
                    removed=tuple(removed),
                    arrived=arrived,
                )

    def _entry(self, summary: Summary, sessions: Sessions, sandbox: Path | None, mailbox: Path) -> Entry:
        folder = sessions.folder / summary.id
        since = str(summary.facts.get("sent_at") or summary.created)
        awaited = _awaited(summary, folder).items()
        came = max((_came(mailbox / name, since, read) for name, read in awaited), default=None)
        if came == "" and summary.next_step == "pgp-keys" and _to_answer(folder):
            came = None
        replied = came == "" and sandbox is not None and summary.next_step == "handoff"
        if replied:
            came = _came(mailbox / reply_file(str(summary.facts.get("user", ""))), since)
        if came is None and (accepted := summary.facts.get("accepted_at")):
            since = max(str(accepted), summary.changed)  # earlier messages were seen there
            came = _came(mailbox / _handoff_of(summary), since) or None
        archived, apply = is_archived(folder), _left_apply(summary, folder)
        if unwatched := sessions.unwatched(summary.id):
            summary, apply = replace(summary, next_title=unwatched), "finished"
        return Entry(summary, sessions, sandbox, came, replied and bool(came), archived, apply)


def _holds_files(folder: Path, summary: Summary) -> bool:
    return written_files.holds_files(folder / summary.id, summary.facts)


def _gone(summary: Summary, came: str, projects: Iterable[Ledger]) -> bool:
    """Return whether a sandbox's new user was removed from every account after their handoff came."""
    changes = (change for ledger in projects for change in ledger.applied.items())
    last = [made[-1] for (_account, name), made in changes if name == summary.facts.get("user")]
    return bool(last) and all(change.kind == "remove" and change.at > came for change in last)


def _awaited(summary: Summary, folder: Path) -> dict[str, int]:
    """Return the files that would each satisfy the next step, with the times of versions that were read.

    The times are as `_came` takes them. There are no files if the step waits for nobody.
    """
    match summary.next_step:
        case "pgp-keys":
            taken_in, read = _requests_read(folder)
            names = [*(summary.facts.get("joining") or ()), *(summary.facts.get("rekeying") or ())]
            return {request_file(name): read.get(name, 0) for name in names if name not in taken_in}
        case "handoff":
            return {_handoff_of(summary): 0}
        case _:
            return {}


def _handoff_of(summary: Summary) -> str:
    """Return the name of a new user's handoff file."""
    return handoff_file(str(summary.facts.get("user", "")))


def _requests_read(folder: Path) -> tuple[Container[str], Mapping[str, int]]:
    """Return whose key the page PGP keys only has to compare, and when the requests that it read had come."""
    try:
        draft = drafts.Drafts(folder / DRAFTS).load(events.StepKey("pgp-keys"))
        answered = _said_to_differ(draft) & draft.get("replies", {}).keys()
        return draft.get("texts", {}).keys() - answered, {**draft.get("read", {})}
    except (OnboardError, TypeError, ValueError, AttributeError):
        return (), {}


def _to_answer(folder: Path) -> set[str]:
    """Return whose key the page PGP keys set aside, while its sender has had no reply."""
    try:
        draft = drafts.Drafts(folder / DRAFTS).load(events.StepKey("pgp-keys"))
        return {*draft.get("aside", {}), *_said_to_differ(draft)}.difference(draft.get("replies", ()))
    except (OnboardError, TypeError, ValueError, AttributeError):
        return set()


def _said_to_differ(draft: Mapping[str, Any]) -> set[str]:
    return {name for name, (_key, said) in draft.get("answers", {}).items() if said == "differs"}


def _left_apply(summary: Summary, folder: Path) -> str:
    if summary.next_step != "apply":
        return ""

    with suppress(OnboardError):  # the step's own page reports the damage
        if run := leftovers.untaken_apply(folder):
            return "running" if run.is_running() else "finished" if run.exit_code == 0 else "failed"
        # Otherwise the wizard may have ended between reading the result and recording it.
        kept = (folder / leftovers.RUNS).glob("*/apply.json") if summary.interrupted else ()
        results = (run_results.result_of(path.parent) for path in kept if _came(path, summary.changed))
        if result := next(results, None):
            return "finished" if result.succeeded else "failed"
    return ""


def _came(path: Path, moment: str, read: int = 0) -> str:
    """Return when a file came, ISO 8601; "" if it is older than a time: then it was for something else.

    Args:
        path: the file.
        moment: the time, ISO 8601.
        read: the change time of the version that was already read, in nanoseconds.
    """
    try:
        found = path.stat()
        newer = found.st_mtime >= datetime.fromisoformat(moment).timestamp() and found.st_mtime_ns != read
        return datetime.fromtimestamp(found.st_mtime, UTC).isoformat() if newer else ""
    except (OSError, ValueError, OverflowError):  # missing, unreachable, or not a file name
        return ""
