"""Times the STS audit of all regions against its slowest region, with a server whose regions answer late.

Run it with `python benchmarks/regions.py`; it uses loopback only. Each region has its own delay, like a
distance; the slowest is asked last, which is the worst case. With five accounts each region answers five
times, in a fifth of its time. The ratios are of medians, except for the process's first run, which also loads
botocore's data.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.form import amount, status
from workflows.aws.clients import ClientFactory
from workflows.aws.sts_regions.ask import PATIENCE, Question, ask, regions_of
from workflows.core.secret import Credentials, Secret

BUDGET = 1.5
RUNS = amount(7, 1)
SLOWEST = amount(1.0, 0.1)
ACCOUNT = "222222222222"


def questions(accounts: int) -> list[Question]:
    key = Credentials("AKIAEXAMPLEEXAMPLE01", Secret("s" * 40))
    role = f"arn:aws:iam::{ACCOUNT}:role/DevOps" if accounts > 1 else ""
    return [
        Question(
            f"account-{number}",
            ACCOUNT,
            "bb",
            role_arn=role,
            partition="aws",
            region="us-east-1",
            signing=key,
        )
        for number in range(accounts)
    ]


def timed(url: str, accounts: int) -> float:
    factory = ClientFactory(url, "us-east-1", patience=PATIENCE)
    begin = time.perf_counter()
    found = ask(factory, questions(accounts), report=lambda _progress: None, cancelled=threading.Event())
    seconds = time.perf_counter() - begin
    assert not any(answer.problem for answer in found)
    assert all(
        str(region.sts) in {"active", "cannot be deactivated"}
        for answer in found
        for region in answer.regions
    )
    return seconds


@contextmanager
def serving(delays: dict[str, float]) -> Iterator[str]:
    """Run the server in its own process, so that it doesn't affect the measurements; yield its address."""
    program = f"from support.slow_sts import serve; serve({delays!r})"
    folder = str(Path(__file__).parents[1] / "tests")
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        yield server.stdout.readline().strip()
        server.stdin.close()


def main() -> int:
    regions = regions_of("aws")
    delays = {name: SLOWEST * (0.1 + 0.9 * place / (len(regions) - 1)) for place, name in enumerate(regions)}
    with serving(delays) as url:
        first = timed(url, 1)
        single = statistics.median(timed(url, 1) for _ in range(RUNS))
    with serving({name: seconds / 5 for name, seconds in delays.items()}) as url:
        five = statistics.median(timed(url, 5) for _ in range(RUNS))
    for what, seconds in (
        ("one account, the process's first", first),
        ("one account", single),
        ("five accounts by one key", five),
    ):
        ratio = seconds / SLOWEST
        print(
            f"{what:<33} {len(regions)} regions {seconds:6.2f} s   {ratio:.2f} × the slowest, budget {BUDGET}"
        )
    return status(max(first, single, five) / SLOWEST <= BUDGET)


if __name__ == "__main__":
    sys.exit(main())
