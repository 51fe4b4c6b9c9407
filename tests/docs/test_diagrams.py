from __future__ import annotations

import re

from support.machine_samples import SAMPLE

from docs.diagrams import statuses_diagram, workflow_diagram
from workflows.machine.declaration import Step, Workflow
from workflows.machine.rules import LEGAL
from workflows.machine.state import Status


def test_the_statuses_diagram_holds_the_table_and_nothing_that_it_forbids() -> None:
    lines = statuses_diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    arrows = {
        match.groups() for match in map(re.compile(r"    (\S+) --> (\w+): (.+)").fullmatch, lines) if match
    }
    assert len(arrows) == len(lines) - 1
    table = {(str(status), kind.__name__.lower()) for kind, statuses in LEGAL.items() for status in statuses}
    names = {kind.__name__.lower() for kind in LEGAL}
    assert {(before, words) for before, _, words in arrows if words in names} == table
    assert ("running", "done", "succeeded") in arrows
    moves = {(before, now) for before, now, _ in arrows}
    assert {("done", "stale"), ("running", "interrupted")} <= moves
    assert {name for before, now, _ in arrows for name in (before, now)} == {"[*]", *map(str, Status)}


def test_a_workflow_diagram_shows_each_step_with_its_needs_and_notes() -> None:
    lines = workflow_diagram(SAMPLE).splitlines()
    assert lines[0] == "flowchart TD"
    assert '    step_project["Project"]' in lines
    assert '    step_account["Account<br/>if the account is to be changed<br/>optional"]' in lines
    assert '    step_plan["Plan<br/>for each of layers"]' in lines
    assert "    step_review -- diff --> step_plan" in lines
    assert len(lines) == 1 + len(SAMPLE.steps) + sum(len(step.needs) for step in SAMPLE.steps)


def test_a_name_or_title_never_breaks_the_diagram() -> None:
    made = Workflow("w", "W", (Step("end", 'The "end"', ""), Step("hand-over", "Hand over", "")))
    assert workflow_diagram(made).splitlines()[1:] == [
        '    step_end["The #quot;end#quot;"]',
        '    step_hand_over["Hand over"]',
    ]


def test_a_step_that_is_done_when_asked_for_says_so() -> None:
    made = Workflow("w", "W", (Step("end", "End", "", skippable=True, asked_for=True),))
    assert workflow_diagram(made).splitlines()[1:] == ['    step_end["End<br/>when asked for"]']
