"""The clipboard, for passwords above all: filled without argv, and emptied again if it still holds our text.

The desktop's is reached with pyperclip. A terminal's own way (OSC 52) is the other: it works over ssh, but
cannot be read back.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from workflows.core.errors import OnboardError
from workflows.core.processes import ON_A_DESKTOP, child_environment
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, joined
from workflows.services.installation import how_to_install
from workflows.services.quiet_pyperclip import load_pyperclip

KEEP_SECONDS = 120
RETRY_SECONDS = 30
"""After this time a clipboard that did not answer is asked again to be emptied."""

MANAGERS_KEEP_COPIES = "A clipboard manager keeps its own copy, which nobody but you can delete."


class ClipboardUnavailable(OnboardError):  # noqa: N818 - as the other refusals are named
    """Nothing can be copied this way."""


class Clipboard(Protocol):
    """Something that text can be copied to, one text at a time."""

    @property
    def expires_at(self) -> datetime | None:
        """When `clear_if_ours()` is due, for the application to poll; None while nothing of ours is in it."""

    def copy(self, text: str | Secret) -> Sentence:
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

        Raises:
            ClipboardUnavailable: it does not answer; it is due again some time later.
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
        self._environment = environment and child_environment(environment, allowed=ON_A_DESKTOP)
        self._keep = timedelta(seconds=keep_seconds)
        self._digest: bytes | None = None

    def copy(self, text: str | Secret) -> Sentence:
        """See `Clipboard`. The text is read back: only a real copy shows that the mechanism works."""
        value = text.reveal() if isinstance(text, Secret) else text
        copy, paste = self._found()
        self._run(copy, value)
        if self._run(paste) != value:
            raise unavailable("What was copied did not come back from the clipboard.")
        if not isinstance(text, Secret):
            self._forget()
            return "Copied."
        self._digest = digest_of(value)
        self.expires_at = self._now() + self._keep
        return f"Copied; the clipboard is cleared in {spoken(self._keep)}. {MANAGERS_KEEP_COPIES}"

    def clear_if_ours(self) -> bool:
        """See `Clipboard`. What somebody else copied meanwhile stays."""
        if self._digest is None:
            return False
        self.expires_at = self._now() + timedelta(seconds=RETRY_SECONDS)  # if it does not answer now
        copy, paste = self._found()
        ours = digest_of(str(self._run(paste))) == self._digest
        if ours:
            self._run(copy, "")
        self._forget()
        return ours

    def _forget(self) -> None:
        self._digest = None
        self.expires_at = None

    def _found(self) -> tuple[Callable[[str], object], Callable[[], str]]:
        if self._mechanism is None:
            try:
                copy, paste = load_pyperclip(self._environment).determine_clipboard()
            except ImportError as error:
                raise unavailable("The package pyperclip cannot be loaded.") from error
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
            raise unavailable(reason) from None


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

    def copy(self, text: str | Secret) -> Sentence:
        """See `Clipboard`. Whether the terminal took it cannot be known, and the sentence says so."""
        self._write(text.reveal() if isinstance(text, Secret) else text)
        doubt = "if your terminal allows it (in tmux: set-clipboard on)"
        if not isinstance(text, Secret):
            self.expires_at = None
            return f"Copied, {doubt}."
        self.expires_at = self._now() + self._keep
        return (
            f"Copied, {doubt}; it is cleared in {spoken(self._keep)}, whatever is in it then."
            f" {MANAGERS_KEEP_COPIES}"
        )

    def clear_if_ours(self) -> bool:
        """See `Clipboard`. Cleared in any case: this way cannot be read.

        Some terminals take no notice of an empty text (tmux; see its `input_osc_52`), so it is overwritten
        with a blank first.
        """
        if self.expires_at is None:
            return False
        self._write(" ")
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

    def copy(self, text: str | Secret) -> Sentence:
        """See `Clipboard`."""
        refusals = []
        for clipboard in self._clipboards:
            try:
                return clipboard.copy(text)
            except ClipboardUnavailable as error:
                refusals.append(error.why)
        raise unavailable(joined(refusals) or "There is none.")

    def clear_if_ours(self) -> bool:
        """See `Clipboard`; every one is asked, since a text may have gone to one after the other.

        Raises:
            ClipboardUnavailable: one of them did not answer; the others are cleared all the same.
        """
        cleared, refusal = False, None
        for clipboard in self._clipboards:
            try:
                cleared = clipboard.clear_if_ours() or cleared
            except ClipboardUnavailable as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return cleared


def spoken(time: timedelta) -> str:
    """A time in words: "2 minutes"."""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    return f"{seconds + 60 * minutes} seconds" if seconds else f"{minutes} minutes"


def digest_of(text: str) -> bytes:
    """What tells a text from every other without holding it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def unavailable(why: Sentence) -> ClipboardUnavailable:
    """The refusal of a clipboard, for a reason in a sentence that does not hold the text."""
    return ClipboardUnavailable(
        "Nothing can be copied",
        "There is no clipboard that could take the text.",
        why=why,
        next="Show the text and select it with the mouse (hold Shift), or install what copies:\n"
        + how_to_install("clipboard"),
    )
