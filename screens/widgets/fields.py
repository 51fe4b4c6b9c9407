"""The fields of a step's form: with a label, for filtering, for secrets, for codes, and to choose from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from screens.widgets.text import (
    Button,
    Lines,
    Option,
    OptionList,
    Text,
    segment,
    shortened,
    shown,
    sized,
    styled,
)
from workflows.aws.access_key_file import ACCESS_KEY_ID
from workflows.aws.authenticator import DIGITS, PERIOD_SECONDS, code_problem, normal_code, seconds_left
from workflows.core.secret import Secret
from workflows.core.sentences import Problem, Sentence, joined

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
    """An input, with its problems below."""

    DEFAULT_CSS = "Field { height: auto; }"

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show these below the field instead of the previous ones."""
        if problems and not self.query(ProblemList):
            self.mount(ProblemList(classes="field-problem"))
        for below in self.query(ProblemList):
            below.show(problems)


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

    def _on_paste(self, event: events.Paste) -> None:
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
        Binding("down", "leave_filter(False)", "To the list", show=False),
        Binding("enter", "leave_filter(True)", "To the list", show=False),
    ]

    @dataclass
    class Left(Message):
        """The user moves on to the filtered list; `entered` says whether with Enter."""

        entered: bool

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

    def action_leave_filter(self, entered: bool) -> None:  # noqa: FBT001 - an action's parameter
        """Go to the filtered list."""
        self.post_message(self.Left(entered))


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

    def _on_paste(self, event: events.Paste) -> None:
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


_CELLS = 10


class Countdown(Text):
    """One line that counts down to the app's next code.

    Args:
        now: the clock, aware.
    """

    DEFAULT_CSS = """
    Countdown { height: 1; color: $text-muted; }
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now

    def on_mount(self) -> None:
        """Start counting."""
        self._tell()
        self.set_interval(0.5, self._tell)

    def _tell(self) -> None:
        left = seconds_left(self._now())
        full = round(left / PERIOD_SECONDS * _CELLS)
        self.update(f"{'█' * full}{'·' * (_CELLS - full)} the app's next code comes in {left:2} s")


class Wanted(NamedTuple):
    """A field for a code.

    Attributes:
        id: the field's id.
        label: the text before it.
        hint: the text behind it, or "".
        placeholder: the text in the empty field.
    """

    id: str = "code"
    label: str = "MFA code"
    hint: Sentence = ""
    placeholder: str = "six digits"


class _CodeRow(FieldRow):
    """Reports at once characters that no code has, unless something else is wrong with the entered code."""

    _found: Sequence[Problem] = ()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        self._found = problems
        self._judge()

    @on(Input.Changed)
    def _judge(self) -> None:
        field = self.query_one(Input)
        begun = normal_code(field.value).ljust(DIGITS, "0")  # an incomplete code is fine so far
        problem = code_problem(begun, str(field.id))
        super().show_problems(self._found or ([problem] if problem else []))


class CodeField(Vertical):
    """A field for each code needed; takes no space without one.

    Args:
        now: the clock, aware.
        wanted: the codes needed from the start.
        id: the widget's id.
    """

    DEFAULT_CSS = """
    CodeField { height: auto; display: none; margin-bottom: 1; }
    CodeField.-wanted { display: block; }
    """

    def __init__(self, now: Callable[[], datetime], *wanted: Wanted, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        self._now = now
        super().__init__(*self._made(wanted), id=id, classes="-wanted" if wanted else "")

    def _made(self, wanted: Sequence[Wanted], words: Sentence = "") -> list[Widget]:
        if not (wanted or words):
            return []
        rows: list[Widget] = [
            _CodeRow(
                code.label,
                Input(placeholder=code.placeholder, id=code.id, compact=True, select_on_focus=False),
                code.hint,
            )
            for code in wanted
        ]
        said = Text(words, id="code-words", classes="" if words else "-empty")
        return [said, *rows, *([Countdown(self._now)] if rows else [])]

    async def ask(self, wanted: Sequence[Wanted], words: Sentence = "") -> None:
        """Ask for these codes instead of the previous ones, and focus the first field."""
        self.set_class(bool(wanted or words), "-wanted")
        await self.remove_children()
        await self.mount_all(self._made(wanted, words))
        for field in [*self.query(Input)][:1]:  # there is none if the application is ending
            field.focus()

    @on(Input.Submitted)
    def _go_on(self, event: Input.Submitted) -> None:
        """Enter moves to the next empty code; in the last one it presses the primary action."""
        event.stop()
        empty = (
            field for field in self.query(Input) if FieldRow.of(field).display and not field.value.strip()
        )
        lacking, primary = next(empty, None), self.screen.query_one("#primary", Button)
        self.call_after_refresh(lacking.focus if lacking is not None else primary.press)

    async def want(self, serial: str) -> None:
        """Ask for the code of a device that a layer's profile needs; "" asks for none."""
        words = f"The layer's profile assumes its role with a code from {serial}."
        await self.ask([Wanted()] if serial else [], words if serial else "")

    def narrow(self, ids: Collection[str], words: Sentence) -> None:
        """Show only these fields, focusing the first."""
        self.query_one("#code-words", Text).show_lines([words] if words else [])
        shown = [field for field in self.query(Input) if field.id in ids]
        for field in self.query(Input):
            FieldRow.of(field).display = field in shown
        for field in shown[:1]:
            field.focus()

    @property
    def codes(self) -> dict[str, str]:
        """The entered codes by field id, without empty ones."""
        return {str(field.id): field.value.strip() for field in self.query(Input) if field.value.strip()}

    def clear(self) -> None:
        """Empty the fields: a code works once."""
        for field in self.query(Input):
            field.clear()

    def take(self, id: str = "code") -> Secret | None:  # noqa: A002 - Textual's name
        """Return a field's code and empty the field; None if there is none."""
        code = self.codes.get(id)
        for field in self.query(f"#{id}").results(Input):
            field.clear()
        return Secret(code) if code else None


_BOXES = {True: "(•)", False: "( )"}


class Answer(NamedTuple):
    """An answer, with a short explanation."""

    value: str
    statement: Sentence
    hint: Sentence = ""


class Choices(OptionList, inherit_bindings=False):
    """Radio buttons. The keys for pages are left to the scrolling container.

    By default the arrow keys choose, and Enter answers. A question that mustn't be answered by habit starts
    without an answer: Space or Enter chooses at the bar, which starts at the answer that changes nothing.

    Args:
        answers: the answers.
        deliberate: the value of the answer that changes nothing; None if the arrow keys choose.
        id: the widget's id.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", "Down", show=False),
        Binding("up", "cursor_up", "Up", show=False),
        Binding("enter", "select", "Choose", show=False),
        Binding("space", "mark", "Choose", show=False),
    ]
    DEFAULT_CSS = """
    Choices, Choices:focus { height: auto; border: none; padding: 0; }
    """

    def __init__(self, answers: Sequence[Answer] = (), *, deliberate: str | None = None, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._deliberate = deliberate
        self._answers: Sequence[Answer] = ()
        self._given = ""
        self.ask(answers)

    def ask(self, answers: Sequence[Answer], value: str = "") -> None:
        """Replace the answers; `value` is chosen, "" for none or the first."""
        self._answers, self._given = answers, value
        self.set_options([Option(self._line(index), answer.value) for index, answer in enumerate(answers)])
        self.choose(value or self._deliberate or "")

    def reword(self, answers: Sequence[Answer]) -> None:
        """Replace the texts of the answers; the choice stays."""
        self._answers = answers
        self._paint()

    @property
    def value(self) -> str:
        """The chosen answer's value, or ""."""
        here = str(self.highlighted_option.id) if self.highlighted_option else ""
        return self._given if self._deliberate is not None else here

    @property
    def statement(self) -> Sentence:
        """The chosen answer's statement, or ""."""
        return next((answer.statement for answer in self._answers if answer.value == self.value), "")

    def action_cursor_up(self) -> None:
        """Go up, but not from the first answer to the last, which says the opposite."""
        if self.highlighted:
            super().action_cursor_up()

    def action_cursor_down(self) -> None:
        """Go down, but not from the last answer to the first."""
        if self.highlighted != self.option_count - 1:
            super().action_cursor_down()

    def action_mark(self) -> None:
        """Choose at the bar, unless the arrow keys already have."""
        if self._deliberate is not None:
            self.action_select()

    def choose(self, value: str) -> None:
        """Go to an answer by its value; to the first if there is no such value."""
        if values := [answer.value for answer in self._answers]:
            self.highlighted = values.index(value) if value in values else 0
        self._paint()

    def _line(self, index: int) -> Content:
        value, statement, hint = self._answers[index]
        width = max(cell_len(shown(answer.statement)) for answer in self._answers)
        return styled(
            (f"{_BOXES[value == self.value]} {shown(statement)}", ""),
            (" " * (width - cell_len(shown(statement)) + 2) if hint else "", ""),
            (hint, "$text-muted"),
        )

    @on(OptionList.OptionHighlighted)
    def _paint(self) -> None:
        for index in range(len(self._answers)):
            self.replace_option_prompt_at_index(index, self._line(index))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self._given = event.option_id or ""
        self._paint()
