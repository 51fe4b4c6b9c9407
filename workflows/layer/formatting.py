"""Check with the layer's own binary whether files are formatted as by `terraform fmt`.

One run formats a copy of all files, and the result is compared here: `-check` gives no lines, and `-diff`
needs a diff program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path

from workflows.core.files import load_file
from workflows.core.processes import capture
from workflows.core.sentences import OnboardError
from workflows.core.temporary import temporary_folder
from workflows.hcl.parsing import MAX_HCL


class FormatFailed(OnboardError):  # noqa: N818 - it reads better where it is raised
    """The binary could not check the format."""


def fmt_clean(
    binary: Sequence[str],
    files: Mapping[str, bytes],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    timeout: float = 60.0,
) -> dict[str, str]:
    """Return what `terraform fmt` would change in some files of a layer.

    Args:
        binary: the program and its leading arguments, such as `["/usr/bin/tofu"]`; `fmt` is appended.
        files: file contents by name in the layer; names end in `.tf`.
        environment: the program's whole environment.
        folder: the working directory, from which a version manager chooses the version.
        timeout: seconds for all files together.

    Returns:
        A diff by name for each file that is not formatted.

    Raises:
        FormatFailed: the program is missing, takes too long, or rejects a file.
    """
    if not files:
        return {}
    with temporary_folder() as copies:
        for name, data in files.items():
            (copies / name).write_bytes(data)
        _format([*binary, "fmt", str(copies)], files, environment, folder, timeout)
        formatted = {name: load_file(copies / name, 2 * MAX_HCL) for name in files}
    return {
        name: "".join(unified_diff(_lines(data), _lines(formatted[name]), name, f"{name} formatted"))
        for name, data in files.items()
        if formatted[name] != data
    }


def _format(
    argv: Sequence[str],
    names: Iterable[str],
    environment: Mapping[str, str],
    folder: Path | None,
    timeout: float,
) -> None:
    title, program = "Couldn't check the format", " ".join(argv[:-1])
    try:
        done = capture(argv, cwd=folder or Path.cwd(), environment=environment, timeout=timeout)
    except OSError as error:
        raise FormatFailed(
            title,
            f"{program} didn't run on {', '.join(names)}.",
            why=str(error),
            next="Continue without the check, or repair the program.",
        ) from error
    if done.exit_code != 0:
        raise FormatFailed(
            title,
            f"{program} rejected one of {', '.join(names)}.",
            next="Correct the file at the place below.",
            detail=done.stderr,
        )


def _lines(data: bytes) -> list[str]:
    return [f"{line}\n" for line in data.decode("utf-8", "replace").split("\n")]
