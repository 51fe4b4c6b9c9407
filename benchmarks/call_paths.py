"""Counts the modules on the call path of four flows: a person added, a plan, a handoff, a key for an SDK.

Every call of one of this program's functions counts, in all threads, except a dataclass's own methods; work
during a module's import doesn't. A plan counts until Terraform's process starts. The output also has the
number of modules, and of their functions, that receive the step's whole `Context`, and how often the path
returns to a module that it had left.

Run it with `python benchmarks/call_paths.py [--list]`: the layers are the sandbox's, Terraform and gpg are
real, AWS answers on loopback, and it writes only below a temporary folder.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.admin_project import AdminProject, put, quiet, taken_key, write
from support.admin_runs import AdminRuns, administrator
from support.pgp import gpg_home
from support.served_aws import BASE, served, user_key

from benchmarks.form import status
from workflows.sandbox.sandbox import Sandbox, delete_sandbox
from workflows.steps.admin import apply, hand_over, pgp_keys, users
from workflows.steps.new_user import access_keys, profiles
from workflows.steps.new_user.access_keys import CONSOLE
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_access_key import VAULT
from workflows.stores.vault import find_access_key

ROOMS = ("tui", "screens", "workflows")
BUDGETS = {"a person is added": 25, "a plan, until Terraform starts": 15}
CACHE = Path(__file__).parents[1] / ".cache" / "sandbox"
LAYERS = ("management", "security")


class Tracer:
    """Records each call between `on` and `off`."""

    def __init__(self) -> None:
        self._heard = False
        self._ends: Callable[[Sequence[Any]], bool] = lambda _argv: False
        self.modules: dict[str, None] = {}
        self.handed: dict[str, set[str]] = defaultdict(set)
        self.returns = 0
        self._last = ""
        sys.addaudithook(self._started)

    @contextmanager
    def on(self, until: Callable[[Sequence[Any]], bool] | None = None) -> Iterator[None]:
        """Count until a process starts whose arguments match `until`, or to the end."""
        self.modules, self.handed, self.returns, self._last = {}, defaultdict(set), 0, ""
        self._ends, self._heard = until or (lambda _argv: False), True
        threading.setprofile(self._called)
        sys.setprofile(self._called)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            self._heard = False

    def _started(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._heard and event == "subprocess.Popen" and self._ends(arguments[1]):
            self._heard = False

    def _called(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call" or not self._heard:
            return
        module, code = frame.f_globals.get("__name__", ""), frame.f_code
        if module.partition(".")[0] in ROOMS and code.co_name != "<module>" and code.co_filename[0] != "<":
            self.modules[module] = None
            if any(isinstance(value, Context) for value in frame.f_locals.values()):
                self.returns += module in self.handed and module != self._last
                self.handed[module].add(code.co_name)
                self._last = module


@contextmanager
def a_sandbox(folder: Path) -> Iterator[AdminProject]:
    """Yield a sandbox's project for its administrator, in which everybody has a key and password already."""
    session = folder / "session"
    session.mkdir(mode=0o700)
    with Sandbox.create(folder / "sandbox", cache=CACHE, environment=os.environ) as sandbox:
        root = sandbox.project_root
        yield AdminProject(root, root, administrator(sandbox, session), session)
    delete_sandbox(folder / "sandbox")


def person_added(admin: AdminProject, tracer: Tracer) -> None:
    """Accept a key, decide who joins, and write the files of two layers."""
    with gpg_home() as gpg:
        gpg.key("jane.doe")
        key = gpg.export("jane.doe")
    admin.begin("jane.doe")
    with tracer.on():
        admin.run(pgp_keys, pgp_keys.Request({"jane.doe": taken_key(key, "jane.doe", admin.context())}))
        admin.run(users, users.proposal(admin.context(), users.survey(admin.context(), quiet)))
        put(admin, {account: {"jane.doe": {"admins"}} for account in LAYERS})
        write(admin)


def planned(runs: AdminRuns, tracer: Tracer) -> None:
    """Plan an initialised layer, and accept the plan."""
    runs.accept("management")
    with tracer.on(until=lambda argv: "plan" in argv):
        runs.accept("management")


def handed_over(runs: AdminRuns, tracer: Tracer) -> None:
    """Make the handoff after the apply."""
    context = runs.context("management")
    runs.learn("management", apply.perform(apply.Request(), context, runs.report))
    with tracer.on():
        made = hand_over.prepare(runs.context("management"), runs.report)
        assert all(person.text for person in made)


def key_for_an_sdk(folder: Path, tracer: Tracer) -> None:
    """Keep a downloaded access key, write its profiles, and let an SDK ask for it."""
    folder.mkdir()
    with served(folder) as person:
        made = user_key(person)
        person.aws.device()
        keep = access_keys.Request(VAULT, CONSOLE, path=str(person.csv(made)))
        with tracer.on():
            facts = access_keys.perform(keep, person.context(), person.report)
            context = person.context(access_key=facts["access_key"])
            profiles.perform(profiles.proposal(context), context, person.report)
            vault = person.environment.vault("").vault
            assert vault is not None
            found = find_access_key([vault], "bb", BASE)
        assert found is not None
        assert found[1].secret_access_key.reveal() == made["SecretAccessKey"]


def main() -> int:
    tracer, met = Tracer(), True

    def show(flow: str) -> bool:
        budget, count = BUDGETS.get(flow), len(tracer.modules)
        functions = sum(map(len, tracer.handed.values()))
        aim = "" if budget is None else f", budget {budget}"
        print(f"{flow}: {count} modules{aim}")
        handed = f"{functions} functions of {len(tracer.handed)} modules, {tracer.returns} returns"
        print(f"    the Context in {handed}")
        if "--list" in sys.argv:
            print(*(f"    {name}" for name in tracer.modules), sep="\n")
        return budget is None or count <= budget

    with tempfile.TemporaryDirectory(prefix="io-", dir="/tmp") as name:
        with a_sandbox(Path(name)) as admin:
            person_added(admin, tracer)
            met &= show("a person is added")
            runs = AdminRuns(admin.environment, admin.folder, dict(admin.facts))
            planned(runs, tracer)
            met &= show("a plan, until Terraform starts")
            handed_over(runs, tracer)
            met &= show("a handoff")
        key_for_an_sdk(Path(name, "key"), tracer)
        met &= show("an access key, to an SDK")
    return status(met)


if __name__ == "__main__":
    sys.exit(main())
