"""The commands that open the wizard, and `sessions`, which lists what it can resume."""

from __future__ import annotations

import argparse
import contextlib
import gc
import shlex
import shutil
import sys
import termios
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tui.cli import asking
from tui.cli.arguments import BINARY, JSON, OWN_NAMES, Argument, Commands, UsageError, argument, flag, one_of
from tui.cli.output import OutputLost, answer, columns, hand_out, moves_cursor, note, on_terminal, say
from workflows.core.garbage import collect_between_pages, collection_paused, freeze
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence

with on_demand():
    from screens import registry
    from screens.step import record as step_record
    from tui import environments, host, session_catalogue
    from tui.app import application, guard as guards, session_control, session_summary
    from tui.cli import doctor
    from workflows import step_modules
    from workflows.core import installation, shapes
    from workflows.gpg import decrypt, keyring
    from workflows.messages import handoff as messages
    from workflows.sandbox import layout
    from workflows.steps.admin import admissions
    from workflows.steps.new_user import handoff as step
    from workflows.steps.shared import bug_report as bug_reports
    from workflows.stores import key_records

Drafts = Mapping[str, Mapping[str, Any]]


def add_to(commands: Commands) -> None:
    """Declare the commands."""
    commands.add(
        "admin",
        admin,
        argument("project", "PROJECT", "a folder of the project (default: this one)", nargs="?"),
        BINARY,
    )
    commands.add(
        "join",
        join,
        argument("handoff", "HANDOFF", "the file with your handoff ('-': stdin)", nargs="?"),
        *OWN_NAMES,
    )
    commands.add("resume", resume, _session_id("the id that `iam-onboard sessions` shows"), BINARY)
    commands.add(
        "sessions",
        sessions,
        _session_id("show this session, and who was let in with which PGP key"),
        flag("--all", "list archived sessions too"),
        one_of(
            flag("--archive", "take the session ID out of the list"),
            flag("--bring-back", "put the archived session ID back into the list"),
            flag(
                "--report",
                "print what happened in the session ID, for a bug report, without people's names and keys",
            ),
        ),
        JSON,
    )
    commands.add(
        "demo",
        demo,
        flag("--new", "start with a fresh sandbox"),
    )


def _session_id(explanation: str) -> Argument:
    def add_to(parser: argparse._ActionsContainer) -> None:
        which = parser.add_argument("session", nargs="?", metavar="ID", help=explanation)
        which.completer = _session_ids  # type: ignore[attr-defined]  # argcomplete reads it there

    return add_to


def _session_ids(prefix: str, **_: object) -> list[str]:
    """Return the ids of sessions with a prefix, the user's own and those of sandboxes; read no journal."""
    places = host.Places.of_this_machine()
    folders = [places.sessions, *places.sandboxes.glob("*.sessions")]
    found = (entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir())
    return sorted(name for name in found if name.startswith(prefix))


def wizard(machine: host.Machine, _options: argparse.Namespace) -> None:
    """`iam-onboard`: the home screen."""
    _run(machine, environments.OwnMachine(machine))


def admin(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard admin [PROJECT]`: a new session as admin."""
    drafts: Drafts = {"project": {"path": str(machine.path(options.project))}} if options.project else {}
    _run(machine, environments.OwnMachine(machine, options.binary), "admin", drafts=drafts)


def join(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard join [HANDOFF]`: a new session as new user, or the one that this handoff belongs to."""
    drafts: dict[str, Mapping[str, Any]] = {}
    project, user = options.project, options.user
    if options.handoff:
        text = asking.given_text(machine, options.handoff, messages.MAX_HANDOFF, "the handoff")
        drafts["handoff"] = {"text": text}
        if options.handoff == "-":
            asking.keyboard_as_input()
        elif (file := machine.path(options.handoff)).is_file():  # a pipe is read only once
            drafts["handoff"] = {"path": str(file)}
        handoff = messages.open_handoff(text)
        project, user = handoff.project, handoff.identities[0].user
    handed = bool(options.handoff)
    begun = _begun(machine, project, user, done_too=handed) if project and user else ""
    if handed and not begun:
        _refuse_without_key(machine, handoff)
        drafts["pgp-key"] = {"needless": True}
    if (project or user) and not begun:
        drafts["before-you-start"] = {"project": project, "user": user, "handed": handed}
    _run(machine, environments.OwnMachine(machine), "" if begun else "new-user", begun, drafts)


def _refuse_without_key(machine: host.Machine, handoff: messages.Handoff) -> None:
    """Refuse a handoff that no key here opens, rather than first ask which new key to make.

    Raises:
        OnboardError: the key isn't here, or gpg can't say.
    """
    keys = keyring.list_secret_keys(machine.gnupg_home, machine.environment)
    for identity in handoff.identities:
        try:
            step.own_key(identity, keys)
        except OnboardError as error:
            command = ("iam-onboard", "join", "--project", handoff.project, "--user", identity.user)
            error.next = (
                f"{decrypt.BRING_THE_KEY}\nLost the key? Run `{shlex.join(command)}`, skip PGP key (^s), "
                "then press “Replace my PGP key”."
            )
            raise


def _begun(machine: host.Machine, project: str, user: str, *, done_too: bool) -> str:
    """Return this user's latest unfinished session, else perhaps the latest done one, or ""."""
    own = [
        summary
        for summary in session_catalogue.SessionCatalogue(machine).sessions_of().summaries()
        if summary.workflow == "new-user"
        and (summary.facts.get("project"), summary.facts.get("user")) == (project, user)
        and (summary.next_title or done_too)
    ]
    best = min(own, key=lambda each: not each.next_title, default=None)
    return best.id if best else ""


def resume(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard resume [ID]`: resume a session, in its sandbox if it has one."""
    entry = session_catalogue.SessionCatalogue(machine).find(options.session)
    own = environments.OwnMachine(machine, options.binary)
    source = environments.SandboxEnvironments(machine, entry.sandbox) if entry.sandbox else own
    _run(machine, source, session=entry.summary.id, named=options.session or "")


def sessions(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard sessions [ID] [--json]`: list sessions, or show, archive or report one."""
    catalogue = session_catalogue.SessionCatalogue(machine)
    if options.session:
        _one_session(machine, catalogue.find(options.session), options)
        return
    if options.archive or options.bring_back or options.report:
        raise UsageError("name the session: `iam-onboard sessions` lists their ids.")
    every = catalogue.entries()
    entries = [entry for entry in every if options.all or not entry.archived]
    lines = _rows(machine, *entries)
    none = "No sessions yet. Run `iam-onboard` to start one."
    answer([_as_json(entry) for entry in entries], lines or [none], as_json=options.json)
    if not options.json:
        note(*(f"! {remark}" for remark in key_records.remarks(machine.places.key_records, machine.now())))
        if left := len(every) - len(entries):
            note(f"{left} archived: `iam-onboard sessions --all` lists them too.")


def _one_session(machine: host.Machine, entry: session_catalogue.Entry, options: argparse.Namespace) -> None:
    folder = entry.sessions.folder / entry.summary.id
    if options.report:
        hand_out(bug_reports.bug_report(folder, machine.home))
    elif options.archive or options.bring_back:
        entry.sessions.archive(entry.summary.id, archived=options.archive)
        entry = replace(entry, archived=options.archive)
        answer(_as_json(entry), _rows(machine, entry), as_json=options.json)
    else:
        found = admissions.admissions(folder)
        text = step_record.record_text(found, machine.now())
        lines = [f"{step_record.TITLE}:", text] if text else ["This session took in no PGP keys."]
        shown = [*_rows(machine, entry), "", *lines]
        answer({**_as_json(entry), "admitted": shapes.plain(found)}, shown, as_json=options.json)


def _rows(machine: host.Machine, *entries: session_catalogue.Entry) -> list[str]:
    return columns([session_summary.session_row(entry, machine.now()) for entry in entries], indent="")


def _as_json(entry: session_catalogue.Entry) -> dict[str, Any]:
    return {
        **asdict(entry.summary),
        "settled": list(entry.summary.settled),
        "sandbox": str(entry.sandbox or ""),
        "archived": entry.archived,
        "undone_by": list(entry.undone_by),
    }


def demo(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard demo [--new]`: both roles in a sandbox, the latest or a fresh one."""
    _take_terminal(machine.environment)
    if missing := doctor.missing_for_demo():
        raise OnboardError(
            "The demo is not installed",
            f"It needs {', '.join(missing)}, which isn't installed.",
            next=installation.how_to_add_the_demo(),
        )
    catalogue = session_catalogue.SessionCatalogue(machine)
    catalogue.tidy()
    existing = () if options.new else catalogue.sandboxes()
    folder = next(filter(layout.is_whole, existing), catalogue.new_sandbox())
    _run(machine, environments.SandboxEnvironments(machine, folder))


def _take_terminal(environment: Mapping[str, str]) -> None:
    """Require a terminal that can show the wizard, and that the wizard will leave usable.

    A killed wizard leaves it raw. Textual finally restores what it found at its start, so that has to be what
    `stty sane` sets; whatever else Textual switches on, it switches off itself.

    Raises:
        UsageError: input or output is redirected, or the terminal can't move its cursor.
    """
    if not (sys.stdin.isatty() and on_terminal()):
        raise UsageError(
            "the wizard needs a terminal, but its input or output is redirected.\n"
            "Run it in a terminal window; `iam-onboard --help` lists what works without one."
        )
    if not moves_cursor(environment):
        raise UsageError(
            f"the wizard can't draw its pages here: TERM is {environment.get('TERM') or 'not set'}.\n"
            "Use a terminal that can move its cursor, such as TERM=xterm-256color; `iam-onboard --help` "
            "lists what works in any."
        )
    modes = termios.tcgetattr(sys.stdin)
    if not modes[3] & termios.ICANON:
        modes[0] |= termios.ICRNL | termios.IXON
        modes[3] |= termios.ICANON | termios.ECHO | termios.IEXTEN | termios.ISIG
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, modes)


def _run(
    machine: host.Machine,
    source: environments.EnvironmentSource,
    workflow: str = "",
    session: str = "",
    drafts: Drafts = MappingProxyType({}),
    named: str = "",
) -> None:
    _take_terminal(machine.environment)

    def load() -> session_control.Parts:
        source = partial(environments.SandboxEnvironments, machine)
        return session_control.Parts(catalogue(machine), modules, panes, source)

    with collection_paused():  # the first use here loads the modules
        catalogue, modules, panes = session_catalogue.SessionCatalogue, step_modules.MODULES, registry.PANES
        start = session_control.Start(workflow, session, drafts)
        again = partial(_again, machine, named)
        guard = guards.Guard.start(partial(environments.clear_left, machine))
        app = application.OnboardApp(machine, load, source, start, again, guard, load_ahead)
        gc.freeze()  # fresh imports aren't garbage, so the collector needn't check them
    gc.enable()
    try:
        try:
            app.run()
        finally:
            app.source.close()
        if app.failure is not None:
            raise app.failure
        if resume := again(app.source, app.session):
            with contextlib.suppress(OutputLost):  # the window may be closed: everything is saved anyway
                applies = "The apply continues by itself. Come back to see how it ended. "
                say(f"Saved. {applies if app.apply_left else ''}{resume}")
    finally:
        if guard is not None:
            guard.close()


def load_ahead() -> None:
    """Load the wizard, the help, and every step while the user reads Home, so that each opens at once."""
    import textual.widgets._markdown  # noqa: F401 - later than home

    import tui.app.wizard  # noqa: F401 - likewise

    for every in (*step_modules.MODULES.values(), registry.PANES):
        list(every.values())
    collect_between_pages()
    freeze()


def _again(
    machine: host.Machine, named: str, source: environments.EnvironmentSource, session: str
) -> Sentence:
    """Say how to resume a session; under make (which sets MAKELEVEL), the program isn't on the PATH.

    Args:
        named: the session named at the start, or "".
        source: what the session was opened from.
        session: the session, or "" if there is none.

    Returns:
        "" without a session. The latest session isn't named, unless it was at the start or is in a sandbox.
    """
    if not session:
        return ""
    if source.sandbox and "MAKELEVEL" in machine.environment and session != named:
        return "Resume with: make demo"
    name = [session] if source.sandbox or session == named else []
    return f"Resume with: {shlex.join([_program(machine), 'resume', *name, *source.options])}"


def _program(machine: host.Machine) -> str:
    """Return the program as a shell finds it: its typed path, if its name alone isn't enough."""
    typed, name = sys.argv[0], "iam-onboard"
    on_path = shutil.which(name, path=machine.environment.get("PATH", ""))
    return name if on_path or Path(typed).name != name else typed
