"""The admin's steps up to the written files, while others change the checkout.

The steps, the journal, git and the files of two layers are real. A person does steps, repeats them, leaves
and comes back, while files are edited, stashed, committed and deleted without the session. After every look,
what is shown as done must be in the files, no step after a contradiction may be proposed, and what is in the
files must not be asked for again. The test reads the files' bytes, without the program's reader.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from support.admin_project import AdminProject, make_project
from support.examples import examples
from support.session_walk import SessionWalk, entered

from workflows.machine.events import StepKey

NAME, LAYERS = "jane.doe", ("management", "security")
PROJECT, REVIEW = StepKey("project"), StepKey("review")


class Checkout(RuleBasedStateMachine):
    """A session that adds a person, in a checkout that others also change."""

    template: ClassVar[Path]
    people: ClassVar[Mapping[str, bytes]]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="io-world-"))
        self.admin: AdminProject = make_project(self.template, self.folder)
        self.walk = SessionWalk(
            self.folder / "sessions",
            self.admin.environment,
            entered(self.admin.root, LAYERS, {NAME: self.people[NAME]}),
        )
        self.changed = False

    def teardown(self) -> None:
        self.walk.close()
        shutil.rmtree(self.folder)

    # -- what the person does ----------------------------------------------------------------------

    @rule(steps=st.integers(1, 5))
    def go_on(self, steps: int) -> None:
        self.walk.go_on(steps)

    @rule()
    def leave_and_come_back(self) -> None:
        self.walk.leave_and_come_back()

    # -- what happens besides ----------------------------------------------------------------------

    def git(self, *words: str) -> None:
        """Run git, which may fail without an effect."""
        who = ("-c", "user.name=Mary", "-c", "user.email=mary@example.org")
        environment = dict(self.admin.environment.variables)
        git = ["git", *who, *words]
        subprocess.run(git, cwd=self.admin.root, env=environment, capture_output=True, check=False)
        self.changed = True

    @rule(
        words=st.sampled_from(
            [
                ("stash", "--include-untracked"),
                ("stash", "pop"),
                ("checkout", "--quiet", "."),
                ("clean", "-fdq"),
                ("switch", "--quiet", "--create", "elsewhere"),
                ("switch", "--quiet", "main"),
                ("commit", "--quiet", "--all", "--message", "By hand"),
                ("push", "--quiet"),
                ("reset", "--quiet", "--hard", "HEAD~1"),
            ]
        )
    )
    def use_git(self, words: tuple[str, ...]) -> None:
        self.git(*words)

    @rule(
        layer=st.sampled_from(LAYERS), name=st.sampled_from(["jane.doe", "sam.okafor"]), other=st.booleans()
    )
    def touch_a_key(self, layer: str, name: str, other: bool) -> None:
        """Replace a key file by another person's, or delete it."""
        path = self.admin.file(layer, f"keys/{name}")
        if path.exists():
            path.write_bytes(self.people["juan.delacruz"]) if other else path.unlink()
            self.changed = True

    @rule(layer=st.sampled_from(LAYERS))
    def take_her_out_by_hand(self, layer: str) -> None:
        """Delete every line that names her."""
        for path in self.admin.file(layer, "x").parent.glob("*.tf"):
            lines = path.read_text().splitlines(keepends=True)
            if left := [line for line in lines if NAME not in line]:
                self.changed |= left != lines
                path.write_text("".join(left))

    @rule(layer=st.sampled_from(LAYERS))
    def add_a_remark(self, layer: str) -> None:
        """Change a file without changing its meaning."""
        path = self.admin.file(layer, "locals.tf")
        path.write_text(path.read_text() + "# a remark\n")

    @rule()
    def move_the_checkout_away(self) -> None:
        self.admin.root.rename(self.folder / "away")
        self.changed = True
        self.check()
        self.changed = True
        (self.folder / "away").rename(self.admin.root)

    # -- what has to be so -------------------------------------------------------------------------

    def written(self, layer: str) -> bool:
        """Return whether the layer names her and contains her key byte for byte."""
        folder = self.admin.file(layer, "x").parent
        key = folder / "keys" / NAME
        named = any(f'"{NAME}"' in path.read_text() for path in folder.glob("*.tf"))
        return named and key.exists() and self.people[NAME] in b64decode(key.read_bytes())

    @invariant()
    def check(self) -> None:
        before = self.walk.settled()
        self.walk.observe()
        after = self.walk.done()
        if REVIEW in after:
            assert all(map(self.written, LAYERS)), "it is shown as done, and isn't so"
        if PROJECT in after:
            assert self.admin.root.is_dir()
        if not self.changed:
            assert before <= self.walk.settled(), "what is still so is asked for again"
        self.changed = False


def test_what_is_shown_as_done_is_so(admin_template: Path, people_keys: Mapping[str, bytes]) -> None:
    Checkout.template, Checkout.people = admin_template, people_keys
    run_state_machine_as_test(
        Checkout,
        settings=settings(
            max_examples=examples(6, 150),
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
