"""The `credential_process` line of a profile: how an SDK calls this very program for the kept access key."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

PROGRAM = "iam-onboard"


def credential_command(project: str, profile: str, *, interpreter: Path, search_path: str) -> str:
    """The whole line, quoted where its words need it.

    The program is named by its full path: a desktop application that uses the profile has another PATH than
    the person's shell. The search begins beside the running Python (the installation that is used now),
    then on the PATH; where there is neither, the Python itself runs it as a module, with `-P`: without it,
    Python would import a `tui` from whatever folder the SDK runs in.

    Args:
        project: the project's short name.
        profile: the base profile's name.
        interpreter: the Python that runs (`sys.executable`).
        search_path: the person's PATH.
    """
    beside = interpreter.parent / PROGRAM
    found = str(beside) if beside.is_file() else shutil.which(PROGRAM, path=search_path)
    program = [found] if found else [str(interpreter), "-P", "-m", "iam_onboard"]
    return shlex.join([*program, "credential-process", "--project", project, "--profile", profile])
