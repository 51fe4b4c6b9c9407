"""The commands that open the wizard, and `sessions`, which lists what it can resume."""

from __future__ import annotations

import contextlib
import gc
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli import asking
from tui.cli.arguments import BINARY, JSON, OWN_NAMES, Commands, argument, flag
from tui.cli.completion import session_ids
from tui.cli.exit_codes import DONE, UsageError
from tui.cli.output import OutputLost, answer, note, on_terminal, say
from workflows.core.errors import OnboardError
from workflows.core.garbage import collection_paused, freeze

if TYPE_CHECKING:
    import argparse

    from tui.environments import WorldSource
    from tui.host import Machine

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
    resumed = commands.add("resume", resume, BINARY)
    explanation = "the id that `iam-onboard sessions` shows"
    which = resumed.add_argument("session", nargs="?", metavar="ID", help=explanation)
    which.completer = session_ids  # type: ignore[attr-defined]  # argcomplete reads it there
    commands.add("sessions", sessions, JSON)
    commands.add(
        "demo",
        demo,
        flag("--new", "start with a fresh sandbox"),
    )


def wizard(machine: Machine, _options: argparse.Namespace) -> int:
    """`iam-onboard`: the home screen."""
    return _run_own(machine, "", "", {})


def admin(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard admin [PROJECT]`: a new session as admin."""
    drafts: Drafts = {}
    if options.project:
        drafts = {"project": {"path": str(machine.working_folder / Path(options.project).expanduser())}}
    return _run_own(machine, "admin", "", drafts, options.binary)


def join(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard join [HANDOFF]`: a new session as new user, or the one that waits for this handoff."""
    drafts: dict[str, Mapping[str, Any]] = {}
    project, user = options.project, options.user
    if options.handoff:
        from workflows.messages.handoff import open_handoff
        from workflows.steps.new_user.handoff import MAX_HANDOFF

        text = asking.given_text(machine, options.handoff, MAX_HANDOFF, "the handoff")
        if options.handoff == "-":
            asking.keyboard_as_input()
        handoff = open_handoff(text)
        project, user = handoff.project, handoff.identities[0].user
        drafts["handoff"] = {"text": text}
    waiting = _waiting(machine, project, user) if project and user else ""
    if (project or user) and not waiting:
        drafts["before-you-start"] = {"project": project, "user": user}
    return _run_own(machine, "" if waiting else "new-user", waiting, drafts)


def _waiting(machine: Machine, project: str, user: str) -> str:
    """The latest session of this person that is not finished, or ""."""
    from tui.session_catalogue import Shelf

    return next(
        (
            summary.id
            for summary in Shelf(machine).own().summaries()
            if summary.workflow == "new-user"
            and (summary.facts.get("project"), summary.facts.get("user")) == (project, user)
            and summary.next_title
        ),
        "",
    )


def resume(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard resume [ID]`: resume a session, in its sandbox if it has one."""
    from tui.session_catalogue import Shelf

    entry = Shelf(machine).find(options.session)
    if entry.sandbox is None:
        return _run_own(machine, "", entry.summary.id, {}, options.binary)
    return _run_sandbox(machine, entry.sandbox, entry.summary.id)


def sessions(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard sessions [--json]`: list them."""
    from dataclasses import asdict

    from tui.app.session_summary import session_line
    from tui.session_catalogue import Shelf
    from workflows.stores.key_records import remarks

    entries = Shelf(machine).entries()
    records = [{**asdict(entry.summary), "sandbox": str(entry.sandbox or "")} for entry in entries]
    lines = [session_line(entry, machine.now()) for entry in entries]
    none = "No sessions yet. Run `iam-onboard` to start one."
    answer(records, lines or [none], as_json=options.json)
    if not options.json:
        note(*(f"! {remark}" for remark in remarks(machine.places.key_records, machine.now())))
    return DONE


def demo(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard demo [--new]`: both roles on a sandbox; the latest one, or a fresh one."""
    from tui.cli.doctor import missing_for_demo
    from tui.session_catalogue import Shelf
    from workflows.core.installation import how_to_add_the_demo

    _take_terminal()
    if missing := missing_for_demo():
        raise OnboardError(
            "The demo is not installed",
            f"It needs {', '.join(missing)}, which isn't installed.",
            next=how_to_add_the_demo(),
        )
    shelf = Shelf(machine)
    shelf.tidy()
    existing = shelf.sandboxes()
    folder = shelf.new_sandbox() if options.new or not existing else existing[0]
    return _run_sandbox(machine, folder, "")


def _take_terminal() -> None:
    """Make sure that there is a terminal, and that the wizard leaves it usable.

    A wizard that was killed left it raw. Textual restores at its end what it finds at its start, so that has
    to be as `stty sane` sets it; whatever else Textual switches on, it switches off itself.

    Raises:
        UsageError: input or output is redirected.
    """
    if not (sys.stdin.isatty() and on_terminal()):
        raise UsageError(
            "the wizard needs a terminal, but its input or output is redirected.\n"
            "Run it in a terminal window; `iam-onboard --help` lists what works without one."
        )
    modes = termios.tcgetattr(sys.stdin)
    if not modes[3] & termios.ICANON:
        modes[0] |= termios.ICRNL | termios.IXON
        modes[3] |= termios.ICANON | termios.ECHO | termios.IEXTEN | termios.ISIG
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, modes)


def _run_own(machine: Machine, workflow: str, session: str, drafts: Drafts, binary: str = "") -> int:
    _take_terminal()
    from tui.environments import OwnMachine

    return _run(machine, OwnMachine(machine, binary), workflow, session, drafts)


def _run_sandbox(machine: Machine, folder: Path, session: str) -> int:
    _take_terminal()
    from tui.environments import SandboxWorlds

    return _run(machine, SandboxWorlds(machine, folder), "", session, {})


def _run(machine: Machine, source: WorldSource, workflow: str, session: str, drafts: Drafts) -> int:
    with collection_paused():
        from screens.registry import PANES
        from tui.app.application import OnboardApp
        from tui.app.guard import Guard
        from tui.app.session_control import Parts, Start
        from tui.environments import SandboxWorlds
        from tui.session_catalogue import Shelf
        from workflows.step_modules import MODULES

        gc.freeze()  # what was just imported is no garbage, and need not be looked at for that

    def load() -> Parts:
        return Parts(Shelf(machine), MODULES, PANES, lambda folder: SandboxWorlds(machine, folder))

    guard = Guard.start(f"Ended while something still ran. {_how_to_go_on(source)}\n")
    app = OnboardApp(machine, load, source, Start(workflow, session, drafts), guard, load_ahead)
    try:
        try:
            app.run()
        finally:
            app.source.close()
        if app.failure is not None:
            raise app.failure
        if app.begun:
            with contextlib.suppress(OutputLost):  # the window may be closed: all is saved all the same
                say(_how_to_go_on(app.source))
    finally:
        if guard is not None:
            guard.close()
    return DONE


def load_ahead() -> None:
    """Load the wizard, the help, and every step, while a person reads home: each then opens at once."""
    import textual.widgets._markdown  # noqa: F401 - later than home

    import tui.app.wizard  # noqa: F401 - likewise
    from screens.registry import PANES
    from workflows.step_modules import MODULES

    for every in (*MODULES.values(), PANES):
        list(every.values())
    freeze()


def _how_to_go_on(source: WorldSource) -> str:
    again = "iam-onboard demo  (or `make demo`)" if source.sandbox else "iam-onboard resume"
    return f"Saved. Resume with: {again}"
