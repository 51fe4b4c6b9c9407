"""Starts a supervised run so that either it runs and is noted, or nothing runs and nothing is left of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflows.core.errors import OnboardError
from workflows.core.processes import write_record
from workflows.services.terraform.supervisor import NOT_NOTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUPERVISOR = Path(__file__).with_name("supervisor.py")


def launch(
    argv: Sequence[str],
    kind: str,
    folder: Path,
    cwd: Path,
    environment: Mapping[str, str],
    facts: Mapping[str, Any],
    python: str,
) -> None:
    """Make a run's folder and start its program; the arguments are those of `Run.start`.

    Raises:
        OnboardError: as `Run.start`.
    """
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise _no_room(folder, error.strerror or "") from error
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            # Plugins make sockets in TMPDIR, whose path may have only 104 characters: a short folder.
            temporary = Path(tempfile.mkdtemp(prefix="io-", dir=environment.get("TMPDIR") or None))
            undo.callback(shutil.rmtree, temporary, ignore_errors=True)
            description = {
                "kind": kind,
                "layer": str(cwd),
                "temporary": str(temporary),
                "facts": dict(facts),
            }
            write_record(folder / "run.json", description)
            output = os.open(folder / "output.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise _no_room(folder, error.strerror or "") from error
        leftovers = undo.pop_all()
    command = [python, "-I", "-S", str(SUPERVISOR), str(folder.resolve()), str(temporary), *argv]
    try:
        _supervised(command, cwd, {**environment, "TMPDIR": str(temporary)}, output)
    except OnboardError:
        # Only now is it certain that nothing runs; whatever else ends this leaves the run to be found.
        leftovers.close()
        raise
    finally:
        os.close(output)


def _supervised(command: Sequence[str], cwd: Path, environment: Mapping[str, str], output: int) -> None:
    """Start the supervisor, and return when it has noted who runs.

    Raises:
        OnboardError: nothing was started.
    """
    program, folder = Path(command[6]).name, Path(command[4])
    try:
        exit_code = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            check=False,
        ).returncode
        if exit_code >= NOT_NOTED:
            raise _no_room(folder, os.strerror(exit_code - NOT_NOTED) if exit_code > NOT_NOTED else "")
        if exit_code != 0:
            raise ChildProcessError(f"its parent process ended with the exit status {exit_code}")
    except OSError as error:
        raise OnboardError(
            "Cannot start Terraform",
            f"{program} could not be started in {cwd}.",
            why=str(error),
            next="Check that the folder is there and that Python can start programs.",
        ) from error


def _no_room(folder: Path, why: str) -> OnboardError:
    return OnboardError(
        "Cannot start Terraform",
        f"Nothing was started, since what it says and that it runs cannot be noted in {folder}.",
        why=why,
        next="Check that there is room on the disk and that the folder above is yours, then start it again.",
    )
