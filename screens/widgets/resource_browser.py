"""The list of a plan's resources with the field that filters it, and how many it leaves."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from screens.widgets.filter_field import FilterField
from screens.widgets.line_list import LineList
from screens.widgets.plan_tree import PlanTree
from screens.widgets.text import Text
from workflows.numbers import count
from workflows.services.terraform.runner import Update
from workflows.steps.plan_resources import Resource


class ResourceBrowser(Vertical):
    """Shows nothing as long as there is nothing to look for."""

    DEFAULT_CSS = """
    ResourceBrowser { height: 1fr; min-height: 10; margin-top: 1; display: none; }
    ResourceBrowser.-shown { display: block; }
    ResourceBrowser #look { height: 1; }
    ResourceBrowser FilterField { width: 1fr; }
    ResourceBrowser #count { width: auto; margin-left: 2; color: $text-muted; }
    """

    def compose(self) -> ComposeResult:
        with Horizontal(id="look"):
            yield FilterField(placeholder="Filter by name, address or action", id="filter", compact=True)
            yield Text("", id="count")
        yield PlanTree()

    def show_plan(self, resources: Sequence[Resource]) -> None:
        """Show the resources of a plan that is made; nothing at all for none."""
        self.set_class(bool(resources), "-shown")
        self.query_one(PlanTree).show_plan(resources)
        self._count()

    def begin(self) -> None:
        """A plan is being made: show what Terraform reads and plans as it comes."""
        self.add_class("-shown")
        self.query_one(PlanTree).begin()
        self._count()

    def take(self, update: Update) -> None:
        """Take in what Terraform said since the last update."""
        self.query_one(PlanTree).take(update)
        self._count()

    def go(self) -> None:
        """Put the focus on the list."""
        self.query_one(PlanTree).focus()

    def _count(self) -> None:
        tree, words = self.query_one(PlanTree), self.query_one(FilterField).words
        told = f"{tree.found:,} of {tree.total:,}" if words else count(tree.total, "resource")
        self.query_one("#count", Text).update(told)

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        self.query_one(PlanTree).filter(self.query_one(FilterField).words)
        self._count()

    @on(FilterField.Left)
    def _to_the_list(self) -> None:
        self.go()

    @on(LineList.LeftUpwards)
    def _to_the_filter(self) -> None:
        self.query_one(FilterField).focus()
