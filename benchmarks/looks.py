"""The time for the looks of a session when somebody comes back, before any network look.

The session is an admin's who adds ten people in five layers, with the files written: it looks at files, git
and keys. Run it with `python benchmarks/looks.py`; it writes only below a temporary folder.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.form import amount, status

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.admin_project import git_environment, make_project
from support.pgp import gpg_home
from support.session_walk import SessionWalk, entered

from workflows.machine.events import StepKey
from workflows.machine.state import Status
from workflows.sandbox.project import lay_out, publish

BUDGET_SECONDS = 0.3
PEOPLE = amount(10, 2)
COPIES = ("shared", "apps-devstg", "apps-prd")
LAYERS = ("management", "security", *COPIES)
RUNS = amount(21, 1)


def lay_out_five(folder: Path) -> None:
    """Create the sandbox's project, published, with the security layer in three more accounts."""
    root = folder / "project"
    lay_out(root)
    for account in COPIES:
        shutil.copytree(root / "security", root / account, dirs_exist_ok=True)
        for path in (root / account).rglob("*.tf*"):
            if path.is_file():
                path.write_text(path.read_text().replace("security", account))
    publish(root, folder / "upstream.git", {**git_environment(folder), "GIT_TEMPLATE_DIR": ""})


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="io-", dir="/tmp") as name, gpg_home() as gpg:
        template, folder = Path(name) / "template", Path(name) / "own"
        lay_out_five(template)
        admin = make_project(template, folder)
        keys = {}
        for number in range(PEOPLE):
            person = f"person{number:02d}.example"
            gpg.key(person)
            keys[person] = gpg.export(person)
        walk = SessionWalk(folder / "sessions", admin.environment, entered(admin.root, LAYERS, keys))
        walk.go_on(5)
        review = walk.session.status(StepKey("review"))
        if review is not Status.DONE:
            print(f"The files are not written: {walk.refused}")
            return 1
        times = []
        for _ in range(RUNS):
            start = time.perf_counter()
            walk.run.observe()
            times.append(time.perf_counter() - start)
        walk.close()
    median = statistics.median(times)
    good = median <= BUDGET_SECONDS
    words = f"{PEOPLE} people in {len(LAYERS)} layers"
    print(f"Looks at {words}: {median:.3f} s, budget {BUDGET_SECONDS:g}: {'met' if good else 'MISSED'}")
    return status(good)


if __name__ == "__main__":
    sys.exit(main())
