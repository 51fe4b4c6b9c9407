"""Texts to send to somebody else by any messenger; nothing in them is secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from workflows.core.files import write_atomically
from workflows.core.sentences import Sentence
from workflows.desktop.clipboard import ClipboardUnavailable
from workflows.environment import Environment
from workflows.steps.shared.paths import save_text


@dataclass(frozen=True)
class ToSend:
    """A text, put where the user can take it from.

    Attributes:
        title: what it is.
        text: the text.
        file_name: the name for saving it in the home folder.
        said: where it is.
        certain: whether it is surely there; else it has to be shown.
        replaces: whether an existing file may be replaced; else the new one's name gets a number.
    """

    title: Sentence
    text: str
    file_name: str
    said: Sentence
    certain: bool
    replaces: Callable[[Path], bool] = lambda _path: False

    def save(self, environment: Environment) -> Sentence:
        """Save the text in the home folder and say where.

        Raises:
            OnboardError: it couldn't be written.
        """
        shown = save_text(
            self.file_name,
            self.text,
            environment.home,
            replaces=self.replaces,
            numbered=True,
        )
        return f"Saved as {shown}: send that file."


def copied(title: Sentence, text: str, file_name: str, environment: Environment) -> ToSend:
    """Copy a text for sending.

    Raises:
        ClipboardUnavailable: there is no clipboard.
    """
    return ToSend(title, text, file_name, *environment.clipboard.copy(text))


def mailed(text: str, file_name: str, environment: Environment) -> bool:
    """Put a text into the sandbox's mailbox for the other person; return whether there is one.

    Raises:
        FileError: it can't be written.
    """
    mail = environment.mail(file_name)
    if mail is not None:
        write_atomically(mail, text.encode())
    return mail is not None


def hand_out(title: Sentence, text: str, file_name: str, environment: Environment) -> ToSend:
    """Copy a text for sending, or save it in the home folder if there is no clipboard.

    Raises:
        OnboardError: it couldn't be saved either.
    """
    try:
        return copied(title, text, file_name, environment)
    except ClipboardUnavailable as error:
        handed = ToSend(title, text, file_name, error.what, certain=True)
        return replace(handed, said=f"{error.what} {handed.save(environment)}")
