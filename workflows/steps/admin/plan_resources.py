"""The resources of a layer's last two plans, kept for inspecting and comparing.

They hold no secret (see `terraform.plan`) but say a lot about an account, so they are private files in
the session's folder and are removed with it. The previous plan is kept until the layer is planned again, so
that somebody who comes back after days sees what changed.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workflows.core.files import write_atomically
from workflows.core.parsing import read_json
from workflows.core.sentences import Sentence
from workflows.core.shapes import plain, read
from workflows.steps.admin.terraform_runs import run_folder
from workflows.steps.shared.module import Context
from workflows.terraform.plan import Action, Plan, ResourceChange, meaning

SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.DELETE: "-",
    Action.REPLACE: "±",
    Action.FORGET: "x",
    Action.NOTHING: "=",
}
"""The sign of each action."""
WORDS = {
    Action.CREATE: "created",
    Action.UPDATE: "changed",
    Action.DELETE: "destroyed",
    Action.REPLACE: "replaced",
    Action.FORGET: "forgotten",
    Action.NOTHING: "moved",
}
_MOST = 200_000_000


@dataclass(frozen=True)
class Resource:
    """A resource that a plan changes.

    Attributes:
        address: its Terraform address.
        action: what happens to it (`Action`).
        about: the heading that lists it: a person, "group NAME", a module or "other resources".
        words: what happens, for people who don't know Terraform.
        details: what changes inside it, a line each, secrets masked.
        foreign: whether it doesn't belong to the choices.
        drift: whether it is no upcoming change but one made outside Terraform.
    """

    address: str
    action: str
    about: str
    words: Sentence
    details: tuple[str, ...] = ()
    foreign: bool = False
    drift: bool = False

    @property
    def sign(self) -> str:
        """The sign of its action."""
        return SIGNS[Action(self.action)]


@dataclass(frozen=True)
class Difference:
    """A difference between a plan and the previous one.

    Attributes:
        sign: "+" if only the new plan changes the resource, "-" if only the old one did, "~" for both.
        address: the resource.
        words: the difference as a sentence.
        lines: the lines inside it that differ, each prefixed with "+" or "-".
    """

    sign: str
    address: str
    words: Sentence
    lines: tuple[str, ...] = ()

    def as_text(self) -> str:
        """Return the difference with its lines."""
        return "\n".join(
            [f"{self.sign} {self.address}", f"    {self.words}", *(f"    {line}" for line in self.lines)]
        )


def resources_of(plan: Plan, foreign: Sequence[str]) -> tuple[Resource, ...]:
    """Return a plan's resources: people first, then groups and modules, drift last.

    Args:
        foreign: addresses of changes that don't belong to the choices.
    """
    strangers = frozenset(foreign)
    changes = ((change, change.address in strangers) for change in sorted(plan.changes, key=_heading))
    drifted = sorted(plan.drift, key=_heading)
    return (
        *(_resource(change, foreign=foreign) for change, foreign in changes),
        *(_resource(change, drift=True) for change in drifted),
    )


def _resource(change: ResourceChange, *, foreign: bool = False, drift: bool = False) -> Resource:
    _, about = _heading(change)
    words = meaning(change) or WORDS[change.action]
    return Resource(change.address, change.action.value, about, words, change.details, foreign, drift)


def _heading(change: ResourceChange) -> tuple[int, str]:
    """Return the rank and text of a change's heading; people come first."""
    if change.user:
        return 0, change.user
    if change.group:
        return 1, f"group {change.group}"
    module = re.match(r"module\.([^.[]+)", change.address)
    return (2, f"module {module[1]}") if module else (3, "other resources")


def keep(plan: Plan, foreign: Sequence[str], context: Context) -> None:
    """Keep a new plan; the previous one becomes the plan to compare with.

    Raises:
        OnboardError: it can't be written.
    """
    now, before = _files(context)
    if now.exists() and not context.facts.get("applied"):
        now.replace(before)
    else:
        before.unlink(missing_ok=True)
    write_atomically(now, json.dumps(plain(resources_of(plan, foreign)), ensure_ascii=False).encode())


def kept(context: Context) -> tuple[Resource, ...]:
    """Return the resources of the layer's last plan; none if none was made here."""
    return _read(_files(context)[0])


def differences(context: Context) -> tuple[Difference, ...]:
    """Return the changes from the layer's previous plan to its last; none without a previous plan."""
    now, before = _files(context)
    return tuple(compared(_read(before), _read(now))) if before.exists() else ()


def compared(before: Sequence[Resource], now: Sequence[Resource]) -> Iterator[Difference]:
    """Yield the differences between two plans, resource by resource, in plan order."""
    old = {(resource.address, resource.drift): resource for resource in before}
    new = {(resource.address, resource.drift): resource for resource in now}
    for key, resource in new.items():
        was = old.get(key)
        if was is None:
            yield Difference(
                "+",
                resource.address,
                f"Only in the new plan: {_sentence(resource)}.",
                _marked("+", resource),
            )
        elif (was.action, was.details) != (resource.action, resource.details):
            other_values = f"With other values than before: {_sentence(resource)}."
            other_action = f"Before: {_sentence(was)}. Now: {_sentence(resource)}."
            words = other_values if was.action == resource.action else other_action
            yield Difference("~", resource.address, words, _lines(was, resource))
    for key, resource in old.items():
        if key not in new:
            yield Difference(
                "-",
                resource.address,
                f"No longer in the plan: {_sentence(resource)}.",
                _marked("-", resource),
            )


def _sentence(resource: Resource) -> Sentence:
    what = f"{resource.about}: {resource.words}"
    return f"{what} (outside of Terraform)" if resource.drift else what


def _marked(sign: str, resource: Resource) -> tuple[str, ...]:
    return tuple(f"{sign} {line}" for line in resource.details)


def _lines(before: Resource, now: Resource) -> tuple[str, ...]:
    return tuple(line for line in difflib.ndiff(before.details, now.details) if line[:2] in {"+ ", "- "})


def _files(context: Context) -> tuple[Path, Path]:
    folder = run_folder(context)
    return folder / "resources.json", folder / "resources.before.json"


def _read(file: Path) -> tuple[Resource, ...]:
    return read(tuple[Resource, ...], read_json(file, _MOST), file.name) if file.exists() else ()
