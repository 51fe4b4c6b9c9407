"""A short path to a sandbox: the sockets of gpg and of Terraform allow about a hundred characters."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

# The longest socket is administrator/gnupg/S.gpg-agent.browser; macOS allows 103 characters in all.
_LONGEST_FOLDER = 103 - len("/administrator/gnupg/S.gpg-agent.browser") - 10
_ROOT = Path("/tmp")  # noqa: S108 - only a folder that mkdtemp makes in it, mode 0700


def ensure_short(folder: Path, recorded: str) -> str:
    """A short path by which the folder can be reached, or "" if its own is short enough.

    Args:
        folder: the sandbox's folder, absolute.
        recorded: what this function gave the last time, or "". Temporary folders vanish with a restart of the
            machine; then a new path is made.
    """
    if len(str(folder)) <= _LONGEST_FOLDER:
        return ""
    if recorded and Path(recorded).is_symlink() and Path(recorded).readlink() == folder:
        return recorded
    link = Path(tempfile.mkdtemp(prefix="io-", dir=_ROOT)) / "s"
    link.symlink_to(folder, target_is_directory=True)
    return str(link)


def remove_short(folder: Path, recorded: str) -> None:
    """Remove what `ensure_short` made for that folder; somebody else's is left alone."""
    if recorded and Path(recorded).is_symlink() and Path(recorded).readlink() == folder:
        shutil.rmtree(Path(recorded).parent)
