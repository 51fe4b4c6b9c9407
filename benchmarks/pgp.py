"""Times what this program adds to gpg: reading a key, a folder of 50 keys, decrypting a password.

Run it with `python benchmarks/pgp.py`. Each pair is measured alternately in one run, against gpg alone with
the same arguments, key folder and agent; everything is below a temporary folder.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.form import amount, status
from workflows.gpg.decrypt import decrypt
from workflows.gpg.inspect import check_key
from workflows.gpg.many_keys import in_parallel

RUNS = amount(101, 1)
KEYS = amount(50, 2)
CHECK_BUDGET = 1.5
DECRYPT_BUDGET = 1.1
DECRYPT_EXTRA_SECONDS = 0.005


def in_turns(first: Callable[[], object], second: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the medians of two alternating actions, in seconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for action, measured in zip((first, second), times, strict=True):
            start = time.perf_counter()
            action()
            measured.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


@contextmanager
def gpg_folder() -> Iterator[Path]:
    """Yield a gpg folder with a short path; its agent ends with it."""
    with tempfile.TemporaryDirectory(prefix="io-", dir="/tmp", ignore_cleanup_errors=True) as name:
        try:
            yield Path(name)
        finally:
            subprocess.run(["gpgconf", "--homedir", name, "--kill", "all"], check=True)


def main() -> int:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    with gpg_folder() as home:

        def gpg(*arguments: str, given: bytes = b"") -> bytes:
            command = ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--status-fd", "2", *arguments]
            return subprocess.run(
                command, input=given, env=environment, capture_output=True, check=True
            ).stdout

        gpg("--passphrase=", "--quick-gen-key", "jane@a.example", "rsa4096", "cert,sign", "2y")
        fingerprint = gpg("--list-keys", "--with-colons").decode().partition("\nfpr:::::::::")[2][:40]
        gpg("--passphrase=", "--quick-add-key", fingerprint, "rsa4096", "encr", "2y")
        key = gpg("--export", fingerprint)
        message = gpg("--trust-model", "always", "--recipient", fingerprint, "--encrypt", given=b"password")

        def show_keys() -> None:
            gpg("--no-keyring", "--no-autostart", "--show-keys", "--with-colons", given=key)

        def check(_: object = None) -> object:
            return check_key(key, environment=environment)

        def decrypted() -> None:
            decrypt(message, passphrase=None, gnupg_home=home, environment=environment)

        shown, checked = in_turns(show_keys, check, RUNS)
        one_by_one, parallel = in_turns(
            lambda: [check() for _ in range(KEYS)], lambda: in_parallel(check, range(KEYS)), 5
        )
        alone, ours = in_turns(lambda: gpg("--decrypt", given=message), decrypted, RUNS)

    good = checked <= CHECK_BUDGET * shown and ours <= DECRYPT_BUDGET * alone + DECRYPT_EXTRA_SECONDS
    for what, seconds, remark in (
        ("gpg --show-keys", shown, ""),
        ("one key checked and normalised", checked, f"{checked / shown:.2f} × gpg, budget {CHECK_BUDGET} ×"),
        (f"{KEYS} keys, one after the other", one_by_one, ""),
        (f"{KEYS} keys in parallel", parallel, f"{one_by_one / parallel:.1f} times faster"),
        ("gpg --decrypt", alone, ""),
        ("a password decrypted", ours, f"{ours / alone:.2f} × gpg, budget {DECRYPT_BUDGET} × + 5 ms"),
    ):
        print(f"{what:<34} {seconds * 1000:8.1f} ms   {remark}".rstrip())
    return status(good)


if __name__ == "__main__":
    sys.exit(main())
