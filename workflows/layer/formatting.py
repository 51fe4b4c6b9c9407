"""Asking the layer's own binary whether files are formatted as `terraform fmt` would.

The formatted text is asked for and compared here: with `-check` the program says nothing but its exit status
of a file on its standard input, and `-diff` needs a diff program.
"""

from __future__ import annotations

import subprocess
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.core.errors import OnboardError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FormatFailed(OnboardError):  # noqa: N818 - it reads better where it is raised
    """The binary could not tell whether a file is formatted."""


def fmt_clean(
    binary: Sequence[str],
    files: Mapping[str, bytes],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    timeout: float = 30.0,
) -> dict[str, str]:
    """What `terraform fmt` would change in some files.

    Args:
        binary: the program to run and its leading arguments, as `["/usr/bin/tofu"]`; `fmt` is put after them.
        files: file contents by name; each is given to the program on its standard input.
        environment: the program's whole environment.
        folder: where it is run: a version manager chooses the version by the folder.
        timeout: seconds for each file.

    Returns:
        A diff for each file that is not formatted; empty when all are.

    Raises:
        FormatFailed: the program is missing, takes too long, or says that a file is not HCL.
    """
    unclean: dict[str, str] = {}
    for name, data in files.items():
        formatted = _formatted([*binary, "fmt", "-"], name, data, environment, folder, timeout)
        if formatted != data:
            lines = unified_diff(_lines(data), _lines(formatted), name, f"{name} formatted")
            unclean[name] = "".join(lines)
    return unclean


def _formatted(
    argv: Sequence[str],
    name: str,
    data: bytes,
    environment: Mapping[str, str],
    folder: Path | None,
    timeout: float,
) -> bytes:
    title, program = "The format could not be checked", " ".join(argv[:-1])
    try:
        done = subprocess.run(
            argv,
            input=data,
            capture_output=True,
            env=dict(environment),
            cwd=folder,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FormatFailed(
            title,
            f"{program} could not be run on {name}.",
            why=str(error),
            next="Go on without the check, or repair the program.",
        ) from error
    if done.returncode != 0:
        raise FormatFailed(
            title,
            f"{program} refused {name}.",
            next="Repair the file at the place that it names.",
            detail=done.stderr.decode("utf-8", "replace"),
        )
    return done.stdout


def _lines(data: bytes) -> list[str]:
    return [f"{line}\n" for line in data.decode("utf-8", "replace").split("\n")]
