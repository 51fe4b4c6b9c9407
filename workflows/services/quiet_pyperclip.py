"""pyperclip with children that can be trusted with a password.

pyperclip knows the programs of each system but not how they end: it ignores their exit status, lets them
write into the terminal that the wizard draws on, and hands the text to KDE's old `klipper` as an argument,
where every user of the computer can read it. So a copy of its module is loaded with a `subprocess` of ours,
which silences the children, limits their time, checks their status and refuses a text in argv.
"""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

CHILD_SECONDS = 5


def load_pyperclip(environment: Mapping[str, str] | None) -> ModuleType:
    """A private copy of pyperclip whose child processes are the quiet ones of this module.

    Raises:
        ImportError: pyperclip is not installed.
    """
    found = importlib.util.find_spec("pyperclip")
    if found is None or found.origin is None or found.loader is None:
        raise ImportError("pyperclip is not installed")
    spec = importlib.util.spec_from_file_location("workflows.services._private_pyperclip", found.origin)
    if spec is None or spec.loader is None:
        raise ImportError("pyperclip cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class Child(_QuietChild):
        variables = None if environment is None else dict(environment)

    def check_call(arguments: Sequence[str], **_: object) -> int:
        with Child(arguments) as child:
            child.communicate()
        return 0

    module.__dict__["subprocess"] = SimpleNamespace(
        PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL, Popen=Child, check_call=check_call, call=check_call
    )
    return module


class _QuietChild(subprocess.Popen[bytes]):
    """A child that gets its text through a pipe alone, says nothing on the terminal and ends in time."""

    variables: dict[str, str] | None = None

    def __init__(
        self, arguments: Sequence[str | bytes], *, stdin: Any = None, stdout: Any = None, **_: object
    ) -> None:
        if any(isinstance(argument, bytes) for argument in arguments):
            # pyperclip encodes the text, and nothing else: this is klipper's way.
            raise RuntimeError(
                "Only KDE's old klipper was found, which shows the text to every user; install xclip."
            )
        super().__init__(
            arguments,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=subprocess.DEVNULL,  # a pipe would stay open in xclip's background process
            env=self.variables,
            close_fds=True,
            start_new_session=True,
        )

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:  # noqa: A002 - Popen's
        """As `Popen.communicate`, with a time limit, and an error when the program failed.

        Raises:
            RuntimeError: it did not end in time, or not well.
        """
        program = str(self.args[0]) if isinstance(self.args, Sequence) else ""
        try:
            stdout, _ = super().communicate(input, timeout or CHILD_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            super().communicate()
            raise RuntimeError(f"{program} did not answer within {CHILD_SECONDS} seconds.") from None
        if self.returncode != 0 and not self._empty_is_no_error(program):
            raise RuntimeError(f"{program} failed with exit status {self.returncode}.")
        return stdout or b"", b""

    def _empty_is_no_error(self, program: str) -> bool:
        """wl-paste and `xclip -o` end with 1 when the clipboard is empty."""
        return self.returncode == 1 and self.stdout is not None and program in {"wl-paste", "xclip"}
