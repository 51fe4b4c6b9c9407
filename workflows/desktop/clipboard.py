"""The clipboard, for passwords above all: filled without argv, and emptied again if it still holds our text.

The desktop's is reached with pyperclip. A terminal's own way (OSC 52) is the other: it works over ssh, but
cannot be read back.
"""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import RLock
from types import ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple, Protocol

from workflows.core.errors import DeclaredError, Texts
from workflows.core.installation import how_to_install
from workflows.core.processes import ON_A_DESKTOP, child_environment
from workflows.core.secret import Dropped, Secret
from workflows.core.sentences import Sentence, joined
from workflows.core.text import safe_to_paste

CHILD_SECONDS = 5
KEEP = timedelta(minutes=2)
"""How long a secret stays in a clipboard."""
RETRY = timedelta(seconds=30)
"""After this time a clipboard that did not answer is asked again to be emptied."""

MANAGERS_KEEP_COPIES = "A clipboard manager may keep its own copy."


class ClipboardUnavailable(DeclaredError):  # noqa: N818 - as the other refusals are named
    """Nothing can be copied this way.

    Args:
        reason: why, as a sentence that does not hold the text.
    """

    texts = Texts(
        title="Can't copy",
        what="No clipboard here accepts the text.",
        why="{reason}",
        next="Show the text and select it with the mouse (hold Shift), or install a clipboard program:\n"
        + how_to_install("clipboard"),
    )


class NothingToCopy(DeclaredError):  # noqa: N818 - as the other refusals are named
    """The secret was dropped before its turn came."""

    texts = Texts(
        title="Not copied",
        what="Nothing was copied.",
        why="The page closed before the text was copied, and its secrets are gone.",
        next="Open the page again, and copy from there.",
    )


class Copied(NamedTuple):
    """How a copy went, in a sentence, and whether the text is known to be where the person pastes from."""

    said: Sentence
    certain: bool = True


class Clipboard(Protocol):
    """Something that text can be copied to, one text at a time."""

    @property
    def expires_at(self) -> datetime | None:
        """When `clear_if_ours()` is due, for the application to poll; None while nothing of ours is in it."""

    def copy(self, text: str | Secret) -> Copied:
        """Copy a text; a secret is due to be cleared `KEEP` later, a plain text is not.

        Raises:
            ClipboardUnavailable: it could not be copied.
        """

    def clear_if_ours(self) -> bool:
        """Empty the clipboard if it still holds the secret copied last (or if that is unknown).

        Returns:
            True if it was emptied.

        Raises:
            ClipboardUnavailable: it does not answer; it is due again some time later.
        """


class _ReadBack:
    """A clipboard that can be read again, so that what is ours in it is known by its digest.

    Args:
        now: the clock, timezone aware.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.expires_at: datetime | None = None
        self._now = now
        self._digests: set[bytes] = set()
        self._one_at_a_time = RLock()

    @contextmanager
    def _noted(self, text: str | Secret) -> Iterator[str]:
        """Know a secret before the block copies it: a signal may come at any moment."""
        value, before = text.reveal() if isinstance(text, Secret) else text, (self._digests, self.expires_at)
        if isinstance(text, Secret):
            self._digests, self.expires_at = {*self._digests, digest_of(value)}, self._now() + KEEP
        try:
            yield value
        except ClipboardUnavailable:
            self._digests, self.expires_at = before
            raise

    def _forget(self) -> None:
        self._digests, self.expires_at = set(), None


class PyperclipClipboard(_ReadBack):
    """The desktop's clipboard.

    Args:
        now: the clock, timezone aware.
        mechanism: a pair (copy, paste); None finds the desktop's own by pyperclip.
        environment: of the child processes; None inherits.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        mechanism: tuple[Callable[[str], object], Callable[[], str]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(now)
        self._mechanism = mechanism
        self._environment = environment and child_environment(environment, allowed=ON_A_DESKTOP)

    def copy(self, text: str | Secret) -> Copied:
        """See `Clipboard`. The text is read back: only a real copy shows that the mechanism works."""
        with self._one_at_a_time:
            copy, paste = self._found()
            with self._noted(text) as value:
                self._run(copy, value)
            if self._run(paste) != value:
                raise ClipboardUnavailable(reason="The clipboard didn't return what was copied.")
            if not isinstance(text, Secret):
                self._forget()
                return Copied("Copied to the clipboard.")
        return Copied(f"Copied; the clipboard is cleared in 2 minutes. {MANAGERS_KEEP_COPIES}")

    def clear_if_ours(self) -> bool:
        """See `Clipboard`. What somebody else copied meanwhile stays."""
        with self._one_at_a_time:
            if not self._digests:
                return False
            self.expires_at = self._now() + RETRY  # if it does not answer now
            copy, paste = self._found()
            ours = digest_of(str(self._run(paste))) in self._digests
            if ours:
                self._run(copy, "")
            self._forget()
            return ours

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
            raise ClipboardUnavailable(reason=reason) from None


class Osc52Clipboard:
    """The terminal's clipboard: an escape sequence that the application writes.

    Args:
        write: writes the escape sequence for a text (Textual's `App.copy_to_clipboard`).
        now: the clock, timezone aware.
    """

    def __init__(self, write: Callable[[str], None], now: Callable[[], datetime]) -> None:
        self.expires_at: datetime | None = None
        self._write = write
        self._now = now

    def copy(self, text: str | Secret) -> Copied:
        """See `Clipboard`. Whether the terminal took it cannot be known, and the sentence says so."""
        self.expires_at = self._now() + KEEP if isinstance(text, Secret) else None
        self._write(text.reveal() if isinstance(text, Secret) else text)
        doubt = "if your terminal allows it (in tmux: set-clipboard on)"
        if not isinstance(text, Secret):
            return Copied(f"Copied, {doubt}.", certain=False)
        due = "the clipboard is cleared in 2 minutes, whatever it holds then"
        return Copied(f"Copied, {doubt}; {due}. {MANAGERS_KEEP_COPIES}", certain=False)

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

    def copy(self, text: str | Secret) -> Copied:
        """See `Clipboard`. Only a secret is copied as it is: any other text may hold what strangers wrote.

        Raises:
            NothingToCopy: it is a secret that was dropped meanwhile.
        """
        text = text if isinstance(text, Secret) else safe_to_paste(text)
        refusals = []
        for clipboard in self._clipboards:
            try:
                return clipboard.copy(text)
            except ClipboardUnavailable as error:
                refusals.append(error.why)
            except Dropped:
                raise NothingToCopy from None
        raise ClipboardUnavailable(reason=joined(refusals) or "There is none.")

    def clear_if_ours(self) -> bool:
        """See `Clipboard`; every one is asked, since a text may have gone to one after the other.

        Raises:
            ClipboardUnavailable: one of them did not answer; the others are cleared anyway.
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


def digest_of(text: str) -> bytes:
    """What distinguishes a text from every other without holding it."""
    import hashlib  # noqa: PLC0415 - loads OpenSSL, and home copies nothing

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


_PASSED_ON: Final = ("PATH", "HOME", "TERM", "TMPDIR", "TMUX", "TMUX_TMPDIR")


class TmuxClipboard(_ReadBack):
    """The buffers of the tmux that the program runs in, which passes them on to the terminal around it.

    By default tmux drops what a program copies by OSC 52, and where it is allowed to, it keeps a copy in its
    list of buffers that no later text removes. tmux itself may always reach the terminal's clipboard (`-w`,
    from 3.2), and what it keeps can be read back and deleted. The text goes through a pipe, never as an
    argument.

    Args:
        now: the clock, timezone aware.
        environment: of the program; its TMUX names the server.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(now)
        self._environment = child_environment(environment, allowed=_PASSED_ON)

    def copy(self, text: str | Secret) -> Copied:
        """See `Clipboard`. The buffer is read back; whether the terminal around tmux took it cannot be."""
        with self._one_at_a_time:
            with self._noted(text) as value:
                self._tmux("load-buffer", "-w", "-", given=value.encode())
            if digest_of(value) not in self._buffers().values():
                raise ClipboardUnavailable(reason="tmux didn't return what was copied.")
        where = "Copied to tmux, and to your terminal if it allows it"
        if not isinstance(text, Secret):
            return Copied(f"{where}.", certain=False)
        return Copied(f"{where}; both are cleared in 2 minutes. {MANAGERS_KEEP_COPIES}", certain=False)

    def clear_if_ours(self) -> bool:
        """See `Clipboard`. Our buffers are deleted; the terminal's clipboard, not readable, in any case."""
        with self._one_at_a_time:
            if not self._digests:
                return False
            self.expires_at = self._now() + RETRY  # if it does not answer now
            for name, digest in self._buffers().items():
                if digest in self._digests:
                    self._tmux("delete-buffer", "-b", name)
            self._tmux("load-buffer", "-w", "-b", "iam-onboard", "-", given=b" ")
            self._tmux("delete-buffer", "-b", "iam-onboard")
            self._forget()
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
                timeout=CHILD_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            # Without its cause, which would hold what was copied.
            raise ClipboardUnavailable(reason=f"tmux doesn't answer: {type(error).__name__}.") from None
        if done.returncode != 0:
            raise ClipboardUnavailable(reason=f"tmux says: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout


def load_pyperclip(environment: Mapping[str, str] | None) -> ModuleType:
    """A private copy of pyperclip whose child processes can be trusted with a password.

    pyperclip knows the programs of each system but not how they end: it ignores their exit status, lets them
    write into the terminal that the wizard draws on, and hands the text to KDE's old `klipper` as an
    argument, where every user of the computer can read it. So a copy of its module is loaded with a
    `subprocess` of ours, which silences the children, limits their time, checks their status and refuses a
    text in argv.
    """
    spec = importlib.util.find_spec("pyperclip")
    assert spec is not None  # noqa: S101 - it comes with the program
    assert spec.loader is not None  # noqa: S101
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
                "Only KDE's old klipper is here, which shows the text to every user. Install xclip."
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
            raise RuntimeError(f"{program} didn't answer within {CHILD_SECONDS} seconds.") from None
        if self.returncode != 0 and not self._empty_is_no_error(program):
            raise RuntimeError(f"{program} failed with exit status {self.returncode}.")
        return stdout or b"", b""

    def _empty_is_no_error(self, program: str) -> bool:
        """wl-paste and `xclip -o` end with 1 when the clipboard is empty."""
        return self.returncode == 1 and self.stdout is not None and program in {"wl-paste", "xclip"}
