"""An administrator in a sandbox whose files are reviewed, for the steps Plan, Apply and Hand over."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.fakes import fake_environment

from workflows.environment import Environment
from workflows.gpg.normalise import normalise
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin import apply, plan, review
from workflows.steps.shared.module import Context, Progress

LAYERS = ["management", "security"]


@dataclass
class AdminRuns:
    """The administrator's session: the facts of earlier steps, and contexts for later ones."""

    environment: Environment
    folder: Path
    once: dict[str, Any]
    repeated: dict[str, Any] = field(default_factory=dict)
    reported: list[Progress] = field(default_factory=list)

    def context(self, account: str) -> Context:
        own = {
            name.partition("@")[0]: value
            for name, value in self.repeated.items()
            if name.endswith(f"@{account}")
        }
        facts = {**self.once, **own}
        return Context(
            self.environment, facts, {**self.once, **self.repeated}, account, self.folder, threading.Event()
        )

    def report(self, progress: Progress) -> None:
        self.reported.append(progress)

    def learn(self, account: str, given: Mapping[str, Any]) -> None:
        self.repeated.update({f"{name}@{account}": value for name, value in given.items()})

    def accept(self, account: str) -> plan.Planned:
        """Plan an account's layer, and accept the whole plan."""
        context = self.context(account)
        planned = plan.make(context, self.report)
        request = plan.Request(planned, tuple(change.address for change in planned.foreign))
        assert plan.validate(request, context) == []
        self.learn(account, plan.perform(request, context, self.report))
        return planned

    def write_files(self) -> None:
        """Write the decisions into the layers, as Review does."""
        context = self.context("")
        prepared = review.prepare(context, self.report)
        request = review.Request(prepared.change_set)
        self.once.update(review.perform(request, context, self.report))


def slow_resource(until: Path) -> str:
    """Return a Terraform file with a resource whose apply runs until a file exists."""
    return f"""
resource "terraform_data" "slow" {{
  provisioner "local-exec" {{
    interpreter = ["/bin/sh", "-c"]
    command     = "while [ ! -e {until} ]; do sleep 0.1; done"
  }}
}}
"""


def administrator(sandbox: Sandbox, folder: Path) -> Environment:
    """Return the environment of the sandbox's administrator, with fakes for clipboard, browser and vault."""
    return fake_environment(
        sandbox.administrator.home,
        sandbox.administrator.environment,
        endpoint_url=sandbox.endpoint_url,
        binary=sandbox.terraform_argv,
        mailbox=sandbox.mailbox,
        downloads=sandbox.administrator.downloads,
        sandbox=True,
    )


def joining(sandbox: Sandbox, folder: Path, name: str, key: bytes, group: str) -> AdminRuns:
    """Return a session in which one person joins both layers, after the files are written."""
    runs = AdminRuns(
        administrator(sandbox, folder),
        folder,
        {
            "project_root": str(sandbox.project_root),
            "project": "bb",
            "layers": LAYERS,
            "joining": [name],
            "leaving": [],
            "regrouping": [],
            "rekeying": [],
            "resetting": [],
            "keys": {name: {"text": normalise(key).text}},
            "user_changes": {"add": {account: [name] for account in LAYERS}, "remove": {}},
            "memberships": {account: {name: {"add": [group], "remove": []}} for account in LAYERS},
            "group_changes": {},
        },
    )
    runs.write_files()
    return runs


def applying(runs: AdminRuns, account: str) -> subprocess.Popen[bytes]:
    """Start another wizard that applies; not a fork, which would lack the threads of Go's loaded library."""
    environment = runs.environment
    parts = ("endpoint_url", "binary", "mailbox", "downloads", "sandbox")
    process = subprocess.Popen(
        [sys.executable, "-c", "from support.admin_runs import apply_what_is_given as run; run()"],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    given = (
        environment.home,
        dict(environment.variables),
        {name: getattr(environment, name) for name in parts},
        (runs.folder, runs.once, runs.repeated),
        account,
    )
    assert process.stdin is not None
    with process.stdin:
        pickle.dump(given, process.stdin)
    return process


def apply_what_is_given() -> None:
    """Apply in the process that `applying` started."""
    home, variables, parts, session, account = pickle.load(sys.stdin.buffer)  # noqa: S301 - from `applying`
    runs = AdminRuns(fake_environment(home, variables, **parts), *session)
    apply.perform(apply.Request(), runs.context(account), runs.report)
