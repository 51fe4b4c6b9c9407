"""A profile's `credential_process`, which may be any program: it gets a limited time to answer."""

from __future__ import annotations

import errno
import subprocess

SECONDS = 120.0
"""How long it may take: some open a browser and wait for a person there. Botocore itself waits for ever."""


class LimitedProcess(subprocess.Popen[bytes]):
    """A started `credential_process`, for botocore's provider; it is killed when its time is over."""

    def communicate(
        self,
        input: bytes | None = None,  # noqa: A002 - subprocess's name for it
        timeout: float | None = None,
    ) -> tuple[bytes, bytes]:
        """What it wrote to its two outputs.

        Raises:
            TimeoutError: it gave no answer within `SECONDS`.
        """
        try:
            return super().communicate(input, SECONDS if timeout is None else timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
            for pipe in (self.stdout, self.stderr):
                if pipe is not None:
                    pipe.close()
            program = self.args[0] if isinstance(self.args, list) else ""
            raise TimeoutError(
                errno.ETIMEDOUT, f"No answer within {SECONDS:g} seconds from", str(program)
            ) from None
