"""Times plan and apply through this program against the binary alone, and watches the memory of a long run.

Run it with `python benchmarks/terraform.py [--runs N]`. Both plan and apply the same change (a password made
anew) in the sandbox's layer, with the real provider and the local AWS, in turns; the binary alone also shows
the plan as JSON, since a plan that nobody can read cannot be accepted. The long run is a stream of events of
5,000 resources that is followed as it grows.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.admin_runs import AdminRuns, administrator

from benchmarks.form import amount, status
from workflows.sandbox.sandbox import Sandbox, delete_sandbox
from workflows.steps.admin.terraform_runs import OpenLayer, open_layer
from workflows.terraform.runner import Kind, Run, Update, Watch
from workflows.terraform.service import Terraform

RUNS = amount(15, 1)
BUDGET = 1.05
RESOURCES = amount(5_000, 50)
MEMORY_BUDGET = 2_000_000
"""Bytes that may be added while 4,000 of 5,000 resources are done: 500 a resource, none an event."""
CACHE = Path(__file__).parents[1] / ".cache" / "sandbox"
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


@contextmanager
def sandbox_layer() -> Iterator[OpenLayer]:
    """The sandbox's management layer, applied, with credentials."""
    with tempfile.TemporaryDirectory(prefix="io-", dir="/tmp") as name:
        folder = Path(name) / "sandbox"
        session = Path(name) / "session"
        session.mkdir(mode=0o700)
        with Sandbox.create(folder, cache=CACHE, environment=os.environ) as sandbox:
            facts = {"project_root": str(sandbox.project_root), "project": "bb"}
            runs = AdminRuns(administrator(sandbox, session), session, facts)
            with open_layer(runs.context("management"), runs.report) as layer:
                yield layer
        delete_sandbox(folder)


def alone(terraform: Terraform, folder: Path) -> float:
    """Plan, show and apply with the binary and nothing else; seconds."""
    plan = folder / "alone.tfplan"
    commands = terraform.binary.commands
    began = time.perf_counter()
    for argv in (
        commands.plan(plan, var_files=terraform.var_files, replace=[ADDRESS]),
        commands.show(plan),
        commands.apply(plan),
    ):
        subprocess.run(
            argv, cwd=terraform.layer, env=dict(terraform.environment), check=True, stdout=subprocess.PIPE
        )
    seconds = time.perf_counter() - began
    plan.unlink()
    return seconds


def ours(terraform: Terraform) -> float:
    """The same through the service, which also hashes, records, reads and follows; seconds."""
    began = time.perf_counter()
    record, _ = terraform.plan(replace=[ADDRESS], watch=Watch(lambda _update: None))
    terraform.apply(record, watch=Watch(lambda _update: None))
    return time.perf_counter() - began


def in_turns(first: Callable[[], float], second: Callable[[], float], runs: int) -> tuple[float, float]:
    """The medians of two measurements, made in turns, the order changing."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(runs):
        pairs = list(zip((first, second), times, strict=True))
        for measure, kept in pairs if number % 2 else reversed(pairs):
            kept.append(measure())
    return statistics.median(times[0]), statistics.median(times[1])


def memory_of_a_long_run() -> tuple[int, int, float]:
    """Bytes held when a fifth of 5,000 resources is done, the most after that, and the seconds it took."""
    held: list[tuple[int, int]] = []

    def watch(update: Update) -> None:
        held.append((update.progress.operations, tracemalloc.get_traced_memory()[0]))

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
    if outcome.progress.operations != RESOURCES:
        raise SystemExit(f"Only {outcome.progress.operations} of {RESOURCES} were followed.")
    fifth = next(size for done, size in held if done >= RESOURCES // 5)
    return fifth, max(size for done, size in held if done >= RESOURCES // 5), seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--short", action="store_true")
    runs = parser.parse_args().runs
    early, most, seconds = memory_of_a_long_run()
    with sandbox_layer() as layer, tempfile.TemporaryDirectory(prefix="io-", dir="/tmp") as folder:
        terraform = layer.terraform
        for _ in range(amount(1, 0)):
            ours(terraform)  # initialises, as the first in its turn does too, and warms the caches of both
        bare, through = in_turns(lambda: alone(terraform, Path(folder)), lambda: ours(terraform), runs)
    ratio, growth = through / bare, most - early
    print(f"the binary alone: plan, show, apply    {bare:6.2f} s   ({runs} runs)")
    print(f"through the service                    {through:6.2f} s   {ratio:.3f} x, budget {BUDGET} x")
    print(f"{RESOURCES} resources, a fifth done           {early / 1e6:6.1f} MB")
    print(f"the most until the end                 {most / 1e6:6.1f} MB  ({growth / 1e6:.1f} MB more)")
    print(f"the whole stream followed in           {seconds:6.1f} s")
    return status(ratio <= BUDGET and growth <= MEMORY_BUDGET)


if __name__ == "__main__":
    sys.exit(main())
