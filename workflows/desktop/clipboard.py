"""The clipboard, mainly for passwords: filled without argv, and cleared later if it still has our text.

The desktop's clipboard is used through pyperclip. The alternative is the terminal's own (OSC 52), which works
over ssh but can't be read back.
"""

from __future__ import annotations

import importlib.util
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import RLock
from types import ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from workflows.core.installation import how_to_install
from workflows.core.processes import ON_A_DESKTOP, child_environment
from workflows.core.secret import Dropped, Secret
from workflows.core.sentences import DeclaredError, Sentence, Texts, joined
from workflows.core.text import safe_to_paste

CHILD_SECONDS = 5
KEEP = timedelta(minutes=2)
"""How long a secret stays in a clipboard."""
RETRY = timedelta(seconds=30)
"""When to retry clearing a clipboard that did not answer."""

Remember: TypeAlias = Callable[[Sequence[bytes]], None]

MANAGERS_KEEP_COPIES = "A clipboard manager may keep its own copy."


class ClipboardUnavailable(DeclaredError):  # noqa: N818 - as the other refusals are named
    """Nothing can be copied this way.

    Args:
        reason: why, as a sentence without the text.
    """

    texts = Texts(
        title="Can't copy",
        what="No clipboard here accepts the text.",
        why="{reason}",
        next="Show the text and select it with the mouse (hold Shift), or install a clipboard program:\n"
        + how_to_install("clipboard"),
    )


class NothingToCopy(DeclaredError):  # noqa: N818 - as the other refusals are named
    """The secret was dropped before it could be copied."""

    texts = Texts(
        title="Not copied",
        what="Nothing was copied.",
        why="The page closed before the text was copied, and its secrets are gone.",
        next="Open the page again, and copy from there.",
    )


class Copied(NamedTuple):
    """A sentence about a copy, and whether the text is certain to be in the person's clipboard."""

    said: Sentence
    certain: bool = True


class Clipboard(Protocol):
    """A clipboard for one text at a time."""

    @property
    def expires_at(self) -> datetime | None:
        """When `clear_if_ours()` is due, for the application to poll; None while it has no secret of ours."""

    def copy(self, text: str | Secret) -> Copied:
        """Copy a text; a secret must be cleared after `KEEP`, a plain text need not.

        Raises:
            ClipboardUnavailable: it could not be copied.
        """

    def clear_if_ours(self) -> bool:
        """Clear the clipboard if it still has our secret (or if that is unknown).

        Returns:
            True if it was cleared.

        Raises:
            ClipboardUnavailable: it does not answer; clearing is due again later.
        """


class _ReadBack(ABC):
    """A readable clipboard, which recognises our secrets by digest.

    Args:
        now: the clock, with time zone.
        remember: gets the digests of the secrets that are to be cleared.
    """

    def __init__(self, now: Callable[[], datetime], remember: Remember | None = None) -> None:
        self.expires_at: datetime | None = None
        self._now = now
        self._remember = remember
        self._digests: Sequence[bytes] = ()
        self._one_at_a_time = RLock()

    def take_over(self, digests: Sequence[bytes]) -> None:
        """Treat a text of one of these digests as our secret, which a killed wizard has copied."""
        self._hold(digests, self._now())

    @contextmanager
    def _noted(self, text: str | Secret) -> Iterator[str]:
        """Record a secret before the block copies it, since a signal may arrive at any moment."""
        if not isinstance(text, Secret):
            yield text
            return
        value, before = text.reveal(), (self._digests, self.expires_at)
        self._hold((*self._digests, digest_of(value)), self._now() + KEEP)
        try:
            yield value
        except ClipboardUnavailable:
            self._hold(*before)
            raise

    def clear_if_ours(self) -> bool:
        """See `Clipboard`. Anything copied by others since then stays."""
        with self._one_at_a_time:
            if not self._digests:
                return False
            self.expires_at = self._now() + RETRY  # if it does not answer now
            cleared = self._cleared()
            self._forget()
            return cleared

    @abstractmethod
    def _cleared(self) -> bool:
        """Remove our secrets, if there are any; return whether the clipboard was cleared."""

    def _forget(self) -> None:
        self._hold((), None)

    def _hold(self, digests: Sequence[bytes], until: datetime | None) -> None:
        self._digests, self.expires_at = digests, until
        if self._remember is not None:
            self._remember(digests)


class PyperclipClipboard(_ReadBack):
    """The desktop's clipboard.

    Args:
        now: the clock, with time zone.
        mechanism: a pair (copy, paste); None lets pyperclip find the desktop's own.
        environment: for child processes; None inherits.
        remember: as for every readable clipboard.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        mechanism: tuple[Callable[[str], object], Callable[[], str]] | None = None,
        environment: Mapping[str, str] | None = None,
        remember: Remember | None = None,
    ) -> None:
        super().__init__(now, remember)
        self._mechanism = mechanism
        self._environment = environment and child_environment(environment, allowed=ON_A_DESKTOP)

    def copy(self, text: str | Secret) -> Copied:
        """See `Clipboard`. The text is read back, since only a real copy proves that the mechanism works."""
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

    def _cleared(self) -> bool:
        copy, paste = self._found()
        ours = digest_of(str(self._run(paste))) in self._digests
        if ours:
            self._run(copy, "")
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
            # A child's error has its command, and pyperclip's the reason; neither contains the text.
            reason = (
                str(error).split("\n", maxsplit=1)[0]
                if isinstance(error, RuntimeError)
                else type(error).__name__
            )
            raise ClipboardUnavailable(reason=reason) from None


class Osc52Clipboard:
    """The terminal's clipboard, through an escape sequence that the application writes.

    Args:
        write: writes the escape sequence for a text (Textual's `App.copy_to_clipboard`).
        now: the clock, with time zone.
    """

    def __init__(self, write: Callable[[str], None], now: Callable[[], datetime]) -> None:
        self.expires_at: datetime | None = None
        self._write = write
        self._now = now

    def copy(self, text: str | Secret) -> Copied:
        """See `Clipboard`. Whether the terminal accepted it is unknown, as the sentence says."""
        self.expires_at = self._now() + KEEP if isinstance(text, Secret) else None
        self._write(text.reveal() if isinstance(text, Secret) else text)
        doubt = "if your terminal allows it (in tmux: set-clipboard on)"
        if not isinstance(text, Secret):
            return Copied(f"Copied, {doubt}.", certain=False)
        due = "the clipboard is cleared in 2 minutes, whatever it holds then"
        return Copied(f"Copied, {doubt}; {due}. {MANAGERS_KEEP_COPIES}", certain=False)

    def clear_if_ours(self) -> bool:
        """See `Clipboard`. Cleared in any case, since it can't be read.

        Some terminals ignore an empty text (tmux; see its `input_osc_52`), so it is first overwritten with
        a blank.
        """
        if self.expires_at is None:
            return False
        self._write(" ")
        self._write("")
        self.expires_at = None
        return True


class FirstWorkingClipboard:
    """The first of several clipboards that accepts the text: the desktop's, then the terminal's."""

    def __init__(self, clipboards: Sequence[Clipboard]) -> None:
        self._clipboards = clipboards

    @property
    def expires_at(self) -> datetime | None:
        """The earliest deadline of all."""
        return min(
            (board.expires_at for board in self._clipboards if board.expires_at is not None), default=None
        )

    def copy(self, text: str | Secret) -> Copied:
        """See `Clipboard`. Only secrets are copied unchanged: other texts may contain foreign text.

        Raises:
            NothingToCopy: the secret was dropped meanwhile.
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
        """See `Clipboard`; clears every one, since texts may have gone to different ones.

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
    """Return a digest that identifies a text without revealing it."""
    import hashlib  # noqa: PLC0415 - loads OpenSSL, and home copies nothing

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


_PASSED_ON: Final = ("PATH", "HOME", "TERM", "TMPDIR", "TMUX", "TMUX_TMPDIR")


class TmuxClipboard(_ReadBack):
    """The buffers of the surrounding tmux, which passes them on to its terminal.

    By default tmux drops what a program copies with OSC 52; if allowed to copy, tmux keeps a copy in its list
    of buffers that no later text removes. tmux itself can always reach the terminal's clipboard (`-w`, from
    3.2), and its buffers can be read back and deleted. The text goes through a pipe, never as an argument.

    Args:
        now: the clock, with time zone.
        environment: the program's environment; its TMUX identifies the server.
        remember: as for every readable clipboard.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        environment: Mapping[str, str],
        remember: Remember | None = None,
    ) -> None:
        super().__init__(now, remember)
        self._environment = child_environment(environment, allowed=_PASSED_ON)

    def take_over(self, digests: Sequence[bytes]) -> None:
        """Do so only if a buffer has one: clearing empties the terminal's clipboard, too."""
        if not set(digests).isdisjoint(self._buffers().values()):
            super().take_over(digests)

    def copy(self, text: str | Secret) -> Copied:
        """See `Clipboard`. The buffer is read back, but the terminal's clipboard can't be."""
        with self._one_at_a_time:
            with self._noted(text) as value:
                self._tmux("load-buffer", "-w", "-", given=value.encode())
            if digest_of(value) not in self._buffers().values():
                raise ClipboardUnavailable(reason="tmux didn't return what was copied.")
        where = "Copied to tmux, and to the clipboard if your terminal allows it"
        if not isinstance(text, Secret):
            return Copied(f"{where}.", certain=False)
        return Copied(f"{where}; both are cleared in 2 minutes. {MANAGERS_KEEP_COPIES}", certain=False)

    def _cleared(self) -> bool:
        """Delete our buffers; the terminal's clipboard, which can't be read, is cleared in any case."""
        for name, digest in self._buffers().items():
            if digest in self._digests:
                self._tmux("delete-buffer", "-b", name)
        self._tmux("load-buffer", "-w", "-b", "iam-onboard", "-", given=b" ")
        self._tmux("delete-buffer", "-b", "iam-onboard")
        return True

    def _buffers(self) -> dict[str, bytes]:
        """Return the digest of each buffer by name."""
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
            # Without the cause, which would contain the copied text.
            raise ClipboardUnavailable(reason=f"tmux doesn't answer: {type(error).__name__}.") from None
        if done.returncode != 0:
            raise ClipboardUnavailable(reason=f"tmux says: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout


def load_pyperclip(environment: Mapping[str, str] | None) -> ModuleType:
    """Load a private copy of pyperclip whose child processes can be trusted with a password.

    pyperclip knows the programs of each system but ignores their exit status, lets them write to the
    wizard's terminal, and passes the text to KDE's old `klipper` as an argument, where every user of the
    computer can read it. So a copy of the module is loaded with our own `subprocess`, which silences the
    children, limits their time, checks their status and rejects a text in argv.
    """
    spec = importlib.util.find_spec("pyperclip")
    assert spec is not None  # noqa: S101 - installed with the program
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
    """A child that gets its text only through a pipe, has no output on the terminal and ends in time."""

    variables: dict[str, str] | None = None

    def __init__(
        self, arguments: Sequence[str | bytes], *, stdin: Any = None, stdout: Any = None, **_: object
    ) -> None:
        if any(isinstance(argument, bytes) for argument in arguments):
            # pyperclip only encodes the text itself, so this is the call for klipper.
            raise RuntimeError(
                "Only KDE's old klipper is installed, and it shows the text to every user. Install xclip."
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
        """Like `Popen.communicate`, with a time limit, and an error if the program failed.

        Raises:
            RuntimeError: it did not end in time, or failed.
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
        """Return whether a failure only means an empty clipboard, as for wl-paste and `xclip -o` (exit 1)."""
        return self.returncode == 1 and self.stdout is not None and program in {"wl-paste", "xclip"}
