"""The fields of a step's form: with a label, to filter, and for secrets."""

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
    """A list of problems; takes no room while there are none."""

    DEFAULT_CSS = """
    ProblemList { height: auto; color: $text-warning; }
    ProblemList.-fatal { color: $text-error; }
    """

    def show(self, problems: Sequence[Problem]) -> None:
        """Show these problems in place of the ones before; none hides the list."""
        self.show_lines([joined(("✗" if problem.fatal else "!", problem.message)) for problem in problems])
        self.set_class(any(problem.fatal for problem in problems), "-fatal")


class Field(Vertical):
    """What is entered, and below it what is not right with that.

    Args:
        parts: the field and what stands beside it.
    """

    DEFAULT_CSS = "Field { height: auto; }"

    def __init__(self, *parts: Widget) -> None:
        super().__init__(*parts, ProblemList(classes="field-problem"))

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show these below the field, in place of those before."""
        self.query_one(ProblemList).show(problems)


BETWEEN_FIELDS: Sequence[BindingType] = (
    Binding("down", "app.focus_next", show=False),
    Binding("up", "app.focus_previous", show=False),
)
"""The keys from one field of a form to the next; a field with lines of its own takes them for those."""


class FieldRow(Field):
    """A label in front of a field, on one line, so that a step's whole form fits into a small terminal.

    Args:
        label: what the field is for, 18 columns at most.
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
        """The row that a field is in."""
        return next(ancestor for ancestor in field.ancestors if isinstance(ancestor, cls))


class PathField(Input):
    """Shows a path that is too long without its middle, as long as nobody edits it.

    A pasted text of several lines is no path: it is left to the page; Textual would insert its first line.
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
            event.prevent_default()  # else Textual calls the base class's handler next

    def render_line(self, y: int) -> Strip:
        """The one line."""
        width = self.size.width
        if self.has_focus or cell_len(self.value) <= width:
            return super().render_line(y)
        return Strip([segment(shortened(self.value, width), self.rich_style)])


class SentenceField(Input):
    """Shows a text that is too long on several lines, as long as nobody edits it."""

    DEFAULT_CSS = "SentenceField.-textual-compact { height: auto; }"

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as all of it takes."""
        return max(1, len(self._lines(width)))

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        lines = self._lines(self.size.width)
        if self.has_focus or y >= len(lines):
            return super().render_line(y)
        return Strip([segment(lines[y], self.rich_style)])

    def _lines(self, width: int) -> list[str]:
        return [line.plain for line in styled((self.value, "")).wrap(max(1, width))]


class FilterField(Input):
    """Filters what stands below it; Esc clears it first, down and enter go to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_filter", "Clear"),
        Binding("down,enter", "leave_filter", "To the list", show=False),
    ]

    @dataclass
    class Left(Message):
        """The person goes on to what is filtered."""

    @property
    def terms(self) -> tuple[str, ...]:
        """The words to look for."""
        return tuple(self.value.split())

    @property
    def without_match(self) -> str:
        """That nothing has these words, and how to list everything again."""
        sought = " ".join(self.terms)
        return f"Nothing matches “{sized(sought, min(_SOUGHT, cell_len(sought)))}”. Esc clears the filter."

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """With nothing in the field, esc means what it means elsewhere."""
        return action != "clear_filter" or bool(self.value)

    def watch_value(self, before: str, after: str) -> None:
        """The key that clears comes and goes."""
        if bool(before) != bool(after):
            self.refresh_bindings()

    def action_clear_filter(self) -> None:
        """Empty the field."""
        self.value = ""

    def action_leave_filter(self) -> None:
        """Go to what is filtered."""
        self.post_message(self.Left())


class KeyIdInput(Input):
    """An access key's id. What can be none stays out of it: the secret half would be seen, and drafted."""

    class Rejected(Message):
        """Something else was pasted."""

    def __init__(self, value: str = "", *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(value, "begins with AKIA", id=id, compact=True, restrict="[A-Z0-9]{0,128}")

    @property
    def key_id(self) -> str:
        """The id; "" for what is none."""
        return self.value if ACCESS_KEY_ID.fullmatch(self.value) else ""

    def _on_paste(self, event: Paste) -> None:
        event.text = event.text.strip()
        if not ACCESS_KEY_ID.fullmatch(event.text):
            event.stop()
            event.prevent_default()  # else Textual calls the base class's handler next
            self.post_message(self.Rejected())


class SecretInput(Input):
    """A password field, whose content cannot be copied or cut, and is handed out as a `Secret`.

    Textual's own Input copies the plain text on ctrl+c even when it is masked (measured with 8.2); here
    copying and cutting do nothing, by whatever key, the mouse selects nothing for the screen's own copy, and
    the content never becomes a draft.

    Attributes:
        typed: whether there has been anything in it.
    """

    typed = False
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, placeholder: str = "", *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(placeholder=placeholder, password=True, id=id, compact=True)

    def watch_value(self, value: str) -> None:
        """Textual's own Input watches it as `_watch_value`."""
        self.typed |= bool(value)

    def get_selection(self, selection: object) -> None:
        """Nothing: a selection of the whole screen (Textual's `text_select_all`) leaves it out."""

    def action_copy(self) -> None:
        """Nothing: a secret is not copied from its field."""

    def action_cut(self) -> None:
        """Nothing: a secret is not cut from its field."""

    def take(self) -> Secret:
        """The content as a secret; the field is emptied."""
        secret = Secret(self.value)
        self.clear()
        return secret


class SecretText(Text):
    """Shows dots, and on request the secret for `SHOWN_SECONDS`; only a copy key copies it.

    What is selected with the mouse goes to Textual's clipboard on ctrl+c, where nothing would clear it again;
    so this cannot be selected.
    """

    ALLOW_SELECT: ClassVar[bool] = False
    _hiding: Timer | None = None

    @dataclass
    class Turned(Message):
        """The secret is shown now, or hidden."""

        shown: bool

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(MASK, id=id)

    def get_selection(self, selection: object) -> None:
        """Nothing: a selection of the whole screen leaves it out."""

    def toggle(self, secret: Secret) -> None:
        """Show the secret, or hide it if it is shown."""
        if self._hiding is not None:
            self.hide()
            return
        self.update(secret.reveal())
        self._hiding = self.set_timer(SHOWN_SECONDS, self.hide)
        self.post_message(self.Turned(shown=True))

    def hide(self) -> None:
        """Show dots; the secret is no longer in the widget."""
        if self._hiding is not None:
            self._hiding.stop()
            self._hiding = None
            self.post_message(self.Turned(shown=False))
        self.update(MASK)
