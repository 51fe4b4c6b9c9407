"""The clipboard, for passwords above all: filled without argv, and emptied again if it still holds our text.

pyperclip knows the programs of each system but not how they end: it ignores their exit status, lets them
write into the terminal that the wizard draws on, and hands the text to KDE's old `klipper` as an argument,
where every user of the computer can read it. So a copy of its module is loaded with a `subprocess` of ours,
which silences the children, limits their time, checks their status and refuses a text in argv. A terminal's
own way (OSC 52) is the other: it works over ssh, but cannot be read back.
"""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol

from workflows.errors import OnboardError
from workflows.secret import Secret

KEEP_SECONDS = 45
CHILD_SECONDS = 5
MANAGERS_KEEP_COPIES = "A clipboard manager keeps its own copy, which nobody but you can delete."


class ClipboardUnavailable(OnboardError):  # noqa: N818 - as the other refusals are named
    """Nothing can be copied this way."""


class Clipboard(Protocol):
    """Something that text can be copied to, one text at a time."""

    @property
    def expires_at(self) -> datetime | None:
        """When `clear_if_ours()` is due, for the application to poll; None while nothing of ours is in it."""

    def copy(self, text: str | Secret) -> str:
        """Copy a text; a secret is due to be cleared `KEEP_SECONDS` later, a plain text is not.

        Returns:
            How it went, in a sentence.

        Raises:
            ClipboardUnavailable: it could not be copied.
        """

    def clear_if_ours(self) -> bool:
        """Empty the clipboard if it still holds the secret copied last (or if that cannot be told).

        Returns:
            True if it was emptied.
        """


class PyperclipClipboard:
    """The desktop's clipboard.

    Args:
        now: the clock, timezone aware.
        mechanism: a pair (copy, paste); None finds the desktop's own by pyperclip.
        environment: of the child processes; None inherits.
        keep_seconds: how long a secret may stay.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        mechanism: tuple[Callable[[str], object], Callable[[], str]] | None = None,
        environment: Mapping[str, str] | None = None,
        keep_seconds: int = KEEP_SECONDS,
    ) -> None:
        self.expires_at: datetime | None = None
        self._now = now
        self._mechanism = mechanism
        self._environment = environment
        self._keep = timedelta(seconds=keep_seconds)
        self._digest: bytes | None = None

    def copy(self, text: str | Secret) -> str:
        """See `Clipboard`. The text is read back: only a real copy shows that the mechanism works."""
        value = text.reveal() if isinstance(text, Secret) else text
        copy, paste = self._found()
        self._run(copy, value)
        if self._run(paste) != value:
            raise _unavailable("What was copied did not come back from the clipboard.")
        if not isinstance(text, Secret):
            self._forget()
            return "Copied."
        self._digest = _digest(value)
        self.expires_at = self._now() + self._keep
        return f"Copied; the clipboard is cleared in {self._keep.seconds} seconds. {MANAGERS_KEEP_COPIES}"

    def clear_if_ours(self) -> bool:
        """See `Clipboard`. What somebody else copied meanwhile stays."""
        if self._digest is None:
            return False
        copy, paste = self._found()
        ours = _digest(str(self._run(paste))) == self._digest
        if ours:
            self._run(copy, "")
        self._forget()
        return ours

    def _forget(self) -> None:
        self._digest = None
        self.expires_at = None

    def _found(self) -> tuple[Callable[[str], object], Callable[[], str]]:
        if self._mechanism is None:
            copy, paste = load_pyperclip(self._environment).determine_clipboard()
            self._mechanism = (copy, paste)
        return self._mechanism

    @staticmethod
    def _run(operation: Callable[..., object], *arguments: str) -> object:
        try:
            return operation(*arguments)
        except (RuntimeError, OSError, subprocess.SubprocessError, UnicodeError) as error:
            # The error of a child names its command, and pyperclip's its reason; none of them holds the text.
            reason = (
                str(error).split("\n", maxsplit=1)[0]
                if isinstance(error, RuntimeError)
                else type(error).__name__
            )
            raise _unavailable(reason) from None


class Osc52Clipboard:
    """The terminal's clipboard: an escape sequence that the application writes.

    Args:
        write: writes the escape sequence for a text (Textual's `App.copy_to_clipboard`).
        now: the clock, timezone aware.
        keep_seconds: how long a secret may stay.
    """

    def __init__(
        self, write: Callable[[str], None], now: Callable[[], datetime], *, keep_seconds: int = KEEP_SECONDS
    ) -> None:
        self.expires_at: datetime | None = None
        self._write = write
        self._now = now
        self._keep = timedelta(seconds=keep_seconds)

    def copy(self, text: str | Secret) -> str:
        """See `Clipboard`. Whether the terminal took it cannot be known, and the sentence says so."""
        self._write(text.reveal() if isinstance(text, Secret) else text)
        doubt = "if your terminal allows it (in tmux: set-clipboard on)"
        if not isinstance(text, Secret):
            self.expires_at = None
            return f"Copied, {doubt}."
        self.expires_at = self._now() + self._keep
        return (
            f"Copied, {doubt}; it is cleared in {self._keep.seconds} seconds, whatever is in it then."
            f" {MANAGERS_KEEP_COPIES}"
        )

    def clear_if_ours(self) -> bool:
        """See `Clipboard`. Cleared in any case: this way cannot be read."""
        if self.expires_at is None:
            return False
        self._write("")
        self.expires_at = None
        return True


class FirstWorkingClipboard:
    """The first of several clipboards that takes the text: the desktop's, then the terminal's."""

    def __init__(self, clipboards: Sequence[Clipboard]) -> None:
        self._clipboards = clipboards

    @property
    def expires_at(self) -> datetime | None:
        """The earliest deadline of all."""
        return min(
            (board.expires_at for board in self._clipboards if board.expires_at is not None), default=None
        )

    def copy(self, text: str | Secret) -> str:
        """See `Clipboard`."""
        refusals = []
        for clipboard in self._clipboards:
            try:
                return clipboard.copy(text)
            except ClipboardUnavailable as error:
                refusals.append(error.why)
        raise _unavailable(" ".join(refusals) or "There is none.")

    def clear_if_ours(self) -> bool:
        """See `Clipboard`; every one is asked, since a text may have gone to one after the other."""
        cleared = [clipboard.clear_if_ours() for clipboard in self._clipboards]
        return any(cleared)


def load_pyperclip(environment: Mapping[str, str] | None) -> ModuleType:
    """A private copy of pyperclip whose child processes are the quiet ones of this module.

    Raises:
        ClipboardUnavailable: pyperclip is not installed.
    """
    found = importlib.util.find_spec("pyperclip")
    if found is None or found.origin is None or found.loader is None:
        raise _unavailable("The package pyperclip is not installed.")
    spec = importlib.util.spec_from_file_location("workflows.services._private_pyperclip", found.origin)
    if spec is None or spec.loader is None:
        raise _unavailable("The package pyperclip cannot be loaded.")
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


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _unavailable(why: str) -> ClipboardUnavailable:
    return ClipboardUnavailable(
        "Nothing can be copied",
        "There is no clipboard that could take the text.",
        why=why,
        next="Show the text and select it with the mouse (hold Shift), or install xclip or wl-clipboard.",
    )
