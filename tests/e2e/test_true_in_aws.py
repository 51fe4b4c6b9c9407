# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""Plan, Apply and Hand over in one layer, with whatever else happens to its state, its files and AWS.

Real steps, a real journal, real Terraform and the local AWS; somebody goes on, leaves and comes back, while a
colleague applies the same or something else, and the user, her password and the layer's folders are deleted.
After every look: what is shown as done is so. What is so is asked of AWS here, not of the product.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from support.admin_project import quiet
from support.admin_runs import administrator
from support.examples import examples
from support.pgp import gpg_home
from support.sandbox import sandbox_cache  # noqa: F401
from support.session_walk import SessionWalk, entered

from workflows.aws.iam import find_user, has_console_password
from workflows.machine.events import StepKey, Verdict
from workflows.sandbox.sandbox import Sandbox, delete_sandbox
from workflows.steps.admin import apply, hand_over, plan, terraform_runs as runs
from workflows.steps.shared.module import Context

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
NAME, ACCOUNT = "jane.doe", "security"
LAYER = Path(ACCOUNT, "global/base-identities")
PLAN, APPLY, HAND_OVER = (StepKey(step, ACCOUNT) for step in ("plan", "apply", "hand-over"))


def planned(context: Context) -> plan.Request:
    made = plan.make(context, quiet)
    return plan.Request(made, tuple(change.address for change in made.foreign))


def handed_over(context: Context) -> hand_over.Request:
    people = hand_over.prepare(context, quiet)
    useless = {person.name: " ".join(map(str, person.trouble)) for person in people if not person.text}
    return hand_over.Request(
        {person.name: hand_over.sent_now("saved", context) for person in people}, useless
    )


class Account(RuleBasedStateMachine):
    """One session that adds somebody to one account, which others change too."""

    cache: ClassVar[Path]
    key: ClassVar[bytes]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="io-", dir="/tmp"))
        self.sandbox = Sandbox.create(self.folder / "sandbox", cache=self.cache, environment=os.environ)
        self.root = self.sandbox.project_root
        requests = {
            **entered(self.root, (ACCOUNT,), {NAME: self.key}),
            "plan": planned,
            "apply": lambda _: apply.Request(),
            "hand-over": handed_over,
        }
        environment = administrator(self.sandbox, self.folder)
        self.walk = SessionWalk(self.folder / "sessions", environment, requests)
        self.changed = False

    def teardown(self) -> None:
        self.walk.close()
        self.sandbox.close()
        delete_sandbox(self.folder / "sandbox")
        shutil.rmtree(self.folder)

    @initialize()
    def write_the_files(self) -> None:
        self.walk.go_on(5)
        assert self.walk.session.proposal() == PLAN, self.walk.refused

    # -- what the person does ----------------------------------------------------------------------

    @rule(steps=st.integers(1, 3))
    def go_on(self, steps: int) -> None:
        self.walk.go_on(steps)

    @rule()
    def take_in_what_was_applied_elsewhere(self) -> None:
        self.walk.accept(PLAN)

    @rule()
    def leave_and_come_back(self) -> None:
        self.walk.leave_and_come_back()

    # -- what happens besides ----------------------------------------------------------------------

    def context(self) -> Context:
        return self.walk.run.context(PLAN)

    @rule(same=st.booleans())
    def let_a_colleague_apply(self, same: bool) -> None:
        """The files as they are here, or as they were published, with a group of the colleague's own."""
        elsewhere = self.folder / "colleague"
        shutil.copytree(self.root, elsewhere, symlinks=True)
        if not same:
            for words in (("checkout", "--quiet", "."), ("clean", "-fdq", str(LAYER))):
                subprocess.run(["git", *words], cwd=elsewhere, check=True, capture_output=True)
            (elsewhere / LAYER / "more.tf").write_text(
                'resource "aws_iam_group" "more" {\n  name = "more"\n}\n'
            )
        own = self.context()
        own = replace(own, facts={**own.facts, "project_root": str(elsewhere)}, folder=self.folder / "theirs")
        own.folder.mkdir(mode=0o700)
        try:
            with runs.open_layer(own, quiet) as layer:
                record, _ = layer.terraform.plan(watch=runs.watching(own, quiet))
                layer.terraform.apply(record, watch=runs.watching(own, quiet))
        finally:
            shutil.rmtree(elsewhere)
            shutil.rmtree(own.folder)
        self.changed = True

    @rule(whole=st.booleans())
    def delete_her_in_aws(self, whole: bool) -> None:
        """The user, or only her password."""
        with runs.administrator(self.context(), quiet) as iam:
            if has_console_password(iam, NAME) if find_user(iam, NAME) else False:
                iam.delete_login_profile(UserName=NAME)
                self.changed = True
            if whole and find_user(iam, NAME):
                for group in iam.list_groups_for_user(UserName=NAME)["Groups"]:
                    iam.remove_user_from_group(UserName=NAME, GroupName=group["GroupName"])
                iam.delete_user(UserName=NAME)
                self.changed = True

    @rule(what=st.sampled_from([".terraform", ".terraform.lock.hcl", "locals.tf"]))
    def touch_the_layer(self, what: str) -> None:
        """Terraform's folder or its lock file is gone, or a file has a remark."""
        path = self.root / LAYER / what
        if what == ".terraform":
            shutil.rmtree(path, ignore_errors=True)
        elif path.exists():
            path.write_text(path.read_text() + "# a remark\n") if what == "locals.tf" else path.unlink()
            self.changed = True

    @rule()
    def delete_the_plan_file(self) -> None:
        for path in self.walk.session.folder.rglob("*.tfplan"):
            path.unlink()
            self.changed = True

    # -- what has to be so -------------------------------------------------------------------------

    def there(self) -> tuple[bool, bool]:
        """Whether AWS has the user, and a password of hers."""
        with runs.administrator(self.context(), quiet) as iam:
            user = find_user(iam, NAME) is not None
            return user, user and has_console_password(iam, NAME)

    @invariant()
    def check(self) -> None:
        before = self.walk.settled()
        self.walk.observe(at_network=True)
        after, (user, password) = self.walk.done(), self.there()
        if APPLY in after:
            assert user, "the apply is shown as done, and there is no user"
        if HAND_OVER in after:
            assert password, "the hand-over is shown as done, and there is no password"
        if PLAN in after and APPLY not in after:
            seen = self.walk.session.state.observed.get(PLAN)
            assert seen is None or seen.verdict in {Verdict.AS_DECIDED, Verdict.UNKNOWN}
        if not self.changed:
            lost = before - self.walk.settled()
            assert not lost, f"what is still so is asked for again: {lost}"
        self.changed = False


@pytest.fixture
def her_key() -> Iterator[bytes]:
    with gpg_home() as made:
        made.key(NAME)
        yield made.export(NAME)


def test_what_is_shown_as_done_is_so(sandbox_cache: Path, her_key: bytes) -> None:
    Account.cache, Account.key = sandbox_cache, her_key
    run_state_machine_as_test(
        Account,
        settings=settings(
            max_examples=examples(4, 30),
            stateful_step_count=8,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
