"""The table of transitions and the workflows as Mermaid diagrams, so that the documentation cannot lie."""

from __future__ import annotations

from workflows.machine.declaration import ALWAYS, Workflow
from workflows.machine.events import Acknowledged, Event, Failed, Moved, Reopened, Skipped, Started, Succeeded
from workflows.machine.rules import LEGAL
from workflows.machine.state import Status

_BECOMES: dict[type[Event], Status] = {
    Started: Status.RUNNING,
    Succeeded: Status.DONE,
    Failed: Status.FAILED,
    Skipped: Status.SKIPPED,
    Reopened: Status.READY,
    Acknowledged: Status.DONE,
    Moved: Status.DONE,
}
_OPEN = (Status.READY, Status.FAILED, Status.STOPPED, Status.STALE, Status.INTERRUPTED)
_ENDED_BADLY = (Status.FAILED, Status.STOPPED, Status.INTERRUPTED)
_DERIVED = (
    ("[*]", Status.READY, "nothing to wait for"),
    ("[*]", Status.LOCKED, "an earlier step is open"),
    *((Status.LOCKED, status, "everything it waits for is settled") for status in _OPEN),
    *((status, Status.LOCKED, "an earlier step is open again") for status in _OPEN),
    (Status.DONE, Status.STALE, "a fact it used has changed"),
    (Status.STALE, Status.DONE, "the fact it used is back"),
    *((status, Status.READY, "a fact it used has changed") for status in _ENDED_BADLY),
    (Status.RUNNING, Status.INTERRUPTED, "the process died"),
    (Status.RUNNING, Status.STOPPED, "you stopped it"),
    (Status.DONE, Status.CONTRADICTED, "a check of the world disagrees"),
    (Status.DONE, Status.UNCONFIRMED, "the world couldn't be checked"),
    (Status.CONTRADICTED, Status.UNCONFIRMED, "you continue as it is"),
    (Status.CONTRADICTED, Status.DONE, "a check of the world agrees again"),
)


def statuses_diagram() -> str:
    """The statuses and what leads from one to the other, as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {before} --> {after}: {words}" for before, after, words in _DERIVED]
    for event, statuses in LEGAL.items():
        lines += [
            f"    {status} --> {_BECOMES[event]}: {event.__name__.lower()}" for status in sorted(statuses)
        ]
    return "\n".join(lines) + "\n"


def workflow_diagram(workflow: Workflow) -> str:
    """A workflow's steps and the facts that lead from one to the other, as a Mermaid flowchart."""
    lines = ["flowchart TD"]
    for step in workflow.steps:
        notes = [f"for each of {step.repeats_over}"] if step.repeats_over else []
        if step.applies is not ALWAYS:
            notes.append(f"if {step.applies.words}")
        if step.skippable:
            notes.append("when asked for" if step.asked_for else "optional")
        label = "<br/>".join([f"{step.title}", *notes]).replace('"', "#quot;")
        lines.append(f'    {_name(step.id)}["{label}"]')
    for step in workflow.steps:
        lines += [
            f"    {_name(workflow.giver(fact).id)} -- {fact} --> {_name(step.id)}" for fact in step.needs
        ]
    return "\n".join(lines) + "\n"


def _name(step_id: str) -> str:
    """A node's name; the prefix keeps it apart from Mermaid's own words, such as "end"."""
    return "step_" + step_id.replace("-", "_")
