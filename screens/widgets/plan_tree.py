"""The resources of a plan under their people, groups and modules, each with a mark.

Enter opens a resource and shows what changes inside it. Only the lines in view are drawn, so that a plan of
thousands of resources is as fast as one of ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.strip import Strip
from textual.widgets import Input

from screens.widgets.fields import FilterField
from screens.widgets.line_list import GUTTER, Line, LineList, across
from screens.widgets.text import Text, segment
from workflows.core.sentences import count, text_of
from workflows.steps.admin.plan_resources import SIGNS, WORDS, Resource
from workflows.terraform.events import ResourceEvent
from workflows.terraform.plan import Action
from workflows.terraform.runner import Update

_KINDS = {"+": "added", "~": "altered", "-": "removed", "±": "replaced"}
_HEAD = "Resources: enter opens one, → shows the rest, / filters"
_SO_FAR = "What Terraform has read and planned so far"
_READS = {"refresh_start": ("…", "is read"), "refresh_complete": ("✓", "was read")}
"""The sign and text for a resource that Terraform reads."""


@dataclass(frozen=True)
class Inside:
    """A line inside a resource.

    Attributes:
        resource: the key of the resource's line.
        number: its number in the resource.
    """

    resource: str
    number: int


class PlanTree(LineList):
    """Shows a plan, or what Terraform is reading while it makes one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "open", "Open", id="plan.open", show=False, tooltip="Show or hide what changes inside"
        ),
        Binding(
            "a", "open_all", "Open all", id="plan.open-all", show=False, tooltip="Open all, or close all"
        ),
        Binding("slash", "filter", "Filter", id="plan.filter", show=False, tooltip="Find a resource"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"lines--{name}" for name in ("added", "altered", "removed", "replaced")),
    }
    DEFAULT_CSS = """
    PlanTree { height: 1fr; min-height: 3; scrollbar-size-horizontal: 0; }
    PlanTree > .lines--added { color: $text-success; }
    PlanTree > .lines--altered { color: $text-warning; }
    PlanTree > .lines--removed, PlanTree > .lines--replaced { color: $text-warning; text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__((_HEAD,), id="resources")
        self._resources: Sequence[Resource] = ()
        self._haystacks: list[str] = []
        self._words: tuple[str, ...] = ()
        self._opened: set[str] = set()
        self._live: dict[str, tuple[str, str]] = {}
        self.found = 0

    # -- display -----------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """The number of resources, regardless of the filter."""
        return len(self._resources) or len(self._live)

    def show_plan(self, resources: Sequence[Resource]) -> None:
        """Show the resources of a finished plan."""
        self._live.clear()
        self._resources = resources
        self._haystacks = [_haystack(resource) for resource in resources]
        self._opened &= {_key(resource) for resource in resources}
        self._lay_out()

    def filter(self, words: Sequence[str]) -> None:
        """Show only resources that contain all of these words, anywhere."""
        self._words = tuple(word.casefold() for word in words)
        self._lay_out()

    def take(self, update: Update) -> None:
        """Add what Terraform reported since the last update."""
        before = dict(self._live)
        for event in update.events:
            if isinstance(event, ResourceEvent) and event.kind in _READS:
                self._live[event.address] = _READS[event.kind]
        for address, action in update.progress.planned.items():
            self._live[address] = _planned(action)
        if self._live != before:
            self._lay_out()

    def _lay_out(self) -> None:
        lines = self._live_lines() if self._live else self._plan_lines()
        self._columns = (_SO_FAR if self._live else _HEAD,)
        self.found = sum(isinstance(line.key, str) for line in lines)
        self.show(lines)
        widest = max((cell_len(line.cells[0]) for line in lines), default=0)
        self.virtual_size = Size(widest + GUTTER, len(lines) + 1)

    def _live_lines(self) -> list[Line]:
        return [
            Line((f"{sign} {address}  {words}",), address, _KINDS.get(sign, "quiet"))
            for address, (sign, words) in reversed(self._live.items())  # the most recent first
            if all(word in f"{address} {sign} {words}".casefold() for word in self._words)
        ]

    def _plan_lines(self) -> list[Line]:
        lines: list[Line] = []
        heading = ""
        chosen = self._chosen()
        sizes = Counter(map(_about, chosen))
        for resource in chosen:
            if _about(resource) != heading:
                heading = _about(resource)
                lines.append(Line((f"{heading}  {count(sizes[heading], 'resource')}",)))
            lines.append(Line((_resource_line(resource),), _key(resource), _KINDS.get(resource.sign, "")))
            if _key(resource) in self._opened:
                lines += _inside(resource)
        return lines

    def _chosen(self) -> Sequence[Resource]:
        if not self._words:
            return self._resources
        pairs = zip(self._resources, self._haystacks, strict=True)
        return [resource for resource, text in pairs if all(word in text for word in self._words)]

    # -- actions -----------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Show or hide what changes inside the selected resource."""
        if (line := self.marked) is None:
            return
        key = line.key.resource if isinstance(line.key, Inside) else line.key
        self._opened ^= {key}
        if isinstance(line.key, Inside):  # this line disappears, so select its resource
            self.row = next(row for row, candidate in enumerate(self._lines) if candidate.key == key)
        self._lay_out()

    def action_open_all(self) -> None:
        """Open every filtered resource; close all if all are open."""
        every = {_key(resource) for resource in self._chosen()}
        self._opened = set() if every <= self._opened else self._opened | every
        self._lay_out()

    def action_filter(self) -> None:
        self.post_message(self.LeftUpwards())

    # -- drawing -----------------------------------------------------------------------------------

    def _drawn(self, cells: Sequence[str], width: int, style: Style) -> Strip:
        left = 0 if cells == self._columns else round(self.scroll_x)
        return across(Strip([segment(cells[0], style)]), left, width, style)


def _key(resource: Resource) -> str:
    """Return the key of a resource's line, unique even if the resource also changed outside Terraform."""
    return f"outside {resource.address}" if resource.drift else resource.address


def _about(resource: Resource) -> str:
    return f"Changed outside of Terraform: {resource.about}" if resource.drift else resource.about


def _resource_line(resource: Resource) -> str:
    foreign = "! " if resource.foreign else ""
    return f"{resource.sign} {foreign}{resource.words}  {resource.address}"


def _inside(resource: Resource) -> list[Line]:
    return [
        Line((f"    {text}",), Inside(_key(resource), number), "quiet")
        for number, text in enumerate(resource.details or ("no details",))
    ]


def _haystack(resource: Resource) -> str:
    foreign = "foreign ! not chosen" if resource.foreign else ""
    drift = "outside drift" if resource.drift else ""
    action = WORDS[Action(resource.action)]
    parts = (resource.sign, action, resource.about, text_of(resource.words), resource.address, foreign, drift)
    return " ".join(parts).casefold()


def _planned(action: str) -> tuple[str, str]:
    if action not in set(Action):
        return "=", f"({action})"
    return SIGNS.get(Action(action), "="), f"will be {WORDS[Action(action)]}"


class ResourceBrowser(Vertical):
    """The resources of a plan, with a filter above."""

    DEFAULT_CSS = """
    ResourceBrowser { height: 1fr; min-height: 4; margin-top: 1; }
    ResourceBrowser #look { height: 1; }
    ResourceBrowser.-none-yet > * { display: none; }
    ResourceBrowser FilterField { width: 1fr; }
    ResourceBrowser #count { width: auto; margin-left: 2; color: $text-muted; }
    """

    def __init__(self) -> None:
        field = FilterField(placeholder="Filter by name, address or action", id="filter", compact=True)
        super().__init__(Horizontal(field, Text("", id="count"), id="look"), PlanTree())

    def show_plan(self, resources: Sequence[Resource]) -> None:
        """Show the resources of a finished plan; a plan in progress has none yet."""
        self.query_one(PlanTree).show_plan(resources)
        self._count()

    def take(self, update: Update) -> None:
        """Add what Terraform reported since the last update."""
        self.query_one(PlanTree).take(update)
        self._count()

    @on(FilterField.Left)
    def go(self) -> None:
        """Focus the list."""
        self.query_one(PlanTree).focus()

    def _count(self) -> None:
        tree, words = self.query_one(PlanTree), self.query_one(FilterField).terms
        found = f"{tree.found:,} of {tree.total:,}" if words else count(tree.total, "resource")
        self.query_one("#count", Text).update(found)
        self.set_class(not tree.total, "-none-yet")

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        self.query_one(PlanTree).filter(self.query_one(FilterField).terms)
        self._count()

    @on(LineList.LeftUpwards)
    def _to_the_filter(self) -> None:
        self.query_one(FilterField).focus()
