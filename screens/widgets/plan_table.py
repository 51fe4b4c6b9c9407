"""A plan at a glance: the number of changes of each kind, and a line for each person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from textual.containers import Vertical
from textual.content import Content

from screens.widgets.text import ScrollBody, Text, in_line, styled
from workflows.core.sentences import Sentence, count, joined
from workflows.steps.admin.accepted_plan import PersonChange, Planned
from workflows.steps.admin.plan_resources import SIGNS
from workflows.terraform.lines import Line, Sort
from workflows.terraform.plan import Action

STYLES: Mapping[str, str] = {"+": "$success", "~": "$warning", "-": "bold $warning", "±": "bold $warning"}
"""The colours of the signs."""
_WORDS: Mapping[Action, str] = {
    Action.CREATE: "new",
    Action.UPDATE: "changed",
    Action.DELETE: "removed",
    Action.REPLACE: "replaced",
}
_COUNTS = (("+", "add", "add"), ("~", "change", "change"), ("-", "destroy", "remove"))
"""Each kind of change: its sign, Terraform's word and ours."""
_GAP = 3


def amounts(counts: Mapping[str, int]) -> str:
    """Return a plan's counts in a line: "4 to add, 2 to change, 0 to remove"."""
    return ", ".join(f"{counts[kind]} to {word}" for _sign, kind, word in _COUNTS)


class PlanTable(Vertical):
    """Shows nothing without a plan; if people don't fit, they scroll."""

    DEFAULT_CSS = """
    PlanTable { height: auto; display: none; }
    PlanTable.-shown { display: block; }
    PlanTable Text { text-wrap: nowrap; text-overflow: ellipsis; height: auto; }
    PlanTable #counts { margin-bottom: 1; }
    PlanTable #heads, PlanTable #besides { color: $text-muted; }
    PlanTable ScrollBody { height: auto; max-height: 5; margin-bottom: 1; scrollbar-size-vertical: 1; }
    PlanTable.-dense ScrollBody { margin-bottom: 0; }
    """

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(
            Text("", id="counts"),
            Text("", id="heads"),
            ScrollBody(Text("", id="people")),
            Text("", id="besides"),
            classes=classes,
        )

    def show(self, planned: Planned | None, most: int = 3, more: str = "") -> None:
        """Show a plan, or nothing for None; at most that many lines about other things, as `cut`."""
        self.set_class(planned is not None, "-shown")
        self.set_class(most == 1, "-dense")
        if planned is None:
            return
        self.query_one("#counts", Text).update(_counts(planned.counts))
        heads, *people = _table(planned.people)
        self.query_one("#heads", Text).update(heads)
        self.query_one("#people", Text).update(in_line(people, "\n"))
        self.query("#heads, ScrollBody").set(display=bool(people))
        self.query_one("#besides", Text).show_lines(cut(planned.besides, most, more))


def cut(lines: Sequence[Line], most: int, more: str = "") -> list[Sentence]:
    """Return the lines that fit, then the number left of each sort; `more` says how to list those."""
    whole = len(lines) if len(lines) <= most else most - 1
    left = Counter[Sort]()
    for line in lines[whole:]:
        left[line.sort] += line.number
    named = ", ".join(count(number, sort) for sort, number in left.items())
    rest = [joined((f"Also {named}", more), ": ")] if named else []
    return [*(line.words for line in lines[:whole]), *rest]


def _counts(counts: Mapping[str, int]) -> Content:
    parts = []
    for sign, kind, word in _COUNTS:
        number = counts[kind]
        style = STYLES[sign] if number else "$text-muted"
        parts.append(styled((f"{sign} {number}", style), (f" to {word}", "" if number else "$text-muted")))
    return in_line(parts, "     ")


def _table(people: Sequence[PersonChange]) -> list[Content]:
    """Return the column heads and a line for each person, without empty columns."""
    columns = {
        "Person": [styled((person.name, "bold")) for person in people],
        "User": [_cell(person.user) for person in people],
        "Password": [_cell(person.password) for person in people],
        "Access key": [_cell(person.access_key) for person in people],
        "Other": [
            styled((count(person.others, "resource") if person.others else "", "")) for person in people
        ],
        "Groups": [_groups(person) for person in people],
    }
    shown = [
        [styled((head, "")), *cells]
        for head, cells in columns.items()
        if head not in {"Access key", "Other"} or any(cells)
    ]
    widths = [max(cell.cell_length for cell in cells) + _GAP for cells in shown]
    return [
        in_line(cell.truncate(width, pad=True) for cell, width in zip(row, widths, strict=True))
        for row in zip(*shown, strict=True)
    ]


def _cell(action: str) -> Content:
    if not action:
        return styled()
    known = Action(action)
    return _signed(SIGNS[known], _WORDS.get(known, "moved"))


def _groups(person: PersonChange) -> Content:
    moves = [("+", person.joins), ("-", person.leaves)]
    return in_line((_signed(sign, ", ".join(names)) for sign, names in moves if names), " ")


def _signed(sign: str, words: str) -> Content:
    return styled((f"{sign} ", STYLES.get(sign, "")), (words, ""))
