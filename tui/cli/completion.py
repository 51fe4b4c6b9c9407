"""Completion on Tab in bash, zsh and fish: the shell asks the program itself, through argcomplete's protocol.

Only a process that a shell started for that (`_ARGCOMPLETE` is in its environment) loads the library.
"""

from __future__ import annotations

import argparse
import os

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "iam-onboard"


def completion(options: argparse.Namespace) -> int:
    """The lines that a shell needs, for its start file or to evaluate."""
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415 - not for a shell's question

    from tui.cli.exit_codes import DONE  # noqa: PLC0415
    from tui.cli.output import hand_out  # noqa: PLC0415

    hand_out(str(shellcode([PROGRAM], shell=options.shell)).rstrip("\n") + "\n")
    return DONE


def answer_shell(parser: argparse.ArgumentParser) -> None:
    """If a shell asks what could come next, tell it and end; else do nothing."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete  # noqa: PLC0415 - only a shell's question needs it

        argcomplete.autocomplete(parser)


def session_ids(prefix: str, **_: object) -> list[str]:
    """The ids of the sessions that begin so, the person's own and those of sandboxes; no journal is read."""
    from tui.host import Places  # noqa: PLC0415 - as above

    places = Places.of_this_machine()
    folders = [places.sessions, *places.sandboxes.glob("*.sessions")]
    found = (entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir())
    return sorted(name for name in found if name.startswith(prefix))
