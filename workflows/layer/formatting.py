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
        argv = [*binary, "fmt", "-"]
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
                "The format could not be checked",
                f"{' '.join(binary)} fmt could not be run on {name}.",
                why=str(error),
                next="Go on without the check, or repair the program.",
            ) from error
        if done.returncode != 0:
            raise FormatFailed(
                "The format could not be checked",
                f"{' '.join(binary)} fmt refused {name}.",
                next="Repair the file at the place that it names.",
                detail=done.stderr.decode("utf-8", "replace"),
            )
        if done.stdout != data:
            lines = unified_diff(_lines(data), _lines(done.stdout), name, f"{name} formatted")
            unclean[name] = "".join(lines)
    return unclean


def _lines(data: bytes) -> list[str]:
    return [f"{line}\n" for line in data.decode("utf-8", "replace").split("\n")]
