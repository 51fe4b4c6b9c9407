"""The users: who is added to and removed from which layer; it arrives filled from what was decided before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows.errors import OnboardError, Problem
from workflows.layer.edit import check
from workflows.layer.model import Layer, Place, Style
from workflows.machine.declaration import Step
from workflows.machine.events import Facts
from workflows.steps.base import AGREES, Context, Observation, Progress, Report
from workflows.steps.edits import operations, read_layers

STEP = Step(
    id="users",
    title="Users",
    purpose="Choose the layers in which people are added and removed.",
    needs=("project_root", "layers", "joining", "leaving", "keys"),
    gives=("user_changes",),
    blocked_words="Users needs the PGP keys of those who join",
)


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        add: account name to IAM names that are added to its layer.
        remove: account name to IAM names that are removed from its layer.
    """

    add: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remove: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerView:
    """A layer as the screen shows it.

    Attributes:
        account: its account.
        relative: its path in the project.
        styles: how it declares people, in words.
        people: name, style, groups and place of everybody in it.
        by_hand: what can only be edited by hand, each with its place.
    """

    account: str
    relative: str
    styles: tuple[str, ...]
    people: tuple[tuple[str, Style, tuple[str, ...], Place], ...]
    by_hand: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Whether somebody of that name is in it, without regard to case."""
        return any(one[0].casefold() == name.casefold() for one in self.people)


def look(context: Context, report: Report) -> tuple[LayerView, ...]:
    """Read the layers for the screen.

    Raises:
        OnboardError: one cannot be read.
    """
    report(Progress("Reading the layers"))
    return tuple(_view(layer) for layer in read_layers(context).values())


def _view(layer: Layer) -> LayerView:
    people = tuple((one.iam_name, one.style, one.groups, one.place) for one in layer.people)
    styles = tuple(dict.fromkeys(str(one.style) for one in layer.people))
    by_hand = tuple(f"{one.message} ({one.place})" for one in layer.findings if one.hand_edit)
    return LayerView(layer.location.account, layer.location.relative, styles, people, by_hand)


def proposal(context: Context, views: tuple[LayerView, ...]) -> Request:
    """Who joins is added wherever they are not yet; who leaves is removed wherever they are.

    What this session wrote before is part of it.
    """
    joining, leaving = context.facts["joining"], context.facts["leaving"]
    wanted = Request(
        add={view.account: tuple(name for name in joining if not view.has(name)) for view in views},
        remove={view.account: tuple(name for name in leaving if view.has(name)) for view in views},
    )
    return merged(written(context, views), wanted)


def resumed(decided: Mapping[str, Any], proposed: Request) -> Request:
    """What was decided, and for people it says nothing about, what is proposed.

    Args:
        decided: the fact `user_changes`, or a draft in its form.
        proposed: the proposal.
    """

    def side(verb: str, proposals: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        chosen = {account: tuple(names) for account, names in decided.get(verb, {}).items()}
        known = {name for names in chosen.values() for name in names}
        return {
            account: (*chosen.get(account, ()), *(name for name in names if name not in known))
            for account, names in proposals.items()
        }

    return Request(add=side("add", proposed.add), remove=side("remove", proposed.remove))


def merged(one: Request, other: Request) -> Request:
    """What either of two requests asks for; names sorted."""
    accounts = dict.fromkeys((*one.add, *one.remove, *other.add, *other.remove))
    return Request(
        add={name: tuple(sorted({*one.add.get(name, ()), *other.add.get(name, ())})) for name in accounts},
        remove={
            name: tuple(sorted({*one.remove.get(name, ()), *other.remove.get(name, ())})) for name in accounts
        },
    )


def written(context: Context, views: tuple[LayerView, ...]) -> Request:
    """What was decided in this session before, and is in the files by now; it stays decided."""
    before = context.facts.get("user_changes") or {}
    joining, leaving = context.facts["joining"], context.facts["leaving"]
    return Request(
        add={
            view.account: tuple(
                name
                for name in before.get("add", {}).get(view.account, ())
                if name in joining and view.has(name)
            )
            for view in views
        },
        remove={
            view.account: tuple(
                name
                for name in before.get("remove", {}).get(view.account, ())
                if name in leaving and not view.has(name)
            )
            for view in views
        },
    )


def validate(request: Request, context: Context) -> list[Problem]:
    """Everybody who joins or leaves is in at least one layer's list."""
    problems = []
    for words, names, chosen in (
        ("joins", context.facts["joining"], request.add),
        ("leaves", context.facts["leaving"], request.remove),
    ):
        everywhere = {name for some in chosen.values() for name in some}
        problems += [
            Problem(
                f"{name} {words}, but no layer is marked for it. Mark one, or change the Project step.",
                "people",
            )
            for name in names
            if name not in everywhere
        ]
    return problems


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Check that every layer's shape allows what is wanted, and record it; nothing is written.

    Raises:
        OnboardError: a layer cannot be edited that way, with the place to edit by hand.
    """
    report(Progress("Checking the layers"))
    changes = {
        "add": {name: list(names) for name, names in request.add.items() if names},
        "remove": {name: list(names) for name, names in request.remove.items() if names},
    }
    decisions = {"user_changes": changes, "keys": context.facts.get("keys") or {}}
    for account, layer in read_layers(context).items():
        context.raise_if_cancelled()
        fatal = [one.message for one in check(layer, operations(layer, decisions)) if one.fatal]
        if fatal:
            raise OnboardError(
                f"Not possible in {account}",
                " ".join(fatal),
                next="Unmark that layer here, or edit it by hand and come back.",
            )
    return {"user_changes": changes}


def observe(context: Context) -> Observation:
    """The layers can still be read; whether they hold the people is Review's to say."""
    read_layers(context)
    return AGREES
