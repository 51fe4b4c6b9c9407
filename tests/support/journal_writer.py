"""A process that writes a session as fast as it can, for tests that kill it or make its disk fail.

Run as a program: FOLDER MODE. It opens the session "s" in the folder, or creates it. In mode "write" it then
starts and fails the first step forever, and prints the number of events after each append; in mode "hold" it
prints "held" and waits for the end of its input.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.machine_samples import sessions_in

from workflows.machine.events import StepKey
from workflows.machine.session import Session


def main(folder: Path, mode: str) -> None:
    """Open the session and write to it, or hold it open."""
    sessions = sessions_in(folder)
    session = sessions.open("s") if (folder / "s").is_dir() else sessions.create("admin", {}, "s")
    if mode == "hold":
        _say("held")
        sys.stdin.read()
        session.close()
        return
    _write_for_ever(session)


def _write_for_ever(session: Session) -> None:
    key = StepKey("project")
    while True:
        session.start(key)
        _say(str(session.state.events))
        session.fail(key, {"title": "No", "what": "x" * 300})
        _say(str(session.state.events))


def _say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
