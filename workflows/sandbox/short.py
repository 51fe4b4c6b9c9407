"""A short path to a sandbox: the sockets of gpg and of Terraform allow about a hundred characters.

It is a link in a folder of its own below /tmp. The sandbox's server removes it when it ends, after the agents
whose sockets are reached through it; the next opening makes a new one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

# The longest socket is administrator/gnupg/S.gpg-agent.browser; macOS allows 103 characters in all.
_LONGEST_FOLDER = 103 - len("/administrator/gnupg/S.gpg-agent.browser") - 10
_PREFIX, _LINK = "io-", "s"
_ROOT = Path("/tmp")  # noqa: S108 - only a folder that mkdtemp makes in it, mode 0700


def ensure_short(folder: Path, recorded: str, root: Path = _ROOT) -> str:
    """A short path by which the folder can be reached, or "" if its own is short enough.

    Args:
        folder: the sandbox's folder, absolute.
        recorded: what this function gave the last time, or "". Temporary folders vanish with a restart of the
            machine; then a new path is made.
        root: where short folders are made; those that lead nowhere any more are removed from it then.
    """
    if len(str(folder)) <= _LONGEST_FOLDER:
        return ""
    if recorded and Path(recorded).is_symlink() and Path(recorded).readlink() == folder:
        return recorded
    _sweep(root)
    link = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root)) / _LINK
    link.symlink_to(folder, target_is_directory=True)
    return str(link)


def remove_short(folder: Path, recorded: str) -> None:
    """Remove what `ensure_short` made for that folder; somebody else's is left alone."""
    if recorded and Path(recorded).is_symlink() and Path(recorded).readlink() == folder:
        shutil.rmtree(Path(recorded).parent)


def _sweep(root: Path) -> None:
    """Remove one's own short folders whose sandbox is gone: a server that was killed leaves them."""
    for place in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # another sandbox sweeps at the same time
            if not place.is_symlink() and place.is_dir() and place.stat().st_uid == os.getuid():
                link = place / _LINK
                if link.is_symlink() and not link.exists() and list(place.iterdir()) == [link]:
                    link.unlink()
                    place.rmdir()
