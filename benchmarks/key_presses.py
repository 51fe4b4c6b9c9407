"""The time from a key press to the paint, with 5,000 people in a layer against 10, in one run.

The real wizard runs, without a terminal, at 120×36, on a project on disk with a layer of that many people in
30 groups. Keys that move, change and filter are pressed in the matrix of Groups and in the list of Users. The
paint is the last one that a key causes. Textual paints at most 60 times a second, so much of a press is
waiting; the processor time of the same presses is printed beside it, without a budget.

Run it with `python benchmarks/key_presses.py`; it writes only below a temporary folder.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from benchmarks.form import amount, status
from screens.registry import PANES
from tui.app.wizard import WizardScreen
from workflows.catalogue import WORKFLOWS
from workflows.desktop.browser import SystemBrowser
from workflows.desktop.clipboard import Osc52Clipboard
from workflows.environment import Environment
from workflows.machine.events import StepKey
from workflows.machine.sessions import Sessions
from workflows.run import SessionRun
from workflows.sandbox.project import lay_out
from workflows.step_modules import MODULES
from workflows.stores.vault import VaultChoice, VaultUnavailable

BUDGET = 2.0
FEW, MANY = 10, amount(5000, 20)
GROUPS = 30
WARM, ROUNDS = amount(1, 0), amount(2, 1)
"""The first round warms up what is loaded once."""
REST_SECONDS = amount(0.5, 0.0)
SIZE = (120, 36)
LIMIT_SECONDS = 60.0

USERS = """module "user" {
  source   = "../modules/iam-user"
  for_each = toset(local.users)

  name                          = each.key
  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("keys/${each.key}")
}
"""

PRESSES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "groups": {
        "move": ("down", "down", "right", "pagedown", "right", "up", "left", "pageup") * 5,
        "first and last": ("ctrl+end", "end", "ctrl+home", "home") * 5,
        "in or out": ("space", "down", "space", "right") * 8,
        "filter": ("slash", *"person0", *("backspace",) * 7, *"group-1", *("backspace",) * 7, "down"),
        "in or out, filtered": ("slash", *"0", "down", *("space", "down") * 10, "slash", "escape", "down"),
    },
    "users": {
        "move": ("tab", "down", *("down", "down", "pagedown", "up", "pageup") * 8),
        "first and last": ("end", "home") * 10,
        "filter": ("up", *"person0", *("backspace",) * 7, *"group-1", *("backspace",) * 7, "down"),
    },
}
"""By step and kind: the keys, in order; each step gets a fresh screen."""


@dataclass
class Times:
    """Milliseconds from each press to its paint, and of processor time, by step and kind."""

    paint: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    work: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))


class Watched(App[None]):
    """Shows the wizard, and remembers its last paint."""

    def __init__(self, wizard: WizardScreen) -> None:
        super().__init__()
        self.wizard = wizard
        self.painted_at = 0.0

    def on_mount(self) -> None:
        """Show the wizard."""
        self.push_screen(self.wizard)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        super()._display(screen, renderable)
        self.painted_at = time.perf_counter()


def make_project(root: Path, people: int) -> None:
    """Create the sandbox's project with that many people in the security layer, each in 3 of 30 groups."""
    lay_out(root)
    layer = root / "security" / "global" / "base-identities"
    for path in layer.glob("*.tf"):
        path.unlink()
    shutil.rmtree(layer / "keys", ignore_errors=True)
    names = [f"person{number:05d}.example" for number in range(people)]
    entries = "".join(f'    "{name}",\n' for name in names)
    (layer / "locals.tf").write_text(f"locals {{\n  users = [\n{entries}  ]\n}}\n")
    (layer / "users.tf").write_text(USERS)
    groups = []
    for number in range(GROUPS):
        mine = [name for index, name in enumerate(names) if (index - number) % GROUPS < 3]
        members = "".join(f'    module.user["{name}"].iam_user_name,\n' for name in mine)
        groups.append(
            f'module "iam_group_{number:02d}" {{\n  source = "../modules/iam-group-with-policies"\n'
            f'  name   = "group-{number:02d}"\n\n  group_users = [\n{members}  ]\n\n'
            '  custom_group_policy_arns = [\n    "arn:aws:iam::aws:policy/ReadOnlyAccess",\n  ]\n}\n'
        )
    (layer / "groups.tf").write_text("\n".join(groups))


def now() -> datetime:
    return datetime.now(UTC)


def no_vault(_fingerprint: str) -> VaultChoice:
    raise VaultUnavailable("No store", "A benchmark keeps no secrets.")


def environment_in(folder: Path) -> Environment:
    """Return an environment without network: the tested steps read files only."""
    return Environment(
        home=folder,
        variables={"HOME": str(folder), "PATH": ""},
        gnupg_home=None,
        downloads=folder,
        endpoint_url=None,
        binary=None,
        mailbox=None,
        sandbox=False,
        now=now,
        clipboard=Osc52Clipboard(lambda _text: None, now),
        browser=SystemBrowser({}, sys.platform),
        vault=no_vault,
    )


async def measure(folder: Path, step: str, times: Times) -> None:
    """Open a step's screen on the project in a folder, and press its keys."""
    facts: dict[str, Any] = {
        "project_root": str(folder / "project"),
        "project": "bb",
        "layers": ["security"],
        "joining": [],
        "leaving": ["person00001.example"],
        "regrouping": ["person00000.example"],
        "rekeying": [],
        "account_wanted": False,
    }
    with tempfile.TemporaryDirectory(dir=folder) as sessions:
        session = Sessions(Path(sessions), WORKFLOWS, now).create("admin", {})
        try:
            session.start(StepKey("project"))
            session.succeed(StepKey("project"), facts)
            if step != "users":
                session.start(StepKey("users"))
                session.succeed(StepKey("users"), {"user_changes": {"add": {}, "remove": {}}})
            wizard = WizardScreen(
                SessionRun(session, environment_in(folder), MODULES["admin"]), PANES, StepKey(step)
            )
            app = Watched(wizard)
            async with app.run_test(size=SIZE) as pilot:
                await at_rest(pilot, wizard)
                for kind, keys in PRESSES[step].items():
                    for key in keys[: amount(len(keys), 4)]:
                        await press(pilot, app, key, (step, kind), times)
        finally:
            session.close()


async def at_rest(pilot: Pilot[None], wizard: WizardScreen) -> None:
    """Wait until the screen has read the layer and painted it."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while wizard.pane is None or not wizard.pane.opened or wizard.pane.running_move:
        await pilot.pause(0.05)
        assert time.monotonic() < deadline, "the screen does not come to rest"
    await pilot.pause(REST_SECONDS)


async def press(pilot: Pilot[None], app: Watched, key: str, kind: tuple[str, str], times: Times) -> None:
    """Press a key, not counting one that paints nothing (up in the first line)."""
    app.painted_at = 0.0
    work, start = time.process_time(), time.perf_counter()
    await pilot.press(key)
    await pilot.pause()
    await asyncio.sleep(0.03)  # two of Textual's ticks: what isn't painted by now won't be
    if app.painted_at:
        times.paint[kind].append((app.painted_at - start) * 1000)
        times.work[kind].append((time.process_time() - work) * 1000)


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def report(few: Times, many: Times) -> bool:
    """Print a line for each kind; return whether all are within the budget."""
    good = True
    for kind, base in few.paint.items():
        ours = many.paint[kind]
        ratio = p95(ours) / p95(base)
        work = p95(many.work[kind]) / p95(few.work[kind])
        good &= ratio <= BUDGET
        print(
            f"{kind[0]:6} {kind[1]:20} p50 {statistics.median(ours):5.1f} against "
            f"{statistics.median(base):5.1f} ms, p95 {p95(ours):5.1f} against {p95(base):5.1f} ms: "
            f"{ratio:.2f} ×, {'met' if ratio <= BUDGET else 'MISSED'} "
            f"(processor time at p95 {work:.2f} ×)"
        )
    return good


def main() -> int:
    """Measure; return 0 if every budget is met."""
    found = {FEW: Times(), MANY: Times()}
    with tempfile.TemporaryDirectory() as name:
        for people in found:
            folder = Path(name) / str(people)
            folder.mkdir()
            make_project(folder / "project", people)
        for number in range(WARM + ROUNDS):
            for people, times in found.items():
                for step in PRESSES:
                    into = Times() if number < WARM else times
                    asyncio.run(measure(Path(name) / str(people), step, into))
    print(f"Key press to paint, {MANY:,} people in {GROUPS} groups against {FEW}; budget {BUDGET:g} × at p95")
    return status(report(found[FEW], found[MANY]))


if __name__ == "__main__":
    sys.exit(main())
