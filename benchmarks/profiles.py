"""Times the profiles of 200 accounts, both files fsynced, against one `aws configure set` in the same run.

Run it with `python benchmarks/profiles.py`; it writes only below a temporary folder.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.form import amount, status
from workflows.core.secret import Credentials, Secret
from workflows.profiles import plan
from workflows.profiles.write import profile_paths, write_profiles

ACCOUNTS = {f"account-{number}": f"{number:012d}" for number in range(1, 201)}
BUDGET_SECONDS = 0.05
RUNS = amount(15, 1)


def wanted(region: str) -> plan.WantedProfiles:
    serial = "arn:aws:iam::000000000001:mfa/jane.doe"
    base = plan.BaseProfile("bb-security", region, Credentials("AKIA" + "A" * 16, Secret("s" * 40)), serial)
    roles = (
        plan.AssumedRole(
            f"bb-{name}-devops", plan.role_arn("aws", number, "DevOps"), base.name, region, serial
        )
        for name, number in ACCOUNTS.items()
    )
    return plan.WantedProfiles((base,), tuple(roles))


def median(action: Callable[[int], None], runs: int) -> float:
    times = []
    for run in range(runs):
        start = time.perf_counter()
        action(run)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> int:
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)

        def fresh(run: int) -> None:
            write_profiles(profile_paths(home, f"fresh{run}"), wanted("us-east-1"), now)

        def again(_run: int) -> None:
            write_profiles(profile_paths(home, "fresh0"), wanted("us-east-1"), now)

        def every_one_changed(run: int) -> None:
            write_profiles(profile_paths(home, "fresh0"), wanted(f"us-west-{run % 2 + 1}"), now)

        def peer(run: int) -> None:
            environment = {"PATH": os.environ["PATH"], "HOME": folder, "AWS_CONFIG_FILE": str(home / "peer")}
            command = [
                sys.executable,
                "-m",
                "awscli",
                "configure",
                "set",
                "region",
                f"r{run}",
                "--profile",
                "p",
            ]
            subprocess.run(command, env=environment, check=True)

        seconds = median(fresh, RUNS)
        unchanged = median(again, RUNS)
        changed = median(every_one_changed, RUNS)
        one_set = median(peer, amount(5, 1))
    for what, value, remark in (
        ("200 accounts, two new files, fsynced", seconds, f"budget {BUDGET_SECONDS * 1000:.0f} ms"),
        ("the same again, nothing to do", unchanged, ""),
        ("the same, all 201 profiles changed", changed, "with backups"),
        ("one `aws configure set`", one_set, f"{one_set / seconds:.0f} times ours"),
    ):
        print(f"{what:<38} {value * 1000:8.1f} ms   {remark}".rstrip())
    return status(seconds <= BUDGET_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
