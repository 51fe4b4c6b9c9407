"""tmux's own buffer, which tmux passes on to the terminal around it: the clipboard of whoever works over ssh.

By default tmux drops what a program copies by OSC 52, and where it is allowed to, it keeps a copy in its list
of buffers that no later text removes. tmux itself may always reach the terminal's clipboard (`-w`, from 3.2),
and what it keeps can be read back and deleted. The text goes through a pipe, never as an argument.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from workflows.core.processes import child_environment
from workflows.core.secret import Secret
from workflows.services.clipboard import (
    KEEP_SECONDS,
    MANAGERS_KEEP_COPIES,
    RETRY_SECONDS,
    digest_of,
    spoken,
    unavailable,
)

_SECONDS: Final = 5.0
_PASSED_ON: Final = ("PATH", "HOME", "TERM", "TMPDIR", "TMUX", "TMUX_TMPDIR")


class TmuxClipboard:
    """The buffers of the tmux that the program runs in.

    Args:
        now: the clock, timezone aware.
        environment: of the program; its TMUX names the server.
        keep_seconds: how long a secret may stay.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        environment: Mapping[str, str],
        *,
        keep_seconds: int = KEEP_SECONDS,
    ) -> None:
        self.expires_at: datetime | None = None
        self._now = now
        self._environment = child_environment(environment, allowed=_PASSED_ON)
        self._keep = timedelta(seconds=keep_seconds)
        self._digests: set[bytes] = set()

    def copy(self, text: str | Secret) -> str:
        """See `Clipboard`. The buffer is read back; whether the terminal around tmux took it cannot be."""
        value = text.reveal() if isinstance(text, Secret) else text
        self._tmux("load-buffer", "-w", "-", given=value.encode())
        if digest_of(value) not in self._buffers().values():
            raise unavailable("What was copied did not come back from tmux.")
        where = "Copied to tmux, and to your terminal's clipboard if it allows it"
        if not isinstance(text, Secret):
            return f"{where}."
        self._digests.add(digest_of(value))
        self.expires_at = self._now() + self._keep
        return f"{where}; both are cleared in {spoken(self._keep)}. {MANAGERS_KEEP_COPIES}"

    def clear_if_ours(self) -> bool:
        """See `Clipboard`. Our buffers are deleted; the terminal's clipboard, not readable, in any case."""
        if not self._digests:
            return False
        self.expires_at = self._now() + timedelta(seconds=RETRY_SECONDS)  # if it does not answer now
        for name, digest in self._buffers().items():
            if digest in self._digests:
                self._tmux("delete-buffer", "-b", name)
        self._tmux("load-buffer", "-w", "-b", "iam-onboard", "-", given=b" ")
        self._tmux("delete-buffer", "-b", "iam-onboard")
        self._digests.clear()
        self.expires_at = None
        return True

    def _buffers(self) -> dict[str, bytes]:
        """The digest of each buffer, by its name."""
        names = self._tmux("list-buffers", "-F", "#{buffer_name}").decode().split("\n")
        contents = {name: self._tmux("show-buffer", "-b", name) for name in names if name}
        return {name: digest_of(content.decode(errors="replace")) for name, content in contents.items()}

    def _tmux(self, *arguments: str, given: bytes = b"") -> bytes:
        try:
            done = subprocess.run(
                ["tmux", *arguments],
                input=given,
                capture_output=True,
                env=self._environment,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            # Without its cause, which would hold what was copied.
            raise unavailable(f"tmux does not answer: {type(error).__name__}.") from None
        if done.returncode != 0:
            raise unavailable(f"tmux says: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout
