"""A masked field whose content cannot be copied or cut, and is handed out as a `Secret`."""

from __future__ import annotations

from typing import ClassVar

from textual.selection import Selection
from textual.widgets import Input

from workflows.core.secret import Secret


class SecretInput(Input):
    """A password field.

    Textual's own Input copies the plain text on ctrl+c even when it is masked (measured with 8.2); here
    copying and cutting do nothing, by whatever key, the mouse selects nothing for the screen's own copy, and
    the content never becomes a draft.
    """

    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, placeholder: str = "", *, id: str | None = None, compact: bool = True) -> None:  # noqa: A002 - Textual's name
        super().__init__(placeholder=placeholder, password=True, id=id, compact=compact)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Nothing: a selection of the whole screen leaves it out."""
        del selection
        return None

    def action_copy(self) -> None:
        """Nothing: a secret is not copied from its field."""

    def action_cut(self) -> None:
        """Nothing: a secret is not cut from its field."""

    def take(self) -> Secret:
        """The content as a secret; the field is emptied."""
        secret = Secret(self.value)
        self.clear()
        return secret
