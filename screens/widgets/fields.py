"""The fields of a step's form: with a label, for filtering, and for secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Paste
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from screens.widgets.text import Lines, Text, segment, shortened, sized, styled
from workflows.aws.access_key_file import ACCESS_KEY_ID
from workflows.core.errors import Problem
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, joined

MASK = "••••••••"
SHOWN_SECONDS = 15.0
_SOUGHT = 30


class ProblemList(Lines):
    """A list of problems; takes no space while empty."""

    DEFAULT_CSS = """
    ProblemList { height: auto; color: $text-warning; }
    ProblemList.-fatal { color: $text-error; }
    """

    def show(self, problems: Sequence[Problem]) -> None:
        """Show these problems instead of the previous ones; none hides the list."""
        self.show_lines([joined(("✗" if problem.fatal else "!", problem.message)) for problem in problems])
        self.set_class(any(problem.fatal for problem in problems), "-fatal")


class Field(Vertical):
    """An input, with its problems below.

    Args:
        parts: the field and the widgets beside it.
    """

    DEFAULT_CSS = "Field { height: auto; }"

    def __init__(self, *parts: Widget) -> None:
        super().__init__(*parts, ProblemList(classes="field-problem"))

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show these below the field instead of the previous ones."""
        self.query_one(ProblemList).show(problems)


BETWEEN_FIELDS: Sequence[BindingType] = (
    Binding("down", "app.focus_next", show=False),
    Binding("up", "app.focus_previous", show=False),
)
"""The keys from one field of a form to the next; multi-line fields use them for their lines."""


class FieldRow(Field):
    """A label and a field on one line, so that a step's whole form fits into a small terminal.

    Args:
        label: the field's label, 18 columns at most.
        field: the field; it takes the rest of the line.
        hint: a few words behind the field, or "".
    """

    BINDINGS: ClassVar[list[BindingType]] = [*BETWEEN_FIELDS]
    DEFAULT_CSS = """
    FieldRow > Horizontal { height: auto; }
    FieldRow .row-label { width: 19; }
    FieldRow Input { width: 1fr; }
    FieldRow .row-hint { width: auto; color: $text-muted; padding-left: 1; }
    """

    def __init__(self, label: str, field: Widget, hint: Sentence = "") -> None:
        behind = [Text(hint, classes="row-hint")] if hint else []
        super().__init__(Horizontal(Text(label, classes="row-label"), field, *behind))

    @classmethod
    def of(cls, field: Widget) -> FieldRow:
        """Return the row that a field is in."""
        return next(ancestor for ancestor in field.ancestors if isinstance(ancestor, cls))


class PathField(Input):
    """Shortens a long path in the middle, unless it is being edited.

    A paste of several lines isn't a path, so it is left to the page; Textual would insert its first line.
    """

    def __init__(
        self,
        value: str = "",
        placeholder: str = "",
        *,
        id: str,  # noqa: A002 - Textual's name
        select_on_focus: bool = True,
    ) -> None:
        super().__init__(value, placeholder, id=id, select_on_focus=select_on_focus, compact=True)

    def _on_paste(self, event: Paste) -> None:
        if len(event.text.strip().splitlines()) > 1:
            event.prevent_default()  # otherwise Textual calls the base class's handler next

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self.has_focus or cell_len(self.value) <= width:
            return super().render_line(y)
        return Strip([segment(shortened(self.value, width), self.rich_style)])


class SentenceField(Input):
    """Shows a long text on several lines, unless it is being edited."""

    DEFAULT_CSS = "SentenceField.-textual-compact { height: auto; }"

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as the text needs."""
        return max(1, len(self._lines(width)))

    def render_line(self, y: int) -> Strip:
        lines = self._lines(self.size.width)
        if self.has_focus or y >= len(lines):
            return super().render_line(y)
        return Strip([segment(lines[y], self.rich_style)])

    def _lines(self, width: int) -> list[str]:
        return [line.plain for line in styled((self.value, "")).wrap(max(1, width))]


class FilterField(Input):
    """Filters the list below it; Esc clears it first, Down and Enter go to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_filter", "Clear"),
        Binding("down,enter", "leave_filter", "To the list", show=False),
    ]

    @dataclass
    class Left(Message):
        """The user moves on to the filtered list."""

    @property
    def terms(self) -> tuple[str, ...]:
        """The words to search for."""
        return tuple(self.value.split())

    @property
    def without_match(self) -> str:
        """Say that nothing has these words, and how to list everything again."""
        sought = " ".join(self.terms)
        return f"Nothing matches “{sized(sought, min(_SOUGHT, cell_len(sought)))}”. Esc clears the filter."

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """If the field is empty, leave Esc to the page."""
        return action != "clear_filter" or bool(self.value)

    def watch_value(self, before: str, after: str) -> None:
        """Update the key that clears."""
        if bool(before) != bool(after):
            self.refresh_bindings()

    def action_clear_filter(self) -> None:
        self.value = ""

    def action_leave_filter(self) -> None:
        """Go to the filtered list."""
        self.post_message(self.Left())


class KeyIdInput(Input):
    """An access key's id. Other text stays out: a pasted secret would be visible and saved in a draft."""

    class Rejected(Message):
        """Something other than an id was pasted."""

    def __init__(self, value: str = "", *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(value, "begins with AKIA", id=id, compact=True, restrict="[A-Z0-9]{0,128}")

    @property
    def key_id(self) -> str:
        """The id; "" if invalid."""
        return self.value if ACCESS_KEY_ID.fullmatch(self.value) else ""

    def _on_paste(self, event: Paste) -> None:
        event.text = event.text.strip()
        if not ACCESS_KEY_ID.fullmatch(event.text):
            event.stop()
            event.prevent_default()  # otherwise Textual calls the base class's handler next
            self.post_message(self.Rejected())


class SecretInput(Input):
    """A password field whose content can't be copied or cut, and is returned as a `Secret`.

    Textual's own Input copies the plain text on ctrl+c even when it is masked (measured with 8.2). Here
    copying and cutting do nothing by any key, the mouse selects nothing for the screen's own copy, and the
    content never becomes a draft.

    Attributes:
        typed: whether it ever had any content.
    """

    typed = False
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, placeholder: str = "", *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(placeholder=placeholder, password=True, id=id, compact=True)

    def watch_value(self, value: str) -> None:
        """Note typing; Textual's own Input uses `_watch_value`."""
        self.typed |= bool(value)

    def get_selection(self, selection: object) -> None:
        """Return nothing, so that selecting the whole screen (Textual's `text_select_all`) omits it."""

    def action_copy(self) -> None:
        """Do nothing: a secret isn't copied from its field."""

    def action_cut(self) -> None:
        """Do nothing: a secret isn't cut from its field."""

    def take(self) -> Secret:
        """Return the content as a secret, and empty the field."""
        secret = Secret(self.value)
        self.clear()
        return secret


class SecretText(Text):
    """Shows dots, and on request the secret for `SHOWN_SECONDS`; only a copy key copies it.

    Text selected with the mouse goes to Textual's clipboard on ctrl+c, where nothing would clear it; so this
    can't be selected.
    """

    ALLOW_SELECT: ClassVar[bool] = False
    _hiding: Timer | None = None

    @dataclass
    class Turned(Message):
        """The secret was shown or hidden."""

        shown: bool

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(MASK, id=id)

    def get_selection(self, selection: object) -> None:
        """Return nothing, so that selecting the whole screen omits it."""

    def toggle(self, secret: Secret) -> None:
        """Show the secret, or hide it if it is shown."""
        if self._hiding is not None:
            self.hide()
            return
        self.update(secret.reveal())
        self._hiding = self.set_timer(SHOWN_SECONDS, self.hide)
        self.post_message(self.Turned(shown=True))

    def hide(self) -> None:
        """Show dots, and drop the secret from the widget."""
        if self._hiding is not None:
            self._hiding.stop()
            self._hiding = None
            self.post_message(self.Turned(shown=False))
        self.update(MASK)
