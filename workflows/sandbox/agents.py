"""The gpg agents of the sandbox's people, which gpg starts by itself and nobody else would end."""

from __future__ import annotations

import os
import shutil
import subprocess

from workflows.sandbox.layout import Layout, Record


def end_agents(layout: Layout, record: Record, *, forget: bool = False) -> None:
    """End the agents that were started in the sandbox's gpg folders; without GnuPG there are none.

    Args:
        layout: the sandbox.
        record: its record.
        forget: also remove the folders that gpg has for their sockets below /run/user.
    """
    program = shutil.which("gpgconf")
    if program is None:
        return
    for home in layout.gnupg_homes(record):
        for action in [["--kill", "all"], *([["--remove-socketdir"]] if forget else [])]:
            # gpgconf fails where there is nothing to end or to remove, which is just as well.
            subprocess.run(
                [program, "--homedir", os.fspath(home), *action],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )
