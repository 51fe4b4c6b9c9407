"""Writes the generated part of the documentation from the program itself, so that the two cannot differ.

`python docs/build.py` writes; `python docs/build.py --check` tells which file is out of date and ends with 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from diagrams import statuses_diagram, workflow_diagram
from textual.binding import Binding
from textual.keys import format_key

from screens.admin.groups import Matrix
from screens.admin.plan import PlanTree
from screens.registry import PANES
from screens.step.help import help_text
from screens.step.page import StepPane
from tui.app.application import OnboardApp
from tui.app.home import HomeScreen
from tui.app.wizard import WizardScreen
from workflows.catalogue import WORKFLOWS
from workflows.desktop.ambient import AMBIENT

FOLDER = Path(__file__).parent
INSIDE: Mapping[str, tuple[type, ...]] = {
    "groups": (Matrix,),
    "plan": (PlanTree,),
}
"""The widgets in a step's pane that have keys of their own, beside those that every list has."""
_KEYS = """\
`^n` means Ctrl and n. The wizard shows the keys of each page on its buttons and under F1, which outside of
text fields is `?` too.
"""
_DIAGRAMS = """\
The diagrams are drawn from the program. In a workflow each box is a step, with when it applies. Each arrow
is a fact that an earlier step gives to a later one. If a fact changes, the steps that used it are out of
date (*stale*).
"""
NOTICE = "<!-- Written by docs/build.py from the program; change the program, then run `make docs`. -->\n\n"


def steps_page() -> str:
    """Every step of both workflows, with the help that the wizard shows."""
    parts = ["# The steps\n", help_text("")]
    for workflow in WORKFLOWS:
        parts.append(f"## {workflow.title}\n")
        for step in workflow.steps:
            notes = []
            if step.repeats_over:
                notes.append(f"once for each of the {step.repeats_over}")
            if step.skippable:
                notes.append("when asked for" if step.asked_for else "optional")
            note = f" ({', '.join(notes)})" if notes else ""
            parts.append(f"### {step.title}{note}\n\n{help_text(step.id)}")
    return "\n".join(parts)


def keys_page() -> str:
    """The keys of every screen, from the bindings."""
    parts = ["# Keys\n", _KEYS, _table("Everywhere", OnboardApp), _table("Home", HomeScreen)]
    parts.append(_table("Wizard", WizardScreen))
    for workflow in WORKFLOWS:
        parts += [
            _table(f"{workflow.title}: {step.title}", PANES[step.id], *INSIDE.get(step.id, ()))
            for step in workflow.steps
        ]
    return "\n".join(part for part in parts if part)


def _table(title: str, owner: type, *inside: type) -> str:
    lists = (binding for one in inside for binding in _bindings(one) if binding.id)
    bindings = dict.fromkeys((*_bindings(owner), *lists))
    rows = [f"| {_keys(binding)} | {binding.description} | {binding.tooltip} |" for binding in bindings]
    return (
        "\n".join([f"## {title}\n", "| Key | Name | What it does |", "|---|---|---|", *rows, ""])
        if rows
        else ""
    )


def _keys(binding: Binding) -> str:
    """The keys of a binding as the wizard shows them, such as ^n, F2 and esc."""
    parts = (key.rpartition("+") for key in binding.key.split(","))
    shown = ((way.replace("ctrl", "^"), plus, format_key(key)) for way, plus, key in parts)
    names = (
        key.upper() if key[1:].isdigit() else f"{way}{plus * (way != '^')}{key}" for way, plus, key in shown
    )
    return ", ".join(f"`{name}`" for name in names)


def _bindings(owner: type) -> Iterator[Binding]:
    """The bindings of a class, and of those of ours that it extends."""
    for one in owner.__mro__:
        if one.__module__.startswith(("screens.", "tui.")) and one is not StepPane:
            for binding in one.__dict__.get("BINDINGS", ()):
                if isinstance(binding, Binding) and binding.description:
                    yield binding


def workflows_page() -> str:
    """The diagrams of the statuses and of both workflows."""
    parts = [
        f"# The workflows\n\n{_DIAGRAMS}\n## Statuses of a step\n\n```mermaid\n{statuses_diagram()}```\n"
    ]
    parts += [
        f"## {workflow.title}\n\n```mermaid\n{workflow_diagram(workflow)}```\n" for workflow in WORKFLOWS
    ]
    return "\n".join(parts)


def environment_page() -> str:
    """What becomes of the variables of a person's shell."""
    parts = [
        "# Your shell's variables\n",
        "iam-onboard uses AWS as the project's files say, however your shell is set up. These variables",
        "change that, or are left out on purpose. `iam-onboard doctor` shows the ones that are set. The",
        "wizard's top line says if requests go to another AWS, and each plan shows what changes Terraform.\n",
        "| Variable | Effect |",
        "|---|---|",
        *(f"| {', '.join(f'`{name}`' for name in one.names)} | {one.effect} |" for one in AMBIENT),
    ]
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    pages = {
        "steps.md": steps_page(),
        "keys.md": keys_page(),
        "workflows.md": workflows_page(),
        "environment.md": environment_page(),
    }
    stale = []
    for name, text in pages.items():
        path, wanted = FOLDER / name, NOTICE + text.rstrip("\n") + "\n"
        if "--check" not in arguments:
            path.write_text(wanted, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != wanted:
            stale.append(name)
    if stale:
        sys.stderr.write(f"docs/{', docs/'.join(stale)} is out of date: run `make docs`.\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
