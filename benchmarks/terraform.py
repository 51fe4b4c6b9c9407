"""Times plan and apply through this program against the binary alone, and checks the memory of a long run.

Run it with `python benchmarks/terraform.py [--runs N]`. The service, and `iam-onboard plan` and `apply` as
typed, plan and apply the same change (a new password) as the binary alone, in turns, in the sandbox's layer,
with the real provider, the local AWS and the state in its S3. The binary alone also shows the plan as JSON,
since an unreadable plan can't be accepted. It is given its credentials; the commands request theirs. The long
run is a stream of events of 5,000 resources, followed as it grows.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.admin_runs import AdminRuns, administrator

from benchmarks.form import amount, status
from workflows.sandbox.sandbox import Sandbox, delete_sandbox
from workflows.steps.admin.terraform_runs import OpenLayer, open_layer
from workflows.terraform.runner import Kind, Run, Update, Watch
from workflows.terraform.service import Terraform

RUNS = amount(15, 1)
BUDGET, COMMAND_BUDGET = 1.05, 1.15
PROGRAM = Path(sys.executable).with_name("iam-onboard")
RESOURCES = amount(5_000, 50)
MEMORY_BUDGET = 2_000_000
"""Bytes that may be added while 4,000 of 5,000 resources are done: 500 per resource, none per event."""
CACHE = Path(__file__).parents[1] / ".cache" / "sandbox"
MORE = f"""
resource "aws_iam_group" "more" {{
  count = {amount(65, 1)}
  name  = "more-${{count.index}}"
}}
"""
"""Makes the sandbox's layer as large as a real one: 80 resources."""
ADDRESS = 'module.user["dana.lopez"].aws_iam_user_login_profile.this[0]'

EMITTER = """
import json, sys
def say(kind, **fields):
    print(json.dumps({"@level": "info", "@message": kind, "type": kind, **fields}))
def hook(kind, n, **fields):
    resource = {"addr": f'aws_iam_user.this["person.{n}"]', "resource_type": "aws_iam_user"}
    say(kind, hook={"resource": resource, "action": "create", **fields})
count = int(sys.argv[1])
for n in range(count):
    resource = {"addr": f'aws_iam_user.this["person.{n}"]', "resource_type": "aws_iam_user"}
    say("planned_change", change={"resource": resource, "action": "create"})
for n in range(count):
    hook("apply_start", n)
    for seconds in (10, 20, 30):
        hook("apply_progress", n, elapsed_seconds=seconds)
    hook("apply_complete", n, elapsed_seconds=31)
"""


class Took(NamedTuple):
    """Seconds until a plan could be read, and for its apply."""

    plan: float
    apply: float


@contextmanager
def sandbox_layer() -> Iterator[tuple[Sandbox, OpenLayer]]:
    """Yield the sandbox, and its management layer, applied, with credentials."""
    with tempfile.TemporaryDirectory(prefix="io-", dir="/tmp") as name:
        folder = Path(name) / "sandbox"
        session = Path(name) / "session"
        session.mkdir(mode=0o700)
        with Sandbox.create(folder, cache=CACHE, environment=os.environ) as sandbox:
            facts = {"project_root": str(sandbox.project_root), "project": "bb"}
            runs = AdminRuns(administrator(sandbox, session), session, facts)
            with open_layer(runs.context("management"), runs.report) as layer:
                (layer.location.path / "more.tf").write_text(MORE)
                # Initialises, and warms up the caches, too.
                record, _ = layer.terraform.plan(watch=Watch(lambda _update: None))
                layer.terraform.apply(record, watch=Watch(lambda _update: None))
                yield sandbox, layer
        delete_sandbox(folder)


def timed(*actions: Callable[[], object]) -> float:
    """Return the seconds that these actions take in sequence."""
    began = time.perf_counter()
    for action in actions:
        action()
    return time.perf_counter() - began


def alone(terraform: Terraform, folder: Path) -> Took:
    """Time the binary alone."""
    plan, commands = folder / "alone.tfplan", terraform.binary.commands
    run = partial(
        subprocess.run,
        cwd=terraform.layer,
        env=dict(terraform.environment),
        check=True,
        stdout=subprocess.PIPE,
    )
    make = commands.plan(plan, var_files=terraform.var_files, replace=[ADDRESS])
    took = Took(
        timed(lambda: run(make), lambda: run(commands.show(plan))), timed(lambda: run(commands.apply(plan)))
    )
    plan.unlink()
    return took


def by_service(terraform: Terraform) -> Took:
    """Time the service, which also hashes, records, reads and follows."""
    began = time.perf_counter()
    record, _ = terraform.plan(replace=[ADDRESS], watch=Watch(lambda _update: None))
    planned = time.perf_counter() - began
    return Took(planned, timed(lambda: terraform.apply(record, watch=Watch(lambda _update: None))))


def by_command(sandbox: Sandbox, folder: Path) -> Took:
    """Time the commands as an administrator types them, from the program's start to its end.

    The plan also reads the state, to find the password's address.
    """
    plan = str(folder / "typed.tfplan")
    run = partial(
        subprocess.run,
        cwd=sandbox.project_root,
        env=dict(sandbox.administrator.environment),
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    make = [PROGRAM, "plan", "management", "--password", "dana.lopez", "--out", plan]
    return Took(timed(lambda: run(make)), timed(lambda: run([PROGRAM, "apply", "management", plan, "--yes"])))


def in_turns(ways: Sequence[Callable[[], Took]], runs: int) -> list[Took]:
    """Return the median of each way, taken in turns, in changing order."""
    times: list[list[Took]] = [[] for _ in ways]
    for number in range(runs):
        pairs = list(zip(ways, times, strict=True))
        for way, kept in pairs if number % 2 else reversed(pairs):
            kept.append(way())
    return [Took(*map(statistics.median, zip(*kept, strict=True))) for kept in times]


def memory_of_a_long_run() -> tuple[int, int, float]:
    """Return the bytes held when a fifth of 5,000 resources is done, the most after that, and the seconds."""
    held: list[tuple[int, int]] = []

    def watch(update: Update) -> None:
        held.append((len(update.progress.done), tracemalloc.get_traced_memory()[0]))

    with tempfile.TemporaryDirectory(prefix="io-", dir="/tmp") as name:
        environment = {"PATH": os.environ["PATH"]}
        argv = [sys.executable, "-u", "-c", EMITTER, str(RESOURCES)]
        tracemalloc.start()
        began = time.perf_counter()
        folder, cwd = Path(name, "run"), Path(name)
        run = Run.start(argv, kind=Kind.APPLY, folder=folder, cwd=cwd, environment=environment)
        outcome = run.follow(Watch(watch))
        seconds = time.perf_counter() - began
        tracemalloc.stop()
        run.discard()
    if len(outcome.progress.done) != RESOURCES:
        raise SystemExit(f"Only {len(outcome.progress.done)} of {RESOURCES} were followed.")
    fifth = next(size for done, size in held if done >= RESOURCES // 5)
    return fifth, max(size for done, size in held if done >= RESOURCES // 5), seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--short", action="store_true")
    runs = parser.parse_args().runs
    early, most, seconds = memory_of_a_long_run()
    with sandbox_layer() as (sandbox, layer), tempfile.TemporaryDirectory(prefix="io-", dir="/tmp") as name:
        terraform, folder = layer.terraform, Path(name)
        ways = (
            partial(alone, terraform, folder),
            partial(by_service, terraform),
            partial(by_command, sandbox, folder),
        )
        bare, service, typed = in_turns(ways, runs)
    ratio, growth = sum(service) / sum(bare), most - early
    as_commands = Took(*(ours / theirs for ours, theirs in zip(typed, bare, strict=True)))
    print(f"the binary alone: plan and show, apply {bare.plan:6.2f} s {bare.apply:6.2f} s   ({runs} runs)")
    print(
        f"through the service                    {service.plan:6.2f} s {service.apply:6.2f} s   "
        f"{ratio:.3f} x together, budget {BUDGET} x"
    )
    print(
        f"`iam-onboard plan`, `apply`            {typed.plan:6.2f} s {typed.apply:6.2f} s   "
        f"{as_commands.plan:.3f} x and {as_commands.apply:.3f} x, budget {COMMAND_BUDGET} x each"
    )
    print(f"{RESOURCES} resources, a fifth done           {early / 1e6:6.1f} MB")
    print(f"the most until the end                 {most / 1e6:6.1f} MB  ({growth / 1e6:.1f} MB more)")
    print(f"the whole stream followed in           {seconds:6.1f} s")
    met = ratio <= BUDGET and max(as_commands) <= COMMAND_BUDGET
    return status(met and growth <= MEMORY_BUDGET)


if __name__ == "__main__":
    sys.exit(main())
